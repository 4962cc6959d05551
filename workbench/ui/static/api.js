// The page to read what channels take and give, and to call them: of /openapi.json, told anew as it changes.
import { Caller } from "./api/caller.js";
import { OperationView } from "./api/operation.js";
import { fill, h } from "./dom.js";

const AGAIN_MS = 2000;
// As the panel's page keeps it: of this tab alone.
const TOKEN_KEY = "workbench.token";
// Where the workbench begins: this page may be behind a proxy, below a path of its own.
const BASE = new URL("..", location.href);

class APIPage {
  constructor(el) {
    this.el = el;
    this.views = new Map();
    this.tag = "";
    this.told = h("div", { class: "wb-api-told", role: "status" });
    this.list = h("div", { class: "wb-api-list" });
    this.title = h("h1", {}, "Workbench");
    this.caller = new Caller(sessionStorage.getItem(TOKEN_KEY) ?? "", (token) => {
      if (token) sessionStorage.setItem(TOKEN_KEY, token);
      else sessionStorage.removeItem(TOKEN_KEY);
      this.tag = "";
      this.look();
    });
    const links = h("nav", { class: "wb-buttons", "aria-label": "Also here" }, h("a", { href: "./", class: "wb-address" }, "Panel"), h("a", { href: "../openapi.json", class: "wb-address" }, "openapi.json"));
    fill(el, h("div", { class: "wb-card wb-api" }, h("header", { class: "wb-api-head" }, this.title, links), this.caller.el, this.told, this.list));
  }

  async begin() {
    const code = location.hash.slice(1);
    if (code) history.replaceState(null, "", location.pathname);
    if (await this.movesOn(code)) return;
    if (code) await this.login(code);
    await this.look();
    setInterval(() => document.visibilityState === "visible" && this.look(), AGAIN_MS);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.look());
  }

  // The listener of the own addresses has no channels: the same page is where they are.
  async movesOn(code) {
    const [server] = (await this.read().catch(() => null))?.servers ?? [];
    this.tag = "";
    const there = server && server.url !== "/" ? new URL("workbench/api", `${server.url}/`) : null;
    if (!there || there.port === location.port || BASE.pathname !== "/") return false;
    location.replace(`${there}${code && `#${code}`}`);
    return true;
  }

  async login(code) {
    const reply = await fetch("login", { method: "POST", body: JSON.stringify({ code }), headers: { "Content-Type": "application/json" } });
    const said = await reply.json();
    if (reply.ok) this.caller.hold(said.token);
    else this.say(said.error ?? "The code opens nothing.");
  }

  async read() {
    const reply = await fetch(new URL("openapi.json", BASE), { headers: this.caller.asking({ "If-None-Match": this.tag }) });
    if (reply.status === 304) return null;
    const said = await reply.json();
    if (reply.ok) {
      this.tag = reply.headers.get("ETag") ?? "";
      return said;
    }
    if (reply.status === 404) throw new Error("This workbench describes its channels to who holds its token. Give it under “Who calls”.");
    throw new Error(said.details ?? said.error ?? `The workbench answers ${reply.status}.`);
  }

  async look() {
    try {
      const document = await this.read();
      if (document) this.show(document);
      if (this.silent) this.say("");
      this.silent = false;
    } catch (error) {
      this.silent = true;
      const isGone = error instanceof TypeError;
      this.say(isGone ? "The workbench does not answer. This goes on as soon as it does." : error.message);
    }
  }

  say(words) {
    this.told.textContent = words;
  }

  // What has not changed stays as it is, with what a person has typed there.
  show(told) {
    this.title.textContent = document.title = told.info.title;
    const parts = JSON.stringify(told.components);
    const kept = new Map();
    const groups = new Map();
    for (const [path, item] of Object.entries(told.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const id = operation.operationId;
        const mark = `${method} ${path} ${JSON.stringify(operation)} ${parts}`;
        const before = this.views.get(id);
        const view = before?.mark === mark ? before : new OperationView({ path, method, operation, components: told.components ?? {} }, this.caller, BASE, before);
        view.mark = mark;
        kept.set(id, view);
        const group = operation.tags?.[0] ?? "";
        groups.set(group, [...(groups.get(group) ?? []), view.el]);
      }
    }
    this.views = kept;
    const sections = [...groups].sort(([one], [other]) => one.localeCompare(other));
    fill(this.list, sections.map(([name, rows]) => h("section", { "aria-label": name || "Others" }, sections.length > 1 && h("h2", {}, name || "Others"), rows)));
    if (!kept.size) fill(this.list, h("p", { class: "wb-faint" }, "No channel is told to this caller. What needs a user or a key is shown once they are given under “Who calls”."));
  }
}

new APIPage(document.getElementById("workbench")).begin();
