// The status bar's item: the workbench of the notebook in front in a few words; a click opens the side panel.
import { CommandRegistry } from "@lumino/commands";
import { Widget } from "@lumino/widgets";
import { COMMANDS } from "./commands";
import { Front } from "./front";
import { wordsOf } from "./words";

export class Status extends Widget {
  constructor(
    private front: Front,
    commands: CommandRegistry
  ) {
    super();
    this.addClass("wb-status");
    this.button.addEventListener("click", () => void commands.execute(COMMANDS.show));
    this.button.append(this.text);
    this.node.append(this.button);
    front.changed.connect(() => this.draw());
    this.draw();
  }

  private draw(): void {
    const words = wordsOf(this.front.current);
    this.node.hidden = !words.short;
    this.button.dataset.mood = words.mood;
    if (this.text.textContent !== words.short) {
      this.text.textContent = words.short;
    }
    this.button.title = `${words.long} Click to see it.`;
  }

  private button = document.createElement("button");
  private text = document.createElement("span");
}
