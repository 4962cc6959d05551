// What is known of each notebook's workbench, and which notebook is in front.
import { ISessionContext } from "@jupyterlab/apputils";
import { INotebookTracker, NotebookActions, NotebookPanel } from "@jupyterlab/notebook";
import { Kernel } from "@jupyterlab/services";
import { ISignal, Signal } from "@lumino/signaling";
import { View } from "./view";

export const LINE = "from workbench import *";
export const KERNEL = "workbench";
const NAMED = /\bworkbench\b/;
// A kernel that restarts is `unknown` for a moment, too.
const GONE: Kernel.Status[] = ["dead", "terminating"];

// One thing that a cell made; see workbench/ui/marks.py.
export interface IMark {
  name: string;
  what: string;
  mood: "live" | "warn" | "bad";
  said: string;
  since: number | null;
  written: string;
}

export interface IMarks {
  cells: { [id: string]: IMark[] };
  line: { text: string; said: string; mood: string; url: string };
}

// `none`: nobody answers in this kernel. `restarted`: it has, and nothing of it is live. `lost`: the page has no way to it.
export type State = "no kernel" | "opening" | "none" | "on" | "restarted" | "lost" | "ended";

// One notebook's way to its workbench: re-made when its kernel is, and when a cell turns a workbench on.
export class Line {
  constructor(readonly panel: NotebookPanel) {
    const { sessionContext } = panel;
    sessionContext.kernelChanged.connect(this.onKernel, this);
    sessionContext.statusChanged.connect(this.onStatus, this);
    sessionContext.connectionStatusChanged.connect(this.onConnection, this);
    panel.disposed.connect(() => this.dispose());
    void Promise.all([panel.context.ready, sessionContext.ready]).then(() => this.open());
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Which one it is of the lives of this notebook's kernel, restarts counted. */
  life = 0;

  get state(): State {
    return this._state;
  }

  get marks(): IMarks | null {
    return this._state === "on" ? (this.view?.facts ?? null) : null;
  }

  get kernel(): Kernel.IKernelConnection | null {
    return this.panel.sessionContext.session?.kernel ?? null;
  }

  ask(verb: string, content = {}): Promise<any> {
    return this.view?.ask(verb, content) ?? Promise.reject(new Error("There is no workbench in this kernel."));
  }

  // Try a way to the workbench, where there may be one: asking any other kernel would fill its log.
  open(): void {
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
    const view = (this.view = new View(kernel, { show: "marks" }, this.panel.context));
    view.changed.connect(() => this.follow(view, wasRestarted));
    view.post({ id: 0, ask: "hello", path: this.panel.context.path });
    if (!wasRestarted) {
      this.become("opening");
    }
  }

  // A cell has run, which may have brought a workbench.
  ran(): void {
    this.runs += 1;
    this.open();
  }

  dispose(): void {
    this.view?.close();
    this.view = null;
    Signal.clearData(this);
  }

  private speaksOfIt(): boolean {
    const cells = this.panel.content.model?.sharedModel.cells ?? [];
    return cells.some(each => each.cell_type === "code" && NAMED.test(each.source));
  }

  private follow(view: View, wasRestarted: boolean): void {
    if (view.isOver) {
      const hasRun = this.runs > 0;
      this.become(wasRestarted ? "restarted" : "none");
      // The refusal may be older than the cell that brought a workbench.
      if (hasRun) {
        this.open();
      }
    } else if (this._state !== "restarted" || Object.keys(view.facts.cells).length) {
      // A kernel that has just restarted answers, with nothing live.
      this.become("on");
    }
  }

  private become(state: State): void {
    if (state !== "on" && state !== "opening") {
      this.view?.close();
      this.view = null;
    }
    this._state = state;
    this._changed.emit();
  }

  private onKernel(_: ISessionContext, { newValue }: { newValue: Kernel.IKernelConnection | null }): void {
    this.become(newValue ? "none" : "no kernel");
    if (newValue) {
      void newValue.info.then(() => newValue === this.kernel && this.open()).catch(() => undefined);
    }
  }

  private onStatus(_: ISessionContext, status: Kernel.Status): void {
    if (status === "restarting" || status === "autorestarting") {
      this.become("restarted");
    } else if (GONE.includes(status)) {
      this.become("ended");
    } else if (status === "idle" && ["restarted", "ended"].includes(this._state)) {
      this.open();
    }
  }

  private onConnection(_: ISessionContext, status: Kernel.ConnectionStatus): void {
    if (status !== "connected" && this._state === "on") {
      this.become("lost");
    } else if (status === "connected" && this._state === "lost") {
      this.become("none");
      this.open();
    }
  }

  private view: View | null = null;
  private runs = 0;
  private _state: State = "no kernel";
  private _changed = new Signal<this, void>(this);
}

// The lines of all open notebooks, and which one is in front.
export class Front {
  constructor(private tracker: INotebookTracker) {
    tracker.widgetAdded.connect((_, panel) => this.lineOf(panel));
    tracker.currentChanged.connect(() => this._changed.emit());
    tracker.forEach(panel => this.lineOf(panel));
    NotebookActions.executed.connect((_, { notebook }) => {
      for (const [panel, line] of this.lines) {
        if (panel.content === notebook) {
          line.ran();
        }
      }
    });
  }

  // The front changes when another notebook comes there, and when what is known of it does.
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get opened(): ISignal<this, Line> {
    return this._opened;
  }

  get current(): Line | null {
    const panel = this.tracker.currentWidget;
    return panel ? this.lineOf(panel) : null;
  }

  get all(): Line[] {
    return [...this.lines.values()];
  }

  private lineOf(panel: NotebookPanel): Line {
    let line = this.lines.get(panel);
    if (!line) {
      line = new Line(panel);
      this.lines.set(panel, line);
      line.changed.connect(each => each === this.current && this._changed.emit());
      panel.disposed.connect(() => {
        this.lines.delete(panel);
        this._changed.emit();
      });
      this._opened.emit(line);
    }
    return line;
  }

  private lines = new Map<NotebookPanel, Line>();
  private _changed = new Signal<this, void>(this);
  private _opened = new Signal<this, Line>(this);
}
