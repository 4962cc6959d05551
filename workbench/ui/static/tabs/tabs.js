// The panel: tabs of which one is drawn, a search in each, and + New.
import { CachesTable } from "./caches.js";
import { NewRow, New } from "./create.js";
import { button, codeBlock, fill, h, newId } from "../dom.js";
import { DefinitionsRow, JobsRow, LimitsRow, PeerRow } from "../listed.js";
import { ServiceRow } from "../service.js";
import { Pages } from "./pages.js";
import { CallsTable, LinesTable, SettingsTable } from "./tables.js";
import { latest } from "../talk.js";

const SOONEST_MS = 200;
const RESTLESS_MS = 1000;
const STATUSES = [["", "any status"], ["ok", "well"], ["attention", "wants attention"], ["failed", "failed"], ["running", "running"]];

// One row of a card for each thing there is, in their order; what is gone is taken away.
class Rows {
  constructor(key, make) {
    Object.assign(this, { key, make, rows: new Map(), el: h("div", { class: "wb-rows" }) });
  }

  draw({ rows }) {
    const there = new Set(rows.map((each) => each[this.key]));
    for (const [name, row] of this.rows) {
      if (there.has(name)) continue;
      row.el.remove();
      this.rows.delete(name);
    }
    for (const [place, each] of rows.entries()) {
      const name = each[this.key];
      if (!this.rows.has(name)) this.rows.set(name, this.make(name));
      const row = this.rows.get(name);
      const standing = this.el.children[place];
      if (standing !== row.el) this.el.insertBefore(row.el, standing ?? null);
      row.draw(each);
    }
  }
}

// One row that lists them all.
class Listed {
  constructor(row) {
    this.row = row;
    this.el = h("div", { class: "wb-rows" }, row.el);
  }

  draw({ rows }) {
    this.el.hidden = !rows.length && !this.row.panel && !this.row.news.childElementCount;
    this.row.draw(rows);
  }
}

const VIEWS = {
  services: (tabs) => new Rows("service", (name) => new ServiceRow(tabs.card, name)),
  channels: (tabs) => new Listed(new DefinitionsRow(tabs.card)),
  connections: (tabs) => new Listed(new DefinitionsRow(tabs.card)),
  users: (tabs) => new Listed(new DefinitionsRow(tabs.card)),
  jobs: (tabs) => new Listed(new JobsRow(tabs.card)),
  limits: (tabs) => new Listed(new LimitsRow(tabs.card)),
  caches: (tabs) => new CachesTable(tabs),
  peers: (tabs) => new Rows("name", () => new PeerRow(tabs.card)),
  traffic: (tabs) => new CallsTable(tabs),
  log: (tabs) => new LinesTable(tabs),
  settings: (tabs) => new SettingsTable(tabs),
};

export class Tabs {
  constructor(card) {
    Object.assign(this, { card, talk: card.talk, views: new Map(), asked: {} });
    this.open = this.kept();
    this.body = h("div", { class: "wb-tab-body", role: "tabpanel", id: newId() });
    this.strip = h("div", { class: "wb-tabs", role: "tablist", "aria-label": "Workbench", on: { keydown: (event) => this.onArrow(event) } });
    this.pages = new Pages(this);
    this.making = new NewRow(card, () => this.refresh(0));
    this.new = new New(this);
    this.search = h("input", { type: "search", class: "wb-input wb-search", placeholder: "Search", "aria-label": "Search in this tab", spellcheck: "false",
      on: { input: () => this.ask({ text: this.search.value }) } });
    this.mood = this.select("Status", (value) => this.ask({ mood: value }));
    fill(this.mood, STATUSES.map(([value, text]) => h("option", { value }, text)));
    this.service = this.select("Service", (value) => this.ask({ service: value }));
    this.all = h("span", { class: "wb-buttons" });
    this.tools = h("div", { class: "wb-tools" }, this.search, this.mood, this.service, h("span", { class: "wb-grow" }), this.all, this.new.button);
    this.el = h("div", { class: "wb-all" }, this.strip, this.tools, this.new.list, this.making.el, this.body);
    // Lab's own shortcuts must not act on what is typed here.
    this.el.addEventListener("keydown", (event) => event.stopPropagation());
    this.refresh = latest(() => this.fetch(), (said) => this.show(said), SOONEST_MS);
    this.service.hidden = this.mood.hidden = true;
  }

  select(label, onChange) {
    return h("select", { class: "wb-input", "aria-label": label, on: { change: (event) => onChange(event.target.value) } });
  }

  draw({ tabs, services, changes }) {
    if (!tabs.some((each) => each.name === this.open)) this.open = tabs[0].name;
    if (!this.buttons) this.makeStrip(tabs);
    for (const { name, count } of tabs) {
      const shown = count === null ? "" : count.toLocaleString("en");
      const at = this.buttons.get(name).lastChild;
      if (at.textContent !== shown) at.textContent = shown;
    }
    // Services are there before anything is asked.
    if (this.open === "services" && !this.drawn) this.show({ tab: "services", rows: services, note: "" });
    const seen = JSON.stringify([changes, tabs]);
    if (seen !== this.seen) this.soon();
    this.seen = seen;
  }

