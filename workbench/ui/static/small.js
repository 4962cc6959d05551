// The small cards below a service: its jobs, live, and its limits with their bars of use.
import { inCell } from "./cells.js";
import { button, chip, clockIn, dot, h, span, viewerZone } from "./dom.js";
import { cid } from "./call.js";
import { Stale } from "./talk.js";

const MOODS = { on: "live", paused: "warn", waiting: "warn", inactive: "calm", finished: "calm" };

export function jobCard(job, { talk, now, report, edit, remove }) {
  const does = (what) => () => talk.ask("job", { name: job.name, what }).then(report, (error) => error instanceof Stale || report({ failed: error.message }));
  const paused = job.state === "paused";
  return h("div", { class: "wb-small wb-job", "data-job": job.name, "data-key": `job ${job.name}`, ...inCell(job.said_in) },
    jobDot(job),
    h("span", { class: "wb-small-name" }, job.name),
    h("span", { class: "wb-faint" }, job.what.endsWith(job.zone) ? job.what : `${job.what} \u00b7 ${job.zone}`),
    h("span", { class: "wb-next", "data-next": job.next ?? "", "data-zone": job.zone, "data-state": job.state }, nextText(job.next, job.zone, job.state, now)),
    lastRun(job.last, now),
    recentRuns(job.recent),
    job.cadence ? h("span", { class: "wb-warn-text" }, job.cadence) : null,
    h("span", { class: "wb-grow" }),
    h("span", { class: "wb-buttons" },
      button("Execute", does("execute"), { title: "Run it now; its schedule is not used up" }),
      button(paused ? "Resume" : "Pause", does(paused ? "resume" : "pause")),
      button("Edit", edit, { "aria-label": `Edit ${job.name}`, "aria-expanded": "false" }),
      button("Remove", remove, { "aria-label": `Remove ${job.name}`, "aria-expanded": "false" })));
}

// A job is not well of which a watch has tripped, or that is on and whose last run failed.
function jobDot({ state, last, tripped }) {
  if (tripped?.length) return dot("bad", tripped.join("; "));
  const failed = state === "on" && last && last.mood === "bad";
  return failed ? dot("bad", `on; its last run ${last.outcome.replace("_", " ")}`) : dot(MOODS[state] ?? "calm", state);
}

export function nextText(next, zone, state, now) {
  if (next === null || next === undefined || next === "") return state === "on" ? "" : state;
  const own = clockIn(zone, Number(next));
  return `next in ${span(Number(next) - now)}, ${own}${byYours(own, Number(next))}`;
}

// The same instant by the clock of whoever looks, where that differs.
function byYours(own, at) {
  const here = viewerZone();
  const yours = clockIn(here, at);
  if (yours === own) return "";
  const [day, time] = [yours.slice(0, -5), yours.slice(-5)];
  return ` (${own.startsWith(day) ? time : yours} ${here})`;
}

