// What is said of a notebook's workbench, wherever it is said.
import type { Kernel } from "@jupyterlab/services";
import type { Line } from "./front";

export interface IWords {
  short: string;
  long: string;
  mood: string;
}

// While no answer has come.
export function waitingFor(kernel: Kernel.IKernelConnection | null): string {
  return kernel?.status === "busy" ? "The kernel is busy with a cell; this goes on as soon as it has ended." : "Waiting for the kernel.";
}

// Of the notebook in front, for the status bar and the side panel.
export function wordsOf(line: Line | null): IWords {
  if (!line) {
    return { short: "", long: "Open a notebook: its workbench is shown here.", mood: "calm" };
  }
  const known = line.marks?.line;
  if (known) {
    return { short: known.text, long: known.said, mood: known.mood };
  }
  switch (line.state) {
    case "no kernel":
      return { short: "", long: "This notebook has no kernel. Fix: choose one at its upper right.", mood: "calm" };
    case "opening":
    case "on":
      return { short: "workbench …", long: waitingFor(line.kernel), mood: "calm" };
    case "restarted":
      return { short: "workbench restarted", long: "The kernel has restarted, so nothing is live. Fix: run the cells.", mood: "warn" };
    case "lost":
      return { short: "workbench not reached", long: "This page has lost its way to the kernel, which may still run. Fix: wait, or look whether JupyterLab runs.", mood: "warn" };
    case "ended":
      return { short: "workbench ended", long: "The kernel has ended. Fix: start it, and run the cells.", mood: "warn" };
    case "none":
      return { short: "", long: "No workbench in this kernel yet: run `from workbench import wb`.", mood: "calm" };
  }
}

// A time of the day, as of a person who looks at this page.
export function clock(seconds: number): string {
  const at = new Date(seconds * 1000);
  const time = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (at.toDateString() === new Date().toDateString()) {
    return time;
  }
  return `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  for (let bit = 0; bit < 8; bit++) {
    number = number & 1 ? (number >>> 1) ^ 0xedb88320 : number >>> 1;
  }
  return number;
});

// The digest of a cell's text: CRC-32 of its UTF-8, as in workbench/core/origin.py.
export function digestOf(text: string): string {
  let rest = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    rest = TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  }
  return ((rest ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}
