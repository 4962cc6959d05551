// One method of a channel: what it takes and gives, a form to call it, and what came back.
import { button, chip, copyButton, fill, h, milliseconds, newId } from "../dom.js";
import { headersOf } from "./caller.js";
import { Shapes } from "./schema.js";

const MOODS = { 1: "calm", 2: "live", 3: "calm", 4: "warn", 5: "bad" };
const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

export class OperationView {
  // `before` is the view that this one replaces: it stays open, and what was typed stays where it still fits.
  constructor(told, caller, base, before) {
    Object.assign(this, { ...told, caller, base });
    this.shapes = new Shapes(this.components);
    this.typed = before?.typed ?? {};
    this.body = before?.body;
    const user = this.operation.security && h("span", { class: "wb-faint" }, `as ${Object.keys(this.operation.security[0]).join(", ")}`);
    this.el = h("details", { class: "wb-row wb-api-operation", "data-operation": this.operation.operationId },
      h("summary", {}, h("span", { class: "wb-api-method" }, this.method.toUpperCase()), h("code", { class: "wb-api-path" }, this.path),
        h("span", { class: "wb-api-summary" }, this.operation.summary ?? ""), user));
    this.el.addEventListener("toggle", () => this.el.open && this.draw());
    this.result = before?.result ?? h("div", { class: "wb-api-result", role: "status" });
    if (before?.el.open) {
      this.el.open = true;
      this.draw();
    }
  }

  // Drawn when it is opened: a workbench may have hundreds.
  draw() {
    if (this.isDrawn) return;
    this.isDrawn = true;
    const { description, parameters = [] } = this.operation;
    const send = (event) => {
      event.preventDefault();
      this.send();
    };
    const form = h("form", { class: "wb-form", on: { submit: send } },
      parameters.map((each) => this.field(each)), this.bodyField(),
      h("div", { class: "wb-line" }, h("button", { type: "submit", class: "wb-button wb-primary" }, "Send"), copyButton(() => this.shellLine(), "Copy as curl")));
    this.el.append(h("div", { class: "wb-panel" }, description && h("p", { class: "wb-api-words" }, description), form, this.result, this.answers()));
  }

  field(parameter) {
    const id = newId();
    const { name, schema = {}, required, description } = parameter;
    const key = `${parameter.in} ${name}`;
    const options = this.shapes.resolved(schema).enum;
    const keep = { on: { input: (event) => (this.typed[key] = event.target.value) }, id, class: "wb-input", required };
    this.typed[key] ??= String(schema.default ?? (required ? this.shapes.sample(schema) : ""));
    const input = options ? h("select", keep, !required && h("option", { value: "" }, ""), options.map((each) => h("option", { value: String(each) }, String(each)))) : h("input", { type: "text", ...keep, autocomplete: "off", spellcheck: "false" });
    input.value = this.typed[key];
    return h("label", { class: "wb-api-field", for: id },
      h("span", { class: "wb-label" }, h("code", {}, name), required && h("span", { class: "wb-required", title: "must be sent" }, "*")),
      input, h("span", { class: "wb-hint" }, [this.shapes.words(schema), parameter.in === "path" ? "in the path" : "", description].filter(Boolean).join(" · ")));
  }

  get contentType() {
    return Object.keys(this.operation.requestBody?.content ?? {})[0] ?? "";
  }

  bodyField() {
    if (!this.contentType) return null;
    const media = this.operation.requestBody.content[this.contentType];
    const id = newId();
    this.body ??= this.firstBody(media);
    const area = h("textarea", { class: "wb-input wb-mono", id, rows: Math.min(14, this.body.split("\n").length + 1), spellcheck: "false", on: { input: (event) => (this.body = event.target.value) } });
    area.value = this.body;
    return h("div", { class: "wb-api-body" }, h("label", { for: id, class: "wb-label" }, `Body, ${this.contentType}`), area, this.table(media.schema));
  }

  firstBody(media) {
    if (!this.shapes.rows(media.schema).length) return "";
    const value = this.shapes.sample(media.schema);
    if (this.contentType.startsWith("application/x-www-form-urlencoded")) return new URLSearchParams(value).toString();
    return JSON.stringify(value, null, 2);
  }

