// What a card lists besides services: jobs, connections and channels, and what arrives at a peer.
import { inCell } from "./cells.js";
import { button, chip, copyButton, dot, fill, h, hereabouts } from "./dom.js";
import { clientsPanel } from "./forms/clients.js";
import { explainPanel } from "./forms/explain.js";
import { definitionPanel } from "./forms/generic.js";
import { faultsPanel } from "./forms/faults.js";
import { limitPanel } from "./forms/limit.js";
import { RequestForm } from "./forms/request.js";
import { Row } from "./row.js";
import { schedulePanel } from "./forms/schedule.js";
import { agoText, jobCard, limitCard } from "./small.js";
import { Stale } from "./talk.js";

const DOTS = { live: "defined", warn: "the last call was refused", bad: "the last call failed" };
const LARGEST_UPLOAD_BYTES = 5 * 1024 * 1024;

// What the buttons of a job's small card open in a row.
export function jobForms(row, job) {
  return {
    edit: (event) => row.open(event.currentTarget, "job edit", (common, opening) => schedulePanel({ ...common, service: job.service, opening }), { name: job.name }),
    remove: (event) => row.remove(event.currentTarget, { collection: "jobs", name: job.name }, `Job '${job.name}'`, "job", { name: job.name, what: "remove" }),
  };
}

// What the buttons of a limit's small card open in a row.
export function limitForms(row, limit) {
  const named = { on: limit.on, name: limit.name };
  return {
    edit: (event) => row.open(event.currentTarget, "limit", (common, opening) => limitPanel({ ...common, opening, target: limit }), row.service ? {} : named),
    explain: (event) => row.open(event.currentTarget, "explain", explainPanel, named),
    remove: (event) => row.remove(event.currentTarget, { collection: "limits", name: `${limit.on} ${limit.name}` }, `limit on ${limit.on} '${limit.name}'`, "limit remove", named),
  };
}

export class JobsRow extends Row {
  constructor(card) {
    super(card);
    this.listFirst();
  }

  draw(jobs) {
    if (!this.isNew(jobs)) return;
    const common = { talk: this.talk, now: this.card.now, report: (said) => this.report(said) };
    this.retell(jobs);
    this.fillThings(jobs.map((job) => jobCard(job, { ...common, ...jobForms(this, job) })));
  }
}

export class LimitsRow extends Row {
  constructor(card) {
    super(card);
    this.bursts = new Map();
    this.listFirst();
  }

  draw(limits) {
    if (!this.isNew(limits)) return;
    const common = { talk: this.talk, service: "", now: this.card.now, report: (said) => this.report(said), bursts: this.bursts };
    this.fillThings(limits.map((limit) => limitCard(limit, { ...common, ...limitForms(this, limit) })));
  }
}

export class DefinitionsRow extends Row {
  constructor(card) {
    super(card);
    this.listFirst();
  }

  draw(shown) {
    if (!this.isNew(shown)) return;
    this.fillThings(shown.map((each) => this.one(each)));
  }

  try(opener, channel) {
    return this.open(opener, "request", (common, opening) => new RequestForm({ ...common, channel, opening, report: (said) => this.report(said) }).panel, { channel });
  }

  one({ collection, name, text, where, link, who, secret, curl, code, mood, sandbox, gone, try: takes, has_clients: hasClients, used_by: usedBy, worked, said_in }) {
    const edit = { collection, name };
    const open = (at) => (event) => this.open(event.currentTarget, "form",
      (common, said) => definitionPanel({ ...common, ...said, title: "Edit", subject: text, what: { edit }, locked: ["name"], at }), { edit });
    return h("div", { class: "wb-small", "data-key": `${collection} ${name}`, ...inCell(said_in) },
      dot(gone ? "calm" : mood, gone ? "gone" : DOTS[mood]), h("span", { class: "wb-small-name" }, text), place(where, gone ? "" : link),
      sandbox ? chip("sandbox", "warn") : null,
      gone ? h("span", { class: "wb-faint" }, "is no longer defined") : null,
      usedBy ? h("span", { class: "wb-faint" }, usedBy.length ? `used by ${usedBy.join(", ")}` : "used by no service") : null,
      worked ? h("span", { class: "wb-faint" }, "worked ", h("span", { class: "wb-ago", "data-at": worked }, agoText(worked, this.card.now))) : null,
      who && !gone ? h("span", { class: "wb-faint" }, who) : null,
      h("span", { class: "wb-grow" }),
      gone ? null : h("span", { class: "wb-buttons" },
        takes ? button("Try", (event) => this.try(event.currentTarget, name), { "aria-label": `Try ${name}`, "aria-expanded": "false", title: "Send a request through the server" }) : null,
        hasClients ? button("Clients", (event) => this.open(event.currentTarget, "clients", (common, said) => clientsPanel(common, said, name), { name }),
          { "aria-label": `Clients of ${name}`, "aria-expanded": "false", title: "Who is connected now" }) : null,
        curl ? copyButton(curl, "Copy as curl", "") : null,
        collection === "connections" ? button("Ping", () => this.ask("ping", { name }), { "aria-label": `Ping ${name}` }) : null,
        copyButton(code, "Copy as code", ""),
        secret.field ? button(secret.label, open(secret.field), { "aria-label": `${secret.label} of ${name}`, "aria-expanded": "false" }) : null,
        button("Edit", open(""), { "aria-label": `Edit ${name}`, "aria-expanded": "false" }),
        button("Remove", (event) => this.remove(event.currentTarget, edit, text), { "aria-label": `Remove ${name}`, "aria-expanded": "false" })));
  }
}

