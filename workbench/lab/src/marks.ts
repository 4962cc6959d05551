// Bars beside cells that made something live; what can be done with their services is in actions.ts.
import { CodeCell } from "@jupyterlab/cells";
import { Actions } from "./actions";
import { Front, IMark, Line } from "./front";
import { clock, digestOf } from "./words";

const SOON_MS = 100;
const ORDER = ["live", "warn", "bad"];
const CHANGED = "The text differs from what is live: run the cell.";

// One cell's mark. What it looks like is in panels.css.
class Mark {
  constructor(
    readonly cell: CodeCell,
    line: Line
  ) {
    this.bar.className = "wb-mark";
    this.bar.setAttribute("role", "img");
    cell.node.append(this.bar);
    this.actions = new Actions(cell, line);
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
    this.actions.offer(made.filter(each => each.what === "service" && each.since !== null).map(each => each.name));
  }

  remove(): void {
    this.bar.remove();
    this.actions.dispose();
    delete this.cell.node.dataset.wbMood;
  }

  private bar = document.createElement("div");
  private actions: Actions;
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
