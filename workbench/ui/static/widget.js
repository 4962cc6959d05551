// A card as a widget under its cell.
import { CardView } from "./card.js";
import { WidgetTalk } from "./talks/widget.js";

function render({ model, el }) {
  const talk = new WidgetTalk(model);
  const view = new CardView(talk, el);
  // Whoever measures reads there how soon the kernel has heard.
  view.el.talk = talk;
  return () => {
    view.close();
    talk.close();
  };
}

export default { render };
