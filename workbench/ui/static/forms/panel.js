// The frame of every form: title, fields, errors, code, buttons; Esc closes, Enter saves.
import { button, codeBlock, h, newId } from "../dom.js";
import { Stale } from "../talk.js";

export class Panel {
  constructor({ title, subject, onClose, save, saveLabels = ["Save"], at = "" }) {
    Object.assign(this, { onClose, save, at });
    this.fields = new Map();
    this.tried = false;
    this.general = h("div", { class: "wb-error wb-general", role: "alert" });
    this.body = h("div", { class: "wb-form" });
    this.code = h("div", { class: "wb-codes" });
    this.saves = saveLabels.map((label, place) => button(label, () => this.trySave(label), {
      class: place === saveLabels.length - 1 ? "wb-primary" : "",
    }));
    this.foot = h("div", { class: "wb-foot" }, button(saveLabels.length ? "Cancel" : "Close", () => this.close()), this.saves);
    const heading = newId();
    this.el = h("section", { class: "wb-panel", "aria-labelledby": heading },
      h("div", { class: "wb-head" },
        h("h4", { id: heading }, h("span", { class: "wb-title" }, title), " ", h("span", { class: "wb-subject" }, subject ?? "")),
        button("\u00d7", () => this.close(), { class: "wb-x", "aria-label": "Close" })),
      this.general, this.body, this.code, this.foot);
    this.el.addEventListener("keydown", (event) => this.onKey(event));
  }

  onKey(event) {
    // Lab's own shortcuts must not act on what is typed here.
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      const tag = event.target.tagName;
      const plain = tag === "INPUT" || tag === "SELECT";
      if (!plain && !(tag === "TEXTAREA" && (event.ctrlKey || event.metaKey))) return;
      event.preventDefault();
      this.trySave(this.saves.at(-1).textContent);
    }
  }

  // `name` is what the kernel calls the field, which has `input`, `touched`, and `error(text)` to show or clear what is wrong.
  know(name, field) {
    this.fields.set(name, field);
  }

  // What the cell sets by an expression is not a form's to change.
  lockInCode({ in_code: names = [], warning = "" }) {
    for (const name of names) {
      const input = this.fields.get(name)?.input;
      if (!input) continue;
      input.disabled = true;
      input.title = "Set in code: its cell says it by an expression.";
      input.after(h("span", { class: "wb-chip wb-calm wb-in-code" }, "set in code"));
    }
    if (warning) this.body.before(h("div", { class: "wb-hint wb-in-code" }, warning));
  }

  show(problems, { all = this.tried } = {}) {
    const rest = [];
    for (const [name, field] of this.fields) field.error(all || field.touched ? problems[name] : "");
    for (const [name, text] of Object.entries(problems)) {
      if (!this.fields.has(name)) rest.push(name ? `${name} ${text}` : text);
    }
    this.general.textContent = all ? rest.join(" ") : "";
  }

  jump(problems) {
    const bad = [...this.fields].filter(([name]) => problems[name]).map(([, field]) => field.input);
    const first = [...this.el.querySelectorAll("input, select, textarea")].find((each) => bad.includes(each));
    if (!first) return;
    first.closest("details")?.setAttribute("open", "");
    first.focus();
    first.scrollIntoView({ block: "nearest" });
  }

  showCode(code, note = "") {
    this.code.replaceChildren(...(code ? [codeBlock(code)] : []), ...(note ? [h("div", { class: "wb-hint" }, note)] : []));
  }

  async trySave(label) {
    if (this.saving) return;
    this.saving = true;
    this.el.classList.add("wb-saving");
    try {
      const said = await this.save(label);
      const problems = said?.problems ?? {};
      this.tried = true;
      this.show(problems);
      this.jump(problems);
    } catch (error) {
      if (!(error instanceof Stale)) this.general.textContent = error.message;
    } finally {
      this.saving = false;
      this.el.classList.remove("wb-saving");
    }
  }

  focus() {
    // With nothing to type, a button has it, so that the keyboard is where the form is.
    const wanted = this.fields.get(this.at)?.input;
    wanted?.closest("details")?.setAttribute("open", "");
    const first = wanted ?? this.el.querySelector(".wb-form :is(input:not([readonly]), select, textarea)") ?? this.foot.firstChild;
    first.focus({ preventScroll: true });
    (wanted ?? this.el).scrollIntoView({ block: "nearest" });
  }

  close() {
    this.el.remove();
    this.onClose?.();
  }
}
