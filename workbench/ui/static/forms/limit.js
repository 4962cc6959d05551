// Limit a service, one of its endpoints or a user; the Try line asks the server's own code.
import { button, h, newId } from "../dom.js";
import { Field, more, segments, showError } from "./fields.js";
import { Panel } from "./panel.js";
import { latest } from "../talk.js";

export function limitPanel({ talk, service, opening, onSaved, onClose, target = null }) {
  const form = new LimitForm(talk, service, opening, target);
  const panel = new Panel({
    title: "Limit",
    subject: service,
    onClose,
    save: async () => {
      const said = await talk.ask("limit save", form.asked());
      if (!Object.keys(said.problems).length) onSaved({ ...said, on: form.target.on, target: form.target.name });
      return said;
    },
  });
  panel.tried = true;
  form.fill(panel);
  return panel;
}

class LimitForm {
  constructor(talk, service, opening, target) {
    Object.assign(this, { talk, service, opening, lines: [] });
    const wanted = (each) => target && each.on === target.on && each.name === target.name;
    this.target = opening.targets.find(wanted) ?? opening.targets.at(-1);
    this.check = latest(() => talk.ask("limit check", this.asked()), (said) => this.show(said));
    this.changed = () => this.check();
  }

  asked() {
    const { on, name } = this.target;
    const lines = this.lines.map(({ source, rate, unit, unbounded }) => ({
      source: source.value, rate: rate.value, unit: unit.value, unbounded: unbounded.checked,
    }));
    const values = Object.fromEntries(this.more.map((field) => [field.name, field.get()]));
    values.exact = this.exact;
    const tried = { address: this.tryFrom.value, user: this.tryUser.value, calls: this.tryCalls.value,
      span: this.trySpan.value, unit: this.tryUnit.value, service: this.service };
    return { service: this.service, on, name, lines, values, tried };
  }

  fill(panel) {
    this.panel = panel;
    const places = this.opening.targets.map((each, place) => [String(place), each.text]);
    const chosen = String(this.opening.targets.indexOf(this.target));
    this.table = h("div", { class: "wb-lines", role: "list", "aria-label": "Lines" });
    this.linesError = h("div", { class: "wb-error", "aria-live": "polite" });
    this.rest = h("div", {});
    this.tryLine();
    panel.know("lines", { touched: true, get input() { return this.first(); }, first: () => this.lines[0]?.source,
      error: (text) => (this.linesError.textContent = text || "") });
    panel.body.append(
      h("div", { class: "wb-grid wb-narrow" }, h("span", { class: "wb-label" }, "On"),
        h("div", { class: "wb-control" }, segments("On", places, chosen, (place) => this.switchTo(this.opening.targets[Number(place)])),
          places.length > 1 ? h("div", { class: "wb-hint" }, "Checked in this order: endpoint, user, service.") : null)),
      this.table, this.linesError,
      button("+ add line", () => {
        this.addLine({ source: "", rate: "100", unit: "m" }).source.focus();
        this.check();
      }, { class: "wb-link", often: true }),
      this.rest, this.tryBox);
    this.switchTo(this.target);
  }

  switchTo(target) {
    this.target = target;
    // Who calls an endpoint, and by which endpoint a user comes, is no choice.
    this.tryAs.hidden = target.on !== "service";
    const { form } = target;
    this.lines = [];
    this.table.replaceChildren();
    for (const line of form.lines) this.addLine(line);
    this.exact = form.exact;
    this.more = form.more.map((spec) => new Field(spec, { onInput: this.changed }));
    for (const field of this.more) this.panel.know(field.name, field);
    const kinds = [["exact", "Exact: never one over"], ["near", "Approximate: faster, up to 5 calls or 0.5 % over"]];
    this.rest.replaceChildren(
      segments("Counting", kinds, form.exact ? "exact" : "near", (kind) => {
        this.exact = kind === "exact";
        this.check(0);
      }),
      more("More: each address apart, sliding, others, tell the caller, only watch",
        h("div", { class: "wb-grid" }, this.more.flatMap((field) => field.rows))));
    this.check(0);
  }

