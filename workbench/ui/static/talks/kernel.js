// A talk that a kernel answers: whether it hears is seen by what it acknowledges, and by its status.
// What carries it has `post(message)`, and the `kernel` and `context` of its notebook as JupyterLab has them.
import { jupyterBase } from "../dom.js";
import { Talk } from "../talk.js";

const SHOW_WAITING_MS = 150;
const ANSWER_WITHIN_MS = 2000;
const LOOK_AGAIN_MS = 500;
const SECOND_WAY_MS = 1500;
const GONE = ["restarting", "autorestarting", "dead", "terminating", "unknown"];

export class KernelTalk extends Talk {
  // Look who is there, and say that somebody looks; the last step of making one.
  greet() {
    this.statusSlot = (_, status) => this.follow(status);
    this.goneSlot = () => this.setState("stale");
    this.renamedSlot = () => this.say("renamed", { path: this.place });
    // Kept, since the notebook forgets a kernel that is shut down.
    this.followed = this.kernel;
    this.followed?.statusChanged?.connect(this.statusSlot);
    this.followed?.disposed?.connect(this.goneSlot);
    this.beside = this.context;
    this.beside?.pathChanged?.connect(this.renamedSlot);
    this.say("hello", { path: this.place, host: jupyterBase() && location.hostname });
    // By now JupyterLab has a second way into the kernel; using it once lets ipykernel 7.4 hear clicks by it from then on.
    this.secondWay = setTimeout(() => this.isBusy || this.say("here"), SECOND_WAY_MS);
  }

  get place() {
    return this.context?.path ?? "";
  }

  get isBusy() {
    return this.kernel?.status === "busy";
  }

  // Ask for nothing but to be heard.
  say(verb, content) {
    this.ask(verb, content).catch(() => {});
  }

  send(message) {
    this.open.get(message.id).timer = setTimeout(() => this.lookAfter(message.id), SHOW_WAITING_MS);
    this.post(message);
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

  // A kernel that answers later questions, but none that comes by this way, no longer knows this view. If it hears a
  // second one that does, only ours was lost, as with a connection that dropped and was made anew.
  probe(id) {
    const isOpen = () => this.open.get(id)?.acked === false;
    const look = () => {
      if (!isOpen()) return;
      let isHeard = false;
      this.ask("here").then(() => (isHeard = true), () => {});
      this.open.get(this.last).probed = true;
      setTimeout(() => {
        if (!isOpen()) return;
        if (isHeard) this.take({ id, failed: "The kernel did not get this: the connection was lost meanwhile. Do it again." });
        else this.setState("stale");
      }, LOOK_AGAIN_MS * 2);
    };
    this.kernel.requestKernelInfo().then(() => setTimeout(look, LOOK_AGAIN_MS), () => {});
  }

  follow(status) {
    if (GONE.includes(status)) this.setState("stale");
  }

  close() {
    clearTimeout(this.secondWay);
    if (this.state !== "stale") this.post({ id: 0, ask: "bye" });
    this.followed?.statusChanged?.disconnect(this.statusSlot);
    this.followed?.disposed?.disconnect(this.goneSlot);
    this.beside?.pathChanged?.disconnect(this.renamedSlot);
    super.close();
  }
}
