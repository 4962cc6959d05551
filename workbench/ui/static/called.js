// A call on a card of its own: how it ended, what it answered, and all that it caused.
import { CallActions, cid, traceTree } from "./call.js";
import { chip, h, milliseconds } from "./dom.js";
import { Row } from "./row.js";

export class CallsRow extends Row {
  constructor(card) {
    super(card);
    this.listFirst();
  }

  draw(calls) {
    if (!this.isNew(calls)) return;
    this.fillThings(calls.map((each) => callCard(each, this.talk)));
  }
}

function callCard({ cid: of, name, outcome, mood, ms, trace, text, acts, off }, talk) {
  const [status, error] = outcome.split(/: (.*)/);
  return h("div", { class: "wb-small wb-called", "data-key": `call ${of}` },
    h("div", { class: "wb-call-head" }, chip(status, mood), h("span", { class: "wb-small-name" }, name),
      error ? h("span", { class: `wb-${mood}-text` }, error) : null, h("span", { class: "wb-faint" }, milliseconds(ms)), h("span", { class: "wb-grow" }), cid(of)),
    text ? h("pre", { class: "wb-answer" }, text) : null,
    traceTree(trace),
    off ? h("div", { class: "wb-faint" }, off) : acts ? new CallActions(talk, of).el : null);
}
