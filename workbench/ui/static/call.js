// A call that one can act on: its trace, what it came with and answered, who refused it; run again, compared.
import { writeCell } from "./cells.js";
import { button, chip, copyButton, fill, h, milliseconds, spinner } from "./dom.js";
import { definitionPanel } from "./forms/generic.js";
import { limitPanel } from "./forms/limit.js";

const TIMES = 10;

export function cid(text) {
  return h("span", { class: "wb-cid" }, "CID ", h("code", {}, text), copyButton(text));
}

// A step that opens to what went out and what came back.
function folded(name, values, indent) {
  const lines = values.map(([what, text]) => h("div", { class: "wb-trace-value" }, h("span", { class: "wb-kind" }, what), h("code", {}, text)));
  return h("details", { class: "wb-trace-name", style: indent }, h("summary", {}, ...name), ...lines);
}

// `from` is called with the row of a step from which a person wants the call to be run again.
export function traceTree(rows, from = null) {
  return h("div", { class: "wb-trace", role: "tree", "aria-label": "Trace" }, traceRows(rows, from));
}

function traceRows(rows, from) {
  return rows.map((row) => {
    const indent = `padding-left: ${row.depth * 16}px`;
    if (row.kind === "fold") return h("details", { class: "wb-fold" }, h("summary", { class: "wb-faint", style: indent }, row.text), traceRows(row.rows, from));
    if (row.kind !== "step") {
      const kind = row.kind === "note" ? "" : h("span", { class: "wb-kind" }, row.kind);
      return h("div", { class: `wb-trace-row wb-trace-line wb-${row.mood || "calm"}-text`, role: "treeitem", style: indent }, kind, h("code", {}, row.text));
    }
    const bar = h("span", { class: "wb-bar" }, h("span", { class: `wb-${row.mood}-ground`, style: `left: ${row.start * 100}%; width: ${Math.max(row.width * 100, 1)}%` }));
    const name = [h("b", {}, row.text), " ", h("span", { class: `wb-${row.mood}-text` }, row.outcome)];
    const again = from && row.number !== undefined
      ? button("Again from here", () => from(row), { class: "wb-link wb-from-here", title: "Run the call again; what comes before this step is answered from the record" })
      : null;
    const shown = row.values ? folded(name, row.values, indent) : h("span", { class: "wb-trace-name", style: indent }, ...name);
    return h("div", { class: "wb-trace-row", role: "treeitem" }, again ? h("div", { class: "wb-trace-step" }, shown, again) : shown, bar,
      h("span", { class: "wb-faint wb-ms" }, milliseconds(row.ms)));
  });
}

// What opens in place: the input, the answer, the lines of the log.
function opened(name, text, size = `${text.length.toLocaleString("en")} characters`) {
  if (!text) return h("span", { class: "wb-faint" }, `${name} empty`);
  return h("details", { class: "wb-opened" }, h("summary", {}, h("b", {}, name), " ", h("span", { class: "wb-faint" }, size)), h("pre", { class: "wb-answer" }, text));
}

// A call in full, for Traffic; `logged` opens its lines in the log.
export function wholeCall(talk, said, logged) {
  const actions = new CallActions(talk, said.cid, said);
  const head = h("div", { class: "wb-call-head" }, cid(said.cid), said.address ? h("span", { class: "wb-faint" }, `from ${said.address}`) : null,
    said.user ? h("span", { class: "wb-faint" }, `as ${said.user}`) : null, h("span", { class: "wb-grow" }), logged, actions.buttons);
  const inside = h("div", { class: "wb-inside" }, opened("input", said.input), opened("answer", said.answer), opened("log", said.lines.join("\n"), said.lines.length === 1 ? "1 line" : `${said.lines.length} lines`));
  return [head, refused(talk, said.why), traceTree(said.trace, said.can ? (row) => actions.again({ since: row.number }) : null), inside, actions.el].filter(Boolean);
}

