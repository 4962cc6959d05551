// The faults of a peer: a switch or a slider for each, from what its kind can have.
import { button, h } from "../dom.js";
import { Field } from "./fields.js";
import { Panel } from "./panel.js";

export function faultsPanel({ talk, onClose, onSaved }, { fields: specs, label }, name) {
  const fields = specs.map((spec) => new Field(spec));
  const set = async (faults) => {
    const said = await talk.ask("faults set", { name, faults });
    if (!Object.keys(said.problems).length) onSaved({ ...said, hint: "The same in a cell." });
    return said;
  };
  const panel = new Panel({ title: "Faults", subject: `${label} ${name}`, onClose, saveLabels: ["Have these faults"],
    save: () => set(Object.fromEntries(fields.map((each) => [each.name, each.get()]))) });
  const heal = async () => {
    try {
      await set({});
    } catch (error) {
      panel.general.textContent = error.message;
    }
  };
  panel.foot.prepend(button("Reset: no faults", heal), h("span", { class: "wb-grow" }));
  for (const each of fields) panel.know(each.name, each);
  panel.body.append(h("div", { class: "wb-grid" }, fields.flatMap((field) => {
    if (field.spec.stops.length) field.input.after(slider(field));
    return field.rows;
  })));
  return panel;
}

// From none over the usual values to the largest; what is typed beside it has the last word.
function slider({ input, spec }) {
  const stops = ["", ...spec.stops.map(String)];
  const nearest = () => Math.max(0, stops.findLastIndex((stop) => stop !== "" && input.value !== "" && Number(stop) <= Number(input.value)));
  const range = h("input", { type: "range", class: "wb-slider", min: "0", max: String(stops.length - 1), step: "1", "aria-label": `${spec.label}: slider`, on: { input: () => {
    input.value = stops[range.value];
    input.dispatchEvent(new Event("input"));
  } } });
  const follow = () => {
    range.value = String(nearest());
    range.setAttribute("aria-valuetext", input.value || "none");
  };
  input.addEventListener("input", follow);
  follow();
  return range;
}
