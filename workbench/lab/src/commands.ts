// Commands of the palette and the launcher: notebooks that begin with a workbench, and what a notebook lacks.
import { JupyterFrontEnd } from "@jupyterlab/application";
import { Notebook, NotebookActions, NotebookPanel } from "@jupyterlab/notebook";
import { Front, KERNEL, LINE } from "./front";
import { icon } from "./icon";

export const COMMANDS = {
  create: "workbench:create",
  standIns: "workbench:create-with-stand-ins",
  turnOn: "workbench:turn-on",
  service: "workbench:insert-service",
  show: "workbench:show"
};

// The side panel's id.
export const SIDE = "workbench-side";

export function addCommands(app: JupyterFrontEnd, front: Front): void {
  const { commands } = app;
  const isNotebook = (): boolean => front.current !== null;
  commands.addCommand(COMMANDS.create, {
    label: "Workbench notebook",
    caption: "A notebook whose services go live as their cells run",
    icon,
    execute: args => create(app, String(args.cwd ?? ""), LINE)
  });
  commands.addCommand(COMMANDS.standIns, {
    label: "Workbench, stand-ins",
    caption: "The same, with a stand-in for every system outside: nothing leaves this machine",
    icon,
    execute: args => create(app, String(args.cwd ?? ""), `${LINE}\nwb.sandbox()`)
  });
  commands.addCommand(COMMANDS.turnOn, {
    label: "Turn the workbench on here",
    caption: `Insert a cell with the line ${LINE}, and run it`,
    isEnabled: isNotebook,
    execute: () => front.current && insert(front.current.panel, LINE)
  });
  commands.addCommand(COMMANDS.service, {
    label: "Insert a service",
    caption: "Insert a cell with a service of four lines, and run it",
    isEnabled: () => Boolean(front.current?.marks),
    execute: async () => {
      const line = front.current;
      if (line) {
        const { code } = await line.ask("panel new");
        await insert(line.panel, String(code).trimEnd());
      }
    }
  });
  commands.addCommand(COMMANDS.show, {
    label: "Show the workbench of the notebook in front",
    icon,
    execute: () => app.shell.activateById(SIDE)
  });
}

// A new notebook whose first cell has this text, and has run.
async function create(app: JupyterFrontEnd, cwd: string, text: string): Promise<NotebookPanel> {
  const specs = app.serviceManager.kernelspecs;
  await specs.ready;
  // Without the Workbench kernel any Python will do, since the first cell imports what it needs.
  const known = specs.specs?.kernelspecs ?? {};
  const kernelName = KERNEL in known ? KERNEL : specs.specs?.default;
  const panel: NotebookPanel = await app.commands.execute("notebook:create-new", { cwd, kernelName, activate: true });
  await panel.context.ready;
  await panel.sessionContext.ready;
  panel.content.activeCell?.model.sharedModel.setSource(text);
  await NotebookActions.runAndAdvance(panel.content, panel.sessionContext);
  return panel;
}

// Insert a cell below the active one, or take that one if it is empty, and run it.
async function insert(panel: NotebookPanel, text: string): Promise<void> {
  const notebook: Notebook = panel.content;
  if (notebook.activeCell?.model.sharedModel.getSource().trim()) {
    NotebookActions.insertBelow(notebook);
  }
  notebook.activeCell?.model.sharedModel.setSource(text);
  await NotebookActions.runAndAdvance(notebook, panel.sessionContext);
}
