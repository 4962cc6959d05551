// Schedule a service: every, by cron, or once; the next runs live beside the fields.
import { button, h, newId, viewerZone } from "../dom.js";
import { Field, more, segments, showError } from "./fields.js";
import { Panel } from "./panel.js";
import { latest } from "../talk.js";

const AND_RUN = "Save and run once";

export function schedulePanel({ talk, service, opening, onSaved, onClose }) {
  const form = new ScheduleForm(talk, service, opening);
  const panel = new Panel({
    title: opening.edit ? "Edit" : "Schedule",
    subject: opening.edit ? `${opening.edit}, runs ${service}` : service,
    onClose,
    saveLabels: [AND_RUN, "Save"],
    save: async (label) => {
      const said = await talk.ask("schedule save", { ...form.asked(), run: label === AND_RUN });
      if (!Object.keys(said.problems).length) onSaved(said);
      return said;
    },
  });
  panel.tried = true;
  form.fill(panel);
  panel.lockInCode(opening);
  return panel;
}

class ScheduleForm {
  constructor(talk, service, opening) {
    Object.assign(this, { talk, service, opening, how: opening.how ?? "every", units: [] });
    this.check = latest(() => talk.ask("schedule check", this.asked()), (said) => this.show(said));
    this.changed = () => this.check();
  }

  asked() {
    return { service: this.service, how: this.how, values: this.values(), viewer: viewerZone(), edit: this.opening.edit ?? "" };
  }

  values() {
    const { name, timezone, extra, cron } = this.fields;
    const values = { name: name.get(), timezone: timezone.get(), extra: extra.get() };
    for (const field of this.more[this.how]) values[field.name] = field.get();
    if (this.how === "once") return { ...values, start: this.once.value };
    if (this.how === "cron") values.cron = cron.get();
    else for (const unit of this.units) values[unit.select.value] = unit.amount.value;
    if (this.starts.value === "at") values.start = this.startAt.value;
    if (this.stops.value === "runs") values.repeats = this.repeats.value;
    if (this.stops.value === "at") values.end = this.endAt.value;
    return values;
  }

  fill(panel) {
    this.panel = panel;
    const { values } = this.opening;
    const text = (name, label, hint, more = {}) => {
      const spec = { name, label, kind: "text", value: values[name] ?? "", ...more };
      const field = new Field(spec, { onInput: this.changed, hint });
      panel.know(name, field);
      return field;
    };
    this.fields = {
      cron: text("cron", "Cron", ""),
      timezone: text("timezone", "Time zone", ""),
      extra: text("extra", "Extra", "Any text, as self.request.raw_request; JSON also as self.request.payload.", { kind: "long text" }),
      name: text("name", "Name", ""),
    };
    this.fields.extra.input.rows = 1;
    this.addZones();
    this.makeMore();
    this.runs = h("ol", { class: "wb-runs", "aria-live": "polite" });
    const left = h("div", { class: "wb-left" },
      segments("How", [["every", "Every"], ["cron", "Cron"], ["once", "Once"]], this.how, (how) => this.switchTo(how)),
      this.everyRows(), this.cronRows(), this.onceRows(), this.limitRows(),
      h("div", { class: "wb-grid" }, ...["timezone", "extra", "name"].flatMap((name) => this.fields[name].rows)),
      Object.values(this.moreBoxes));
    this.title = h("div", { class: "wb-runs-title" }, "Next runs");
    const right = h("div", { class: "wb-right" }, this.title, this.runs);
    panel.body.append(h("div", { class: "wb-columns" }, left, right));
    if (this.opening.edit) this.fields.name.lock();
    this.switchTo(this.how);
  }

  addZones() {
    const { timezone } = this.fields;
    const list = h("datalist", { id: newId() });
    timezone.input.setAttribute("list", list.id);
    timezone.body.append(list);
    const here = viewerZone();
    if (here !== this.opening.values.timezone) {
      const use = button(`Use ${here}, this browser's`, () => {
        timezone.set(here);
        this.check(0);
      }, { class: "wb-link" });
      timezone.body.append(use);
    }
    this.talk.ask("zones").then(
      (said) => list.append(...said.zones.map((zone) => h("option", { value: zone }))),
      () => {},
    );
  }

