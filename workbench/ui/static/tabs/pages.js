// Which page of a tab is shown, and the way to the next.
import { button, fill, h } from "../dom.js";

export class Pages {
  constructor(tabs) {
    Object.assign(this, { tabs, el: h("div", { class: "wb-pages" }) });
  }

  // Tables of what happened go from the newest; lists stand in the order in which they were made.
  draw({ page, each, found, of, rows }, newest) {
    const number = (count) => count.toLocaleString("en");
    const range = found ? `${number(page * each + 1)} to ${number(page * each + rows.length)} of ${number(found)}` : "";
    const left = found < of && !this.tabs.asked.until ? `, of ${number(of)} in all` : "";
    const words = h("span", { class: "wb-faint", role: "status" }, range + (range && left));
    const [back, on] = newest === undefined ? ["Back", "Next"] : ["Newer", "Older"];
    const go = (label, to, off) => button(label, () => this.go(to, newest), { disabled: off, often: true });
    if (found <= each && !page) fill(this.el, words);
    else fill(this.el, words, go(back, page - 1, page === 0), go(on, page + 1, (page + 1) * each >= found));
  }

  // Pages stay while calls come: what is newer than the first page is shown once a person is back there.
  go(page, newest) {
    const until = page === 0 ? null : this.tabs.asked.until ?? newest;
    Object.assign(this.tabs.asked, { page, until });
    this.tabs.refresh(0);
  }
}
