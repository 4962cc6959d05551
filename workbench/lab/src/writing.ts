// Changes cells of a notebook, runs them, and looks whether the notebook took it.
import { type Cell, isCodeCellModel } from "@jupyterlab/cells";
import { NotebookActions, type NotebookPanel } from "@jupyterlab/notebook";
import type { Answer } from "./cells";
import { cellWithId, type Place, textOf } from "./notebooks";

const HIGHLIGHT_MS = 1600;
const NOT_TAKEN = "The notebook did not take it. Fix: copy the code into a cell.";

/** Insert one cell below another one, or at the end. */
export function insert(front: NotebookPanel, below: Place | null, code: string, tags: string[] = []): Answer {
  const { panel, index } = below ?? { panel: front, index: front.content.widgets.length - 1 };
  if (isReadOnly(panel)) return { problem: readOnly(panel) };
  const id = crypto.randomUUID();
  panel.content.model!.sharedModel.insertCell(index + 1, { cell_type: "code", id, source: code, metadata: { trusted: true, ...(tags.length > 0 && { tags }) } });
  const made = cellWithId([panel], id);
  if (made === null || textAt(made) !== code) return { problem: NOT_TAKEN };
  show(made);
  return { cell: id, busy: isBusy(panel) };
}

/** Give a cell another text, unless a person has edited it since. */
export function rewrite(place: Place, was: string, code: string): Answer {
  const refused = refusal(place, was);
  if (refused !== null) return refused;
  const cell = place.panel.content.widgets[place.index];
  cell.model.sharedModel.setSource(code);
  if (textOf(cell) !== code) return { problem: NOT_TAKEN };
  show(place);
  return { cell: cell.model.id };
}

/** Take a cell out, unless a person has edited it since. */
export function remove(place: Place, was: string): Answer {
  const refused = refusal(place, was);
  if (refused !== null) return refused;
  const id = place.panel.content.widgets[place.index].model.id;
  place.panel.content.model!.sharedModel.deleteCell(place.index);
  return cellWithId([place.panel], id) === null ? { cell: id } : { problem: NOT_TAKEN };
}

function refusal(place: Place, was: string): Answer | null {
  if (isReadOnly(place.panel)) return { problem: readOnly(place.panel) };
  const theirs = textAt(place);
  if (theirs === was) return null;
  return { problem: "Its cell has been edited since it ran, so it stays as it is. Fix: run it, or copy what it would become.", theirs };
}

function textAt({ panel, index }: Place): string {
  return textOf(panel.content.widgets[index]);
}

export function isReadOnly(panel: NotebookPanel): boolean {
  return panel.content.model!.readOnly || panel.context.contentsModel?.writable === false;
}

function readOnly(panel: NotebookPanel): string {
  return `${panel.context.path} may only be read. Fix: save it under another name, or copy the code.`;
}

/** Cells that were sent to their kernel and have not ended. The kernel's state tells less: it is busy with a click, too. */
const sent = new WeakSet<Cell>();

/** Follow which cells run. */
export function followRuns(): void {
  NotebookActions.executionScheduled.connect((_, { cell }) => sent.add(cell));
  NotebookActions.executed.connect((_, { cell }) => sent.delete(cell));
}

function isBusy(panel: NotebookPanel): boolean {
  // Of a run that ended with its kernel JupyterLab tells no end, but puts its cell at rest.
  const rests = ({ model }: Cell) => isCodeCellModel(model) && model.executionState === "idle";
  return panel.content.widgets.some((cell) => sent.has(cell) && !rests(cell));
}

function show({ panel, index }: Place): void {
  panel.content.activeCellIndex = index;
  void panel.content.scrollToItem(index, "smart");
  panel.content.widgets[index].node.animate([{ background: "var(--jp-warn-color3, #ffe08a)" }, {}], { duration: HIGHLIGHT_MS });
}

/** Run a cell without waiting for its end; says whether another one runs. */
export function run(panel: NotebookPanel, index: number): boolean {
  const busy = isBusy(panel);
  void NotebookActions.runCells(panel.content, [panel.content.widgets[index]], panel.sessionContext);
  return busy;
}