  makeMore() {
    this.more = {};
    this.moreBoxes = {};
    for (const [how, specs] of Object.entries(this.opening.more)) {
      this.more[how] = specs.map((spec) => new Field(spec, { onInput: this.changed }));
      const labels = specs.map((spec) => spec.label).join(", ");
      this.moreBoxes[how] = more(`More: ${labels}`, h("div", { class: "wb-grid" }, this.more[how].flatMap((each) => each.rows)));
    }
  }

  everyRows() {
    this.unitRows = h("div", { class: "wb-units" });
    this.unitError = h("div", { class: "wb-error", "aria-live": "polite" });
    this.addUnitButton = button("+ add unit", () => this.addUnit().amount.focus(), { class: "wb-link", often: true });
    const { units, values } = this.opening;
    for (const unit of units) if (values[unit]) this.addUnit(unit, values[unit]);
    const body = h("div", { class: "wb-control" }, this.unitRows, this.unitError, this.addUnitButton);
    for (const unit of this.opening.units) this.panel.know(unit, this.unitField(unit));
    this.every = h("div", { class: "wb-grid" }, h("span", { class: "wb-label" }, "Every"), body);
    return this.every;
  }

  // What is said of any unit stands below them all, and marks the one it is about.
  unitField(unit) {
    const form = this;
    const row = () => form.units.find((each) => each.select.value === unit);
    return {
      touched: true,
      get input() {
        return (row() ?? form.units[0]).amount;
      },
      error(text) {
        form.unitProblems = { ...form.unitProblems, [unit]: text };
        const lines = Object.entries(form.unitProblems).filter(([, said]) => said).map(([name, said]) => `${name} ${said}`);
        showError(this.input, form.unitError, "");
        form.unitError.textContent = lines.join("; ");
        if (text) showError(this.input, form.unitError, lines.join("; "));
      },
    };
  }

  addUnit(wanted, amount = "1") {
    const free = this.opening.units.filter((unit) => !this.units.some((each) => each.select.value === unit));
    const chosen = wanted ?? free.find((unit) => unit === "minutes") ?? free.at(-1);
    const unit = {
      amount: h("input", { class: "wb-input wb-number", type: "text", inputmode: "numeric", "aria-label": "amount", value: amount }),
      select: h("select", { class: "wb-input", "aria-label": "unit" }, this.opening.units.map((each) => h("option", { value: each }, each))),
    };
    unit.select.value = chosen;
    unit.amount.addEventListener("input", this.changed);
    unit.select.addEventListener("change", () => this.unitsChanged());
    const remove = button("\u00d7", () => {
      this.units = this.units.filter((each) => each !== unit);
      unit.el.remove();
      this.unitsChanged();
    }, { class: "wb-x", "aria-label": "Remove this unit", often: true });
    unit.el = h("div", { class: "wb-line" }, unit.amount, unit.select, remove);
    unit.remove = remove;
    this.units.push(unit);
    this.unitRows.append(unit.el);
    this.unitsChanged();
    return unit;
  }

  unitsChanged() {
    const used = this.units.map((each) => each.select.value);
    for (const unit of this.units) {
      unit.remove.hidden = this.units.length === 1;
      for (const option of unit.select.options) option.disabled = used.includes(option.value) && option.value !== unit.select.value;
    }
    this.addUnitButton.hidden = used.length === this.opening.units.length;
    if (this.fields) this.check();
  }

  cronRows() {
    const { cron } = this.fields;
    cron.input.classList.add("wb-mono");
    this.words = h("div", { class: "wb-words" });
    const presets = h("div", { class: "wb-presets" }, this.opening.presets.map(({ words, cron: text }) => button(words, () => {
      cron.set(text);
      this.check(0);
    }, { class: "wb-preset" })));
    cron.said.after(this.words, presets);
    this.cron = h("div", { class: "wb-grid" }, cron.rows);
    return this.cron;
  }

  onceRows() {
    this.once = h("input", { type: "datetime-local", class: "wb-input", id: newId(), value: moment(this.opening.values.start) || this.opening.at });
    this.onceError = h("div", { class: "wb-error", "aria-live": "polite" });
    this.once.addEventListener("input", this.changed);
    this.onceBox = h("div", { class: "wb-grid" }, h("label", { class: "wb-label", for: this.once.id }, "At"),
      h("div", { class: "wb-control" }, this.once, this.onceError));
    return this.onceBox;
  }

