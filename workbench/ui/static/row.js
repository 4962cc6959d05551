// A part of a card: what it shows, a drawer for one open form, one line of what happened.
import { cellsGone, writeCell } from "./cells.js";
import { button, codeBlock, copyButton, dot, fill, h } from "./dom.js";
import { removePanel } from "./forms/remove.js";
import { Stale } from "./talk.js";

export class Row {
  constructor(card, attributes = {}) {
    Object.assign(this, { card, talk: card.talk, service: "" });
    this.head = h("div", { class: "wb-row-head" });
    this.things = h("div", { class: "wb-things" });
    this.drawer = h("div", { class: "wb-drawer" });
    this.news = h("div", { class: "wb-news", "aria-live": "polite" });
    this.el = h("div", { class: "wb-row", ...attributes }, this.head, this.drawer, this.news, this.things);
  }

  // What a cell said that is no longer there stays on until a person says otherwise.
  async markGone() {
    const shown = [...this.el.querySelectorAll("[data-cell]")];
    const gone = shown.length ? await cellsGone(this.el, shown.map((each) => each.dataset.cell)) : [];
    for (const each of shown) {
      const note = each.querySelector(".wb-cell-gone");
      const { collection, fullName, cell } = each.dataset;
      const again = () => this.ask("cell again", { collection, full_name: fullName });
      if (!gone.includes(cell)) note?.remove();
      else if (!note) each.append(h("div", { class: "wb-cell-gone wb-faint" }, "Its cell is gone. ", button("Write it again", again)));
    }
  }

  // For a row that is a list: its forms open below it.
  listFirst() {
    this.head.remove();
    this.drawer.before(this.things);
  }

  // Whether what is to be drawn differs from what is.
  isNew(shown) {
    const text = JSON.stringify(shown);
    const differs = text !== this.drawn;
    this.drawn = text;
    return differs;
  }

  // Put small cards in place of those there are; the button that had the focus keeps it.
  fillThings(...things) {
    const inside = this.things.contains(document.activeElement) ? document.activeElement : null;
    const held = inside && [inside.closest(".wb-small")?.dataset.key, inside.textContent];
    fill(this.things, ...things);
    if (held?.[0]) {
      const same = [...this.things.children].find((each) => each.dataset.key === held[0]);
      [...(same?.querySelectorAll("button") ?? [])].find((each) => each.textContent === held[1])?.focus();
    }
    if (this.talk.state === "stale") this.card.follow("stale");
    else this.markGone();
  }

  async open(opener, verb, make, content = {}) {
    const key = opener.getAttribute("aria-label") ?? opener.textContent;
    const again = this.opened === key && this.panel;
    this.panel?.close();
    if (again) return;
    Object.assign(this, { opener, opened: key });
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

  // Nothing goes by one click: a person is told what depends on it, or that nothing does.
  remove(opener, what, text, verb = "remove", content = what) {
    return this.open(opener, "depends", (common, said) => removePanel({ ...common, ...said, text, remove: () => this.talk.ask(verb, content) }), what);
  }

  closed(opener) {
    opener.setAttribute("aria-expanded", "false");
    opener.classList.remove("wb-open");
    if (this.opener === opener) {
      this.opener = this.panel = this.opened = null;
      opener.focus({ preventScroll: true });
    }
  }

  saved(said) {
    this.panel?.close();
    this.report(said);
    // The form was long, and what it has become is above the window.
    requestAnimationFrame(() => this.el.scrollIntoView({ block: "nearest" }));
  }

  // One line of what happened, the code to keep, and the way back.
  async report(said) {
    if (said.failed) {
      this.news.replaceChildren(h("div", { class: "wb-error", role: "alert" }, said.failed));
      return;
    }
    if (!said.said) return;
    const kept = said.write ? await writeCell(this.el, this.talk, said).catch((error) => ({ problem: error.message })) : {};
    const undo = said.undo ? button("Undo", (event) => this.undo(event.currentTarget, said.undo, kept.takeBack)) : null;
    const ping = said.collection === "connections" ? button("Ping", () => this.ask("ping", { name: said.name })) : null;
    this.told = { job: said.collection === "jobs" ? said.name : null, line: h("span", {}, said.said) };
    fill(this.news,
      h("div", { class: "wb-news-line" }, dot(said.mood ?? "live"), this.told.line, kept.written ? h("span", { class: "wb-faint" }, kept.written) : null, ping, undo,
        button("\u00d7", () => this.news.replaceChildren(), { class: "wb-x", "aria-label": "Dismiss" })),
      kept.problem ? h("div", { class: "wb-error", role: "alert" }, kept.problem) : null,
      kept.theirs !== undefined ? await this.difference(said, kept.theirs) : null,
      ...(said.code && !kept.written ? [codeBlock(said.code), h("div", { class: "wb-hint" }, said.hint)] : []));
  }

  // A cell that a person has edited since is theirs: beside it, what it would become, to copy.
  async difference({ undo }, theirs) {
    const { becomes, problem } = await this.talk.ask("cell offer", { undo, text: theirs });
    const side = (title, text) => h("div", {}, h("div", { class: "wb-side-title" }, title), h("pre", {}, text));
    return h("div", { class: "wb-sides" }, side("The cell as it is", theirs),
      becomes ? h("div", {}, side("What it would become", becomes), copyButton(becomes)) : h("div", { class: "wb-error" }, problem));
  }

  // Both go back, or neither: what is in force, and the cell that says it.
  async undo(opener, undo, takeBack) {
    opener.disabled = true;
    if (!(await this.ask("undo", { undo }))) return;
    const { problem } = (await takeBack?.()) ?? {};
    if (problem) this.news.append(h("div", { class: "wb-error", role: "alert" }, problem));
  }

  // What was said of a job stays true when it is paused, ends or goes.
  retell(jobs) {
    if (!this.told?.job) return;
    const state = jobs.find((each) => each.name === this.told.job)?.state ?? "removed";
    if (state !== "on" || this.told.changed) this.told.line.textContent = `Job '${this.told.job}' is ${state}.`;
    this.told.changed ||= state !== "on";
  }

  // Ask, and say what came of it; gives whether it was done.
  async ask(verb, content) {
    try {
      const said = await this.talk.ask(verb, content);
      this.report(said);
      return !said.failed;
    } catch (error) {
      if (!(error instanceof Stale)) this.report({ failed: error.message });
      return false;
    }
  }
}
