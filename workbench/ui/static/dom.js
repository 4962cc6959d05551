// Small pieces: elements, text for people, the clipboard.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (key in element && !["list", "form", "type"].includes(key) && typeof value !== "string") {
      element[key] = value;
    } else {
      element.setAttribute(key, value === true ? "" : value);
    }
  }
  return fill(element, ...children);
}

// Put children in place of those there are; null and false stand for none.
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
}

let lastId = 0;
const idBase = Math.random().toString(36).slice(2, 8);

export function newId() {
  lastId += 1;
  return `wb-${idBase}-${lastId}`;
}

// A double click is one click, but where `often` says that a person clicks on and on.
export function button(text, onClick, props = {}) {
  const { class: extra = "", often = false, ...rest } = props;
  const click = (event) => (often || event.detail < 2 ? onClick(event) : undefined);
  return h("button", { type: "button", class: `wb-button ${extra}`.trim(), on: { click }, ...rest }, text);
}

export function dot(mood, words = "") {
  return h("span", { class: `wb-dot wb-${mood}`, role: "img", "aria-label": words || mood, title: words });
}

export function chip(text, mood) {
  return h("span", { class: `wb-chip wb-${mood}` }, text);
}

export function spinner() {
  return h("span", { class: "wb-spinner", "aria-hidden": "true" });
}

// It needs no kernel, and works on whatever is left of a card.
export function copyButton(text, label = "Copy", look = "wb-quiet") {
  const copy = button(label, async () => {
    await toClipboard(typeof text === "function" ? text() : text);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = label), 1200);
  }, { class: `wb-copy ${look}`.trim() });
  return copy;
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages without TLS have no clipboard of their own.
    const area = h("textarea", { class: "wb-offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

export function codeBlock(code) {
  return h("div", { class: "wb-code" }, h("pre", {}, h("code", {}, code.split("\n").map((line, place) => [place ? "\n" : "", codeLine(line)]))), copyButton(code));
}

// A line breaks behind the first letter at the earliest: an indent alone would look like an empty line.
function codeLine(line) {
  const [start] = /^[-+ ]?\s*\S?/.exec(line);
  return [h("span", { class: "wb-indent" }, start), line.slice(start.length)];
}

// A unified difference, each line in the colour of what became of it.
export function differenceBlock(text) {
  const look = (line) => (/^(---|\+\+\+|@@)/.test(line) ? "wb-faint" : { "-": "wb-minus", "+": "wb-plus" }[line[0]] ?? "");
  return h("pre", {}, text.split("\n").map((line) => h("span", { class: `wb-code-line ${look(line)}` }, codeLine(line))));
}

// A sentence in which names of code stand between backticks.
export function prose(text) {
  return text.split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part));
}

const SPANS = [[86400 * 365 * 2, 86400 * 365.25, "years"], [86400 * 2, 86400, "d"], [3600 * 2, 3600, "h"], [120, 60, "min"], [0, 1, "s"]];

export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [, length, unit] = SPANS.find(([least]) => whole >= least);
  return `${Math.floor(whole / length)} ${unit}`;
}

export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "";
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export function clockIn(zone, at) {
  const year = new Date(at * 1000).getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  const options = { ...year, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone }).format(new Date(at * 1000));
  } catch {
    return new Date(at * 1000).toLocaleString();
  }
}

// An address of this machine under the name by which the page itself is open, so that a click on it is one of the same site.
export function hereabouts(url) {
  const here = location.hostname;
  return ["127.0.0.1", "[::1]"].includes(here) ? near(url).replace("//localhost:", `//${here}:`) : near(url);
}

// An address of this machine as the browser reaches it: where the page came through a proxy, through the same one.
export function near(url) {
  const [, port, rest] = /^http:\/\/localhost:(\d+)(.*)$/.exec(url) ?? [];
  const way = port && wayThrough(port);
  return way ? `${location.origin}${way}${rest.replace(/^\//, "")}` : url;
}

// The path at which a proxy leads to a port of this machine; "" where the browser needs none.
function wayThrough(port) {
  const base = jupyterBase();
  const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  if (base) return isHere && base === "/" ? "" : `${base}proxy/${port}/`;
  const own = /^(.*\/)workbench\/$/.exec(location.pathname)?.[1] ?? "";
  return isHere && own === "/" ? "" : own.replace(/proxy\/\d+\/$/, `proxy/${port}/`);
}

// Where Jupyter's own pages begin, as they say; "" on other pages.
export function jupyterBase() {
  try {
    return JSON.parse(document.getElementById("jupyter-config-data").textContent).baseUrl ?? "";
  } catch {
    return "";
  }
}

export function dayAndTime(at) {
  const options = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat("en-GB", options).format(new Date(at * 1000));
}

export function viewerZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
