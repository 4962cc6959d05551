// Who calls: a user, a key, or who holds the workbench's token. Credentials are in this page's memory alone.
import { fill, h, newId } from "../dom.js";

const KINDS = { nobody: "nobody in particular", basic: "a user with a password", header: "a key in a header", bearer: "a bearer token" };

export class Caller {
  // `changed` is told the token whenever what is shown may be another.
  constructor(token, changed) {
    Object.assign(this, { token, changed, kind: "nobody" });
    const one = (label, props) => {
      const id = newId();
      const input = h("input", { class: "wb-input", id, autocomplete: "off", spellcheck: "false", on: { change: () => this.tell() }, ...props });
      return { input, el: h("label", { class: "wb-api-field", for: id }, h("span", { class: "wb-label" }, label), input) };
    };
    this.name = one("User", { type: "text" });
    this.password = one("Password", { type: "password" });
    this.header = one("Header", { type: "text", value: "X-API-Key" });
    this.key = one("Key", { type: "password" });
    this.bearer = one("Token", { type: "password" });
    this.shown = one("Workbench's token, to be told of every channel", { type: "password", value: token });
    const options = Object.entries(KINDS).map(([value, words]) => h("option", { value }, words));
    this.select = h("select", { class: "wb-input", id: newId(), on: { change: () => this.choose() } }, options);
    this.fields = h("div", { class: "wb-api-fields" });
    this.summary = h("summary", {});
    this.el = h("details", { class: "wb-row wb-api-who" }, this.summary,
      h("div", { class: "wb-panel" },
        h("label", { class: "wb-api-field", for: this.select.id }, h("span", { class: "wb-label" }, "Calls are made as"), this.select),
        this.fields, this.shown.el));
    this.draw();
  }

  choose() {
    this.kind = this.select.value;
    const fields = { nobody: [], basic: [this.name, this.password], header: [this.header, this.key], bearer: [this.bearer] };
    fill(this.fields, fields[this.kind].map((each) => each.el));
    this.tell();
  }

  tell() {
    this.draw();
    this.changed(this.token);
  }

  draw() {
    this.token = this.shown.input.value.trim();
    const all = this.token ? "; every channel is told to you" : "";
    this.summary.textContent = `Who calls: ${this.kind === "basic" && this.name.input.value ? this.name.input.value : KINDS[this.kind]}${all}`;
  }

  hold(token) {
    this.shown.input.value = token;
    this.tell();
  }

  // Headers of a call.
  get headers() {
    const value = (field) => field.input.value;
    if (this.kind === "basic") return { Authorization: `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${value(this.name)}:${value(this.password)}`)))}` };
    if (this.kind === "header" && value(this.header) && value(this.key)) return { [value(this.header).trim()]: value(this.key) };
    return this.kind === "bearer" ? { Authorization: `Bearer ${value(this.bearer)}` } : {};
  }

  // Headers of a question for the description.
  asking(more) {
    return headersOf({ ...this.headers, ...(this.token ? { "X-Workbench-Token": this.token } : {}), ...more });
  }
}

// As fetch takes them, which would tell of wrong ones as it tells of a server that is gone.
export function headersOf(given) {
  try {
    return new Headers(given);
  } catch {
    throw new Error("What is given under “Who calls” is no header. Give a name without blanks, and a key in letters of Latin-1.");
  }
}
