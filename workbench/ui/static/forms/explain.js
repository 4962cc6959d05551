// Why a limit counts for a caller: its lines in the order of their checks, by the server's own code.
import { chip, dot, fill, h, prose } from "../dom.js";
import { Field } from "./fields.js";
import { Panel } from "./panel.js";
import { latest } from "../talk.js";

const MET_BY = { channel: "By channel", user: "As user", service: "Service" };

export function explainPanel({ talk, onClose }, { names, start }) {
  const panel = new Panel({ title: "Explain", subject: "who would pass", onClose, saveLabels: [] });
  const changed = () => ask();
  const address = new Field({ name: "address", label: "From address", kind: "text", value: start.address, description: "Empty for a call without an address, as a job's is." }, { onInput: changed });
  const ways = Object.entries(MET_BY).map(([name, label]) => new Field({ name, label, kind: "choice", choices: ["", ...names[name]], value: start[name], description: "" }, { onInput: changed }));
  const fields = [address, ...ways];
  const verdict = h("div", { class: "wb-verdict", "aria-live": "polite" });
  const lines = h("ol", { class: "wb-depends wb-explained" });
  const ask = latest(() => talk.ask("explain limits", Object.fromEntries(fields.map((field) => [field.name, field.get()]))), (said) => {
    if (said.failed) {
      fill(verdict, h("span", { class: "wb-error" }, said.failed));
      fill(lines);
      return;
    }
    fill(verdict, dot(said.mood), " ", said.verdict);
    fill(lines, said.lines.map(explainedLine));
  });
  panel.body.append(h("div", { class: "wb-grid" }, fields.flatMap((field) => field.rows)), verdict,
    h("div", { class: "wb-hint" }, "Asked in this order: endpoint, user, service. The first that refuses ends it. Nothing is counted here."), lines);
  ask(0);
  return panel;
}

function explainedLine({ on, line: text, applies, why, never, used }) {
  return h("li", {}, chip(applies ? "counts" : "does not count", applies ? "live" : "calm"), " ", on, " ", h("code", {}, text), used ? ` ${used}` : "",
    h("div", { class: "wb-hint" }, prose(why), never ? `; it can never refuse: ${never}` : ""));
}
