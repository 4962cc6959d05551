// Writes what is clicked into cells: a card asks by an event on its own element, and takes the answer from it.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { cellWithId, inFront, notebooksOf, placeOf } from "./notebooks";
import { followRuns, insert, remove, rewrite, run } from "./writing";

/** What a card asks. `answer` is set by whoever can do it; nobody does where there is no extension. */
export interface Asked {
  action: "here" | "insert" | "run" | "rewrite" | "remove" | "gone";
  /** The cell as the kernel knows it; of an insertion, that of the click. */
  cell?: string;
  /** What a cell is to have as text. */
  code?: string;
  /** What it has; if it has anything else, nothing is written. */
  was?: string;
  /** Cells with definitions of the same kind: where the click is in no cell, the new one goes below the last of them. */
  near?: string[];
  /** What a cell that is inserted is tagged with. */
  tags?: string[];
  /** Cells to look for. */
  cells?: string[];
  answer?: Promise<Answer>;
}

/** What became of it. `problem` says why nothing was written, and how to go on. */
export interface Answer {
  cell?: string;
  problem?: string;
  /** The text of a cell that a person has edited since. */
  theirs?: string;
  busy?: boolean;
  gone?: string[];
}

export const EVENT = "workbench-cells";

export const cells: JupyterFrontEndPlugin<void> = {
  id: "notebook-workbench:cells",
  description: "Writes what is clicked in the workbench's cards into cells.",
  autoStart: true,
  requires: [INotebookTracker],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker) => {
    followRuns();
    tracker.widgetAdded.connect((_, panel) => {
      void panel.context.ready.then(() => panel.content.model?.cells.changed.connect(tellChanged));
    });
    document.addEventListener(EVENT, (event) => {
      const asked = (event as CustomEvent<Asked>).detail;
      asked.answer = answered(app, tracker, event.target, asked).catch((error: unknown) => ({
        problem: `JupyterLab did not write the cell: ${String(error)}. Fix: copy the code into a cell.`,
      }));
    });
  },
};

/** Cards show whether the cell of what they show is there. */
function tellChanged(): void {
  document.dispatchEvent(new Event("workbench-cells-changed"));
}

async function answered(app: JupyterFrontEnd, tracker: INotebookTracker, target: EventTarget | null, asked: Asked): Promise<Answer> {
  const { action, cell = "", code = "", was = "", near = [], tags = [] } = asked;
  if (action === "here") return {};
  const clicked = target instanceof Element ? placeOf(tracker, target) : null;
  const front = clicked?.panel ?? inFront(app, tracker);
  if (front === null) return { problem: "No notebook is open. Fix: open one, or copy the code." };
  const panels = notebooksOf(tracker, front);
  if (action === "gone") return { gone: (asked.cells ?? []).filter((id) => cellWithId(panels, id) === null) };
  if (action === "insert") return insert(front, clicked ?? cellWithId([front], cell) ?? lowest(front, near), code, tags);
  const place = cellWithId(panels, cell);
  if (place === null) return { problem: "Its cell is in no open notebook of this kernel. Fix: copy the code into a cell." };
  if (action === "run") return { cell, busy: run(place.panel, place.index) };
  return action === "remove" ? remove(place, was) : rewrite(place, was, code);
}

function lowest(panel: NotebookPanel, cells: string[]) {
  const places = cells.flatMap((id) => cellWithId([panel], id) ?? []);
  return places.sort((one, other) => one.index - other.index).at(-1) ?? null;
}
