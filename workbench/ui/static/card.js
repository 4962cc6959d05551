// The card under a cell: one row a service; each button opens its form below the row.
import { button, codeBlock, dot, fill, h } from "./dom.js";
import { definitionPanel } from "./generic.js";
import { invokePanel } from "./invoke.js";
import { limitPanel } from "./limit.js";
import { schedulePanel } from "./schedule.js";
import { agoText, jobCard, limitCard, nextText } from "./small.js";
import { Stale, Talk } from "./talk.js";

const BANNERS = {
  ok: "",
  waiting: "Waiting for the running cell; this goes on as soon as it has ended.",
  silent: "No answer yet: the kernel runs a cell, or it has restarted; then run the cell again.",
  stale: "The kernel restarted, or this card is an old one; run the cell again.",
};

class CardView {
  constructor(model, el) {
    this.model = model;
    this.rows = new Map();
    this.banner = h("div", { class: "wb-banner", role: "status" });
    this.list = h("div", { class: "wb-rows" });
    this.notes = h("div", { class: "wb-notes" });
    this.el = h("div", { class: "wb-card" }, this.list, this.notes, this.banner);
    el.append(this.el);
    this.talk = new Talk(model, (state) => this.follow(state));
    this.redraw = () => this.draw();
    model.on("change:facts", this.redraw);
    this.draw();
    this.ticker = setInterval(() => this.tick(), 1000);
    this.talk.ask("hello").catch(() => {});
    // By now JupyterLab has a second way into the kernel; using it once lets ipykernel 7.4 hear clicks by it from then on.
    this.again = setTimeout(() => this.talk.isBusy || this.talk.ask("here").catch(() => {}), 1500);
  }

  follow(state) {
    this.banner.textContent = BANNERS[state];
    this.el.dataset.state = state;
    if (state === "stale") for (const each of this.el.querySelectorAll("button, input, select, textarea")) each.disabled = true;
  }

  get now() {
    return Date.now() / 1000 + this.skew;
  }

  draw() {
    const facts = this.model.get("facts");
    this.skew = facts.now - Date.now() / 1000;
    for (const row of facts.rows) {
      if (!this.rows.has(row.service)) {
        const made = new ServiceRow(this, row.service);
        this.rows.set(row.service, made);
        this.list.append(made.el);
      }
      this.rows.get(row.service).draw(row);
    }
    this.notes.replaceChildren(...facts.notes.map((note) => h("div", {}, note)));
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
    clearTimeout(this.again);
    this.model.off("change:facts", this.redraw);
    this.talk.close();
  }
}

class ServiceRow {
  constructor(card, service) {
    Object.assign(this, { card, service, talk: card.talk, bursts: new Map() });
    this.head = h("div", { class: "wb-row-head" });
    this.things = h("div", { class: "wb-things" });
    this.drawer = h("div", { class: "wb-drawer" });
    this.news = h("div", { class: "wb-news", "aria-live": "polite" });
    this.el = h("div", { class: "wb-row", "data-service": service }, this.head, this.drawer, this.news, this.things);
    this.makeButtons();
  }

  makeButtons() {
    const open = (name, verb, make, content = {}) => button(name, (event) => this.open(event.currentTarget, verb, make, content), { "aria-expanded": "false" });
    const { service } = this;
    this.buttons = [
      open("Invoke", null, (common) => invokePanel(common)),
      open("Publish at a path", "form", (common, said) => definitionPanel({
        ...common, ...said, title: "Publish", subject: service, what: { kind: "RESTChannel" } }),
      { kind: "RESTChannel", preset: { service } }),
      open("Schedule", "schedule", (common, opening) => schedulePanel({ ...common, opening })),
      open("Limit", "limit", (common, opening) => limitPanel({ ...common, opening })),
    ];
  }

  draw(row) {
    if (JSON.stringify({ ...row }) === this.drawn) return;
    this.drawn = JSON.stringify(row);
    if (row.gone) {
      this.head.replaceChildren(dot("calm"), h("b", { class: "wb-name" }, row.service), h("span", { class: "wb-faint" }, "is no longer deployed"));
      this.things.replaceChildren();
      return;
    }
    const focused = this.head.contains(document.activeElement) ? document.activeElement.textContent : null;
    const mood = row.missing.length ? "warn" : "live";
    const back = row.back ? button("Roll back", () => this.rollBack(), { class: "wb-link", title: `Bring v${row.back} back` }) : null;
    fill(this.head,
      dot(mood, mood === "live" ? "live" : "live, but it names connections that nobody defined"),
      h("b", { class: "wb-name", title: row.about }, row.service),
      h("span", { class: "wb-version" }, `v${row.version}`), back,
      h("span", { class: "wb-addresses" }, row.addresses.map(address)),
      h("span", { class: "wb-grow" }),
      h("span", { class: "wb-buttons" }, this.buttons),
      row.missing.length ? this.missing(row.missing) : null);
    if (focused) [...this.head.querySelectorAll("button")].find((each) => each.textContent === focused)?.focus();
    this.drawThings(row);
  }

