(() => {
const NAME = "notebook-workbench";
const WANTED = {"@jupyterlab/cells":"4","@jupyterlab/notebook":"4"};
function extension(module, require) {
"use strict";
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// src/index.ts
var index_exports = {};
__export(index_exports, {
  default: () => index_default
});
module.exports = __toCommonJS(index_exports);

// src/cells.ts
var import_notebook2 = require("@jupyterlab/notebook");

// src/notebooks.ts
function placeOf(tracker, element) {
  const node = element.closest(".jp-Cell");
  if (node === null) return null;
  let found = null;
  tracker.forEach((panel) => {
    const index = panel.content.widgets.findIndex((cell) => cell.node === node);
    if (index >= 0) found = { panel, index };
  });
  return found;
}
function cellWithId(panels, id) {
  if (!id) return null;
  for (const panel of panels) {
    const index = panel.content.widgets.findIndex((cell) => cell.model.id === id);
    if (index >= 0) return { panel, index };
  }
  return null;
}
function notebooksOf(tracker, first) {
  const kernel = first.sessionContext.session?.kernel?.id;
  const others = [];
  tracker.forEach((panel) => {
    if (panel !== first && kernel !== void 0 && panel.sessionContext.session?.kernel?.id === kernel) others.push(panel);
  });
  return [first, ...others];
}
function inFront(app, tracker) {
  const shown = tracker.find((panel) => panel === app.shell.currentWidget);
  return shown ?? tracker.currentWidget;
}
function textOf(cell) {
  return cell.model.sharedModel.getSource();
}

// src/writing.ts
var import_cells = require("@jupyterlab/cells");
var import_notebook = require("@jupyterlab/notebook");
var HIGHLIGHT_MS = 1600;
var NOT_TAKEN = "The notebook did not take it. Fix: copy the code into a cell.";
function insert(front, below, code) {
  const { panel, index } = below ?? { panel: front, index: front.content.widgets.length - 1 };
  if (isReadOnly(panel)) return { problem: readOnly(panel) };
  const id = crypto.randomUUID();
  panel.content.model.sharedModel.insertCell(index + 1, { cell_type: "code", id, source: code, metadata: { trusted: true } });
  const made = cellWithId([panel], id);
  if (made === null || textAt(made) !== code) return { problem: NOT_TAKEN };
  show(made);
  return { cell: id, busy: isBusy(panel) };
}
function rewrite(place, was, code) {
  const refused = refusal(place, was);
  if (refused !== null) return refused;
  const cell = place.panel.content.widgets[place.index];
  cell.model.sharedModel.setSource(code);
  if (textOf(cell) !== code) return { problem: NOT_TAKEN };
  show(place);
  return { cell: cell.model.id };
}
function remove(place, was) {
  const refused = refusal(place, was);
  if (refused !== null) return refused;
  const id = place.panel.content.widgets[place.index].model.id;
  place.panel.content.model.sharedModel.deleteCell(place.index);
  return cellWithId([place.panel], id) === null ? { cell: id } : { problem: NOT_TAKEN };
}
function refusal(place, was) {
  if (isReadOnly(place.panel)) return { problem: readOnly(place.panel) };
  const theirs = textAt(place);
  if (theirs === was) return null;
  return { problem: "Its cell has been edited since it ran, so it stays as it is. Fix: run it, or copy what it would become.", theirs };
}
function textAt({ panel, index }) {
  return textOf(panel.content.widgets[index]);
}
function isReadOnly(panel) {
  return panel.content.model.readOnly || panel.context.contentsModel?.writable === false;
}
function readOnly(panel) {
  return `${panel.context.path} may only be read. Fix: save it under another name, or copy the code.`;
}
function isBusy(panel) {
  return panel.content.widgets.some((cell) => (0, import_cells.isCodeCellModel)(cell.model) && cell.model.executionState === "running");
}
function show({ panel, index }) {
  panel.content.activeCellIndex = index;
  void panel.content.scrollToItem(index, "smart");
  panel.content.widgets[index].node.animate([{ background: "var(--jp-warn-color3, #ffe08a)" }, {}], { duration: HIGHLIGHT_MS });
}
function run(panel, index) {
  const busy = isBusy(panel);
  void import_notebook.NotebookActions.runCells(panel.content, [panel.content.widgets[index]], panel.sessionContext);
  return busy;
}

// src/cells.ts
var EVENT = "workbench-cells";
var cells = {
  id: "notebook-workbench:cells",
  description: "Writes what is clicked in the workbench's cards into cells.",
  autoStart: true,
  requires: [import_notebook2.INotebookTracker],
  activate: (app, tracker) => {
    tracker.widgetAdded.connect((_, panel) => {
      void panel.context.ready.then(() => panel.content.model?.cells.changed.connect(tellChanged));
    });
    document.addEventListener(EVENT, (event) => {
      const asked = event.detail;
      asked.answer = answered(app, tracker, event.target, asked).catch((error) => ({
        problem: `JupyterLab did not write the cell: ${String(error)}. Fix: copy the code into a cell.`
      }));
    });
  }
};
function tellChanged() {
  document.dispatchEvent(new Event("workbench-cells-changed"));
}
async function answered(app, tracker, target, asked) {
  const { action, cell = "", code = "", was = "", near = [] } = asked;
  if (action === "here") return {};
  const clicked = target instanceof Element ? placeOf(tracker, target) : null;
  const front = clicked?.panel ?? inFront(app, tracker);
  if (front === null) return { problem: "No notebook is open. Fix: open one, or copy the code." };
  const panels = notebooksOf(tracker, front);
  if (action === "gone") return { gone: (asked.cells ?? []).filter((id) => cellWithId(panels, id) === null) };
  if (action === "insert") return insert(front, clicked ?? cellWithId([front], cell) ?? lowest(front, near), code);
  const place = cellWithId(panels, cell);
  if (place === null) return { problem: "Its cell is in no open notebook of this kernel. Fix: copy the code into a cell." };
  if (action === "run") return { cell, busy: run(place.panel, place.index) };
  return action === "remove" ? remove(place, was) : rewrite(place, was, code);
}
function lowest(panel, cells2) {
  const places = cells2.flatMap((id) => cellWithId([panel], id) ?? []);
  return places.sort((one, other) => one.index - other.index).at(-1) ?? null;
}

// src/index.ts
var plugins = [cells];
var index_default = plugins;
}
// The extension as JupyterLab asks for it: a container with `init` and `get` (webpack's module federation).
// JupyterLab's own modules are taken from it as they are, of the major version that the types were checked against.
// `WANTED` and `extension` are put here by build.mjs.
let scope = {};

async function shared(name, major) {
  const versions = Object.keys(scope[name] ?? {});
  const fitting = versions.filter((version) => version.split(".")[0] === major);
  const newest = fitting.sort((one, other) => one.localeCompare(other, "en", { numeric: true })).at(-1);
  if (newest === undefined) {
    const found = versions.length ? `has ${versions.join(", ")}` : "has none";
    throw new Error(`The workbench's extension needs ${name} ${major}, JupyterLab ${found}. Fix: pip install --upgrade notebook-workbench jupyterlab`);
  }
  return (await scope[name][newest].get())();
}

(window._JUPYTERLAB ??= {})[NAME] = {
  init(given) {
    scope = given;
  },
  async get() {
    const taken = await Promise.all(Object.entries(WANTED).map(async ([name, major]) => [name, await shared(name, major)]));
    const modules = Object.fromEntries(taken);
    const module = { exports: {} };
    extension(module, (name) => modules[name]);
    // JupyterLab writes on what it gets.
    return () => ({ ...module.exports, __esModule: true });
  },
};
})();
