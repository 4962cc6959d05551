// Asks before something goes: what depends on it, or that nothing does.
import { h } from "../dom.js";
import { Panel } from "./panel.js";

export function removePanel({ onClose, onSaved, named_by: namedBy, used_by: usedBy, in_cell: isInCell, text, remove }) {
  const labels = namedBy.length ? [] : [usedBy.length ? "Remove all the same" : "Remove"];
  const panel = new Panel({ title: "Remove", subject: text, onClose, saveLabels: labels, save: async () => {
    onSaved(await remove());
    return { problems: {} };
  } });
  const list = (title, names) => (names.length ? [h("div", {}, title), h("ul", { class: "wb-depends" }, names.map((each) => h("li", {}, each)))] : []);
  panel.body.append(...list("These name it. Remove or change them first:", namedBy), ...list("The source of these services names it; their calls will fail:", usedBy));
  if (!namedBy.length && !usedBy.length) panel.body.append(h("div", {}, "Nothing depends on it."));
  if (isInCell) panel.body.append(h("div", { class: "wb-hint" }, "Its cell stays, and brings it back when it runs again."));
  return panel;
}
