// The caches as a table: each opens to what is in it, and can be emptied.
import { button, fill, h } from "../dom.js";
import { latest } from "../talk.js";
import { Table } from "./tables.js";

export class CachesTable extends Table {
  constructor(tabs) {
    super(tabs, ["Cache"], ["Entries", "wb-right-text"], ["At most", "wb-right-text"], ["Largest value", "wb-right-text wb-wide"], ["Found", "wb-right-text"], ["Not found", "wb-right-text"], ["Gone since full", "wb-right-text wb-wide"], [""]);
    this.open = new Map();
    this.said = h("div", { "aria-live": "polite" });
    this.el.prepend(this.said);
  }

  below(cache) {
    return this.open.get(cache.name);
  }

  rowOf(cache) {
    const toggle = h("button", { type: "button", class: "wb-call-name", "aria-expanded": String(this.open.has(cache.name)), on: { click: () => this.toggle(cache, toggle) } }, cache.name);
    const number = (count, look = "") => h("td", { class: `wb-right-text ${look}` }, count?.toLocaleString("en") ?? "?");
    return h("tr", { "data-cache": cache.name }, h("td", {}, toggle, cache.is_default ? h("span", { class: "wb-faint" }, " default") : null),
      number(cache.entries), number(cache.max_size), number(cache.max_item_size, "wb-wide"), number(cache.hits), number(cache.misses), number(cache.evicted, "wb-wide"),
      h("td", {}, button("Clear", () => this.clear(cache), { class: "wb-quiet wb-tight", "aria-label": `Clear ${cache.name}` })));
  }

  toggle(cache, opener) {
    if (this.open.has(cache.name)) {
      this.open.get(cache.name).remove();
      this.open.delete(cache.name);
      opener.setAttribute("aria-expanded", "false");
      return;
    }
    const list = h("div", {});
    const search = h("input", { type: "search", class: "wb-input wb-search", placeholder: "Key or value", "aria-label": `Search in ${cache.name}`, spellcheck: "false", on: { input: () => look() } });
    const look = latest(() => this.talk.ask("cache entries", { cache: cache.name, text: search.value }), (said) => fill(list, entriesOf(said, search.value)));
    const detail = h("tr", { class: "wb-detail" }, h("td", { colspan: "8" }, search, button("Look again", () => look(0), { class: "wb-link" }), list));
    this.open.set(cache.name, detail);
    opener.setAttribute("aria-expanded", "true");
    opener.closest("tr").after(detail);
    look(0);
  }

  async clear(cache) {
    try {
      this.said.textContent = (await this.talk.ask("cache clear", { cache: cache.name })).said;
    } catch (error) {
      this.said.textContent = error.message;
      return;
    }
    this.open.get(cache.name)?.querySelector("button.wb-link")?.click();
    this.tabs.refresh(0);
  }
}

// What is in a cache; `text` is what was looked for.
function entriesOf({ failed, entries, found, of }, text) {
  if (failed) return h("span", { class: "wb-error" }, failed);
  if (!entries.length) return h("div", { class: "wb-faint" }, text ? "Nothing in it has that." : "Nothing is in it.");
  const rows = entries.map(({ key, value, hits, expires_at: at }) => h("tr", {}, h("td", {}, h("code", {}, key)), h("td", { class: "wb-line-text" }, value),
    h("td", { class: "wb-right-text" }, hits.toLocaleString("en")), h("td", { class: "wb-faint" }, at ? new Date(at * 1000).toLocaleTimeString("en-GB") : "never")));
  const titles = ["Key", "Value", "Found", "Expires"].map((each) => h("th", { scope: "col" }, each));
  const note = entries.length < of ? `${entries.length} of ${(text ? found : of).toLocaleString("en")}` : "";
  return [h("table", { class: "wb-table" }, h("thead", {}, h("tr", {}, titles)), h("tbody", {}, rows)), h("div", { class: "wb-faint" }, note)];
}
