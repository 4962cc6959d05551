// Where a notebook's workbench is seen: marks, side panel, status bar, launcher and palette.
import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { ILauncher } from "@jupyterlab/launcher";
import { INotebookTracker } from "@jupyterlab/notebook";
import { IStatusBar } from "@jupyterlab/statusbar";
import { COMMANDS, SIDE, addCommands } from "./commands";
import { Front } from "./front";
import style from "./panels.css";
import { markCells } from "./marks";
import { Side } from "./side";
import { Status } from "./status";

export const panels: JupyterFrontEndPlugin<void> = {
  id: "notebook-workbench:panels",
  description: "The workbench of the notebook in front.",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ILauncher, ICommandPalette, IStatusBar, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    statusBar: IStatusBar | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const sheet = document.createElement("style");
    sheet.textContent = style;
    document.head.append(sheet);
    const front = new Front(tracker);
    addCommands(app, front);
    markCells(front);
    const side = new Side(front, app.commands, app.serviceManager.serverSettings.baseUrl);
    app.shell.add(side, "left", { rank: 900 });
    restorer?.add(side, SIDE);
    statusBar?.registerStatusItem("notebook-workbench:status", {
      item: new Status(front, app.commands),
      align: "left",
      rank: 5
    });
    launcher?.add({ command: COMMANDS.create, category: "Notebook", rank: 1 });
    launcher?.add({ command: COMMANDS.standIns, category: "Notebook", rank: 2 });
    for (const command of Object.values(COMMANDS)) {
      palette?.addItem({ command, category: "Workbench" });
    }
  }
};