  limitRows() {
    const choice = (options) => {
      const select = h("select", { class: "wb-input", id: newId() }, options.map(([value, text]) => h("option", { value }, text)));
      select.addEventListener("change", () => {
        this.showParts();
        this.check(0);
      });
      return select;
    };
    const instant = (label) => h("input", { type: "datetime-local", class: "wb-input", "aria-label": label, on: { input: this.changed } });
    this.starts = choice([["now", "now"], ["at", "at"]]);
    this.stops = choice([["never", "never"], ["runs", "after"], ["at", "at"]]);
    [this.startAt, this.endAt] = [instant("Starts at"), instant("Stops at")];
    const { start, end, repeats } = this.opening.values;
    this.startAt.value = moment(start) || this.opening.at;
    this.endAt.value = moment(end) || this.opening.at;
    if (start) this.starts.value = "at";
    if (end || repeats) this.stops.value = repeats ? "runs" : "at";
    this.repeats = h("input", { class: "wb-input wb-number", inputmode: "numeric", "aria-label": "runs", value: repeats ?? "10", on: { input: this.changed } });
    this.repeatsBox = h("span", { class: "wb-line" }, this.repeats, "runs");
    this.startError = h("div", { class: "wb-error", "aria-live": "polite" });
    this.stopError = h("div", { class: "wb-error", "aria-live": "polite" });
    const known = (name, input, said) => this.panel.know(name, { touched: true, get input() { return input(); }, error: (text) => showError(input(), said(), text) });
    known("start", () => (this.how === "once" ? this.once : this.startAt), () => (this.how === "once" ? this.onceError : this.startError));
    known("repeats", () => this.repeats, () => this.stopError);
    // Shares its place with `repeats`: of the two, only the one shown can be wrong.
    this.panel.know("end", { touched: true, input: this.endAt, error: (text) => text && showError(this.endAt, this.stopError, text) });
    this.bounds = h("div", { class: "wb-grid" },
      h("label", { class: "wb-label", for: this.starts.id }, "Starts"),
      h("div", { class: "wb-control" }, h("div", { class: "wb-line" }, this.starts, this.startAt), this.startError),
      h("label", { class: "wb-label", for: this.stops.id }, "Stops"),
      h("div", { class: "wb-control" }, h("div", { class: "wb-line" }, this.stops, this.repeatsBox, this.endAt), this.stopError));
    return this.bounds;
  }

  showParts() {
    this.startAt.hidden = this.starts.value !== "at";
    this.repeatsBox.hidden = this.stops.value !== "runs";
    this.endAt.hidden = this.stops.value !== "at";
  }

  switchTo(how) {
    this.how = how;
    this.every.hidden = how !== "every";
    this.cron.hidden = how !== "cron";
    this.onceBox.hidden = how !== "once";
    this.bounds.hidden = how === "once";
    for (const [each, box] of Object.entries(this.moreBoxes)) box.hidden = each !== how;
    for (const field of this.more[how]) this.panel.know(field.name, field);
    this.showParts();
    this.check(0);
  }

  show(said) {
    if (said.failed) {
      this.panel.general.textContent = said.failed;
      return;
    }
    this.panel.show(said.problems, { all: true });
    this.words.textContent = this.how === "cron" ? said.words : "";
    this.title.textContent = said.runs.length < 5 && said.runs.length ? `Next runs: ${said.runs.length} in all` : "Next runs";
    const rows = said.runs.map((run) => h("li", { class: run.change ? "wb-changed" : "" },
      h("span", { class: "wb-here" }, run.here, " ", h("span", { class: "wb-zone" }, run.zone)),
      h("span", { class: "wb-there" }, run.there),
      run.change ? h("span", { class: "wb-change" }, run.change) : null));
    const none = h("li", { class: "wb-none" }, said.code ? "None are left." : "Shown when every field is right.");
    this.runs.replaceChildren(...(rows.length ? rows : [none]));
    this.panel.showCode(said.code, `Runs while this kernel lives. Keep it running: workbench serve ${this.opening.notebook}`);
  }
}

// `2035-01-01 00:00` as a browser's field takes it.
function moment(text) {
  return text ? text.replace(" ", "T") : "";
}