// Which limit or credential said no, and the way to it.
function refused(talk, why) {
  if (!why) return null;
  const drawer = h("div", { class: "wb-drawer" });
  const open = async (event) => {
    const opener = event.currentTarget;
    if (drawer.childElementCount) return void fill(drawer);
    const common = { talk, onClose: () => fill(drawer), onSaved: (said) => fill(drawer, h("div", { class: "wb-hint", role: "status" }, said.said ?? "saved")) };
    try {
      const panel = why.on ? await theLimit(talk, why, common) : await theUser(talk, why, common);
      fill(drawer, panel.el);
      panel.focus();
      if (why.on) panel.el.querySelectorAll(".wb-lines input[aria-label^=From]")[why.line]?.focus();
    } catch (error) {
      fill(drawer, h("div", { class: "wb-error", role: "alert" }, error.message));
    }
    opener.setAttribute("aria-expanded", String(Boolean(drawer.childElementCount)));
  };
  const ask = why.there ? button("why?", open, { class: "wb-link", "aria-expanded": "false" }) : null;
  return h("div", { class: "wb-refused" }, h("div", { class: "wb-call-head" }, chip("refused", "warn"), " ", why.text, " ", ask), drawer);
}

async function theLimit(talk, why, common) {
  const opening = await talk.ask("limit", { on: why.on, name: why.name });
  const panel = limitPanel({ ...common, service: "", opening, target: why });
  panel.el.querySelectorAll(".wb-lines > [role=listitem]")[why.line]?.classList.add("wb-line-refused");
  return panel;
}

async function theUser(talk, why, common) {
  const edit = { collection: "security", name: why.name };
  const said = await talk.ask("form", { edit });
  return definitionPanel({ ...common, ...said, title: "Edit", subject: why.name, what: { edit }, locked: ["name"] });
}

// The buttons below a call, and what came of them.
export class CallActions {
  constructor(talk, cid, said = null) {
    Object.assign(this, { talk, cid, said, isMaking: false });
    this.result = h("div", { class: "wb-again", "aria-live": "polite" });
    // What is typed here is for this call alone: Enter does not run the form around it.
    this.more = h("div", { class: "wb-again-more", hidden: true, on: { keydown: (event) => event.stopPropagation() } });
    this.toggle = button("\u25be", () => this.open(), { class: "wb-tight", "aria-label": "Again, otherwise", "aria-expanded": "false" });
    const off = Boolean(said && !said.can);
    const why = off ? "It still runs, or what it came with is not kept." : null;
    this.buttons = h("span", { class: "wb-buttons" }, button("Again", () => this.again({}), { disabled: off, title: why }), this.toggle, button("Compare", () => this.choose()),
      button("Make a test", () => this.makeTest(), { disabled: off, title: why ?? "A cell that makes this call and expects its answer, with nobody outside called" }));
    this.el = h("div", { class: "wb-call-actions" }, this.buttons, this.more, this.result);
    this.toggle.disabled = off;
  }

  async facts() {
    this.said ??= await this.talk.ask("panel call", { cid: this.cid });
    return this.said;
  }

  async open() {
    const wanted = this.more.hidden || this.shown !== "again";
    this.more.hidden = !wanted;
    this.shown = "again";
    this.toggle.setAttribute("aria-expanded", String(wanted));
    if (!wanted) return;
    try {
      this.form(await this.facts());
    } catch (error) {
      this.fail(error.message);
    }
  }

  form({ versions, body }) {
    const input = h("textarea", { class: "wb-input wb-mono", rows: "3", "aria-label": "Input", spellcheck: "false" });
    input.value = body;
    const version = h("select", { class: "wb-input", "aria-label": "Version" },
      h("option", { value: "" }, "the live version"), versions.map(({ number, live }) => h("option", { value: String(number) }, `v${number}${live ? ", live" : ""}`)));
    const asked = () => ({ ...(version.value ? { version: Number(version.value) } : {}), ...(input.value !== body ? { data: input.value } : {}) });
    fill(this.more, input, h("div", { class: "wb-call-head" }, "on ", version, h("span", { class: "wb-grow" }),
      button("Run", () => this.again(asked()), { class: "wb-primary" }), button("Ten times", () => this.again({ ...asked(), times: TIMES }))));
  }

