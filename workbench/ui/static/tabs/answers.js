// How a new version answers recorded calls: what differs, each call to be opened; take it, or keep the old one.
import { pairs } from "../call.js";
import { button, chip, fill, h } from "../dom.js";

export function answersOf({ said, calls, old, new: made, waits }, row) {
  const settle = waits ? h("span", { class: "wb-buttons" },
    button(`Take v${made}`, () => row.ask("version take", { service: row.service }), { class: "wb-primary" }),
    button(`Keep v${old}`, () => row.ask("version keep", { service: row.service }))) : null;
  return h("div", { class: "wb-small wb-answers", "data-key": `answers ${made}` },
    h("div", { class: "wb-call-head" }, chip(waits ? `v${made} waits` : `v${made}`, "warn"), h("span", {}, said), h("span", { class: "wb-grow" }), settle),
    calls.map((each) => comparedCall(each, row)));
}

function comparedCall({ cid, name, word, why, opens }, row) {
  const shown = h("div", { class: "wb-drawer" });
  const open = async (event) => {
    const opener = event.currentTarget;
    if (shown.childElementCount) fill(shown);
    else {
      try {
        fill(shown, ...sideBySide(await row.talk.ask("version call", { service: row.service, cid })));
      } catch (error) {
        fill(shown, h("div", { class: "wb-error", role: "alert" }, error.message));
      }
    }
    opener.setAttribute("aria-expanded", String(Boolean(shown.childElementCount)));
  };
  return h("div", {}, h("div", { class: "wb-call-head" }, chip(word, word === "otherwise" ? "bad" : "calm"), h("span", { class: "wb-small-name" }, name),
    h("span", { class: "wb-faint wb-why" }, why), h("span", { class: "wb-grow" }),
    opens ? button("Open", open, { class: "wb-link", "aria-expanded": "false", "aria-label": `Open ${name} ${cid}` }) : null), shown);
}

function sideBySide(said) {
  const side = (title, text) => h("div", {}, h("div", { class: "wb-side-title" }, title), h("pre", {}, text));
  const noise = said.noise.length ? h("div", { class: "wb-faint" }, `Left out, since it differs in each run: ${said.noise.join(", ")}.`) : null;
  return [h("div", { class: "wb-sides" }, side("The old version answered", said.answers[0]), side("The new version answers", said.answers[1])), noise, pairs(said)];
}
