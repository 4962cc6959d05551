// JSON Schemas in words, and values that fit them.
const DEEPEST = 4;

export class Shapes {
  constructor(components) {
    this.schemas = components.schemas ?? {};
  }

  resolved(schema) {
    let found = schema ?? {};
    for (let i = 0; i < 20 && found.$ref; i += 1) found = this.schemas[found.$ref.split("/").pop()] ?? {};
    return found;
  }

  // One of what a schema allows: the first that is not null.
  chosen(schema) {
    const whole = this.resolved(schema);
    const members = whole.anyOf ?? whole.oneOf;
    const one = members?.find((each) => this.resolved(each).type !== "null");
    return one ? this.chosen(one) : whole;
  }

  words(schema) {
    const whole = this.resolved(schema);
    const members = whole.anyOf ?? whole.oneOf;
    if (members) return [...new Set(members.map((each) => this.words(each)))].join(" or ");
    if (whole.const !== undefined) return JSON.stringify(whole.const);
    if (whole.enum) return whole.enum.map((each) => JSON.stringify(each)).join(" or ");
    const types = [whole.type ?? (whole.properties ? "object" : "anything")].flat();
    const said = types.map((each) => (each === "array" && whole.items ? `list of ${this.words(whole.items)}` : each)).join(" or ");
    const name = whole.title && types[0] === "object" ? whole.title : said;
    return [name, whole.format && `(${whole.format})`, this.bounds(whole)].filter(Boolean).join(" ");
  }

  bounds(schema) {
    const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, minItems, maxItems } = schema;
    return [
      minimum !== undefined && `from ${minimum}`, maximum !== undefined && `to ${maximum}`,
      exclusiveMinimum !== undefined && `over ${exclusiveMinimum}`, exclusiveMaximum !== undefined && `below ${exclusiveMaximum}`,
      minLength > 1 && `${minLength} characters or more`, maxLength !== undefined && `at most ${maxLength} characters`,
      minItems > 0 && `${minItems} or more`, maxItems !== undefined && `at most ${maxItems}`,
    ].filter(Boolean).join(" ");
  }

  // One row for each property, those of what is inside below it: depth, name, type, whether it must be sent, words.
  rows(schema, depth = 0, seen = []) {
    const whole = this.chosen(schema);
    if (whole.type === "array") return this.rows(whole.items ?? {}, depth, seen);
    if (!whole.properties || depth >= DEEPEST || seen.includes(whole)) return [];
    return Object.entries(whole.properties).flatMap(([name, each]) => [
      { depth, name, type: this.words(each), required: (whole.required ?? []).includes(name), text: this.resolved(each).description ?? "" },
      ...this.rows(each, depth + 1, [...seen, whole]),
    ]);
  }

  // A value to begin with.
  sample(schema, depth = 0) {
    const whole = this.chosen(schema);
    if (whole.default !== undefined && whole.default !== null) return whole.default;
    if (whole.const !== undefined) return whole.const;
    if (whole.enum) return whole.enum[0];
    const type = [whole.type ?? (whole.properties ? "object" : "string")].flat()[0];
    if (type === "object") {
      if (depth >= DEEPEST) return {};
      const required = whole.required ?? [];
      const names = Object.keys(whole.properties ?? {}).filter((name) => required.includes(name) || required.length === 0);
      return Object.fromEntries(names.map((name) => [name, this.sample(whole.properties[name], depth + 1)]));
    }
    if (type === "array") return depth >= DEEPEST ? [] : [this.sample(whole.items ?? {}, depth + 1)];
    if (type === "integer" || type === "number") return whole.minimum ?? 1;
    if (type === "boolean") return true;
    const formats = { date: "2026-12-31", "date-time": "2026-12-31T12:00:00Z", uuid: "00000000-0000-4000-8000-000000000000" };
    return formats[whole.format] ?? "text".padEnd(whole.minLength ?? 0, "x").slice(0, whole.minLength ? whole.maxLength : 0);
  }
}
