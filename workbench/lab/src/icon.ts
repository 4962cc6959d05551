import { LabIcon } from "@jupyterlab/ui-components";

// A clock in a plug's outline: what runs by itself, and what is joined.
const DRAWN = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
<g class="jp-icon3" fill="none" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
<path d="M8 2v4M16 2v4M5 6h14v6a7 7 0 0 1-14 0zM12 19v3"/><path d="M12 9v3.5l2.5 1.5"/></g></svg>`;

export const icon = new LabIcon({ name: "workbench:icon", svgstr: DRAWN });
