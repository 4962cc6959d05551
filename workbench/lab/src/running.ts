// The workbenches that run on this machine: each with its page, and with its panel in place of the notebook's own.
import { Widget } from "@lumino/widgets";
import type { Line } from "./front";

const LOOK_MS = 5000;

// One of them; see workbench/ui/panel/running.py.
interface IRunning {
  name: string;
  file: string;
  pid: number;
  url: string;
  here: boolean;
  app: string;
}

export class Running extends Widget {
  // `onShow` is told whose panel to show: that of an app, or of the notebook in front again.
  constructor(
    private baseUrl: string,
    private onShow: (app: string | null) => void
  ) {
    super({ node: document.createElement("details") });
    this.addClass("wb-running");
    (this.node as HTMLDetailsElement).open = true;
    this.said.setAttribute("role", "alert");
    this.node.append(this.count, this.list, this.said);
    this.node.hidden = true;
  }

  // Ask the workbench of a notebook, now and from time to time; of none, nothing is known. What another one has told
  // is not this one's.
  follow(line: Line | null): void {
    if (line !== this.line) {
      this.line = line;
      this.found = [];
      this.draw();
      this.look();
    }
  }

  // Whose panel is shown in place of the notebook's own.
  set shown(app: string | null) {
    this._shown = app;
    this.draw();
  }

  dispose(): void {
    this.follow(null);
    super.dispose();
  }

  private look(): void {
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
      () => undefined
    );
  }

  private draw(): void {
    const text = JSON.stringify([this.found, this._shown]);
    if (text === this.drawn) {
      return;
    }
    this.drawn = text;
    const held = this.node.contains(document.activeElement) ? document.activeElement?.getAttribute("aria-label") : null;
    this.node.hidden = !this.found.length;
    this.count.textContent = this.found.length === 1 ? "1 workbench runs on this machine" : `${this.found.length} workbenches run on this machine`;
    this.list.replaceChildren(...this.found.map(each => this.row(each)));
    [...this.list.querySelectorAll("button")].find(each => each.getAttribute("aria-label") === held)?.focus();
  }

  private row(each: IRunning): HTMLElement {
    const isShown = each.here ? this._shown === null : this._shown === each.app;
    const row = document.createElement("li");
    const name = document.createElement("span");
    name.textContent = each.name;
    name.title = `${each.file}, process ${each.pid}, ${each.url}`;
    row.dataset.app = each.app;
    row.dataset.shown = String(isShown);
    const show = this.button("Show here", `Show ${each.name} here`, () => this.onShow(each.here ? null : each.app));
    show.disabled = isShown;
    row.append(name, this.button("Page", `Open the page of ${each.name}`, () => void this.open(each)), show);
    return row;
  }

  private button(text: string, label: string, onClick: () => void): HTMLButtonElement {
    const made = document.createElement("button");
    made.className = "wb-side-button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", onClick);
    return made;
  }

  // Opened while the click counts, since a browser lets no page open another one later.
  private async open(each: IRunning): Promise<void> {
    const tab = window.open("about:blank");
    this.said.textContent = "";
    try {
      const { url } = await this.line!.ask("running page", { app: each.app });
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
  private reached(url: string): string {
    const there = new URL(url);
    const base = new URL(this.baseUrl, location.href).pathname;
    if (["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) && base === "/") {
      there.hostname = location.hostname;
      return there.href;
    }
    return `${location.origin}${base}proxy/${there.port}${there.pathname}${there.hash}`;
  }

  private line: Line | null = null;
  private _shown: string | null = null;
  private found: IRunning[] = [];
  private drawn = "";
  private due = 0;
  private count = document.createElement("summary");
  private list = document.createElement("ul");
  private said = document.createElement("div");
}