// The latest planned times as bars, oldest first: as high as their run was long.
function recentRuns(recent) {
  if (!recent?.length) return null;
  const counts = {};
  for (const [outcome] of recent) counts[outcome] = (counts[outcome] ?? 0) + 1;
  const words = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome.replace("_", " ")}`).join(", ");
  const bar = ([, share, said, mood]) => h("span", { class: `wb-${mood}-ground`, style: `height: ${3 + Math.round(15 * share)}px`, title: said });
  return h("span", { class: "wb-recent", role: "img", "aria-label": `recent runs: ${words}` }, recent.map(bar));
}

export function agoText(at, now) {
  return at === "" ? "" : `${span(now - Number(at))} ago`;
}

function lastRun(last, now) {
  if (!last) return null;
  const title = [last.error, last.returned && `returned ${last.returned}`, ...last.log].filter(Boolean).join("\n");
  return h("span", { class: "wb-last", title }, chip(last.outcome.replace("_", " "), last.mood), " ",
    h("span", { class: "wb-faint wb-ago", "data-at": last.outcome === "running" ? "" : last.at }, agoText(last.outcome === "running" ? "" : last.at, now)),
    ...(last.error ? [" ", h("span", { class: `wb-${last.mood}-text wb-clip` }, last.error)] : []));
}

export function limitCard(limit, { talk, service, report, edit, explain, remove, bursts }) {
  const key = `${limit.on} ${limit.name}`;
  const result = bursts.get(key) ?? h("div", { class: "wb-burst" });
  bursts.set(key, result);
  const failed = (error) => error instanceof Stale || report({ failed: error.message });
  const send = button(`Send ${limit.calls.toLocaleString("en")} calls`, () => {
    result.replaceChildren(h("span", { class: "wb-faint" }, "sending ..."));
    talk.ask("burst", { on: limit.on, name: limit.name, service }, (part) => showLetters(result, part["so far"], [])).then(
      (said) => showLetters(result, said.letters, said.refused),
      (error) => {
        result.replaceChildren();
        failed(error);
      });
  }, { title: "Really calls the service that often" });
  return h("div", { class: "wb-small wb-limit", "data-limit": key, "data-key": `limit ${key}`, ...inCell(limit.said_in) },
    dot(limit.shadow ? "warn" : "live", limit.shadow ? "only watches" : "on"),
    h("span", { class: "wb-small-name" }, `limit on ${limit.on}`, limit.on === "service" && limit.name === service ? "" : ` ${limit.name}`),
    h("span", { class: "wb-uses" }, limit.lines.map(useBar)),
    h("span", { class: "wb-grow" }),
    h("span", { class: "wb-buttons" }, send,
      button("Explain", explain, { "aria-label": `Explain limit on ${key}`, "aria-expanded": "false", title: "Who would pass, by which line, and what is used now" }),
      button("Edit", edit, { "aria-label": `Edit limit on ${key}`, "aria-expanded": "false" }),
      button("Remove", remove, { "aria-label": `Remove limit on ${key}`, "aria-expanded": "false" })),
    result);
}

function useBar(line) {
  const part = line.most ? Math.min(1, line.used / line.most) : 1;
  const mood = part >= 1 ? "bad" : part > 0.8 ? "warn" : "live";
  const refused = line.refused ? `, ${line.refused.toLocaleString("en")} refused so far` : "";
  return h("span", { class: "wb-use" }, h("code", {}, line.line),
    h("span", { class: "wb-bar wb-meter", role: "meter", "aria-valuenow": line.used, "aria-valuemin": 0, "aria-valuemax": line.most, "aria-label": line.line },
      h("span", { class: `wb-${mood}-ground`, style: `left: 0; width: ${part * 100}%` })),
    h("span", { class: "wb-faint" }, `${line.used.toLocaleString("en")} used${refused}`));
}

const LETTERS = { p: ["live", "passed"], r: ["bad", "refused"], f: ["warn", "failed"] };

function showLetters(box, letters, refused) {
  const counts = { p: 0, r: 0, f: 0 };
  const dots = [...letters].map((letter, place) => {
    counts[letter] += 1;
    return h("span", { class: `wb-pixel wb-${LETTERS[letter][0]}-ground`, title: `call ${place + 1} ${LETTERS[letter][1]}` });
  });
  const words = Object.entries(counts).filter(([, count]) => count).map(([letter, count]) => `${count} ${LETTERS[letter][1]}`);
  box.replaceChildren(h("div", { class: "wb-pixels", role: "img", "aria-label": words.join(", ") }, dots),
    h("div", { class: "wb-burst-words" }, words.join(", ")), ...refused.slice(0, 1).map(bothSides));
}

function bothSides(seen) {
  return h("div", { class: "wb-sides" },
    h("div", {}, h("div", { class: "wb-side-title" }, "The caller sees"), h("div", {}, chip(seen.status, "bad"), " ", cid(seen.cid)), h("pre", {}, seen.body)),
    h("div", {}, h("div", { class: "wb-side-title" }, "You see"), h("pre", {}, seen.log.join("\n") || "no log line")));
}
