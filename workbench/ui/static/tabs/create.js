// + New: everything that can be made by click, each by its form; a service is code to copy.
import { asCells, canWriteCells, wordsOf } from "../cells.js";
import { button, codeBlock, fill, h, newId } from "../dom.js";
import { definitionPanel } from "../forms/generic.js";
import { limitPanel } from "../forms/limit.js";
import { Panel } from "../forms/panel.js";
import { Row } from "../row.js";
import { schedulePanel } from "../forms/schedule.js";

const BY_SERVICE = { job: ["Schedule", "schedule", schedulePanel], limit: ["Limit", "limit", limitPanel] };

// Where the form of a new thing opens; there is nothing in it else.
export class NewRow extends Row {
  constructor(card, onChange) {
    super(card, { class: "wb-row wb-new-row" });
    this.onChange = onChange;
    this.head.remove();
    this.things.remove();
  }

  draw() {}

  saved(said) {
    super.saved(said);
    this.onChange();
  }

  async ask(verb, content) {
    const isDone = await super.ask(verb, content);
    this.onChange();
    return isDone;
  }
}

export class New {
  constructor(tabs) {
    Object.assign(this, { tabs, row: tabs.making, talk: tabs.talk });
    this.list = h("div", { class: "wb-menu", role: "menu", hidden: true, on: { keydown: (event) => this.onKey(event), focusout: (event) => this.onLeave(event) } });
    this.button = button("+ New", () => this.toggle(), { class: "wb-primary", "aria-haspopup": "menu", "aria-expanded": "false" });
  }

  async offered() {
    return this.talk.ask("panel new");
  }

  async toggle() {
    if (!this.list.hidden) return this.fold();
    let said;
    try {
      said = await this.offered();
    } catch (error) {
      return this.row.report({ failed: error.message });
    }
    const item = (label, onClick) => h("button", { type: "button", class: "wb-menu-item", role: "menuitem", tabindex: "-1", on: { click: () => this.pick(onClick) } }, label);
    const group = (title, items) => h("div", { class: `wb-menu-group ${items.length > 8 ? "wb-menu-long" : ""}`.trim(), role: "group", "aria-label": title }, h("div", { class: "wb-menu-title", "aria-hidden": "true" }, title), items);
    const kinds = [...new Set(said.forms.map((each) => each.group))];
    fill(this.list,
      group("Recipe, four cells each", said.recipes.map((each) => item(each.label, () => this.recipe(each.name)))),
      group("Basics", [
        item("Service", () => this.service(said)),
        item("Job", () => this.byService("job", said, this.button)),
        item("Limit", () => this.byService("limit", said, this.button)),
      ]),
      kinds.map((kind) => group(kind, said.forms.filter((each) => each.group === kind).map((each) => item(each.label, () => this.form(each, this.button))))));
    this.list.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.list.querySelector("button").focus();
    return undefined;
  }

  fold() {
    this.list.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  pick(onClick) {
    this.button.focus();
    this.fold();
    onClick();
  }

  onKey(event) {
    const items = [...this.list.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") {
      this.button.focus();
      this.fold();
    } else if (to !== undefined) items.at(to % items.length).focus();
    else return;
    event.preventDefault();
  }

  // A menu is there as long as somebody is in it.
  onLeave({ relatedTarget }) {
    if (!this.list.contains(relatedTarget) && relatedTarget !== this.button) this.fold();
  }

  // By the kind that an empty tab names.
  async make(kind, opener) {
    const said = await this.offered();
    if (kind in BY_SERVICE) this.byService(kind, said, opener);
    else this.form(said.forms.find((each) => each.kind === kind), opener);
  }

  form({ group, label, ask }, opener) {
    this.start();
    this.row.open(opener, "form", (common, said) => definitionPanel({ ...common, ...said, title: `New ${group.toLowerCase()}`, subject: label, what: ask }), { ...ask, preset: {} });
  }

  // A job and a limit are of a service: with several, a person says of which.
  byService(kind, { services }, opener) {
    const [title, verb, make] = BY_SERVICE[kind];
    this.start();
    const open = (service) => {
      this.row.service = service;
      this.row.open(opener, verb, (common, opening) => make({ ...common, opening }));
    };
    if (!services.length) this.row.report({ failed: `There is no service yet. Fix: run the cell of one first.` });
    else if (services.length === 1) open(services[0]);
    else this.row.open(opener, null, (common) => servicePanel(common, title, services, (service) => {
      this.start();
      open(service);
    }));
  }

  service({ code }) {
    this.start();
    this.row.open(this.button, null, (common) => {
      const panel = codePanel({ ...common, title: "New service", subject: "a class in a cell, which is run" }, [code], "The service");
      panel.showCode(code);
      return panel;
    });
  }

  recipe(name) {
    this.start();
    this.row.open(this.button, "recipe", recipePanel, { name });
  }

  // Another form is asked for: the one that is open gives way.
  start() {
    this.row.panel?.close();
    this.row.opened = null;
  }
}

function servicePanel({ onClose }, title, services, onChosen) {
  const id = newId();
  const chosen = h("select", { class: "wb-input", id }, services.map((name) => h("option", { value: name }, name)));
  const panel = new Panel({ title, subject: "which service?", onClose, saveLabels: ["Next"], save: async () => {
    onChosen(chosen.value);
    return { problems: {} };
  } });
  panel.body.append(h("div", { class: "wb-grid wb-narrow" }, h("label", { class: "wb-label", for: id }, "Service"), h("div", { class: "wb-control" }, chosen)));
  return panel;
}

// The cells of a recipe one by one, or all of them at once.
function recipePanel(common, { label, about, cells }) {
  const panel = codePanel({ ...common, title: "Recipe", subject: label }, cells, label);
  panel.body.append(h("div", { class: "wb-hint" }, about), h("div", { class: "wb-codes" }, cells.map((each) => codeBlock(each))));
  return panel;
}

// Code that becomes cells of the notebook, which the person runs; where nobody writes cells it is there to copy.
function codePanel({ title, subject, onClose, onSaved }, cells, name) {
  const take = async () => {
    const said = await asCells(panel.el, cells, name);
    if (said.failed) throw new Error(said.failed);
    onSaved(said);
    return { problems: {} };
  };
  const [count] = wordsOf(cells);
  // One cell, which is shown, can be copied right there.
  const saveLabels = canWriteCells() ? [`Write ${count}`] : cells.length === 1 ? [] : [`Take all ${count}`];
  const panel = new Panel({ title, subject, onClose, saveLabels, save: take });
  panel.foot.firstChild.textContent = "Close";
  return panel;
}
