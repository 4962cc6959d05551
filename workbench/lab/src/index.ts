// What the workbench adds to JupyterLab: one plugin a file, listed here.
import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { cells } from "./cells";
import { panels } from "./panels";

const plugins: JupyterFrontEndPlugin<unknown>[] = [cells, panels];

export default plugins;
