// What happened, as tables: calls that open to their trace, lines of the log; and the settings.
import { button, chip, codeBlock, copyButton, fill, h, milliseconds, prose } from "../dom.js";
import { wholeCall } from "../call.js";

const clockOf = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayOf = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

function time(at) {
  return h("td", { class: "wb-time", title: dayOf.format(new Date(at * 1000)) }, clockOf.format(new Date(at * 1000)));
}

// The end of a CID tells calls apart as well as all of it.
function shortCid(text) {
  return h("td", { class: "wb-cid wb-wide" }, h("code", { title: text }, text.slice(-8)), copyButton(text, "Copy", "wb-quiet wb-tight"));
}

function head(...names) {
  return h("thead", {}, h("tr", {}, names.map(([name, look = ""]) => h("th", { scope: "col", class: look }, name))));
}

export class Table {
  constructor(tabs, ...names) {
    Object.assign(this, { tabs, talk: tabs.talk });
    this.rows = h("tbody");
    this.table = h("table", { class: "wb-table" }, head(...names), this.rows);
    this.el = h("div", {}, h("div", { class: "wb-scroll" }, this.table));
  }

  draw(said) {
    this.table.hidden = !said.rows.length;
    const text = JSON.stringify(said.rows);
    if (text !== this.drawn) this.fillRows(said.rows);
    this.drawn = text;
  }

  // What is the same stays as it is, with the focus and the place to which a person has scrolled.
  fillRows(rows) {
    const before = this.made ?? new Map();
    const held = this.rows.contains(document.activeElement) ? document.activeElement : null;
    const top = this.table.parentElement.scrollTop;
    this.made = new Map();
    for (const each of rows) {
      let key = JSON.stringify(each);
      // Two lines may be the same to the letter.
      while (this.made.has(key)) key += " ";
      this.made.set(key, before.get(key) ?? this.rowOf(each));
    }
    fill(this.rows, [...this.made.values()].map((row, place) => [row, this.below?.(rows[place])]).flat());
    this.table.parentElement.scrollTop = top;
    if (held?.isConnected) held.focus({ preventScroll: true });
  }
}

export class CallsTable extends Table {
  constructor(tabs) {
    super(tabs, ["Time"], ["Status"], ["Call"], ["Duration", "wb-right-text"], ["User", "wb-wide"], ["CID", "wb-wide"]);
    this.open = new Map();
  }

  draw(said) {
    this.newest = said.rows[0]?.cid;
    super.draw(said);
  }

  below(call) {
    return this.open.get(call.cid);
  }

  rowOf(call) {
    const toggle = h("button", { type: "button", class: "wb-call-name", "aria-expanded": String(this.open.has(call.cid)), on: { click: () => this.toggle(call, toggle) } }, call.name);
    const [status, error] = call.outcome.split(/: (.*)/);
    // The whole row opens it; what is in the row and does something else does only that.
    const anywhere = ({ target }) => target.closest("button, a") || String(getSelection()) || toggle.click();
    return h("tr", { "data-cid": call.cid, class: "wb-opens", on: { click: anywhere } }, time(call.at), h("td", { title: call.outcome }, chip(status, call.mood)),
      h("td", { class: "wb-call-cell" }, toggle, call.service && call.service !== call.name ? h("span", { class: "wb-faint" }, ` ${call.service}`) : null, error ? h("span", { class: `wb-${call.mood}-text` }, ` ${error}`) : null),
      h("td", { class: "wb-right-text wb-ms" }, milliseconds(call.ms)), h("td", { class: "wb-wide" }, call.user ?? ""), shortCid(call.cid));
  }

