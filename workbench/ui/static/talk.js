// Questions to the kernel, and what is known of whether it hears them.

const SHOW_WAITING_MS = 150;
const ANSWER_WITHIN_MS = 2000;
const LOOK_AGAIN_MS = 500;
const GONE = ["restarting", "autorestarting", "dead", "terminating", "unknown"];

export class Stale extends Error {}

export class Talk {
  constructor(model, onState) {
    this.model = model;
    this.onState = onState;
    this.state = "ok";
    this.open = new Map();
    this.last = Math.floor(Math.random() * 2 ** 31) * 100000;
    this.acknowledged = [];
    this.heard = (message) => this.hear(message);
    this.statusSlot = (_, status) => this.follow(status);
    this.commSlot = this.goneSlot = () => this.setState("stale");
    model.on("msg:custom", this.heard);
    model.on("comm_live_update", this.commSlot);
    // Kept, since the notebook forgets a kernel that is shut down.
    this.followed = this.kernel;
    this.followed?.statusChanged?.connect(this.statusSlot);
    this.followed?.disposed?.connect(this.goneSlot);
  }

  get kernel() {
    const manager = this.model.widget_manager;
    return manager?.kernel ?? manager?.context?.sessionContext?.session?.kernel ?? null;
  }

  // The notebook's path, which changes when a person renames it.
  get context() {
    return this.model.widget_manager?.context ?? null;
  }

  get isBusy() {
    return this.kernel?.status === "busy";
  }

  ask(verb, content = {}, onPart = null) {
    if (this.state === "stale") return Promise.reject(new Stale());
    const id = (this.last += 1);
    return new Promise((resolve, reject) => {
      const asked = { resolve, reject, onPart, sent: performance.now(), acked: false };
      this.open.set(id, asked);
      asked.timer = setTimeout(() => this.lookAfter(id), SHOW_WAITING_MS);
      this.model.send({ ...content, id, ask: verb });
    });
  }

  lookAfter(id) {
    const asked = this.open.get(id);
    if (!asked || asked.acked) return;
    const late = performance.now() - asked.sent >= ANSWER_WITHIN_MS;
    // A kernel that answers others by a way of their own says it is idle although a cell runs.
    if (this.isBusy || late) this.setState(this.kernel ? "waiting" : "silent");
    if (late && this.kernel && !asked.probed) {
      asked.probed = true;
      this.probe(id);
    }
    asked.timer = setTimeout(() => this.lookAfter(id), LOOK_AGAIN_MS);
  }

  // A kernel that answers a later question, but not ours, no longer knows this card.
  probe(id) {
    const gone = () => {
      const asked = this.open.get(id);
      if (asked && !asked.acked) this.setState("stale");
    };
    this.kernel.requestKernelInfo().then(() => setTimeout(gone, LOOK_AGAIN_MS * 2), () => {});
  }

  hear(message) {
    if (message.ack !== undefined) this.ack(message.ack);
    for (const said of message.batch ?? []) this.take(said);
  }

  ack(id) {
    const asked = this.open.get(id);
    if (!asked) return;
    asked.acked = true;
    clearTimeout(asked.timer);
    this.acknowledged.push(performance.now() - asked.sent);
    if (this.acknowledged.length > 100) this.acknowledged.shift();
    if (![...this.open.values()].some((each) => !each.acked)) this.setState("ok");
  }

  take(said) {
    const asked = this.open.get(said.id);
    if (!asked) return;
    if (!asked.acked) this.ack(said.id);
    if (said["so far"] !== undefined) {
      asked.onPart?.(said);
      return;
    }
    this.open.delete(said.id);
    if (said.failed) asked.reject(new Error(said.failed));
    else asked.resolve(said);
  }

  follow(status) {
    if (GONE.includes(status)) this.setState("stale");
  }

  setState(state) {
    if (this.state === state || this.state === "stale") return;
    this.state = state;
    if (state === "stale") {
      for (const asked of this.open.values()) {
        clearTimeout(asked.timer);
        asked.reject(new Stale());
      }
      this.open.clear();
    }
    this.onState(state);
  }

  close() {
    if (this.state !== "stale") this.model.send({ id: 0, ask: "bye" });
    this.model.off("msg:custom", this.heard);
    this.model.off("comm_live_update", this.commSlot);
    this.followed?.statusChanged?.disconnect(this.statusSlot);
    this.followed?.disposed?.disconnect(this.goneSlot);
    for (const asked of this.open.values()) clearTimeout(asked.timer);
  }
}

// The newest question only: one under way at a time, the last one asked meanwhile goes next.
export function latest(ask, use, pauseMs = 120) {
  let timer = null;
  let busy = false;
  let again = false;
  const go = async () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      const said = await ask();
      if (!again) use(said);
    } catch (error) {
      if (!(error instanceof Stale)) use({ failed: error.message });
    } finally {
      busy = false;
      if (again) go();
    }
  };
  return (pause = pauseMs) => {
    clearTimeout(timer);
    timer = setTimeout(go, pause);
  };
}