  // However often it is told, at most five times a second.
  soon() {
    this.due ??= setTimeout(() => {
      this.due = null;
      this.refresh(0);
    }, SOONEST_MS);
  }

  lookAgain() {
    this.again = setTimeout(() => (document.hidden ? this.lookAgain() : this.refresh(0)), RESTLESS_MS);
  }

  makeStrip(tabs) {
    this.buttons = new Map(tabs.map(({ name, label }) => [name, h("button", { type: "button", class: "wb-tab", role: "tab", id: newId(),
      "data-tab": name, "aria-controls": this.body.id, on: { click: () => this.choose(name) } }, label, h("span", { class: "wb-count" }))]));
    fill(this.strip, [...this.buttons.values()]);
    this.mark();
  }

  mark() {
    for (const [name, each] of this.buttons) {
      const chosen = name === this.open;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
    }
    this.body.setAttribute("aria-labelledby", this.buttons.get(this.open).id);
  }

  onArrow(event) {
    const names = [...this.buttons.keys()];
    const at = names.indexOf(this.open);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.choose(names.at(to % names.length));
    this.buttons.get(this.open).focus();
  }

  // Open a tab; `asked` is what it is searched for.
  choose(name, asked = {}) {
    this.keep(name);
    // What was said of the former tab is not of this one; what can be taken back stays.
    if (!this.making.news.querySelector("button:not(.wb-x)")) fill(this.making.news);
    Object.assign(this, { open: name, asked });
    this.search.value = asked.text ?? "";
    this.mood.value = this.service.value = "";
    this.mark();
    this.buttons.get(name).scrollIntoView({ block: "nearest", inline: "nearest" });
    this.refresh(0);
  }

  ask(more) {
    Object.assign(this.asked, { page: 0, until: null }, more);
    this.refresh();
  }

  fetch() {
    clearTimeout(this.again);
    return this.talk.ask("panel", { ...this.asked, tab: this.open });
  }

  show(said) {
    if (said.failed) {
      fill(this.body, h("div", { class: "wb-error", role: "alert" }, said.failed));
      return;
    }
    if (said.tab !== this.open) return;
    if (said.restless) this.lookAgain();
    const view = this.views.get(said.tab) ?? VIEWS[said.tab](this);
    this.views.set(said.tab, view);
    view.draw(said);
    this.showTools(said);
    const note = said.note || said.gone ? h("div", { class: "wb-notes" }, said.note || said.gone) : null;
    const pages = said.each && (said.found > said.each || view.newest || said.found < said.of) ? this.pages.el : null;
    if (pages) this.pages.draw(said, view.newest);
    const parts = [said.about ? this.empty(said) : null, view.el, !said.rows.length && !said.about ? this.nothing() : null, pages, note].filter(Boolean);
    // What is open keeps its place and the focus.
    if (this.drawn !== said.tab || !view.el.isConnected) fill(this.body, parts);
    else {
      for (const each of [...this.body.children]) if (each !== view.el) each.remove();
      const at = parts.indexOf(view.el);
      view.el.before(...parts.slice(0, at));
      view.el.after(...parts.slice(at + 1));
    }
    this.drawn = this.el.dataset.drawn = said.tab;
    if (this.talk.state === "stale") this.card.follow("stale");
  }

  showTools({ services, all = [] }) {
    const labels = JSON.stringify(all);
    if (labels !== this.offered) fill(this.all, all.map(({ label, ask }) => button(label, () => this.making.ask(ask, {}))));
    this.offered = labels;
    this.mood.hidden = this.service.hidden = !services;
    const names = JSON.stringify(services ?? []);
    if (!services || names === this.names) return;
    this.names = names;
    fill(this.service, h("option", { value: "" }, "any service"), services.map((name) => h("option", { value: name }, name)));
    this.service.value = this.asked.service ?? "";
  }

  empty({ about, first }) {
    const make = first.kind ? button(`New ${this.open.replace(/s$/, "")}`, (event) => this.new.make(first.kind, event.currentTarget), { class: "wb-primary" }) : null;
    return h("div", { class: "wb-empty" }, h("div", {}, about), make, first.code ? codeBlock(first.code) : null);
  }

  nothing() {
    return h("div", { class: "wb-empty" }, "Nothing matches.");
  }

  // Each notebook's own, as long as the page is open; a page may have no storage.
  get place() {
    return `workbench.tab ${this.talk.place}`;
  }

  kept() {
    try {
      return sessionStorage.getItem(this.place) ?? "services";
    } catch {
      return "services";
    }
  }

  keep(name) {
    try {
      sessionStorage.setItem(this.place, name);
    } catch {
      // It opens at Services next time.
    }
  }

  close() {
    clearTimeout(this.again);
    clearTimeout(this.due);
  }
}
