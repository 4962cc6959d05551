// Writes what is clicked into cells: a card asks by an event on its own element, and takes the answer from it.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker } from "@jupyterlab/notebook";
import { insert } from "./writing";
import { inFront, notebooksOf, placeOf } from "./notebooks";

/** What a card asks. `answer` is set by whoever can do it; nobody does where there is no extension. */
export interface Asked {
  action: "insert";
  code: string;
  /** The cell as the kernel knows it; needed where the click is in no cell. */
  cell?: string;
  answer?: Promise<Answer>;
}

/** What became of it. `problem` says why nothing was written, and how to go on. */
export interface Answer {
  cell?: string;
  problem?: string;
  busy?: boolean;
}

export const EVENT = "workbench-cells";

export const cells: JupyterFrontEndPlugin<void> = {
  id: "notebook-workbench:cells",
  description: "Writes what is clicked in the workbench's cards into cells.",
  autoStart: true,
  requires: [INotebookTracker],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker) => {
    document.addEventListener(EVENT, (event) => {
      const asked = (event as CustomEvent<Asked>).detail;
      asked.answer = answered(app, tracker, event.target as Element, asked).catch((error: unknown) => ({
        problem: `JupyterLab did not write the cell: ${String(error)}. Fix: copy the code into a cell.`,
      }));
    });
  },
};

async function answered(app: JupyterFrontEnd, tracker: INotebookTracker, target: Element, asked: Asked): Promise<Answer> {
  const place = placeOf(tracker, target);
  const panel = place?.panel ?? inFront(app, tracker);
  if (panel === null) return { problem: "No notebook is open. Fix: open one, or copy the code." };
  return insert(notebooksOf(tracker, panel), place, asked.cell ?? "", asked.code);
}
