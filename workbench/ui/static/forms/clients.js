// Who is connected to a WebSocket channel: looked at when it opens, and again by click; each can be sent away.
import { button, fill, h } from "../dom.js";
import { agoText } from "../small.js";
import { Panel } from "./panel.js";

export function clientsPanel({ talk, onClose }, opening, name) {
  const panel = new Panel({ title: "Clients", subject: name, onClose, saveLabels: [], save: async () => ({ problems: {} }) });
  const list = h("div", { "aria-live": "polite" });
  const ask = async (verb, content) => {
    try {
      panel.general.textContent = "";
      const said = await talk.ask(verb, { name, ...content });
      if (said.failed) panel.general.textContent = said.failed;
      return said.failed ? null : said;
    } catch (error) {
      panel.general.textContent = error.message;
      return null;
    }
  };
  const look = async () => show(await ask("clients", {}));
  const disconnect = async (client) => {
    await ask("disconnect client", { client: client.id });
    await look();
  };
  const show = (said) => said && fill(list, shownOf(said, disconnect));
  panel.body.append(list);
  panel.foot.prepend(button("Look again", look), h("span", { class: "wb-grow" }));
  show(opening);
  return panel;
}

function shownOf({ clients, number, now }, disconnect) {
  if (!number) return h("div", { class: "wb-faint" }, "Nobody is connected.");
  const title = (text, look = "") => h("th", { scope: "col", class: look }, text);
  const ofSeveral = clients.some((each) => each.worker); // worker processes
  const titles = [...["From", "As", ...(ofSeveral ? ["Worker"] : []), "Connected"].map((each) => title(each)), ...["Received", "Sent"].map((each) => title(each, "wb-right-text")), title("")];
  const count = (each) => h("td", { class: "wb-right-text" }, each.toLocaleString("en"));
  const rows = clients.map((each) => h("tr", { "data-client": each.id }, h("td", {}, each.address), h("td", {}, each.user || "anyone"),
    ofSeveral ? h("td", {}, String(each.worker)) : "",
    h("td", { title: new Date(each.since * 1000).toLocaleString("en-GB") }, agoText(each.since, now)), count(each.received), count(each.sent),
    h("td", {}, button("Disconnect", () => disconnect(each), { class: "wb-quiet wb-tight", "aria-label": `Disconnect the client from ${each.address}, ${each.id}` }))));
  const note = number > clients.length ? `${clients.length} of ${number.toLocaleString("en")}` : "";
  return [h("table", { class: "wb-table" }, h("thead", {}, h("tr", {}, titles)), h("tbody", {}, rows)), h("div", { class: "wb-faint" }, note)];
}