  table(schema) {
    const rows = this.shapes.rows(schema ?? {});
    if (!rows.length) return null;
    const row = (each) => h("tr", {}, h("th", { scope: "row", style: `padding-left: ${each.depth * 14}px` }, h("code", {}, each.name), each.required && h("span", { class: "wb-required" }, "*")), h("td", {}, each.type), h("td", {}, each.text));
    return h("details", { class: "wb-more" }, h("summary", {}, "What is in it"), h("div", { class: "wb-api-scrolls", tabindex: "0", role: "group", "aria-label": "Fields" }, h("table", { class: "wb-api-table" }, h("tbody", {}, rows.map(row)))));
  }

  answers() {
    const rows = Object.entries(this.operation.responses).map(([status, given]) => {
      const told = given.$ref ? this.components.responses[given.$ref.split("/").pop()] : given;
      const [type, media] = Object.entries(told.content ?? {})[0] ?? ["", {}];
      return h("li", {}, chip(status, MOODS[status[0]] ?? "calm"), h("span", {}, told.description), type && type !== "*/*" && h("span", { class: "wb-faint" }, type), this.table(media.schema));
    });
    return h("details", { class: "wb-more" }, h("summary", {}, "Answers"), h("ul", { class: "wb-api-answers" }, rows));
  }

  request() {
    let path = this.path.replace(/^\//, "");
    const query = new URLSearchParams();
    for (const parameter of this.operation.parameters ?? []) {
      const given = this.typed[`${parameter.in} ${parameter.name}`] ?? "";
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(given));
      else if (given !== "") for (const each of this.several(parameter, given)) query.append(parameter.name, each);
    }
    const url = new URL(`./${path}`, this.base);  // v1:batch alone would be of a scheme named v1.
    url.search = query;
    const hasBody = this.contentType && this.body !== "" && !["get", "head"].includes(this.method);
    const type = { "Content-Type": this.contentType.startsWith("multipart/") ? "application/json" : this.contentType };
    return { url, method: this.method.toUpperCase(), headers: { ...this.caller.headers, ...(hasBody ? type : {}) }, body: hasBody ? this.body : undefined };
  }

  // Elements of a list come one by one, unless they are wanted with commas between.
  several(parameter, given) {
    const isList = this.shapes.chosen(parameter.schema ?? {}).type === "array" && parameter.explode !== false;
    return isList ? given.split(",").map((each) => each.trim()) : [given];
  }

  shellLine() {
    const { url, method, headers, body } = this.request();
    const named = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${name in this.caller.headers ? "..." : value}`)}`);
    return ["curl", "-X", method, ...named, ...(body === undefined ? [] : ["--data-binary", quoted(body)]), quoted(url)].join(" ");
  }

  async send() {
    const { url, headers, ...how } = this.request();
    fill(this.result, h("span", { class: "wb-faint" }, "Sent; waiting for the answer."));
    const began = performance.now();
    try {
      const reply = await fetch(url, { ...how, headers: headersOf(headers) });
      const text = await reply.text();
      this.show(reply, text, performance.now() - began);
    } catch (error) {
      fill(this.result, h("div", { class: "wb-error" }, error instanceof TypeError ? `Nobody answers: ${error.message}` : error.message));
    }
  }

  show(reply, text, took) {
    const isJSON = (reply.headers.get("Content-Type") ?? "").includes("json");
    const facts = [milliseconds(took), reply.headers.get("Content-Type"), reply.headers.get("Retry-After") && `again in ${reply.headers.get("Retry-After")} s`, `CID ${reply.headers.get("X-Zato-CID") ?? "none"}`];
    fill(this.result,
      h("div", { class: "wb-line" }, chip(`${reply.status} ${reply.statusText}`.trim(), MOODS[String(reply.status)[0]]), h("span", { class: "wb-faint" }, facts.filter(Boolean).join(" · "))),
      text && h("div", { class: "wb-code" }, h("pre", {}, h("code", {}, isJSON ? indented(text) : text)), copyButton(text)));
  }
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
