// What can be done with the services of a cell: one row in a strip of its own, between the cell's text and its outputs.
import { CodeCell } from "@jupyterlab/cells";
import { PanelLayout, Widget } from "@lumino/widgets";
import { Line } from "./front";
import { type IAsked, View, ViewWidget } from "./view";

const ACTIONS = ["Invoke", "Schedule", "Limit"];

// A cell of one service names it; of several, one is chosen, so that the row is no longer for twelve than for two.
export class Actions extends Widget {
  constructor(
    private cell: CodeCell,
    private line: Line
  ) {
    super();
    this.addClass("wb-cell-actions");
    this.node.setAttribute("role", "toolbar");
    this.node.dataset.lmSuppressShortcuts = "true";
    this.hide();
    this.buttons = ACTIONS.map(action => {
      const button = element("button", action) as HTMLButtonElement;
      button.addEventListener("click", () => this.act(action));
      return button;
    });
    // A cell that was never in view has no parts yet.
    void cell.ready.then(() => this.isDisposed || this.insert(this));
  }

  // The services that are live by this cell.
  offer(services: string[]): void {
    const key = JSON.stringify(services);
    if (key === this.offered) {
      return;
    }
    this.offered = key;
    const chosen = services.includes(this.service) ? this.service : (services[0] ?? "");
    if (chosen !== this.service) {
      this.shut();
    }
    this.node.setAttribute("aria-label", `Services of this cell: ${services.join(", ")}`);
    this.node.replaceChildren(group(services.length > 1 ? this.choice(services, chosen) : [named(chosen)]), group(this.buttons));
    this.choose(chosen);
    this.setHidden(!services.length);
  }

  dispose(): void {
    this.shut();
    super.dispose();
  }

  private choice(services: string[], chosen: string): HTMLElement[] {
    const select = document.createElement("select");
    select.setAttribute("aria-label", "Service");
    select.append(...services.map(each => new Option(each, each, false, each === chosen)));
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

  private choose(service: string): void {
    this.service = service;
    this.buttons.forEach(button => (button.title = `${button.textContent} ${service}`));
  }

  // Open one of the forms of the service below this strip, as its card does; close it if it is open.
  private act(action: string): void {
    const kernel = this.line.kernel;
    const isOpen = this.opened !== null && !this.opened.isDisposed && this.action === action;
    this.shut();
    if (isOpen || !kernel) {
      return;
    }
    const asked: IAsked = { show: "services", names: [this.service], cell: this.cell.model.id, code: true };
    const view = new View(kernel, asked, this.line.panel.context);
    const widget = new ViewWidget(view, node => formIn(node, action)?.click());
    widget.addClass("wb-under-cell");
    widget.node.prepend(this.closing());
    this.insert(widget);
    this.opened = widget;
    this.action = action;
    this.tell();
  }

  // Above the outputs, below what is there already.
  private insert(widget: Widget): void {
    const layout = this.cell.layout as PanelLayout;
    layout.insertWidget(layout.widgets.findIndex(each => each.hasClass("jp-Cell-outputWrapper")), widget);
  }

  private shut(): void {
    this.opened?.dispose();
    this.opened = null;
    this.action = "";
    this.tell();
  }

  private tell(): void {
    this.buttons.forEach(button => button.setAttribute("aria-expanded", String(button.textContent === this.action)));
  }

  private closing(): HTMLElement {
    const button = element("button", "×");
    button.className = "wb-cell-close";
    button.setAttribute("aria-label", `Close ${this.service}`);
    button.addEventListener("click", () => this.shut());
    return button;
  }

  private buttons: HTMLButtonElement[];
  private opened: ViewWidget | null = null;
  private action = "";
  private service = "";
  private offered = "";
}

function formIn(node: HTMLElement, action: string): HTMLElement | undefined {
  return [...node.querySelectorAll<HTMLElement>(".wb-row-head button")].find(each => each.textContent === action);
}

// What stays together where the row wraps.
function group(parts: HTMLElement[]): HTMLElement {
  const made = element("span", "");
  made.append(...parts);
  return made;
}

function named(service: string): HTMLElement {
  const made = element("span", service);
  made.className = "wb-cell-service";
  made.title = service;
  return made;
}

function element(tag: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
