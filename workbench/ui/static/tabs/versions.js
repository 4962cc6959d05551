// The versions of a service beside how each did, with the way back to any of them.
import { button, chip, dayAndTime, differenceBlock, fill, h, milliseconds } from "../dom.js";
import { Panel } from "../forms/panel.js";
import { agoText } from "../small.js";

export function versionsPanel({ talk, service, versions, modes = [], mode = "", onClose, onSaved }) {
  const live = async (number) => {
    try {
      onSaved(await talk.ask("version live", { service, number }));
    } catch (error) {
      panel.general.textContent = error.message;
    }
  };
  const panel = new Panel({ title: "Versions", subject: service, onClose, saveLabels: [] });
  panel.body.append(h("div", { class: "wb-versions" }, versions.map((each) => version(each, live))));
  if (modes.length) panel.body.append(newVersions(talk, service, modes, mode, onSaved));
  if (versions.length > 1) panel.body.append(anyTwo(talk, service, versions));
  return panel;
}

const MODE_WORDS = { off: "off: nothing is compared", warn: "warn: say what differs", gate: "gate: wait until somebody takes it" };

// What becomes of a new version that answers recorded calls otherwise.
function newVersions(talk, service, modes, mode, onSaved) {
  const problem = h("span", { class: "wb-error" });
  const chosen = h("select", { class: "wb-input", "aria-label": "New version", on: { change: async () => {
    try {
      onSaved(await talk.ask("version mode", { service, mode: chosen.value }));
    } catch (error) {
      problem.textContent = error.message;
    }
  } } }, modes.map((each) => h("option", { value: each }, MODE_WORDS[each])));
  chosen.value = mode;
  return h("div", { class: "wb-line" }, "A new version that answers recorded calls otherwise ", chosen, problem);
}

// The difference of any two.
function anyTwo(talk, service, versions) {
  const choose = (label, number) => {
    const made = h("select", { class: "wb-input", "aria-label": label, on: { change: () => show() } }, versions.map((each) => h("option", { value: each.number }, `v${each.number}`)));
    made.value = number;
    return made;
  };
  const from = choose("From version", versions.at(-1).number);
  const to = choose("To version", versions[0].number);
  const shown = h("div", { class: "wb-difference", "aria-live": "polite" });
  const show = async () => {
    try {
      const said = await talk.ask("versions differ", { service, from: from.value, to: to.value });
      fill(shown, said.difference ? differenceBlock(said.difference) : h("span", { class: "wb-faint" }, "Their text is the same."));
    } catch (error) {
      fill(shown, h("span", { class: "wb-error" }, error.message));
    }
  };
  return h("div", {}, h("div", { class: "wb-line" }, "What differs from ", from, " to ", to, button("Show", show)), shown);
}

function version({ number, live, made, calls, failed, failed_at: failedAt, p95, difference }, makeLive) {
  const counted = `${calls.toLocaleString("en")} ${calls === 1 ? "call" : "calls"}`;
  return h("div", { class: "wb-small", "data-version": number },
    h("b", {}, `v${number}`), live ? chip("live", "live") : null, h("span", { class: "wb-faint" }, made), h("span", { class: "wb-grow" }),
    h("span", { class: "wb-figure" }, counted), h("span", { class: failed ? "wb-figure wb-bad-text" : "wb-figure wb-faint" }, `${failed.toLocaleString("en")} failed`),
    failedAt ? h("span", { class: "wb-bad-text" }, `first at ${dayAndTime(failedAt)}`) : null,
    h("span", { class: "wb-figure wb-faint" }, p95 === null ? "" : `p95 ${milliseconds(p95)}`),
    h("span", { class: "wb-make-live" }, live ? null : button("Make live", () => makeLive(number), { "aria-label": `Make v${number} live` })),
    difference ? h("details", { class: "wb-difference" }, h("summary", { class: "wb-faint" }, "what differs in the live one"), differenceBlock(difference)) : null);
}

export function figuresOf(figures, now) {
  if (!figures) return h("span", { class: "wb-figures wb-faint" }, "no calls yet");
  const { calls, failed, p50, p95, last, mood, error } = figures;
  return h("span", { class: "wb-figures" },
    h("span", { class: "wb-figure" }, `${calls.toLocaleString("en")} ${calls === 1 ? "call" : "calls"}`),
    h("span", { class: failed ? "wb-figure wb-bad-text" : "wb-figure wb-faint" }, `${failed.toLocaleString("en")} failed`),
    h("span", { class: "wb-figure wb-faint" }, p50 === null ? "" : `p50 ${milliseconds(p50)}`),
    h("span", { class: "wb-figure wb-faint" }, p95 === null ? "" : `p95 ${milliseconds(p95)}`),
    h("span", { class: `wb-figure wb-${mood === "live" ? "calm" : mood}-text`, title: error }, mood === "bad" ? "failed " : "last ", h("span", { class: "wb-ago", "data-at": last }, agoText(last, now))));
}
