// The form of any definition, made from its fields.
import { button, dot, fill, h } from "../dom.js";
import { Field, more } from "./fields.js";
import { Panel } from "./panel.js";
import { latest } from "../talk.js";

export function definitionPanel({ talk, title, subject, form, names, what, locked = [], try: tries = "", at = "", in_code, warning, onSaved, onClose }) {
  const values = (saving) => Object.fromEntries([...panel.fields].map(([name, field]) => [name, field.get(saving)]));
  const panel = new Panel({
    title,
    subject,
    onClose,
    at,
    save: async () => {
      const said = await talk.ask("form save", { ...what, values: values(true) });
      if (!Object.keys(said.problems).length) onSaved(said);
      return said;
    },
  });
  const check = latest(() => talk.ask("form check", { ...what, values: values() }), (said) => {
    if (said.failed) return;
    panel.show(said.problems);
    panel.showCode(said.code, said.note);
  });
  const rowsOf = (specs) => specs.flatMap((spec) => {
    const field = new Field(spec, { names, onInput: () => check() });
    panel.know(spec.name, field);
    if (locked.includes(spec.name)) field.lock();
    return field.rows;
  });
  const tried = h("span", { class: "wb-tried", "aria-live": "polite" });
  const tryOnce = async () => {
    fill(tried, "trying ...");
    try {
      const said = await talk.ask("form try", { ...what, values: values(true) });
      panel.show(said.problems, { all: true });
      panel.jump(said.problems);
      fill(tried, said.tried ? [dot(said.mood), " ", said.tried] : null);
    } catch (error) {
      fill(tried, h("span", { class: "wb-error" }, error.message));
    }
  };
  const first = form.fields.filter((spec) => !spec.more);
  const rest = form.fields.filter((spec) => spec.more);
  panel.body.append(h("div", { class: "wb-grid" }, rowsOf(first)));
  if (rest.length) {
    const labels = rest.map((spec) => spec.label).join(", ");
    panel.body.append(more(`More: ${labels}`, h("div", { class: "wb-grid" }, rowsOf(rest))));
  }
  if (tries) panel.foot.prepend(tried, h("span", { class: "wb-grow" }), button(tries, tryOnce, { title: "Really done, with what is typed; nothing is kept" }));
  panel.lockInCode({ in_code, warning });
  check(0);
  return panel;
}