  async toggle(call, opener) {
    if (this.open.has(call.cid)) {
      this.open.get(call.cid).remove();
      this.open.delete(call.cid);
      opener.setAttribute("aria-expanded", "false");
      return;
    }
    const cell = h("td", { colspan: "6" }, h("span", { class: "wb-faint" }, "opening ..."));
    const detail = h("tr", { class: "wb-detail" }, cell);
    this.open.set(call.cid, detail);
    opener.setAttribute("aria-expanded", "true");
    opener.closest("tr").after(detail);
    try {
      const said = await this.talk.ask("panel call", { cid: call.cid });
      const lines = button("Lines of the log", () => this.tabs.choose("log", { text: call.cid }), { class: "wb-link" });
      fill(cell, wholeCall(this.talk, said, lines));
    } catch (error) {
      fill(cell, h("span", { class: "wb-error" }, error.message));
    }
  }
}

export class LinesTable extends Table {
  constructor(tabs) {
    super(tabs, ["Time"], ["Level"], ["Service", "wb-wide"], ["Text"], ["CID", "wb-wide"]);
    this.open = new Set();
  }

  draw(said) {
    this.newest = said.rows[0]?.at;
    super.draw(said);
  }

  rowOf(line) {
    const key = `${line.at} ${line.cid} ${line.text}`;
    const text = line.rest
      ? h("details", { open: this.open.has(key), on: { toggle: (event) => this.open[event.target.open ? "add" : "delete"](key) } }, h("summary", {}, line.text), h("pre", {}, line.rest))
      : h("span", {}, line.text);
    const find = button("\u2192", () => this.tabs.choose("traffic", { text: line.cid }), { class: "wb-quiet wb-tight", "aria-label": "Show its call", title: "Show its call" });
    const cell = shortCid(line.cid);
    cell.append(find);
    return h("tr", {}, time(line.at), h("td", { class: `wb-${line.mood}-text` }, line.level), h("td", { class: "wb-wide" }, line.service), h("td", { class: "wb-line-text" }, text), line.cid ? cell : h("td", { class: "wb-wide" }));
  }
}

export class SettingsTable extends Table {
  constructor(tabs) {
    super(tabs, ["Setting"], ["Value"], ["From"], ["What it is", "wb-wide"]);
    this.said = h("div", { class: "wb-error", "aria-live": "polite" });
    this.anew = h("div", { class: "wb-anew" });
    this.el.prepend(this.said, this.anew);
  }

  draw(said) {
    super.draw(said);
    this.anew.hidden = !said.restart;
    if (said.restart && !this.anew.childElementCount) this.offer(said.restart);
  }

  // What a restart does stands where its button is; what is back takes its place.
  offer(words) {
    const told = h("div", { class: "wb-hint", "aria-live": "polite" }, words);
    const does = button("Restart the workbench", async () => {
      does.disabled = true;
      this.said.textContent = "";
      told.textContent = "Starting anew; while a cell runs, it waits for the end of that ...";
      try {
        told.textContent = (await this.talk.ask("restart")).said;
        this.tabs.refresh(0);
      } catch (error) {
        told.textContent = words;
        this.said.textContent = error.message;
      }
      does.disabled = false;
    });
    fill(this.anew, told, does);
  }

  rowOf({ name, value, from, what, editable, change }) {
    const how = change ? h("details", { class: "wb-more" }, h("summary", { "aria-label": `Change ${name}` }, "Change"), h("div", { class: "wb-hint" }, prose(change.words)), change.code ? codeBlock(change.code) : null) : null;
    return h("tr", { "data-setting": name }, h("th", { scope: "row", title: what.replaceAll("`", "") }, name), h("td", { class: "wb-setting" }, editable ? this.field(name, value) : h("code", {}, value), how), h("td", { class: "wb-faint" }, from), h("td", { class: "wb-faint wb-wide" }, prose(what)));
  }

  field(name, value) {
    const input = h("input", { type: "text", class: "wb-input", value, "aria-label": name, spellcheck: "false", on: { change: () => this.save(name, input.value) } });
    return input;
  }

  async save(name, value) {
    try {
      await this.talk.ask("setting save", { name, value });
      this.said.textContent = "";
    } catch (error) {
      this.said.textContent = error.message;
      return;
    }
    this.tabs.refresh(0);
  }
}
