// Bars beside cells that made something live, and what can be done with the services of a cell.
import { Cell, CodeCell } from "@jupyterlab/cells";
import { PanelLayout } from "@lumino/widgets";
import { Front, IMark, Line } from "./front";
import { type IAsked, View, ViewWidget } from "./view";
import { clock, digestOf } from "./words";

const SOON_MS = 100;
const ORDER = ["live", "warn", "bad"];
const ACTIONS = ["Invoke", "Schedule", "Limit"];
const CHANGED = "The text differs from what is live: run the cell.";

// One cell's mark. What it looks like is in panels.css.
class Mark {
  constructor(
    readonly cell: Cell,
    private line: Line
  ) {
    this.bar.className = "wb-mark";
    this.bar.setAttribute("role", "img");
    this.actions.className = "wb-cell-actions";
    this.actions.setAttribute("role", "toolbar");
    this.actions.dataset.lmSuppressShortcuts = "true";
    cell.node.append(this.bar, this.actions);
  }

  draw(made: IMark[]): void {
    const text = this.cell.model.sharedModel.getSource();
    if (text !== this.text) {
      this.text = text;
      this.digest = digestOf(text);
    }
    const differs = made.some(each => each.written && each.written !== this.digest);
    const moods = [...made.map(each => each.mood), differs ? "warn" : "live"];
    const mood = ORDER[Math.max(...moods.map(each => ORDER.indexOf(each)))];
    const said = [...made.map(sentence), ...(differs ? [CHANGED] : [])].join("\n");
    this.bar.dataset.mood = this.cell.node.dataset.wbMood = mood;
    this.bar.title = said;
    this.bar.setAttribute("aria-label", said);
    this.offer(made.filter(each => each.what === "service" && each.since !== null).map(each => each.name));
  }

  remove(): void {
    this.bar.remove();
    this.actions.remove();
    this.close();
    delete this.cell.node.dataset.wbMood;
  }

  // Open one of the forms of a service below the cell's text, as its card does.
  act(service: string, action: string): void {
    const kernel = this.line.kernel;
    if (!kernel) {
      return;
    }
    const isOpen = this.opened !== null && this.opened.isVisible && this.shown === `${service} ${action}`;
    this.close();
    if (isOpen) {
      return;
    }
    const asked: IAsked = { show: "services", names: [service], cell: this.cell.model.id, code: true };
    const view = new View(kernel, asked, this.line.panel.context);
    const widget = new ViewWidget(view, node => formIn(node, action)?.click());
    widget.addClass("wb-under-cell");
    widget.node.prepend(this.closing(service));
    const layout = this.cell.layout as PanelLayout;
    layout.insertWidget(layout.widgets.findIndex(each => each.hasClass("jp-Cell-outputWrapper")), widget);
    this.opened = widget;
    this.shown = `${service} ${action}`;
  }

  private close(): void {
    this.opened?.dispose();
    this.opened = null;
  }

  private closing(service: string): HTMLElement {
    const button = element("button", "×");
    button.className = "wb-cell-close";
    button.setAttribute("aria-label", `Close ${service}`);
    button.addEventListener("click", () => this.close());
    return button;
  }

  private offer(services: string[]): void {
    const key = JSON.stringify(services);
    if (key === this.offered) {
      return;
    }
    this.offered = key;
    this.actions.hidden = !services.length;
    this.actions.setAttribute("aria-label", services.join(", "));
    this.actions.replaceChildren(
      ...services.flatMap(service => [
        ...(services.length > 1 ? [element("span", service)] : []),
        ...ACTIONS.map(action => {
          const button = element("button", action);
          button.title = `${action} ${service}`;
          button.addEventListener("click", () => this.act(service, action));
          return button;
        })
      ])
    );
  }

  private bar = document.createElement("div");
  private actions = document.createElement("div");
  private opened: ViewWidget | null = null;
  private shown = "";
  private offered = "";
  private text: string | null = null;
  private digest = "";
}

// The marks of one notebook.
class Marks {
  constructor(private line: Line) {
    line.changed.connect(() => this.soon());
    line.panel.content.modelContentChanged.connect(() => this.soon());
    line.panel.disposed.connect(() => window.clearTimeout(this.due));
    this.soon();
  }

  private soon(): void {
    window.clearTimeout(this.due);
    this.due = window.setTimeout(() => this.draw(), SOON_MS);
  }

  private draw(): void {
    const made = this.line.marks?.cells ?? {};
    const there = new Map(this.line.panel.content.widgets.map(cell => [cell.model.id, cell]));
    for (const [id, mark] of this.drawn) {
      // A cell that is moved is drawn anew by JupyterLab, under the same id.
      if (!made[id] || mark.cell !== there.get(id)) {
        mark.remove();
        this.drawn.delete(id);
      }
    }
    for (const [id, cell] of there) {
      if (!made[id] || !(cell instanceof CodeCell)) {
        continue;
      }
      if (!this.drawn.has(id)) {
        this.drawn.set(id, new Mark(cell, this.line));
      }
      this.drawn.get(id)!.draw(made[id]);
    }
  }

  private drawn = new Map<string, Mark>();
  private due = 0;
}

// Mark the cells of every notebook, those to come included.
export function markCells(front: Front): void {
  front.all.forEach(line => new Marks(line));
  front.opened.connect((_, line) => void new Marks(line));
}

function sentence({ said, since }: IMark): string {
  return since === null ? said : `${said} Since ${clock(since)}.`;
}

function formIn(node: HTMLElement, action: string): HTMLElement | undefined {
  return [...node.querySelectorAll<HTMLElement>(".wb-row-head button")].find(each => each.textContent === action);
}

function element(tag: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
