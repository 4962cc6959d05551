// The fields of any form, from their specs: { name, label, kind, required, value, description, choices, ... }.
import { h, newId, prose } from "../dom.js";

const PLACEHOLDERS = { json: "JSON", names: "commas between them", pairs: "Name: value" };
const HINTS = { secret: "Type the value: it is kept where you say, and the code has its name alone. Or give the name of one that is set." };

export class Field {
  constructor(spec, { onInput = () => {}, names = {}, label = spec.label, hint = spec.description } = {}) {
    this.spec = spec;
    this.name = spec.name;
    this.touched = false;
    this.id = newId();
    this.input = this.makeInput(names);
    this.input.id = this.id;
    this.said = h("div", { class: "wb-error", id: `${this.id}-error`, "aria-live": "polite" });
    const hints = [hint, HINTS[spec.kind]].filter(Boolean).join(" ");
    this.hint = hints ? h("div", { class: "wb-hint", id: `${this.id}-hint` }, prose(hints)) : null;
    if (this.hint) this.input.setAttribute("aria-describedby", this.hint.id);
    const star = spec.required ? h("span", { class: "wb-required", title: "required", "aria-hidden": "true" }, "*") : null;
    this.label = h("label", { class: "wb-label", for: this.id }, label, star);
    const touch = () => {
      this.touched = true;
      onInput(this);
    };
    this.secret = spec.kind === "secret" ? new SecretName(label, names, touch) : null;
    this.body = h("div", { class: "wb-control" }, this.input, this.secret?.el, this.said, this.hint);
    this.rows = [this.label, this.body];
    this.input.addEventListener(spec.kind === "flag" || spec.kind === "choice" ? "change" : "input", touch);
    this.set(spec.value);
  }

  makeInput(names) {
    const { spec } = this;
    const required = spec.required ? "true" : undefined;
    if (spec.kind === "flag") return h("input", { type: "checkbox", class: "wb-check" });
    if (spec.kind === "choice") {
      const options = spec.choices.map((choice) => h("option", { value: choice }, choice || "(none)"));
      return h("select", { class: "wb-input" }, options);
    }
    if (["long text", "pairs", "json"].includes(spec.kind)) {
      return h("textarea", { class: "wb-input", rows: "2", placeholder: PLACEHOLDERS[spec.kind], spellcheck: "false" });
    }
    const numeric = spec.kind === "integer" || spec.kind === "number";
    const shown = spec.default !== null && spec.default !== undefined && spec.default !== "" ? String(spec.default) : "";
    const input = h("input", {
      type: ["secret", "password"].includes(spec.kind) ? "password" : "text",
      class: numeric ? "wb-input wb-number" : "wb-input",
      inputmode: numeric ? "decimal" : undefined,
      placeholder: PLACEHOLDERS[spec.kind] ?? shown,
      autocomplete: ["secret", "password"].includes(spec.kind) ? "new-password" : "off",
      spellcheck: "false",
      "aria-required": required,
    });
    const known = spec.refers ? names[spec.refers] ?? [] : [];
    if (known.length) {
      const list = h("datalist", { id: `${this.id}-names` }, known.map((name) => h("option", { value: name })));
      input.setAttribute("list", list.id);
      this.list = list;
    }
    return input;
  }

  // What the kernel is told; the value of a secret only when the form is saved.
  get(saving = false) {
    if (this.secret) return this.secret.get(this.input.value, saving);
    return this.spec.kind === "flag" ? this.input.checked : this.input.value;
  }

  set(value) {
    if (this.secret) this.secret.name.value = value ?? "";
    else if (this.spec.kind === "flag") this.input.checked = Boolean(value);
    else if (Array.isArray(value)) this.input.value = value.join(", ");
    else if (value && typeof value === "object") {
      this.input.value = Object.entries(value).map(([key, each]) => `${key}: ${each}`).join("\n");
    } else this.input.value = value ?? "";
    if (this.list && !this.list.isConnected) this.body.append(this.list);
  }

  // Told apart from others by its value, so that it stays.
  lock() {
    this.input.readOnly = true;
    this.input.title = "The name stays; another name is another thing.";
  }

  error(text) {
    showError(this.input, this.said, text);
  }
}

// Where the value of a secret is kept, and by which name.
class SecretName {
  constructor(label, { secrets = [], places = [] }, onInput) {
    const known = h("datalist", { id: newId() }, secrets.map((name) => h("option", { value: name })));
    this.place = h("select", { class: "wb-input", "aria-label": `${label}: kept in`, on: { change: onInput } }, places.map((place) => h("option", { value: place }, place)));
    this.name = h("input", { type: "text", class: "wb-input wb-mono", list: secrets.length ? known.id : null, placeholder: "named after this", "aria-label": `${label}: secret's name`,
      autocomplete: "off", spellcheck: "false", on: { input: onInput } });
    this.el = h("div", { class: "wb-inline" }, "kept in ", this.place, " as ", this.name, known);
  }

  get(value, saving) {
    const said = { name: this.name.value, place: this.place.value, typed: value !== "" };
    return saving ? { ...said, value } : said;
  }
}

export function showError(input, said, text) {
  said.textContent = text || "";
  if (text) {
    if (!said.id) said.id = newId();
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-errormessage", said.id);
  } else {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-errormessage");
  }
}

// One of a few: real radio buttons, so that arrows move between them.
export function segments(label, choices, value, onChange) {
  const name = newId();
  const inputs = choices.map(([key]) => h("input", { type: "radio", name, value: key, checked: key === value, on: { change: () => onChange(key) } }));
  const labels = choices.map(([, text], place) => h("label", { class: "wb-segment" }, inputs[place], h("span", {}, text)));
  const group = h("div", { class: "wb-segments", role: "radiogroup", "aria-label": label }, labels);
  group.choose = (key) => inputs.forEach((input) => (input.checked = input.value === key));
  return group;
}

export function more(text, ...content) {
  return h("details", { class: "wb-more" }, h("summary", {}, text), ...content);
}
