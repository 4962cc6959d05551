(() => {
const NAME = "notebook-workbench";
const WANTED = {"@jupyterlab/application":"4","@jupyterlab/apputils":"4","@jupyterlab/cells":"4","@jupyterlab/launcher":"4","@jupyterlab/notebook":"4","@jupyterlab/statusbar":"4","@jupyterlab/ui-components":"4","@lumino/signaling":"2","@lumino/widgets":"2"};
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
function placeOf(tracker, element2) {
  const node = element2.closest(".jp-Cell");
  if (node === null) return null;
  let found = null;
  tracker.forEach((panel) => {
    const index = panel.content.widgets.findIndex((cell) => cell.node === node);
    if (index >= 0) found = { panel, index };
  });
  return found;
}
function cellWithId(panels2, id) {
  if (!id) return null;
  for (const panel of panels2) {
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
function insert(front, below, code, tags = []) {
  const { panel, index } = below ?? { panel: front, index: front.content.widgets.length - 1 };
  if (isReadOnly(panel)) return { problem: readOnly(panel) };
  const id = crypto.randomUUID();
  panel.content.model.sharedModel.insertCell(index + 1, { cell_type: "code", id, source: code, metadata: { trusted: true, ...tags.length > 0 && { tags } } });
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
var sent = /* @__PURE__ */ new WeakSet();
function followRuns() {
  import_notebook.NotebookActions.executionScheduled.connect((_, { cell }) => sent.add(cell));
  import_notebook.NotebookActions.executed.connect((_, { cell }) => sent.delete(cell));
}
function isBusy(panel) {
  const rests = ({ model }) => (0, import_cells.isCodeCellModel)(model) && model.executionState === "idle";
  return panel.content.widgets.some((cell) => sent.has(cell) && !rests(cell));
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
    followRuns();
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
  const { action, cell = "", code = "", was = "", near = [], tags = [] } = asked;
  if (action === "here") return {};
  const clicked = target instanceof Element ? placeOf(tracker, target) : null;
  const front = clicked?.panel ?? inFront(app, tracker);
  if (front === null) return { problem: "No notebook is open. Fix: open one, or copy the code." };
  const panels2 = notebooksOf(tracker, front);
  if (action === "gone") return { gone: (asked.cells ?? []).filter((id) => cellWithId(panels2, id) === null) };
  if (action === "insert") return insert(front, clicked ?? cellWithId([front], cell) ?? lowest(front, near), code, tags);
  const place = cellWithId(panels2, cell);
  if (place === null) return { problem: "Its cell is in no open notebook of this kernel. Fix: copy the code into a cell." };
  if (action === "run") return { cell, busy: run(place.panel, place.index) };
  return action === "remove" ? remove(place, was) : rewrite(place, was, code);
}
function lowest(panel, cells2) {
  const places = cells2.flatMap((id) => cellWithId([panel], id) ?? []);
  return places.sort((one, other) => one.index - other.index).at(-1) ?? null;
}

// src/panels.ts
var import_application = require("@jupyterlab/application");
var import_apputils = require("@jupyterlab/apputils");
var import_launcher = require("@jupyterlab/launcher");
var import_notebook5 = require("@jupyterlab/notebook");
var import_statusbar = require("@jupyterlab/statusbar");

// src/commands.ts
var import_notebook4 = require("@jupyterlab/notebook");

// src/front.ts
var import_notebook3 = require("@jupyterlab/notebook");
var import_signaling2 = require("@lumino/signaling");

// src/view.ts
var import_signaling = require("@lumino/signaling");
var import_widgets = require("@lumino/widgets");

// src/words.ts
function waitingFor(kernel) {
  return kernel?.status === "busy" ? "The kernel is busy with a cell; this goes on as soon as it has ended." : "Waiting for the kernel.";
}
function wordsOf(line) {
  if (!line) {
    return { short: "", long: "Open a notebook: its workbench is shown here.", mood: "calm" };
  }
  const known = line.marks?.line;
  if (known) {
    return { short: known.text, long: known.said, mood: known.mood };
  }
  switch (line.state) {
    case "no kernel":
      return { short: "", long: "This notebook has no kernel. Fix: choose one at its upper right.", mood: "calm" };
    case "opening":
    case "on":
      return { short: "workbench …", long: waitingFor(line.kernel), mood: "calm" };
    case "restarted":
      return { short: "workbench restarted", long: "The kernel has restarted, so nothing is live. Fix: run the cells.", mood: "warn" };
    case "lost":
      return { short: "workbench not reached", long: "This page has lost its way to the kernel, which may still run. Fix: wait, or look whether JupyterLab runs.", mood: "warn" };
    case "ended":
      return { short: "workbench ended", long: "The kernel has ended. Fix: start it, and run the cells.", mood: "warn" };
    case "none":
      return { short: "", long: "No workbench in this kernel yet: run `from workbench import wb`.", mood: "calm" };
  }
}
function clock(seconds) {
  const at = new Date(seconds * 1e3);
  const time = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (at.toDateString() === (/* @__PURE__ */ new Date()).toDateString()) {
    return time;
  }
  return `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}
var TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  for (let bit = 0; bit < 8; bit++) {
    number = number & 1 ? number >>> 1 ^ 3988292384 : number >>> 1;
  }
  return number;
});
function digestOf(text) {
  let rest = 4294967295;
  for (const byte of new TextEncoder().encode(text)) {
    rest = TABLE[(rest ^ byte) & 255] ^ rest >>> 8;
  }
  return ((rest ^ 4294967295) >>> 0).toString(16).padStart(8, "0");
}

// src/view.ts
var TARGET = "workbench.view";
var GONE = ["restarting", "autorestarting", "terminating", "dead"];
var LOST = "The workbench was lost meanwhile. Fix: look whether its kernel runs, and do it again.";
var View = class {
  constructor(kernel, asked, context) {
    this.kernel = kernel;
    this.context = context;
    this.opened = kernel.info.then(() => this.open(asked)).catch(() => this.end());
  }
  facts = null;
  code = null;
  isOver = false;
  // Why there is nothing to show.
  problem = "";
  onMessage = () => void 0;
  onOver = () => void 0;
  // Other facts have come, or the view is over.
  get changed() {
    return this._changed;
  }
  post(message) {
    void this.opened.then(() => void (this.isOver || this.comm?.send(message)));
  }
  // Ask for one answer; what is drawn has a talk of its own.
  ask(verb, content = {}) {
    if (this.isOver) {
      return Promise.reject(new Error(LOST));
    }
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.asked.set(id, (said) => said.failed ? reject(new Error(said.failed)) : resolve(said));
      this.post({ ...content, id, ask: verb });
    });
  }
  close() {
    if (!this.isOver) {
      this.isOver = true;
      if (!this.comm?.isDisposed) {
        this.comm?.close();
      }
      this.drop();
    }
    import_signaling.Signal.clearData(this);
  }
  async open(asked) {
    const comm = this.kernel.createComm(TARGET);
    comm.onMsg = (message) => this.hear(message.content.data);
    comm.onClose = () => this.end();
    const kernel = this.kernel;
    const beside = comm;
    if (kernel.supportsSubshells && beside.commsOverSubshells !== "disabled") {
      await beside.subshellStarted?.catch(() => void 0);
    }
    if (!this.isOver) {
      comm.open({ ...asked });
      this.comm = comm;
    }
  }
  hear(message) {
    if (message.module) {
      this.code = { module: message.module, style: message.style };
    }
    for (const said of message.batch ?? []) {
      this.asked.get(said.id)?.(said);
      this.asked.delete(said.id);
    }
    this.facts = message.facts ?? this.facts;
    this.problem = message.problem ?? this.problem;
    this.onMessage(message);
    if (message.facts) {
      this._changed.emit();
    }
  }
  end() {
    if (!this.isOver) {
      this.isOver = true;
      this.drop();
      this.onOver();
      this._changed.emit();
    }
  }
  // Nobody answers any more: whoever waits is told so.
  drop() {
    for (const tell of this.asked.values()) {
      tell({ failed: LOST });
    }
    this.asked.clear();
  }
  comm = null;
  opened;
  _changed = new import_signaling.Signal(this);
  asked = /* @__PURE__ */ new Map();
  last = 0;
};
var ViewWidget = class extends import_widgets.Widget {
  constructor(view, drawn = () => void 0) {
    super();
    this.view = view;
    this.drawn = drawn;
    this.addClass("wb-view");
    this.node.dataset.lmSuppressShortcuts = "true";
    this.said.className = "wb-side-words";
    this.node.append(this.said);
    this.waiting = window.setTimeout(() => this.sayWaiting(), 400);
    view.changed.connect(() => this.follow());
    view.kernel.statusChanged.connect(this.onStatus, this);
    this.follow();
  }
  dispose() {
    if (this.isDisposed) {
      return;
    }
    window.clearTimeout(this.waiting);
    this.view.kernel.statusChanged.disconnect(this.onStatus, this);
    this.takeDown?.();
    this.view.close();
    super.dispose();
  }
  follow() {
    if (this.view.isOver && !this.isBegun) {
      window.clearTimeout(this.waiting);
      this.said.textContent = this.view.problem || "The workbench of this kernel has ended. Fix: run the cells again.";
    } else if (this.view.facts && this.view.code && !this.isBegun) {
      this.isBegun = true;
      window.clearTimeout(this.waiting);
      void this.draw(this.view.code);
    }
  }
  // What waited for a kernel that has ended waits for nothing.
  onStatus(_, status) {
    if (!this.isBegun && GONE.includes(status)) {
      window.clearTimeout(this.waiting);
      this.said.textContent = "";
    }
  }
  async draw(code) {
    try {
      const { default: opened } = await moduleOf(code.module);
      styled(code.style);
      if (this.isDisposed) {
        return;
      }
      this.said.remove();
      this.takeDown = opened.open(this.view, this.node);
      this.drawn(this.node);
    } catch (error) {
      this.said.textContent = `The view cannot be drawn: ${error}. Fix: reload the page.`;
    }
  }
  sayWaiting() {
    this.said.textContent = waitingFor(this.view.kernel);
  }
  said = document.createElement("div");
  waiting;
  isBegun = false;
  takeDown = null;
};
var modules = /* @__PURE__ */ new Map();
function moduleOf(text) {
  if (!modules.has(text)) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    modules.set(text, import(
      /* webpackIgnore: true */
      address
    ));
  }
  return modules.get(text);
}
function styled(text) {
  const found = [...document.querySelectorAll("style[data-workbench]")];
  if (!found.some((each) => each.textContent === text)) {
    const style = document.createElement("style");
    style.dataset.workbench = "";
    style.textContent = text;
    document.head.append(style);
  }
}

// src/front.ts
var LINE = "from workbench import *";
var KERNEL = "workbench";
var NAMED = /\bworkbench\b/;
var GONE2 = ["dead", "terminating"];
var Line = class {
  constructor(panel) {
    this.panel = panel;
    const { sessionContext } = panel;
    sessionContext.kernelChanged.connect(this.onKernel, this);
    sessionContext.statusChanged.connect(this.onStatus, this);
    sessionContext.connectionStatusChanged.connect(this.onConnection, this);
    panel.disposed.connect(() => this.dispose());
    void Promise.all([panel.context.ready, sessionContext.ready]).then(() => this.open());
  }
  get changed() {
    return this._changed;
  }
  /** Which one it is of the lives of this notebook's kernel, restarts counted. */
  life = 0;
  get state() {
    return this._state;
  }
  get marks() {
    return this._state === "on" ? this.view?.facts ?? null : null;
  }
  get kernel() {
    return this.panel.sessionContext.session?.kernel ?? null;
  }
  ask(verb, content = {}) {
    return this.view?.ask(verb, content) ?? Promise.reject(new Error("There is no workbench in this kernel."));
  }
  // Try a way to the workbench, where there may be one: asking any other kernel would fill its log.
  open() {
    const kernel = this.kernel;
    if (!kernel) {
      this.become("no kernel");
      return;
    }
    if (this.view) {
      return;
    }
    if (kernel.name !== KERNEL && !this.speaksOfIt()) {
      this.become("none");
      return;
    }
    const wasRestarted = this._state === "restarted";
    this.life += 1;
    this.runs = 0;
    const view = this.view = new View(kernel, { show: "marks" }, this.panel.context);
    view.changed.connect(() => this.follow(view, wasRestarted));
    view.post({ id: 0, ask: "hello", path: this.panel.context.path });
    if (!wasRestarted) {
      this.become("opening");
    }
  }
  // A cell has run, which may have brought a workbench.
  ran() {
    this.runs += 1;
    this.open();
  }
  dispose() {
    this.view?.close();
    this.view = null;
    import_signaling2.Signal.clearData(this);
  }
  speaksOfIt() {
    const cells2 = this.panel.content.model?.sharedModel.cells ?? [];
    return cells2.some((each) => each.cell_type === "code" && NAMED.test(each.source));
  }
  follow(view, wasRestarted) {
    if (view.isOver) {
      const hasRun = this.runs > 0;
      this.become(wasRestarted ? "restarted" : "none");
      if (hasRun) {
        this.open();
      }
    } else if (this._state !== "restarted" || Object.keys(view.facts.cells).length) {
      this.become("on");
    }
  }
  become(state) {
    if (state !== "on" && state !== "opening") {
      this.view?.close();
      this.view = null;
    }
    this._state = state;
    this._changed.emit();
  }
  onKernel(_, { newValue }) {
    this.become(newValue ? "none" : "no kernel");
    if (newValue) {
      void newValue.info.then(() => newValue === this.kernel && this.open()).catch(() => void 0);
    }
  }
  onStatus(_, status) {
    if (status === "restarting" || status === "autorestarting") {
      this.become("restarted");
    } else if (GONE2.includes(status)) {
      this.become("ended");
    } else if (status === "idle" && ["restarted", "ended"].includes(this._state)) {
      this.open();
    }
  }
  onConnection(_, status) {
    if (status !== "connected" && this._state === "on") {
      this.become("lost");
    } else if (status === "connected" && this._state === "lost") {
      this.become("none");
      this.open();
    }
  }
  view = null;
  runs = 0;
  _state = "no kernel";
  _changed = new import_signaling2.Signal(this);
};
var Front = class {
  constructor(tracker) {
    this.tracker = tracker;
    tracker.widgetAdded.connect((_, panel) => this.lineOf(panel));
    tracker.currentChanged.connect(() => this._changed.emit());
    tracker.forEach((panel) => this.lineOf(panel));
    import_notebook3.NotebookActions.executed.connect((_, { notebook }) => {
      for (const [panel, line] of this.lines) {
        if (panel.content === notebook) {
          line.ran();
        }
      }
    });
  }
  // The front changes when another notebook comes there, and when what is known of it does.
  get changed() {
    return this._changed;
  }
  get opened() {
    return this._opened;
  }
  get current() {
    const panel = this.tracker.currentWidget;
    return panel ? this.lineOf(panel) : null;
  }
  get all() {
    return [...this.lines.values()];
  }
  lineOf(panel) {
    let line = this.lines.get(panel);
    if (!line) {
      line = new Line(panel);
      this.lines.set(panel, line);
      line.changed.connect((each) => each === this.current && this._changed.emit());
      panel.disposed.connect(() => {
        this.lines.delete(panel);
        this._changed.emit();
      });
      this._opened.emit(line);
    }
    return line;
  }
  lines = /* @__PURE__ */ new Map();
  _changed = new import_signaling2.Signal(this);
  _opened = new import_signaling2.Signal(this);
};

// src/icon.ts
var import_ui_components = require("@jupyterlab/ui-components");
var DRAWN = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
<g class="jp-icon3" fill="none" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
<path d="M8 2v4M16 2v4M5 6h14v6a7 7 0 0 1-14 0zM12 19v3"/><path d="M12 9v3.5l2.5 1.5"/></g></svg>`;
var icon = new import_ui_components.LabIcon({ name: "workbench:icon", svgstr: DRAWN });

// src/commands.ts
var COMMANDS = {
  create: "workbench:create",
  standIns: "workbench:create-with-stand-ins",
  turnOn: "workbench:turn-on",
  service: "workbench:insert-service",
  show: "workbench:show"
};
var SIDE = "workbench-side";
function addCommands(app, front) {
  const { commands } = app;
  const isNotebook = () => front.current !== null;
  commands.addCommand(COMMANDS.create, {
    label: "Workbench notebook",
    caption: "A notebook whose services go live as their cells run",
    icon,
    execute: (args) => create(app, String(args.cwd ?? ""), LINE)
  });
  commands.addCommand(COMMANDS.standIns, {
    label: "Workbench, stand-ins",
    caption: "The same, with a stand-in for every system outside: nothing leaves this machine",
    icon,
    execute: (args) => create(app, String(args.cwd ?? ""), `${LINE}
wb.sandbox()`)
  });
  commands.addCommand(COMMANDS.turnOn, {
    label: "Turn the workbench on here",
    caption: `Insert a cell with the line ${LINE}, and run it`,
    isEnabled: isNotebook,
    execute: () => front.current && insert2(front.current.panel, LINE)
  });
  commands.addCommand(COMMANDS.service, {
    label: "Insert a service",
    caption: "Insert a cell with a service of four lines, and run it",
    isEnabled: () => Boolean(front.current?.marks),
    execute: async () => {
      const line = front.current;
      if (line) {
        const { code } = await line.ask("panel new");
        await insert2(line.panel, String(code).trimEnd());
      }
    }
  });
  commands.addCommand(COMMANDS.show, {
    label: "Show the workbench of the notebook in front",
    icon,
    execute: () => app.shell.activateById(SIDE)
  });
}
async function create(app, cwd, text) {
  const specs = app.serviceManager.kernelspecs;
  await specs.ready;
  const known = specs.specs?.kernelspecs ?? {};
  const kernelName = KERNEL in known ? KERNEL : specs.specs?.default;
  const panel = await app.commands.execute("notebook:create-new", { cwd, kernelName, activate: true });
  await panel.context.ready;
  await panel.sessionContext.ready;
  panel.content.activeCell?.model.sharedModel.setSource(text);
  await import_notebook4.NotebookActions.runAndAdvance(panel.content, panel.sessionContext);
  return panel;
}
async function insert2(panel, text) {
  const notebook = panel.content;
  if (notebook.activeCell?.model.sharedModel.getSource().trim()) {
    import_notebook4.NotebookActions.insertBelow(notebook);
  }
  notebook.activeCell?.model.sharedModel.setSource(text);
  await import_notebook4.NotebookActions.runAndAdvance(notebook, panel.sessionContext);
}

// src/panels.css
var panels_default = ".jp-Cell[data-wb-mood] { position: relative; }\n.wb-mark { position: absolute; left: 1px; top: 5px; bottom: 5px; width: 4px; border-radius: 2px; z-index: 1; }\n.wb-mark[data-mood='live'] { background: var(--jp-success-color1, #2e9e5b); }\n.wb-mark[data-mood='warn'] { background: repeating-linear-gradient(0deg, #c98a00 0 6px, #e8b84a 6px 9px); }\n.wb-mark[data-mood='bad'] { background: var(--jp-error-color1, #d64545); }\n\n/* In a strip of its own, there whether or not the cell is active: nothing is covered, and nothing moves. Where the cell's\n   outputs have a card of a service, that has the same buttons in the same place. */\n.wb-cell-actions { display: flex; flex-wrap: wrap; gap: 2px 4px; align-items: center; margin: 3px 8px 3px calc(var(--jp-cell-prompt-width) + 8px); font: 12px/1.3 var(--jp-ui-font-family); color: var(--jp-ui-font-color2); }\n.wb-cell-actions > span { display: flex; gap: 4px; align-items: center; min-width: 0; max-width: 100%; white-space: nowrap; }\n.wb-cell-actions :is(.wb-cell-service, select) { min-width: 0; max-width: 32em; overflow: hidden; text-overflow: ellipsis; }\n.wb-cell-service { margin-right: 4px; }\n.wb-cell-actions button, .wb-cell-actions select, .wb-side-button { font: 12px/1.3 var(--jp-ui-font-family); color: var(--jp-ui-font-color1); background: var(--jp-layout-color1); border: 1px solid var(--jp-border-color1); border-radius: 4px; padding: 2px 9px; cursor: pointer; }\n.wb-cell-actions select { padding: 1px 2px; }\n.wb-cell-actions button:hover, .wb-side-button:hover, .wb-cell-actions button[aria-expanded='true'] { background: var(--jp-layout-color2); }\n:is(.wb-cell-actions, .wb-side, .wb-status, .wb-under-cell) :is(button, select):focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: 1px; }\n.jp-Cell[data-wb-mood]:has(> .jp-Cell-outputWrapper .wb-card [data-service]):not(:has(> .wb-under-cell)) > .wb-cell-actions { display: none; }\n@media print { .wb-cell-actions { display: none; } }\n\n.wb-under-cell { position: relative; margin: 4px 8px 4px calc(var(--jp-cell-prompt-width) + 8px); padding: 0 26px 0 0; }\n/* Where JupyterLab puts the prompt above the text. */\n@media only screen and (width <= 760px) { .jp-Cell > :is(.wb-cell-actions, .wb-under-cell) { margin-left: 13px; } }\n.wb-cell-close { position: absolute; right: 0; top: 4px; font-size: 15px; line-height: 1; border: none; background: none; color: var(--jp-ui-font-color2); cursor: pointer; }\n\n.wb-side { display: flex; flex-direction: column; background: var(--jp-layout-color1); color: var(--jp-ui-font-color1); font: 13px/1.45 var(--jp-ui-font-family); overflow-y: auto; min-width: 260px; }\n.wb-side-head { display: flex; flex-direction: column; gap: 2px; padding: 8px 10px; border-bottom: 1px solid var(--jp-border-color2); }\n.wb-side-head span, .wb-side-words { color: var(--jp-ui-font-color2); overflow-wrap: anywhere; }\n.wb-side-head b { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }\n.wb-side-head span[data-mood='warn'] { border-left: 3px solid #c98a00; padding-left: 7px; }\n.wb-side-head span[data-mood='bad'] { border-left: 3px solid var(--jp-error-color1); padding-left: 7px; }\n.wb-side-words:not(:empty) { padding: 8px 0; }\n.wb-side-buttons { display: flex; flex-wrap: wrap; gap: 6px; padding: 8px 10px; }\n.wb-side-buttons:empty { display: none; }\n.wb-running { padding: 6px 10px; border-bottom: 1px solid var(--jp-border-color2); }\n.wb-running[hidden] { display: none; }\n.wb-running summary { cursor: pointer; color: var(--jp-ui-font-color2); }\n.wb-running ul { list-style: none; margin: 0; padding: 2px 0 0; }\n.wb-running li { display: flex; align-items: center; gap: 6px; padding: 2px 0; }\n.wb-running li > span { flex: 1 1 auto; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }\n.wb-running li[data-shown='true'] > span { font-weight: 600; }\n.wb-running button { flex: none; white-space: nowrap; }\n.wb-running button:disabled { opacity: 0.5; cursor: default; }\n.wb-running [role='alert']:not(:empty) { border-left: 3px solid var(--jp-error-color1); padding-left: 7px; overflow-wrap: anywhere; }\n.wb-side .wb-view { padding: 6px 8px; }\n.wb-side .wb-card-title { display: none; }\n.wb-side .wb-tabs { flex-wrap: wrap; }\n\n.wb-status button { display: flex; align-items: center; gap: 6px; height: 100%; border: none; background: none; color: inherit; font: inherit; padding: 0 8px; cursor: pointer; white-space: nowrap; }\n.wb-status button::before { content: ''; width: 8px; height: 8px; border-radius: 50%; background: var(--jp-ui-font-color3); }\n.wb-status button[data-mood='live']::before { background: var(--jp-success-color1, #2e9e5b); }\n.wb-status button[data-mood='warn']::before { background: #c98a00; }\n.wb-status button[data-mood='bad']::before { background: var(--jp-error-color1, #d64545); }\n.wb-status button:hover { background: var(--jp-layout-color2); }\n.wb-status[hidden] { display: none; }\n";

// src/marks.ts
var import_cells2 = require("@jupyterlab/cells");

// src/actions.ts
var import_widgets2 = require("@lumino/widgets");
var ACTIONS = ["Invoke", "Schedule", "Limit"];
var Actions = class extends import_widgets2.Widget {
  constructor(cell, line) {
    super();
    this.cell = cell;
    this.line = line;
    this.addClass("wb-cell-actions");
    this.node.setAttribute("role", "toolbar");
    this.node.dataset.lmSuppressShortcuts = "true";
    this.hide();
    this.buttons = ACTIONS.map((action) => {
      const button = element("button", action);
      button.addEventListener("click", () => this.act(action));
      return button;
    });
    void cell.ready.then(() => this.isDisposed || this.insert(this));
  }
  // The services that are live by this cell.
  offer(services) {
    const key = JSON.stringify(services);
    if (key === this.offered) {
      return;
    }
    this.offered = key;
    const chosen = services.includes(this.service) ? this.service : services[0] ?? "";
    if (chosen !== this.service) {
      this.shut();
    }
    this.node.setAttribute("aria-label", `Services of this cell: ${services.join(", ")}`);
    this.node.replaceChildren(group(services.length > 1 ? this.choice(services, chosen) : [named(chosen)]), group(this.buttons));
    this.choose(chosen);
    this.setHidden(!services.length);
  }
  dispose() {
    this.shut();
    super.dispose();
  }
  choice(services, chosen) {
    const select = document.createElement("select");
    select.setAttribute("aria-label", "Service");
    select.append(...services.map((each) => new Option(each, each, false, each === chosen)));
    select.addEventListener("change", () => {
      const { action } = this;
      this.shut();
      this.choose(select.value);
      if (action) {
        this.act(action);
      }
    });
    return [select, element("span", `of ${services.length}`)];
  }
  choose(service) {
    this.service = service;
    this.buttons.forEach((button) => button.title = `${button.textContent} ${service}`);
  }
  // Open one of the forms of the service below this strip, as its card does; close it if it is open.
  act(action) {
    const kernel = this.line.kernel;
    const isOpen = this.opened !== null && !this.opened.isDisposed && this.action === action;
    this.shut();
    if (isOpen || !kernel) {
      return;
    }
    const asked = { show: "services", names: [this.service], cell: this.cell.model.id, code: true };
    const view = new View(kernel, asked, this.line.panel.context);
    const widget = new ViewWidget(view, (node) => formIn(node, action)?.click());
    widget.addClass("wb-under-cell");
    widget.node.prepend(this.closing());
    this.insert(widget);
    this.opened = widget;
    this.action = action;
    this.tell();
  }
  // Above the outputs, below what is there already.
  insert(widget) {
    const layout = this.cell.layout;
    layout.insertWidget(layout.widgets.findIndex((each) => each.hasClass("jp-Cell-outputWrapper")), widget);
  }
  shut() {
    this.opened?.dispose();
    this.opened = null;
    this.action = "";
    this.tell();
  }
  tell() {
    this.buttons.forEach((button) => button.setAttribute("aria-expanded", String(button.textContent === this.action)));
  }
  closing() {
    const button = element("button", "×");
    button.className = "wb-cell-close";
    button.setAttribute("aria-label", `Close ${this.service}`);
    button.addEventListener("click", () => this.shut());
    return button;
  }
  buttons;
  opened = null;
  action = "";
  service = "";
  offered = "";
};
function formIn(node, action) {
  return [...node.querySelectorAll(".wb-row-head button")].find((each) => each.textContent === action);
}
function group(parts) {
  const made = element("span", "");
  made.append(...parts);
  return made;
}
function named(service) {
  const made = element("span", service);
  made.className = "wb-cell-service";
  made.title = service;
  return made;
}
function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

// src/marks.ts
var SOON_MS = 100;
var ORDER = ["live", "warn", "bad"];
var CHANGED = "The text differs from what is live: run the cell.";
var Mark = class {
  constructor(cell, line) {
    this.cell = cell;
    this.bar.className = "wb-mark";
    this.bar.setAttribute("role", "img");
    cell.node.append(this.bar);
    this.actions = new Actions(cell, line);
  }
  draw(made) {
    const text = this.cell.model.sharedModel.getSource();
    if (text !== this.text) {
      this.text = text;
      this.digest = digestOf(text);
    }
    const differs = made.some((each) => each.written && each.written !== this.digest);
    const moods = [...made.map((each) => each.mood), differs ? "warn" : "live"];
    const mood = ORDER[Math.max(...moods.map((each) => ORDER.indexOf(each)))];
    const said = [...made.map(sentence), ...differs ? [CHANGED] : []].join("\n");
    this.bar.dataset.mood = this.cell.node.dataset.wbMood = mood;
    this.bar.title = said;
    this.bar.setAttribute("aria-label", said);
    this.actions.offer(made.filter((each) => each.what === "service" && each.since !== null).map((each) => each.name));
  }
  remove() {
    this.bar.remove();
    this.actions.dispose();
    delete this.cell.node.dataset.wbMood;
  }
  bar = document.createElement("div");
  actions;
  text = null;
  digest = "";
};
var Marks = class {
  constructor(line) {
    this.line = line;
    line.changed.connect(() => this.soon());
    line.panel.content.modelContentChanged.connect(() => this.soon());
    line.panel.disposed.connect(() => window.clearTimeout(this.due));
    this.soon();
  }
  soon() {
    window.clearTimeout(this.due);
    this.due = window.setTimeout(() => this.draw(), SOON_MS);
  }
  draw() {
    const made = this.line.marks?.cells ?? {};
    const there = new Map(this.line.panel.content.widgets.map((cell) => [cell.model.id, cell]));
    for (const [id, mark] of this.drawn) {
      if (!made[id] || mark.cell !== there.get(id)) {
        mark.remove();
        this.drawn.delete(id);
      }
    }
    for (const [id, cell] of there) {
      if (!made[id] || !(cell instanceof import_cells2.CodeCell)) {
        continue;
      }
      if (!this.drawn.has(id)) {
        this.drawn.set(id, new Mark(cell, this.line));
      }
      this.drawn.get(id).draw(made[id]);
    }
  }
  drawn = /* @__PURE__ */ new Map();
  due = 0;
};
function markCells(front) {
  front.all.forEach((line) => new Marks(line));
  front.opened.connect((_, line) => void new Marks(line));
}
function sentence({ said, since }) {
  return since === null ? said : `${said} Since ${clock(since)}.`;
}

// src/side.ts
var import_widgets4 = require("@lumino/widgets");

// src/running.ts
var import_widgets3 = require("@lumino/widgets");
var LOOK_MS = 5e3;
var Running = class extends import_widgets3.Widget {
  // `onShow` is told whose panel to show: that of an app, or of the notebook in front again.
  constructor(baseUrl, onShow) {
    super({ node: document.createElement("details") });
    this.baseUrl = baseUrl;
    this.onShow = onShow;
    this.addClass("wb-running");
    this.node.open = true;
    this.said.setAttribute("role", "alert");
    this.node.append(this.count, this.list, this.said);
    this.node.hidden = true;
  }
  // Ask the workbench of a notebook, now and from time to time; of none, nothing is known. What another one has told
  // is not this one's.
  follow(line) {
    if (line !== this.line) {
      this.line = line;
      this.found = [];
      this.draw();
      this.look();
    }
  }
  // Whose panel is shown in place of the notebook's own.
  set shown(app) {
    this._shown = app;
    this.draw();
  }
  dispose() {
    this.follow(null);
    super.dispose();
  }
  look() {
    window.clearTimeout(this.due);
    const line = this.line;
    if (!line) {
      return;
    }
    this.due = window.setTimeout(() => this.look(), LOOK_MS);
    if (document.hidden) {
      return;
    }
    line.ask("running").then(
      ({ running }) => {
        if (line === this.line) {
          this.found = running;
          this.draw();
        }
      },
      // A kernel with an older version of the package cannot tell; what is known of the notebook is said above.
      () => void 0
    );
  }
  draw() {
    const text = JSON.stringify([this.found, this._shown]);
    if (text === this.drawn) {
      return;
    }
    this.drawn = text;
    const held = this.node.contains(document.activeElement) ? document.activeElement?.getAttribute("aria-label") : null;
    this.node.hidden = !this.found.length;
    this.count.textContent = this.found.length === 1 ? "1 workbench runs on this machine" : `${this.found.length} workbenches run on this machine`;
    this.list.replaceChildren(...this.found.map((each) => this.row(each)));
    [...this.list.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === held)?.focus();
  }
  row(each) {
    const isShown = each.here ? this._shown === null : this._shown === each.app;
    const row = document.createElement("li");
    const name = document.createElement("span");
    name.textContent = each.name;
    name.title = `${each.file}, process ${each.pid}, ${each.url}`;
    row.dataset.app = each.app;
    row.dataset.shown = String(isShown);
    const show2 = this.button("Show here", `Show ${each.name} here`, () => this.onShow(each.here ? null : each.app));
    show2.disabled = isShown;
    row.append(name, this.button("Page", `Open the page of ${each.name}`, () => void this.open(each)), show2);
    return row;
  }
  button(text, label, onClick) {
    const made = document.createElement("button");
    made.className = "wb-side-button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", onClick);
    return made;
  }
  // Opened while the click counts, since a browser lets no page open another one later.
  async open(each) {
    const tab = window.open("about:blank");
    this.said.textContent = "";
    try {
      const { url } = await this.line.ask("running page", { app: each.app });
      if (tab) {
        tab.opener = null;
        tab.location.replace(this.reached(url));
      } else {
        this.said.textContent = "The browser opened no page. Fix: allow this one to open others.";
      }
    } catch (error) {
      tab?.close();
      this.said.textContent = error instanceof Error ? error.message : String(error);
    }
  }
  // An address of this machine as the browser reaches it: where the page came through a proxy, through the same one.
  reached(url) {
    const there = new URL(url);
    const base = new URL(this.baseUrl, location.href).pathname;
    if (["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) && base === "/") {
      there.hostname = location.hostname;
      return there.href;
    }
    return `${location.origin}${base}proxy/${there.port}${there.pathname}${there.hash}`;
  }
  line = null;
  _shown = null;
  found = [];
  drawn = "";
  due = 0;
  count = document.createElement("summary");
  list = document.createElement("ul");
  said = document.createElement("div");
};

// src/side.ts
var Side = class extends import_widgets4.Widget {
  constructor(front, commands, baseUrl) {
    super();
    this.front = front;
    this.commands = commands;
    this.id = SIDE;
    this.addClass("wb-side");
    this.title.icon = icon;
    this.title.caption = "Workbench";
    this.head.node.className = "wb-side-head";
    this.head.node.setAttribute("role", "status");
    const layout = this.layout = new import_widgets4.PanelLayout();
    layout.addWidget(this.head);
    layout.addWidget(this.buttons);
    this.buttons.node.className = "wb-side-buttons";
    this.running = new Running(baseUrl, (app) => this.showInside(app));
    layout.addWidget(this.running);
    front.changed.connect(() => this.follow());
  }
  onAfterShow(message) {
    super.onAfterShow(message);
    this.follow();
  }
  // What nobody sees costs the kernel nothing.
  onAfterHide(message) {
    super.onAfterHide(message);
    this.running.follow(null);
    this.drop();
  }
  follow() {
    if (!this.isVisible) {
      return;
    }
    const line = this.front.current;
    this.say(line);
    this.running.follow(line?.marks ? line : null);
    const isSame = line === this.line && this.shown !== null;
    if (isSame && (line?.marks ? line.life === this.life : line?.state !== "none")) {
      return;
    }
    this.draw(line, null);
  }
  // Show the panel of an app that runs on this machine, asked by the kernel of the notebook in front; null: its own.
  showInside(app) {
    this.draw(this.front.current, app);
  }
  draw(line, app) {
    this.drop();
    this.running.shown = app;
    const kernel = line?.kernel;
    if (line?.marks && kernel) {
      this.line = line;
      this.life = line.life;
      const asked = app === null ? { show: "everything", code: true } : { show: "attached", app, code: true };
      this.shown = new ViewWidget(new View(kernel, asked, line.panel.context));
      this.layout.addWidget(this.shown);
    }
  }
  drop() {
    this.shown?.dispose();
    this.shown = null;
    this.line = null;
  }
  say(line) {
    const words = wordsOf(line);
    const name = line ? line.panel.context.localPath.split("/").pop() : "";
    const offers = offersOf(line);
    const key = JSON.stringify([name, words, offers]);
    if (key === this.said) {
      return;
    }
    this.said = key;
    const title = document.createElement("b");
    title.textContent = name;
    const said = document.createElement("span");
    said.textContent = words.long;
    said.dataset.mood = words.mood;
    this.head.node.replaceChildren(...name ? [title] : [], said);
    this.buttons.node.replaceChildren(...offers.map((command) => this.button(command)));
  }
  button(command) {
    const made = document.createElement("button");
    made.className = "wb-side-button";
    made.textContent = this.commands.label(command);
    made.title = this.commands.caption(command);
    made.addEventListener("click", () => void this.commands.execute(command));
    return made;
  }
  head = new import_widgets4.Widget();
  buttons = new import_widgets4.Widget();
  running;
  line = null;
  life = 0;
  shown = null;
  said = "";
};
function offersOf(line) {
  if (!line) {
    return [COMMANDS.create, COMMANDS.standIns];
  }
  if (line.state === "none") {
    return [COMMANDS.turnOn];
  }
  return line.marks && !Object.keys(line.marks.cells).length ? [COMMANDS.service] : [];
}

// src/status.ts
var import_widgets5 = require("@lumino/widgets");
var Status = class extends import_widgets5.Widget {
  constructor(front, commands) {
    super();
    this.front = front;
    this.addClass("wb-status");
    this.button.addEventListener("click", () => void commands.execute(COMMANDS.show));
    this.button.append(this.text);
    this.node.append(this.button);
    front.changed.connect(() => this.draw());
    this.draw();
  }
  draw() {
    const words = wordsOf(this.front.current);
    this.node.hidden = !words.short;
    this.button.dataset.mood = words.mood;
    if (this.text.textContent !== words.short) {
      this.text.textContent = words.short;
    }
    this.button.title = `${words.long} Click to see it.`;
  }
  button = document.createElement("button");
  text = document.createElement("span");
};

// src/panels.ts
var panels = {
  id: "notebook-workbench:panels",
  description: "The workbench of the notebook in front.",
  autoStart: true,
  requires: [import_notebook5.INotebookTracker],
  optional: [import_launcher.ILauncher, import_apputils.ICommandPalette, import_statusbar.IStatusBar, import_application.ILayoutRestorer],
  activate: (app, tracker, launcher, palette, statusBar, restorer) => {
    const sheet = document.createElement("style");
    sheet.textContent = panels_default;
    document.head.append(sheet);
    const front = new Front(tracker);
    addCommands(app, front);
    markCells(front);
    const side = new Side(front, app.commands, app.serviceManager.serverSettings.baseUrl);
    app.shell.add(side, "left", { rank: 900 });
    restorer?.add(side, SIDE);
    statusBar?.registerStatusItem("notebook-workbench:status", {
      item: new Status(front, app.commands),
      align: "left",
      rank: 5
    });
    launcher?.add({ command: COMMANDS.create, category: "Notebook", rank: 1 });
    launcher?.add({ command: COMMANDS.standIns, category: "Notebook", rank: 2 });
    for (const command of Object.values(COMMANDS)) {
      palette?.addItem({ command, category: "Workbench" });
    }
  }
};

// src/index.ts
var plugins = [cells, panels];
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
