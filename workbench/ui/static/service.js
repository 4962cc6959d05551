// A service on a card: what is live, its buttons, its jobs and its limits.
import { button, dot, fill, h, hereabouts } from "./dom.js";
import { definitionPanel } from "./forms/generic.js";
import { invokePanel } from "./forms/invoke.js";
import { jobForms, limitForms } from "./listed.js";
import { limitPanel } from "./forms/limit.js";
import { Row } from "./row.js";
import { schedulePanel } from "./forms/schedule.js";
import { jobCard, limitCard } from "./small.js";
import { answersOf } from "./tabs/answers.js";
import { figuresOf, versionsPanel } from "./tabs/versions.js";

export class ServiceRow extends Row {
  constructor(card, service) {
    super(card, { "data-service": service });
    Object.assign(this, { service, bursts: new Map() });
    this.makeButtons();
  }

  makeButtons() {
    const open = (name, verb, make, content = {}) => button(name, (event) => this.open(event.currentTarget, verb, make, content), { "aria-expanded": "false" });
    const { service } = this;
    this.versions = open("Versions", "versions", (common, said) => versionsPanel({ ...common, ...said }));
    this.buttons = [
      open("Invoke", "invoke form", (common, said) => invokePanel({ ...common, ...said })),
      open("Publish at a path", "form", (common, said) => definitionPanel({
        ...common, ...said, title: "Publish", subject: service, what: { kind: "RESTChannel" } }),
      { kind: "RESTChannel", preset: { service } }),
      open("Schedule", "schedule", (common, opening) => schedulePanel({ ...common, opening })),
      open("Limit", "limit", (common, opening) => limitPanel({ ...common, opening })),
    ];
  }

  draw(row) {
    if (!this.isNew(row)) return;
    if (row.gone) {
      this.head.replaceChildren(dot("calm"), h("b", { class: "wb-name" }, row.service), h("span", { class: "wb-faint" }, "is no longer deployed"));
      this.things.replaceChildren();
      return;
    }
    const focused = this.head.contains(document.activeElement) ? document.activeElement.textContent : null;
    const mood = row.missing.length ? "warn" : row.failed ? "bad" : "live";
    const words = { live: "live", warn: "live, but it names connections that nobody defined", bad: "live, but its last call failed" };
    const back = row.back ? button("Roll back", () => this.rollBack(), { class: "wb-link", title: `Bring v${row.back} back` }) : null;
    fill(this.head,
      dot(mood, words[mood]),
      h("b", { class: "wb-name", title: row.about }, row.service),
      h("span", { class: "wb-version" }, `v${row.version}`), back,
      h("span", { class: "wb-addresses" }, row.addresses.map(address)),
      h("span", { class: "wb-grow" }),
      h("span", { class: "wb-buttons" }, this.buttons, "figures" in row ? this.versions : null),
      "figures" in row ? figuresOf(row.figures, this.card.now) : null,
      row.missing.length ? this.missing(row.missing) : null);
    if (focused) [...this.head.querySelectorAll("button")].find((each) => each.textContent === focused)?.focus();
    this.drawThings(row);
  }

  missing(missing) {
    return h("div", { class: "wb-missing" }, "Nobody defined ", missing.map(({ kind, label, name }) => h("span", { class: "wb-missing-one" },
      `${label} '${name}' `, button("Define", (event) => this.open(event.currentTarget, "form",
        (common, said) => definitionPanel({ ...common, ...said, title: `Define ${said.form.title}`, subject: name, what: { connection: kind } }),
        { connection: kind, preset: { name } }), { "aria-label": `Define ${label} ${name}` }))));
  }

  drawThings(row) {
    const common = { talk: this.talk, service: this.service, now: this.card.now, report: (said) => this.report(said), bursts: this.bursts };
    this.retell(row.jobs);
    this.fillThings(
      row.answering ? answersOf(row.answering, this) : null,
      row.jobs.map((job) => jobCard(job, { ...common, ...jobForms(this, job) })),
      row.limits.map((limit) => limitCard(limit, { ...common, ...limitForms(this, limit) })));
  }

  rollBack() {
    return this.ask("roll back", { service: this.service });
  }
}

function address({ path, url, link, methods, security, open }) {
  const title = [methods || "every method", security ? `only ${security}` : "anyone on this machine", open ? "" : "not open"].filter(Boolean).join(", ");
  return link ? h("a", { class: "wb-address", href: hereabouts(url), target: "_blank", rel: "noopener", title }, path) : h("code", { class: "wb-address", title }, path);
}
