// How a view speaks with a workbench: it asks, it is told facts, and it knows whether it is heard.
// What carries both is in talks/: each has `send(message)`, and hands what comes to `hear` and `tell`.

export class Stale extends Error {}

export class Talk {
  constructor() {
    // ok; waiting: for a cell that runs; silent: no answer yet; stale: there is nobody any more, for good.
    this.state = "ok";
    this.facts = null;
    this.open = new Map();
    this.subscribers = new Set();
    this.last = Math.floor(Math.random() * 2 ** 31) * 100000;
    this.acknowledged = [];
  }

  // The notebook beside which the view stands, which a person may rename; "" where there is none.
  get place() {
    return "";
  }

  // What to say of a state, where it is not what is said of a kernel.
  get words() {
    return {};
  }

  // Ask for a verb; `onPart` is told what is there before the answer. Fails with Stale where nobody is left to answer.
  ask(verb, content = {}, onPart = null) {
    if (this.state === "stale") return Promise.reject(new Stale());
    const id = (this.last += 1);
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve, reject, onPart, sent: performance.now(), acked: false });
      this.send({ ...content, id, ask: verb });
    });
  }

  // Be told facts, those that are there at once, and each change of the state; call what is given back to end it.
  subscribe(onFacts, onState = () => {}) {
    const subscriber = { onFacts, onState };
    this.subscribers.add(subscriber);
    if (this.facts) onFacts(this.facts);
    if (this.state !== "ok") onState(this.state);
    return () => this.subscribers.delete(subscriber);
  }

  tell(facts) {
    this.facts = facts;
    for (const { onFacts } of [...this.subscribers]) onFacts(facts);
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

  setState(state) {
    if (this.state === state || this.state === "stale") return;
    this.state = state;
    if (state === "stale") this.dropAll();
    for (const { onState } of [...this.subscribers]) onState(state);
  }

  dropAll() {
    for (const asked of this.open.values()) {
      clearTimeout(asked.timer);
      asked.reject(new Stale());
    }
    this.open.clear();
  }

  close() {
    this.subscribers.clear();
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
