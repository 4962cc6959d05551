// A talk by the comm of a widget.
import { KernelTalk } from "./kernel.js";

export class WidgetTalk extends KernelTalk {
  constructor(model) {
    super();
    this.model = model;
    this.facts = model.get("facts");
    this.heard = (message) => this.hear(message);
    this.commSlot = () => this.setState("stale");
    this.factsSlot = () => this.tell(model.get("facts"));
    model.on("msg:custom", this.heard);
    model.on("comm_live_update", this.commSlot);
    model.on("change:facts", this.factsSlot);
    this.greet();
  }

  get kernel() {
    const manager = this.model.widget_manager;
    return manager?.kernel ?? manager?.context?.sessionContext?.session?.kernel ?? null;
  }

  get context() {
    return this.model.widget_manager?.context ?? null;
  }

  post(message) {
    this.model.send(message);
  }

  close() {
    super.close();
    this.model.off("msg:custom", this.heard);
    this.model.off("comm_live_update", this.commSlot);
    this.model.off("change:facts", this.factsSlot);
  }
}
