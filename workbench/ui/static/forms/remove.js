// Asks before something goes on which other things depend.
import { h } from "../dom.js";
import { Panel } from "./panel.js";

export function removePanel({ onClose, onSaved, named_by: namedBy, used_by: usedBy, text, remove }) {
  const panel = new Panel({ title: "Remove", subject: text, onClose, saveLabels: namedBy.length ? [] : ["Remove all the same"], save: async () => {
    onSaved(await remove());
    return { problems: {} };
  } });
  const list = (title, names) => (names.length ? [h("div", {}, title), h("ul", { class: "wb-depends" }, names.map((each) => h("li", {}, each)))] : []);
  panel.body.append(...list("These name it. Remove or change them first:", namedBy), ...list("The source of these services names it; their calls will fail:", usedBy));
  return panel;
}
