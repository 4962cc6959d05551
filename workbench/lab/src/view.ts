// A view that the kernel draws without a cell: the comm it comes over, as what a card's own module takes for its model.
import type { NotebookPanel } from "@jupyterlab/notebook";
import { Kernel } from "@jupyterlab/services";
import { ISignal, Signal } from "@lumino/signaling";
import { Widget } from "@lumino/widgets";
import { waitingFor } from "./words";

const TARGET = "workbench.view";
const GONE: Kernel.Status[] = ["restarting", "autorestarting", "terminating", "dead"];
const LOST = "The workbench was lost meanwhile. Fix: look whether its kernel runs, and do it again.";

// What the kernel is to show; see workbench/ui/carriers/comms.py.
export interface IAsked {
  show: "marks" | "everything" | "services" | "attached";
  names?: string[];
  app?: string;
  cell?: string;
  code?: boolean;
}

// What JupyterLab has from 4.5 on: a subshell of the kernel for the comms of each target.
interface ISubshells {
  supportsSubshells?: boolean;
  commsOverSubshells?: string;
  subshellStarted?: Promise<void>;
}

// One view of a kernel, from its opening to its end. What is drawn of it takes `onMessage` and `onOver`.
export class View {
  constructor(
    readonly kernel: Kernel.IKernelConnection,
    asked: IAsked,
    readonly context: NotebookPanel["context"]
  ) {
    // Before it is known, the kernel tells of no second way in.
    this.opened = kernel.info.then(() => this.open(asked)).catch(() => this.end());
  }

  facts: any = null;
  code: { module: string; style: string } | null = null;
  isOver = false;
  // Why there is nothing to show.
  problem = "";
  onMessage: (message: any) => void = () => undefined;
  onOver: () => void = () => undefined;

  // Other facts have come, or the view is over.
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  post(message: any): void {
    void this.opened.then(() => void (this.isOver || this.comm?.send(message)));
  }

  // Ask for one answer; what is drawn has a talk of its own.
  ask(verb: string, content = {}): Promise<any> {
    if (this.isOver) {
      return Promise.reject(new Error(LOST));
    }
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.asked.set(id, said => (said.failed ? reject(new Error(said.failed)) : resolve(said)));
      this.post({ ...content, id, ask: verb });
    });
  }

  close(): void {
    if (!this.isOver) {
      this.isOver = true;
      if (!this.comm?.isDisposed) {
        this.comm?.close();
      }
      this.drop();
    }
    Signal.clearData(this);
  }

  private async open(asked: IAsked): Promise<void> {
    const comm: Kernel.IComm = this.kernel.createComm(TARGET);
    comm.onMsg = message => this.hear(message.content.data);
    comm.onClose = () => this.end();
    const kernel: ISubshells = this.kernel;
    const beside: ISubshells = comm;
    if (kernel.supportsSubshells && beside.commsOverSubshells !== "disabled") {
      // The second way in, by which a running cell holds nothing up; without it, the first way is taken.
      await beside.subshellStarted?.catch(() => undefined);
    }
    if (!this.isOver) {
      comm.open({ ...asked });
      this.comm = comm;
    }
  }

  private hear(message: any): void {
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

  private end(): void {
    if (!this.isOver) {
      this.isOver = true;
      this.drop();
      this.onOver();
      this._changed.emit();
    }
  }

  // Nobody answers any more: whoever waits is told so.
  private drop(): void {
    for (const tell of this.asked.values()) {
      tell({ failed: LOST });
    }
    this.asked.clear();
  }

  private comm: Kernel.IComm | null = null;
  private opened: Promise<void>;
  private _changed = new Signal<this, void>(this);
  private asked = new Map<number, (said: any) => void>();
  private last = 0;
}

// A view on the page, drawn by the module that came with it.
export class ViewWidget extends Widget {
  constructor(
    readonly view: View,
    private drawn: (node: HTMLElement) => void = () => undefined
  ) {
    super();
    this.addClass("wb-view");
    // What is typed here is no shortcut of the notebook.
    this.node.dataset.lmSuppressShortcuts = "true";
    this.said.className = "wb-side-words";
    this.node.append(this.said);
    this.waiting = window.setTimeout(() => this.sayWaiting(), 400);
    view.changed.connect(() => this.follow());
    view.kernel.statusChanged.connect(this.onStatus, this);
    this.follow();
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    window.clearTimeout(this.waiting);
    this.view.kernel.statusChanged.disconnect(this.onStatus, this);
    this.takeDown?.();
    this.view.close();
    super.dispose();
  }

  private follow(): void {
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
  private onStatus(_: unknown, status: Kernel.Status): void {
    if (!this.isBegun && GONE.includes(status)) {
      window.clearTimeout(this.waiting);
      this.said.textContent = "";
    }
  }

  private async draw(code: { module: string; style: string }): Promise<void> {
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

  private sayWaiting(): void {
    this.said.textContent = waitingFor(this.view.kernel);
  }

  private said = document.createElement("div");
  private waiting: number;
  private isBegun = false;
  private takeDown: (() => void) | null = null;
}

const modules = new Map<string, Promise<any>>();

// The module that the kernel sent: it fits what the kernel answers, whichever version this extension is.
function moduleOf(text: string): Promise<any> {
  if (!modules.has(text)) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    modules.set(text, import(/* webpackIgnore: true */ address));
  }
  return modules.get(text)!;
}

function styled(text: string): void {
  const found = [...document.querySelectorAll("style[data-workbench]")];
  if (!found.some(each => each.textContent === text)) {
    const style = document.createElement("style");
    style.dataset.workbench = "";
    style.textContent = text;
    document.head.append(style);
  }
}
