// Changes cells of a notebook, runs them, and looks whether the notebook took it.
import { NotebookActions, type NotebookPanel } from "@jupyterlab/notebook";
import type { Answer } from "./cells";
import { cellWithId, type Place, textOf } from "./notebooks";

const HIGHLIGHT_MS = 1600;

/** Insert one cell below that of the click, else below the cell that the kernel named, else at the end; and run it. */
export async function insert(panels: NotebookPanel[], clicked: Place | null, cell: string, code: string): Promise<Answer> {
  const { panel, index } = clicked ?? cellWithId(panels, cell) ?? atTheEnd(panels[0]);
  if (isReadOnly(panel)) return { problem: readOnly(panel) };
  const notebook = panel.content;
  const model = notebook.model!.sharedModel;
  const id = crypto.randomUUID();
  model.insertCell(index + 1, { cell_type: "code", id, source: code, metadata: { trusted: true } });
  const made = cellWithId([panel], id);
  if (made === null || textOf(notebook.widgets[made.index]) !== code) {
    return { problem: "The notebook did not take the cell. Fix: copy the code into a cell." };
  }
  return { cell: id, busy: run(panel, made.index) };
}

function atTheEnd(panel: NotebookPanel): Place {
  return { panel, index: panel.content.widgets.length - 1 };
}

export function isReadOnly(panel: NotebookPanel): boolean {
  return panel.context.model.readOnly || panel.content.model!.readOnly || panel.context.contentsModel?.writable === false;
}

export function readOnly(panel: NotebookPanel): string {
  return `${panel.context.path} may only be read. Fix: save it under another name, or copy the code.`;
}

/** Run a cell without waiting for its end; says whether another one runs. */
export function run(panel: NotebookPanel, index: number): boolean {
  const notebook = panel.content;
  const busy = panel.sessionContext.session?.kernel?.status === "busy";
  const cell = notebook.widgets[index];
  notebook.activeCellIndex = index;
  void NotebookActions.runCells(notebook, [cell], panel.sessionContext);
  void notebook.scrollToItem(index, "smart");
  cell.node.animate([{ background: "var(--jp-warn-color3, #ffe08a)" }, {}], { duration: HIGHLIGHT_MS });
  return busy;
}
