// The panel as a page of its own, once a person has logged in.
import { CardView } from "./card.js";
import { button, fill, h } from "./dom.js";
import { HTTPTalk } from "./talks/http.js";

// Of this tab alone, for as long as it is open.
const TOKEN = "workbench.token";

class Page {
  constructor(el) {
    this.el = el;
    this.problem = h("div", { class: "wb-error", role: "alert" });
    this.field = h("input", { type: "password", class: "wb-input", id: "wb-token", autocomplete: "off", spellcheck: "false" });
  }

  async begin() {
    const code = location.hash.slice(1);
    // It opens nothing a second time, but it need not stay in the history either.
    if (code) history.replaceState(null, "", location.pathname);
    if (code) await this.login(code);
    else if (sessionStorage.getItem(TOKEN)) this.show(sessionStorage.getItem(TOKEN));
    else this.ask();
  }

  ask(problem = "") {
    this.leave();
    this.problem.textContent = problem;
    this.field.value = "";
    const onSubmit = (event) => {
      event.preventDefault();
      this.login(this.field.value.trim());
    };
    fill(this.el, h("form", { class: "wb-card wb-login", on: { submit: onSubmit } },
      h("h1", {}, "Workbench"),
      h("label", { for: this.field.id }, "Code or token"), this.field,
      h("button", { type: "submit", class: "wb-button wb-primary" }, "Log in"),
      h("div", { class: "wb-hint" }, "A code is given by ", h("code", {}, "workbench panel"), " in a terminal of the same machine."),
      this.problem));
    this.field.focus();
  }

  // What a person has is a code or the token itself: a code is exchanged.
  async login(given) {
    try {
      const reply = await fetch("login", { method: "POST", body: JSON.stringify({ code: given }), headers: { "Content-Type": "application/json" } });
      if (reply.ok) return this.show((await reply.json()).token);
      const is = await fetch("status", { headers: { "X-Workbench-Token": given } });
      if (is.ok) return this.show(given);
      return this.ask((await reply.json()).error ?? "This opens nothing.");
    } catch (error) {
      return this.ask(`The workbench does not answer: ${error.message}`);
    }
  }

  show(token) {
    sessionStorage.setItem(TOKEN, token);
    const place = h("div", {});
    const out = button("Log out", () => this.logOut(""), { class: "wb-quiet wb-log-out" });
    fill(this.el, h("div", { class: "wb-card wb-page-head" }, button("API", () => this.openAPI(token), { class: "wb-quiet" }), out), place);
    this.talk = new HTTPTalk(token, () => this.logOut("The workbench has begun anew, or stopped. Log in again."));
    this.view = new CardView(this.talk, place);
    this.talk.subscribe((facts) => (document.title = facts.title ?? document.title));
  }

  // It is where the channels are, which may be another port: there a code logs in.
  async openAPI(token) {
    const reply = await fetch("code", { method: "POST", headers: { "X-Workbench-Token": token } });
    if (reply.ok) location.assign(`api#${(await reply.json()).code}`);
    else this.logOut("The workbench has begun anew, or stopped. Log in again.");
  }

  logOut(why) {
    sessionStorage.removeItem(TOKEN);
    this.ask(why);
  }

  leave() {
    this.view?.close();
    this.talk?.close();
    this.view = this.talk = null;
  }
}

new Page(document.getElementById("workbench")).begin();
