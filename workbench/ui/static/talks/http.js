// A talk over HTTP with the token: questions go as they come, and one request waits for what there is to be told.
import { Talk } from "../talk.js";

const AGAIN_MS = 1000;

// The workbench answers, and says no.
class Refusal extends Error {}

export class HTTPTalk extends Talk {
  // `onRefused` is told when the token is no good, as after the workbench has begun anew.
  constructor(token, onRefused) {
    super();
    Object.assign(this, { token, onRefused, after: 0, viewer: crypto.getRandomValues(new Uint32Array(4)).join("-"), leaving: new AbortController() });
    this.look();
  }

  get words() {
    const answer = this.refusal && `${this.refusal} This goes on by itself.`;
    return { silent: answer || "The workbench does not answer. This goes on as soon as it does." };
  }

  async look() {
    while (!this.leaving.signal.aborted) {
      try {
        const said = await this.request("look", { viewer: this.viewer, after: this.after });
        this.after = said.last;
        for (const told of said.told) this.receive(told);
        // Last: what is told may already answer a question that was asked since.
        if (said.anew) this.lose();
        if (said.over) throw new Error("the workbench stops");
        this.setState("ok");
      } catch (error) {
        if (this.leaving.signal.aborted) return;
        this.refusal = error instanceof Refusal ? error.message : "";
        this.setState("silent");
        await new Promise((go) => setTimeout(go, AGAIN_MS));
      }
    }
  }

  // What cannot be drawn is an error of this page, and no sign that nobody answers.
  receive(told) {
    try {
      if (told.facts) this.tell(told.facts);
      else this.hear(told);
    } catch (error) {
      reportError(error);
    }
  }

  async request(what, content) {
    const reply = await fetch(what, { method: "POST", body: JSON.stringify(content), signal: this.leaving.signal,
      headers: { "Content-Type": "application/json", "X-Workbench-Token": this.token } });
    if (reply.status === 403 || reply.status === 404) {
      this.close();
      this.onRefused();
    }
    const said = await reply.json();
    if (!reply.ok) throw new Refusal(said.error ?? said.details ?? `HTTP ${reply.status}`);
    return said;
  }

  // The workbench no longer knows this page, and so not what it asked.
  lose() {
    for (const [id, asked] of this.open) if (asked.acked) this.fail(id, "The connection was lost meanwhile. Whether it was done, the lists say.");
  }

  fail(id, why) {
    this.take({ id, failed: why });
  }

  send(message) {
    this.request("ask", { ...message, viewer: this.viewer }).then(
      (said) => this.ack(said.ack),
      (error) => this.fail(message.id, `The workbench did not take it: ${error.message}`));
  }

  close() {
    this.leaving.abort();
    super.close();
  }
}
