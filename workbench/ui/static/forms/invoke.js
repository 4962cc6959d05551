// Invoke a service and look inside: the answer or the error, the trace, the CID.
import { button, chip, copyButton, fill, h, milliseconds, newId, span, spinner } from "../dom.js";
import { Field, segments, showError } from "./fields.js";
import { Panel } from "./panel.js";
import { Stale } from "../talk.js";

const KEPT_CALLS = 3;
const OUTCOME_MOODS = { ok: "live", refused: "warn", failed: "bad" };

export function invokePanel({ talk, service, onClose, fields: specs = [] }) {
  const id = newId();
  const payload = h("textarea", { class: "wb-input wb-mono", rows: "2", id, placeholder: "Payload; empty is fine. Ctrl+Enter invokes.", spellcheck: "false" });
  const said = h("div", { class: "wb-error", "aria-live": "polite" });
  const calls = h("div", { class: "wb-calls", "aria-live": "polite" });
  let format = specs.length ? "fields" : "json";
  let chosen = false;
  const fields = specs.map((spec) => new Field(spec));
  const panel = new Panel({
    title: "Invoke",
    subject: service,
    onClose,
    saveLabels: ["Invoke"],
    save: async () => {
      const call = new RunningCall();
      calls.prepend(call.el);
      while (calls.children.length > KEPT_CALLS) calls.lastChild.remove();
      // Not awaited: a service may hang, and the form stays usable.
      talk.ask("invoke", { service, payload: payload.value, format, values: Object.fromEntries(fields.map((each) => [each.name, each.get()])) }).then(
        (answer) => {
          if (answer.problems) {
            call.el.remove();
            call.stop();
            panel.show(answer.problems, { all: true });
            panel.jump(answer.problems);
          } else call.end(answer);
        },
        (error) => call.lose(error instanceof Stale ? "interrupted" : "lost", error instanceof Stale ? "The kernel ended while it ran." : error.message),
      );
      return { problems: {} };
    },
  });
  const formats = segments("Payload is", [...(specs.length ? [["fields", "Fields"]] : []), ["json", "JSON"], ["text", "Text"]], format, (wanted) => {
    format = wanted;
    chosen = true;
    show();
  });
  panel.know("payload", { touched: true, input: payload, error: (text) => showError(payload, said, text) });
  for (const each of fields) panel.know(each.name, each);
  const one = [h("label", { class: "wb-label", for: id }, "Payload"), h("div", { class: "wb-control" }, payload, said)];
  const rows = h("div", { class: "wb-grid wb-narrow" });
  const show = () => fill(rows, ...(format === "fields" ? fields.flatMap((each) => each.rows) : one), h("span"), h("div", { class: "wb-control" }, formats));
  show();
  panel.body.append(rows);
  // What is typed says itself that it is no JSON, until a person has chosen.
  payload.addEventListener("input", () => {
    if (!chosen) formats.choose((format = looksLikeJSON(payload.value) ? "json" : "text"));
  });
  panel.el.append(calls);
  panel.foot.firstChild.textContent = "Close";
  return panel;
}

// Also where it does not parse: then that is said, instead of another thing being sent.
function looksLikeJSON(text) {
  if (/^\s*([[{"]|$)/.test(text)) return true;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

class RunningCall {
  constructor() {
    const began = performance.now();
    this.clock = h("span", { class: "wb-faint" }, "0 s");
    this.el = h("div", { class: "wb-call" }, h("div", { class: "wb-call-head" }, spinner(), " running ", this.clock));
    this.timer = setInterval(() => {
      const seconds = (performance.now() - began) / 1000;
      this.clock.textContent = span(seconds) + (seconds > 10 ? "; it goes on beside, the card stays usable" : "");
    }, 1000);
  }

  stop() {
    clearInterval(this.timer);
  }

  lose(outcome, text) {
    this.stop();
    this.el.replaceChildren(h("div", { class: "wb-call-head" }, chip(outcome, "bad"), " ", text));
  }

  end(said) {
    this.stop();
    this.el.replaceChildren(...callParts(said));
  }
}

export function callParts(said) {
  const ok = said.outcome === "ok";
  const head = h("div", { class: "wb-call-head" }, chip(said.outcome, OUTCOME_MOODS[said.outcome]), " ",
    h("span", { class: "wb-faint" }, milliseconds(said.ms)), h("span", { class: "wb-grow" }), cid(said.cid));
  const empty = h("div", { class: "wb-faint" }, "It answered nothing.");
  const text = said.form === "empty" ? empty : h("pre", { class: ok ? "wb-answer" : "wb-answer wb-bad-text" }, said.text);
  const where = said.where ? h("div", { class: "wb-where" }, "at ", h("code", {}, said.where)) : null;
  return [head, text, where, traceTree(said.trace)].filter(Boolean);
}

export function cid(text) {
  return h("span", { class: "wb-cid" }, "CID ", h("code", {}, text), copyButton(text));
}

// A step that opens to what went out and what came back.
function folded(name, values, indent) {
  const lines = values.map(([what, text]) => h("div", { class: "wb-trace-value" }, h("span", { class: "wb-kind" }, what), h("code", {}, text)));
  return h("details", { class: "wb-trace-name", style: indent }, h("summary", {}, ...name), ...lines);
}

export function traceTree(rows) {
  return h("div", { class: "wb-trace", role: "tree", "aria-label": "Trace" }, traceRows(rows));
}

function traceRows(rows) {
  return rows.map((row) => {
    const indent = `padding-left: ${row.depth * 16}px`;
    if (row.kind === "fold") return h("details", { class: "wb-fold" }, h("summary", { class: "wb-faint", style: indent }, row.text), traceRows(row.rows));
    if (row.kind !== "step") {
      const kind = row.kind === "note" ? "" : h("span", { class: "wb-kind" }, row.kind);
      return h("div", { class: `wb-trace-row wb-trace-line wb-${row.mood || "calm"}-text`, role: "treeitem", style: indent }, kind, h("code", {}, row.text));
    }
    const bar = h("span", { class: "wb-bar" }, h("span", { class: `wb-${row.mood}-ground`, style: `left: ${row.start * 100}%; width: ${Math.max(row.width * 100, 1)}%` }));
    const name = [h("b", {}, row.text), " ", h("span", { class: `wb-${row.mood}-text` }, row.outcome)];
    return h("div", { class: "wb-trace-row", role: "treeitem" },
      row.values ? folded(name, row.values, indent) : h("span", { class: "wb-trace-name", style: indent }, ...name),
      bar, h("span", { class: "wb-faint wb-ms" }, milliseconds(row.ms)));
  });
}
