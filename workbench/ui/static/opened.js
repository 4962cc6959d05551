// A view that JupyterLab's extension opens without a cell, as in its side panel.
import { CardView } from "./card.js";
import { CommTalk } from "./talks/comm.js";

function open(line, element) {
  const talk = new CommTalk(line);
  const view = new CardView(talk, element);
  return () => {
    view.close();
    talk.close();
  };
}

export default { open };
