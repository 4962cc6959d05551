// Cells of open notebooks, found by the id that the kernel knows them by.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { Cell } from "@jupyterlab/cells";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";

export interface Place {
  panel: NotebookPanel;
  index: number;
}

/** The cell that an element of the page stands in. */
export function placeOf(tracker: INotebookTracker, element: Element): Place | null {
  const node = element.closest(".jp-Cell");
  if (node === null) return null;
  let found: Place | null = null;
  tracker.forEach((panel) => {
    const index = panel.content.widgets.findIndex((cell) => cell.node === node);
    if (index >= 0) found = { panel, index };
  });
  return found;
}

/** The cell that the kernel calls `id`, in the notebooks that this kernel serves. */
export function cellWithId(panels: NotebookPanel[], id: string): Place | null {
  if (!id) return null;
  for (const panel of panels) {
    const index = panel.content.widgets.findIndex((cell) => cell.model.id === id);
    if (index >= 0) return { panel, index };
  }
  return null;
}

/** All open notebooks of one kernel, that of the click first. */
export function notebooksOf(tracker: INotebookTracker, first: NotebookPanel): NotebookPanel[] {
  const kernel = first.sessionContext.session?.kernel?.id;
  const others: NotebookPanel[] = [];
  tracker.forEach((panel) => {
    if (panel !== first && kernel !== undefined && panel.sessionContext.session?.kernel?.id === kernel) others.push(panel);
  });
  return [first, ...others];
}

/** The notebook in front, or the one last used. */
export function inFront(app: JupyterFrontEnd, tracker: INotebookTracker): NotebookPanel | null {
  const shown = tracker.find((panel) => panel === app.shell.currentWidget);
  return shown ?? tracker.currentWidget;
}

export function textOf(cell: Cell): string {
  return cell.model.sharedModel.getSource();
}
