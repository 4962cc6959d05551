// A request to a channel, through the real server: what is sent, the answer with its trace, the last ones.
import { asCells } from "../cells.js";
import { cid, traceTree } from "../call.js";
import { button, chip, copyButton, dayAndTime, fill, h, milliseconds, newId } from "../dom.js";
import { Field, more } from "./fields.js";
import { Panel } from "./panel.js";
import { latest, Stale } from "../talk.js";

const NOBODY = "";

export class RequestForm {
  constructor({ talk, channel, opening, onClose, report }) {
    Object.assign(this, { talk, channel, report, places: new Map(), made: { code: "", curl: "" } });
    this.answer = h("div", { class: "wb-calls", "aria-live": "polite" });
    this.panel = new Panel({ title: "Try", subject: `${channel} ${opening.address}`, onClose, saveLabels: ["Send"], save: () => this.send() });
    this.panel.foot.firstChild.textContent = "Close";
    this.check = latest(() => this.talk.ask("request check", this.asked()), (said) => this.checked(said));
    this.makeFields(opening);
    this.history = h("div", { class: "wb-history" });
    this.save = button("Save as cell", () => this.saveAsCell());
    this.curl = copyButton(() => this.made.curl, "Copy as curl", "");
    this.panel.foot.prepend(this.history, h("span", { class: "wb-grow" }), this.curl, this.save);
    this.panel.el.append(this.answer);
    this.fill(opening.start);
    this.showHistory(opening.history);
    this.checked({ problems: {}, code: "", curl: "" });
    this.check(0);
  }

  makeFields({ methods, places, users }) {
    const onInput = () => this.check();
    const field = (name, label, kind, about = {}) => {
      const made = new Field({ name, label, kind, value: "", description: "", choices: [], ...about }, { onInput });
      this.panel.know(name, made);
      return made;
    };
    this.method = field("method", "Method", "choice", { choices: methods });
    for (const place of places) this.places.set(place, field(`place ${place}`, `{${place}}`, "text", { required: true }));
    this.query = field("query", "Query", "text", { description: "As in an address: x=1&y=2" });
    this.headers = field("headers", "Headers", "pairs", { description: "One a line. A value that is secret goes into no code: it is named there." });
    this.body = field("body", "Body", "long text");
    this.file = field("file", "Or a file", "text", { description: "Its path on the machine of the kernel; it goes as it is, piece by piece." });
    this.user = field("user", "As user", "choice", { choices: [NOBODY, ...users], description: "Credentials are added on the way, and never shown." });
    this.user.input.firstChild.textContent = "(nobody)";
    for (const each of [this.headers, this.body]) each.input.classList.add("wb-mono");
    const shown = [this.method, ...this.places.values(), this.query, this.body, this.user];
    this.rest = more("More: headers, a file", h("div", { class: "wb-grid" }, this.headers.rows, this.file.rows));
    this.panel.body.append(h("div", { class: "wb-grid" }, shown.flatMap((each) => each.rows)), this.rest);
  }

  fill({ method, places, query, headers, body, file, user }) {
    for (const [name, each] of this.places) each.set(places[name]);
    const values = { method, query, headers, body, file, user };
    for (const [name, value] of Object.entries(values)) this[name].set(value);
    this.body.input.rows = Math.min(12, Math.max(2, (body ?? "").split("\n").length));
  }

  asked() {
    const request = Object.fromEntries(["method", "query", "headers", "body", "file", "user"].map((name) => [name, this[name].get()]));
    request.places = Object.fromEntries([...this.places].map(([name, each]) => [name, each.get()]));
    return { channel: this.channel, request };
  }

  checked(said) {
    if (said.failed) return;
    this.panel.show(said.problems);
    this.made = said;
    this.save.disabled = !said.code;
    this.curl.disabled = !said.curl;
  }

  async send() {
    fill(this.answer, h("div", { class: "wb-loading" }, "waiting for the answer ..."));
    try {
      const said = await this.talk.ask("request send", this.asked());
      fill(this.answer, said.answer ? answered(said.answer) : null);
      if (said.history) this.showHistory(said.history);
      // The form was long, and its answer is below the window.
      if (said.answer) requestAnimationFrame(() => this.answer.scrollIntoView({ block: "nearest" }));
      return said;
    } catch (error) {
      fill(this.answer, h("div", { class: "wb-error" }, error instanceof Stale ? "The kernel ended meanwhile." : error.message));
      return { problems: {} };
    }
  }

  async saveAsCell() {
    this.report(await asCells(this.panel.el, [this.made.code], `The request to '${this.channel}'`));
  }

  showHistory(history) {
    if (!history.length) return;
    const id = newId();
    const options = history.map(({ said, status, at }, place) => h("option", { value: String(place) }, `${status} ${said}, ${dayAndTime(at)}`));
    const chosen = h("select", { class: "wb-input", id, on: { change: () => {
      if (chosen.value === "") return;
      this.fill(history[Number(chosen.value)].given);
      chosen.value = "";
      this.check(0);
    } } }, h("option", { value: "" }, `${history.length} sent`), options);
    fill(this.history, h("label", { class: "wb-label", for: id }, "Again:"), chosen);
  }
}

function answered(said) {
  const size = `${said.bytes.toLocaleString("en")} ${said.bytes === 1 ? "byte" : "bytes"}`;
  const headers = said.headers.map(([name, value]) => h("div", { class: "wb-trace-value" }, h("span", { class: "wb-kind" }, name), h("code", {}, value)));
  return h("div", { class: "wb-call" },
    h("div", { class: "wb-call-head" }, chip(said.status, said.mood), h("span", { class: "wb-faint" }, milliseconds(said.ms)), h("span", { class: "wb-faint" }, size),
      h("span", { class: "wb-grow" }), said.cid ? cid(said.cid) : null),
    said.form === "empty" ? h("div", { class: "wb-faint" }, "The body is empty.") : h("pre", { class: "wb-answer" }, said.text),
    more(`${said.headers.length} headers`, headers),
    said.trace.length ? traceTree(said.trace) : null);
}
