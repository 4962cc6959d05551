// A talk by a comm that JupyterLab's extension has opened.
import { KernelTalk } from "./kernel.js";

export class CommTalk extends KernelTalk {
  // `line` has the kernel, the notebook's context, what has come so far, and `post`; it calls `onMessage` and `onOver`.
  constructor(line) {
    super();
    this.line = line;
    this.kernel = line.kernel;
    this.context = line.context;
    this.facts = line.facts;
    line.onMessage = (message) => this.receive(message);
    line.onOver = () => this.setState("stale");
    this.greet();
  }

  receive(message) {
    if (message.facts) this.tell(message.facts);
    this.hear(message);
  }

  post(message) {
    this.line.post(message);
  }
}
