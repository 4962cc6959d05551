// The card under a cell: rows of services, jobs, definitions or a peer; each button opens its form in its row.
import { ClickedRow, QuestionRow } from "./clicked.js";
import { CallsRow } from "./called.js";
import { chip, dayAndTime, fill, h, hereabouts, near } from "./dom.js";
import { DefinitionsRow, JobsRow, LimitsRow, PeerRow } from "./listed.js";
import { ServiceRow } from "./service.js";
import { Tabs } from "./tabs/tabs.js";
import { agoText, nextText } from "./small.js";

const BANNERS = {
  ok: "",
  waiting: "Waiting for the running cell; this goes on as soon as it has ended.",
  silent: "No answer yet. If the kernel has restarted, run the cell again.",
  stale: "",
};

export class CardView {
  // `talk` carries what it asks and what it is told; see talk.js.
  constructor(talk, el) {
    this.talk = talk;
    this.skew = 0;
    this.rows = new Map();
    this.title = h("div", { class: "wb-card-title" });
    this.banner = h("div", { class: "wb-banner", role: "status" });
    this.list = h("div", { class: "wb-rows" });
    this.notes = h("div", { class: "wb-notes" });
    this.process = h("div", { class: "wb-notes wb-process" });
    this.asOf = h("div", { class: "wb-as-of", role: "status" });
    this.el = h("div", { class: "wb-card" }, this.asOf, this.title, this.process, this.list, this.notes, this.banner);
    el.append(this.el);
    this.cellsChanged = () => this.rows.forEach((row) => row.markGone?.());
    document.addEventListener("workbench-cells-changed", this.cellsChanged);
    this.ticker = setInterval(() => this.tick(), 1000);
    this.unsubscribe = talk.subscribe((facts) => this.draw(facts), (state) => this.follow(state));
  }

  follow(state) {
    this.banner.textContent = this.words(state);
    this.el.dataset.state = state;
    if (state === "stale") this.freeze();
  }

  // Nothing answers any more: what is left is what was, with nothing to click but Copy and what folds.
  freeze() {
    this.asOf.textContent = `As of ${dayAndTime(this.now)}. Run the cell to make it live.`;
    for (const each of this.el.querySelectorAll("button, input, select, textarea")) each.disabled = !each.matches(".wb-copy, .wb-x");
    clearInterval(this.ticker);
  }

  words(state) {
    return this.talk.words[state] ?? BANNERS[state];
  }

  get now() {
    return Date.now() / 1000 + this.skew;
  }

  draw(facts) {
    this.skew = facts.now - Date.now() / 1000;
    const { tabs = null, title = "", url = "", services = [], jobs = [], limits = [], definitions = [], calls = [], clicked = [], question = "", peer = null } = facts;
    fill(this.title, title && h("b", {}, tabs ? (facts.of ? `Workbench of ${facts.of}` : "Workbench") : title), url && "at", url && h("a", { class: "wb-address", href: hereabouts(url), target: "_blank", rel: "noopener" }, near(url)), tabs && facts.sandbox && chip("sandbox", "warn"));
    if (question || this.rows.has("question")) this.row("question", () => new QuestionRow(this), question);
    if (tabs) this.row("tabs", () => new Tabs(this), facts);
    else for (const each of services) this.row(`service ${each.service}`, () => new ServiceRow(this, each.service), each);
    if (jobs.length || this.rows.has("jobs")) this.row("jobs", () => new JobsRow(this), jobs);
    if (limits.length || this.rows.has("limits")) this.row("limits", () => new LimitsRow(this), limits);
    if (definitions.length || this.rows.has("definitions")) this.row("definitions", () => new DefinitionsRow(this), definitions);
    if (calls.length || this.rows.has("calls")) this.row("calls", () => new CallsRow(this), calls);
    if (clicked.length || this.rows.has("clicked")) this.row("clicked", () => new ClickedRow(this), clicked);
    if (peer) this.row("peer", () => new PeerRow(this), peer);
    this.drop(services);
    this.el.classList.toggle("wb-with-tabs", Boolean(tabs));
    this.banner.textContent = facts.trouble || this.words(this.talk.state);
    this.el.dataset.state = facts.trouble ? "silent" : this.talk.state;
    this.process.replaceChildren(...(facts.process ?? []).map((said) => h("div", {}, said)));
    this.notes.replaceChildren(...(tabs && !facts.closed ? [] : facts.notes ?? []).map((note) => h("div", {}, note)));
  }

  row(key, make, shown) {
    if (!this.rows.has(key)) {
      this.rows.set(key, make());
      this.list.append(this.rows.get(key).el);
    }
    this.rows.get(key).draw(shown);
  }

  // The panel follows what there is.
  drop(services) {
    const there = new Set(services.map((each) => `service ${each.service}`));
    for (const [key, row] of this.rows) {
      if (key.startsWith("service ") && !there.has(key)) {
        row.el.remove();
        this.rows.delete(key);
      }
    }
  }

  tick() {
    if (!this.el.isConnected || document.hidden) return;
    for (const each of this.el.querySelectorAll(".wb-next")) {
      const { next, zone, state } = each.dataset;
      each.textContent = nextText(next, zone, state, this.now);
    }
    for (const each of this.el.querySelectorAll(".wb-ago")) each.textContent = agoText(each.dataset.at, this.now);
  }

  close() {
    clearInterval(this.ticker);
    this.rows.get("tabs")?.close();
    this.unsubscribe();
    document.removeEventListener("workbench-cells-changed", this.cellsChanged);
  }
}
