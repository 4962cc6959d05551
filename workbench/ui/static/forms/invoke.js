// Invoke a service and look inside: the answer or the error, the trace, the CID.
import { CallActions, cid, traceTree } from "../call.js";
import { chip, fill, h, milliseconds, newId, span, spinner } from "../dom.js";
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
      const call = new RunningCall(talk);
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
  constructor(talk) {
    this.talk = talk;
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
    this.el.replaceChildren(...callParts(said, this.talk));
  }
}

function callParts(said, talk) {
  const ok = said.outcome === "ok";
  const head = h("div", { class: "wb-call-head" }, chip(said.outcome, OUTCOME_MOODS[said.outcome]), " ",
    h("span", { class: "wb-faint" }, milliseconds(said.ms)), h("span", { class: "wb-grow" }), cid(said.cid));
  const empty = h("div", { class: "wb-faint" }, "It answered nothing.");
  const text = said.form === "empty" ? empty : h("pre", { class: ok ? "wb-answer" : "wb-answer wb-bad-text" }, said.text);
  const where = said.where ? h("div", { class: "wb-where" }, "at ", h("code", {}, said.where)) : null;
  const actions = new CallActions(talk, said.cid);
  return [head, text, where, traceTree(said.trace, (row) => actions.again({ since: row.number })), actions.el].filter(Boolean);
}