// An address that a browser can ask is a link.
function place(where, link) {
  return link ? h("a", { class: "wb-address", href: hereabouts(link), target: "_blank", rel: "noopener" }, where) : h("code", { class: "wb-faint" }, where);
}

export class PeerRow extends Row {
  constructor(card) {
    super(card, { class: "wb-row wb-peer" });
    this.input = h("input", { type: "file", multiple: true, class: "wb-offscreen", tabindex: "-1", "aria-label": "Files to upload",
      on: { change: () => this.upload([...this.input.files]) } });
    this.button = button("Upload", () => this.input.click(), { title: "Have files arrive here, as if the other side had put them there" });
    this.shown = h("div", { class: "wb-arrived", "aria-live": "polite" });
    this.faulty = h("span", {});
    this.faults = button("Faults", (event) => this.open(event.currentTarget, "faults", (common, said) => faultsPanel(common, said, this.name), { name: this.name }),
      { "aria-expanded": "false", title: "Have it do wrong what servers of its kind do wrong" });
    this.head.append(h("div", { class: "wb-grow" }, this.shown), this.faulty, this.faults, this.input, this.button);
    for (const kind of ["dragover", "drop"]) this.el.addEventListener(kind, (event) => this.onDrag(event));
  }

  onDrag(event) {
    if (!this.takes || ![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.type === "drop") this.upload([...event.dataTransfer.files]);
  }

  // Its HTML is made by the kernel, which escapes whatever strangers have sent. What was opened stays open.
  draw(peer) {
    if (!this.isNew(peer)) return;
    const title = (each) => each.querySelector("summary [data-take]")?.dataset.take ?? each.querySelector("summary")?.textContent ?? "";
    const before = new Map([...this.shown.querySelectorAll("details")].map((each) => [title(each), each.open]));
    Object.assign(this, { name: peer.name, takes: peer.takes });
    this.button.hidden = !peer.takes;
    fill(this.faulty, peer.faults.length ? h("span", { title: peer.faults.join(", ") }, chip(peer.faults.length === 1 ? "1 fault" : `${peer.faults.length} faults`, "warn")) : null);
    this.shown.innerHTML = peer.html;
    for (const each of this.shown.querySelectorAll("[data-take]")) {
      const download = button("download", (event) => this.take(event, each.dataset.take), { class: "wb-link", "aria-label": `download ${each.dataset.take}` });
      const file = each.closest("summary")?.parentElement;
      // What opens by a click can hold no other button: it stands beside.
      if (!file) each.after(" ", download);
      else {
        const line = h("div", { class: "wb-file" });
        file.replaceWith(line);
        line.append(file, download);
      }
    }
    for (const each of this.shown.querySelectorAll("details")) if (before.has(title(each))) each.open = before.get(title(each));
  }

  // A file leaves the kernel when it is asked for: what is shown is saved with the notebook.
  async take(event, path) {
    event.preventDefault();
    try {
      const { contents } = await this.talk.ask("peer take", { name: this.name, path });
      const bytes = Uint8Array.from(atob(contents), (letter) => letter.charCodeAt(0));
      const url = URL.createObjectURL(new Blob([bytes]));
      h("a", { href: url, download: path.split("/").at(-1) }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      if (!(error instanceof Stale)) this.report({ failed: error.message });
    }
  }

  async upload(files) {
    this.input.value = "";
    for (const file of files) {
      if (file.size > LARGEST_UPLOAD_BYTES) {
        this.report({ failed: `${file.name} is larger than 5 MiB, the most that is uploaded here. Fix: wb.peers["${this.name}"].put("${file.name}", contents)` });
        return;
      }
      await this.ask("peer put", { name: this.name, path: file.name, contents: await base64(file) });
    }
  }
}

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}
