// What the workbench adds to JupyterLab: one plugin a file, listed here.
import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { cells } from "./cells";

const plugins: JupyterFrontEndPlugin<unknown>[] = [cells];

export default plugins;