  addLine({ source, rate, unit, unbounded }) {
    const units = this.target.form.units;
    const on = { input: this.changed, change: this.changed };
    const line = {
      source: h("input", { class: "wb-input wb-mono", value: source, "aria-label": "From: *, an address or a network", spellcheck: "false", on }),
      rate: h("input", { class: "wb-input wb-number", value: rate, inputmode: "numeric", "aria-label": "calls", on }),
      unit: h("select", { class: "wb-input", "aria-label": "per", on }, units.map((each) => h("option", { value: each.unit }, each.name))),
      unbounded: h("input", { type: "checkbox", "aria-label": "no limit", checked: Boolean(unbounded) }),
      used: h("span", { class: "wb-used" }),
      said: h("div", { class: "wb-error", "aria-live": "polite" }),
      note: h("div", { class: "wb-note" }),
    };
    line.unit.value = unit;
    const number = () => `line ${this.lines.indexOf(line) + 1}`;
    const follow = () => {
      line.rate.disabled = line.unit.disabled = line.unbounded.checked;
      this.check();
    };
    line.unbounded.addEventListener("change", follow);
    line.rate.disabled = line.unit.disabled = line.unbounded.checked;
    const remove = button("\u00d7", () => {
      this.lines = this.lines.filter((each) => each !== line);
      line.el.remove();
      this.knowLines();
      this.check(0);
    }, { class: "wb-x", "aria-label": "Remove this line", often: true });
    line.el = h("div", { role: "listitem" },
      h("div", { class: "wb-line-row" }, line.source, h("span", { class: "wb-line" }, line.rate, "/", line.unit),
        h("label", { class: "wb-inline" }, line.unbounded, " no limit"), line.used, remove),
      line.said, line.note);
    line.number = number;
    this.lines.push(line);
    this.table.append(line.el);
    this.knowLines();
    return line;
  }

  knowLines() {
    for (const name of [...this.panel.fields.keys()].filter((each) => each.startsWith("line "))) this.panel.fields.delete(name);
    for (const line of this.lines) {
      const wrong = () => (line.said.textContent.includes("rate") || line.said.textContent.includes("number") ? line.rate : line.source);
      this.panel.know(line.number(), {
        touched: true,
        get input() { return wrong(); },
        error: (text) => {
          line.said.textContent = text || "";
          for (const input of [line.source, line.rate]) input.removeAttribute("aria-invalid");
          if (text) showError(wrong(), line.said, text);
        },
      });
    }
  }

  tryLine() {
    const box = (value, label, extra = "") => h("input", { class: `wb-input ${extra}`, value, "aria-label": label, on: { input: this.changed } });
    const units = this.target.form.units;
    this.tryFrom = box("172.16.4.2", "from", "wb-mono");
    this.tryCalls = box("600", "calls", "wb-number");
    this.trySpan = box("1", "span", "wb-number wb-tiny");
    this.tryUnit = h("select", { class: "wb-input", "aria-label": "unit", on: { change: this.changed } }, units.map((each) => h("option", { value: each.unit }, each.name)));
    this.tryUnit.value = "m";
    const users = ["", ...this.opening.users];
    this.tryUser = h("select", { class: "wb-input", "aria-label": "as", on: { change: this.changed } }, users.map((user) => h("option", { value: user }, user || "nobody")));
    this.tryAs = h("label", { class: "wb-inline" }, "as ", this.tryUser);
    this.tried = h("output", { class: "wb-tried", id: newId() });
    this.tryBox = h("div", { class: "wb-try" }, h("span", { class: "wb-try-title" }, "Try it"), "from", this.tryFrom,
      users.length > 1 ? this.tryAs : null, this.tryCalls, "calls in", this.trySpan, this.tryUnit, this.tried);
  }

  show(said) {
    if (said.failed) {
      this.panel.general.textContent = said.failed;
      return;
    }
    this.panel.show(said.problems, { all: true });
    this.lines.forEach((line, place) => {
      const never = said.never[place + 1];
      line.note.textContent = never ? `This line can never refuse: ${never}.` : "";
      const used = Object.entries(said.used ?? {}).find(([text]) => text === this.textOf(line));
      line.used.textContent = used ? `${used[1]} used` : "";
    });
    const called = said.tried.called ? `${said.tried.called}: ` : "";
    this.tried.textContent = said.tried.text ? `\u2192 ${called}${said.tried.text}` : "";
    this.tried.classList.toggle("wb-bad-text", Boolean(said.tried.bad));
    this.panel.showCode(said.code);
  }

  textOf(line) {
    return `${line.source.value.trim()} = ${line.unbounded.checked ? "*" : `${line.rate.value.trim()}/${line.unit.value}`}`;
  }
}
