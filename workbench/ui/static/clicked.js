// What was made by click and is in no cell: each with its code to copy, all of it by one button.
import { canWriteCells, writeCell } from "./cells.js";
import { button, copyButton, dot, fill, h } from "./dom.js";
import { Row } from "./row.js";

export class ClickedRow extends Row {
  constructor(card) {
    super(card, { class: "wb-row wb-clicked" });
    this.listFirst();
  }

  draw(clicks) {
    if (!this.isNew(clicks)) return;
    const all = () => clicks.map((each) => each.code).join("\n\n");
    this.fillThings(clicks.map((each) => this.one(each)),
      clicks.length > 1 ? h("div", { class: "wb-small" }, h("span", { class: "wb-grow" }), copyButton(all, "Copy all that was clicked", "")) : null);
  }

  one({ name, said, code, write, collection }) {
    const keep = async () => {
      const { problem } = await writeCell(this.el, this.talk, { write, collection });
      if (problem) this.report({ failed: problem });
    };
    return h("div", { class: "wb-small", "data-key": `clicked ${name}` },
      dot("calm", "made by click"), h("span", {}, said), h("span", { class: "wb-grow" }),
      h("span", { class: "wb-buttons" },
        write && canWriteCells() ? button("Write it into a cell", keep, { class: "wb-primary", "aria-label": `Write ${name} into a cell` }) : null,
        copyButton(code, "Copy", ""),
        button("Remove", (event) => this.remove(event.currentTarget, { collection: "clicked", name }, said, "click remove", { name }), { "aria-label": `Remove ${name}`, "aria-expanded": "false" })));
  }
}

// Asks whether a notebook from elsewhere may call the outside.
export class QuestionRow extends Row {
  draw(question) {
    if (!this.isNew(question)) return;
    fill(this.head, question && dot("warn", "a question"), question && h("span", { class: "wb-grow" }, question),
      question && button("Use stand-ins", () => this.ask("outside stand-ins"), { class: "wb-primary" }),
      question && button("Allow", () => this.ask("outside allow")));
  }
}
