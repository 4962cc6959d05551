// The side panel: the workbench of the notebook in front, drawn by the same modules as `wb` in a cell.
import { CommandRegistry } from "@lumino/commands";
import { Message } from "@lumino/messaging";
import { PanelLayout, Widget } from "@lumino/widgets";
import { COMMANDS, SIDE } from "./commands";
import { Front, Line } from "./front";
import { icon } from "./icon";
import { Running } from "./running";
import { type IAsked, View, ViewWidget } from "./view";
import { wordsOf } from "./words";

export class Side extends Widget {
  constructor(
    private front: Front,
    private commands: CommandRegistry,
    baseUrl: string
  ) {
    super();
    this.id = SIDE;
    this.addClass("wb-side");
    this.title.icon = icon;
    this.title.caption = "Workbench";
    this.head.node.className = "wb-side-head";
    this.head.node.setAttribute("role", "status");
    const layout = (this.layout = new PanelLayout());
    layout.addWidget(this.head);
    layout.addWidget(this.buttons);
    this.buttons.node.className = "wb-side-buttons";
    this.running = new Running(baseUrl, app => this.showInside(app));
    layout.addWidget(this.running);
    front.changed.connect(() => this.follow());
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.follow();
  }

  // What nobody sees costs the kernel nothing.
  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.running.follow(null);
    this.drop();
  }

  private follow(): void {
    if (!this.isVisible) {
      return;
    }
    const line = this.front.current;
    this.say(line);
    this.running.follow(line?.marks ? line : null);
    const isSame = line === this.line && this.shown !== null;
    // What the kernel had drawn when it restarted or was lost stays, as it was, until there is something new.
    if (isSame && (line?.marks ? line.life === this.life : line?.state !== "none")) {
      return;
    }
    this.draw(line, null);
  }

  // Show the panel of an app that runs on this machine, asked by the kernel of the notebook in front; null: its own.
  private showInside(app: string | null): void {
    this.draw(this.front.current, app);
  }

  private draw(line: Line | null, app: string | null): void {
    this.drop();
    this.running.shown = app;
    const kernel = line?.kernel;
    if (line?.marks && kernel) {
      this.line = line;
      this.life = line.life;
      const asked: IAsked = app === null ? { show: "everything", code: true } : { show: "attached", app, code: true };
      this.shown = new ViewWidget(new View(kernel, asked, line.panel.context));
      (this.layout as PanelLayout).addWidget(this.shown);
    }
  }

  private drop(): void {
    this.shown?.dispose();
    this.shown = null;
    this.line = null;
  }

  private say(line: Line | null): void {
    const words = wordsOf(line);
    const name = line ? line.panel.context.localPath.split("/").pop()! : "";
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
    this.head.node.replaceChildren(...(name ? [title] : []), said);
    this.buttons.node.replaceChildren(...offers.map(command => this.button(command)));
  }

  private button(command: string): HTMLElement {
    const made = document.createElement("button");
    made.className = "wb-side-button";
    made.textContent = this.commands.label(command);
    made.title = this.commands.caption(command);
    made.addEventListener("click", () => void this.commands.execute(command));
    return made;
  }

  private head = new Widget();
  private buttons = new Widget();
  private running: Running;
  private line: Line | null = null;
  private life = 0;
  private shown: ViewWidget | null = null;
  private said = "";
}

// What a person may want next, where the workbench has nothing to show.
function offersOf(line: Line | null): string[] {
  if (!line) {
    return [COMMANDS.create, COMMANDS.standIns];
  }
  if (line.state === "none") {
    return [COMMANDS.turnOn];
  }
  return line.marks && !Object.keys(line.marks.cells).length ? [COMMANDS.service] : [];
}