  missing(missing) {
    return h("div", { class: "wb-missing" }, "Nobody defined ", missing.map(({ kind, label, name }) => h("span", { class: "wb-missing-one" },
      `${label} '${name}' `, button("Define", (event) => this.open(event.currentTarget, "form",
        (common, said) => definitionPanel({ ...common, ...said, title: `Define ${said.form.title}`, subject: name, what: { connection: kind } }),
        { connection: kind, preset: { name } }), { "aria-label": `Define ${label} ${name}` }))));
  }

  drawThings(row) {
    const common = { talk: this.talk, service: this.service, now: this.card.now, report: (said) => this.report(said), bursts: this.bursts };
    const inside = this.things.contains(document.activeElement) ? document.activeElement : null;
    const held = inside && [inside.closest(".wb-small")?.dataset, inside.textContent];
    const edit = (limit) => (event) => this.open(event.currentTarget, "limit", (common, opening) => limitPanel({ ...common, opening, target: limit }));
    this.things.replaceChildren(
      ...row.jobs.map((job) => jobCard(job, common)),
      ...row.limits.map((limit) => limitCard(limit, { ...common, edit: edit(limit) })));
    if (held?.[0]) {
      const same = [...this.things.children].find((each) => each.dataset.job === held[0].job && each.dataset.limit === held[0].limit);
      [...(same?.querySelectorAll("button") ?? [])].find((each) => each.textContent === held[1])?.focus();
    }
    if (this.talk.state === "stale") this.card.follow("stale");
  }

  async open(opener, verb, make, content = {}) {
    const again = this.opener === opener && this.panel;
    this.panel?.close();
    if (again) return;
    this.opener = opener;
    opener.setAttribute("aria-expanded", "true");
    opener.classList.add("wb-open");
    const loading = h("div", { class: "wb-loading" }, "opening ...");
    this.drawer.replaceChildren(loading);
    this.news.replaceChildren();
    try {
      const said = verb ? await this.talk.ask(verb, { service: this.service, ...content }) : {};
      if (this.opener !== opener || !loading.isConnected) return;
      const onClose = () => this.closed(opener);
      this.panel = make({ talk: this.talk, service: this.service, onClose, onSaved: (saved) => this.saved(saved) }, said);
      this.drawer.replaceChildren(this.panel.el);
      this.panel.focus();
    } catch (error) {
      loading.remove();
      this.closed(opener);
      if (!(error instanceof Stale)) this.report({ failed: error.message });
    }
  }

  closed(opener) {
    opener.setAttribute("aria-expanded", "false");
    opener.classList.remove("wb-open");
    if (this.opener === opener) {
      this.opener = this.panel = null;
      opener.focus({ preventScroll: true });
    }
  }

  saved(said) {
    this.panel?.close();
    this.report(said);
  }

  // One line of what happened, the code to keep, and the way back.
  report(said) {
    if (said.failed) {
      this.news.replaceChildren(h("div", { class: "wb-error", role: "alert" }, said.failed));
      return;
    }
    if (!said.said) return;
    const undo = said.undo ? button("Undo", () => this.undo(said.undo)) : null;
    const ping = said.collection === "connections" ? button("Ping", () => this.ping(said.name)) : null;
    fill(this.news,
      h("div", { class: "wb-news-line" }, dot("live"), h("span", {}, said.said), ping, undo,
        button("\u00d7", () => this.news.replaceChildren(), { class: "wb-x", "aria-label": "Dismiss" })),
      ...(said.code ? [codeBlock(said.code), h("div", { class: "wb-hint" }, "On in this kernel. Paste it into a cell to keep it.")] : []));
  }

  async ask(verb, content) {
    try {
      this.report(await this.talk.ask(verb, content));
    } catch (error) {
      if (!(error instanceof Stale)) this.report({ failed: error.message });
    }
  }

  undo(number) {
    return this.ask("undo", { undo: number });
  }

  ping(name) {
    return this.ask("ping", { name });
  }

  rollBack() {
    return this.ask("roll back", { service: this.service });
  }
}

function address({ path, url, link, methods, security, open }) {
  const title = [methods || "every method", security ? `only ${security}` : "anyone on this machine", open ? "" : "not open"].filter(Boolean).join(", ");
  return link ? h("a", { class: "wb-address", href: url, target: "_blank", rel: "noopener", title }, path) : h("code", { class: "wb-address", title }, path);
}

function render({ model, el }) {
  const view = new CardView(model, el);
  return () => view.close();
}

export default { render };