  choose() {
    const wanted = this.more.hidden || this.shown !== "compare";
    this.more.hidden = !wanted;
    this.shown = "compare";
    const other = h("input", { type: "text", class: "wb-input wb-mono wb-grow", "aria-label": "CID of the other call", placeholder: "CID of the other call", spellcheck: "false",
      on: { keydown: (event) => event.key === "Enter" && compare() } });
    const compare = async () => {
      try {
        fill(this.result, pairs(await this.talk.ask("call compare", { cid: this.cid, other: other.value })));
      } catch (error) {
        this.fail(error.message);
      }
    };
    fill(this.more, h("div", { class: "wb-call-head" }, other, button("Compare", compare, { class: "wb-primary" })));
    if (wanted) other.focus();
  }

  async again(how) {
    fill(this.result, spinner(), " running ...");
    try {
      const said = await this.talk.ask("call again", { cid: this.cid, ...how });
      if (said.failed) this.fail(said.failed);
      else if (said.asks) this.confirm(said.asks, how);
      else this.show(said);
    } catch (error) {
      this.fail(error.message);
    }
  }

  // Replayed three times first; a test that would not be green is not written.
  async makeTest() {
    if (this.isMaking) return;
    this.isMaking = true;
    fill(this.result, spinner(), " replaying ...");
    try {
      const said = await this.talk.ask("call test", { cid: this.cid });
      if (said.failed) return this.fail(said.failed);
      const { written, problem } = await writeCell(this.el, this.talk, said);
      const code = written ? null : h("div", { class: "wb-opened" }, h("pre", { class: "wb-answer" }, said.code), copyButton(said.code));
      fill(this.result, h("div", { class: "wb-hint", role: "status" }, said.said, " ", written ?? problem ?? "Copy it into a cell."), code);
    } catch (error) {
      this.fail(error.message);
    } finally {
      this.isMaking = false;
    }
  }

  // On real accounts it is named first whom it will call.
  confirm(hosts, how) {
    fill(this.result, h("div", { class: "wb-ask", role: "alertdialog", "aria-label": "Calls real accounts" },
      h("div", {}, "This calls for real: ", h("b", {}, hosts.join(", "))),
      h("div", { class: "wb-buttons" }, button("Call them", () => this.again({ ...how, outside: true }), { class: "wb-primary" }), button("Cancel", () => fill(this.result)))));
  }

  fail(text) {
    fill(this.result, h("div", { class: "wb-error", role: "alert" }, text));
  }

  show(said) {
    const runs = said.runs.map((run) => h("div", { class: "wb-call-head" }, chip(run.outcome, run.mood), " ", h("span", { class: "wb-faint" }, milliseconds(run.ms)), h("span", { class: "wb-grow" }), run.cid ? cid(run.cid) : null));
    const errors = said.runs.map((run) => run.error).filter((text, place, all) => text && all.indexOf(text) === place);
    const not = said.not_run.length ? h("div", { class: "wb-not-run" }, `Not run, answered from the record: ${said.not_run.join(", ")}.`) : null;
    fill(this.result, runs, errors.map((text) => h("div", { class: "wb-error", role: "alert" }, text)), not, said.trace ? traceTree(said.trace) : null, said.pairs ? pairs(said) : null);
  }
}

// Steps side by side, the first difference named.
export function pairs({ first, pairs: rows, cids, times }) {
  const side = (each) => h("td", {}, each ? h("span", { style: `padding-left: ${each.depth * 12}px` }, each.text, " ", h("span", { class: "wb-faint" }, each.outcome)) : null);
  const ms = (each) => h("td", { class: "wb-ms wb-faint" }, each ? milliseconds(each.ms) : "");
  const body = rows.map(({ left, right, difference }) => h("tr", { class: difference ? "wb-differs" : "", title: difference || null }, side(left), ms(left), side(right), ms(right)));
  const head = cids.map((text, place) => [h("th", { scope: "col" }, h("code", { title: text }, text.slice(-8))), h("th", { scope: "col" }, milliseconds(times[place]))]);
  return h("details", { class: "wb-compared", open: true }, h("summary", {}, first || "No difference."),
    h("div", { class: "wb-scroll" }, h("table", { class: "wb-table wb-pairs" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body))));
}
