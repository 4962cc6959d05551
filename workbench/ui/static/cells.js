// Cells of the notebook, which JupyterLab's extension writes. Elsewhere nobody hears, and a form ends with its code.

function wish(el, detail) {
  el.dispatchEvent(new CustomEvent("workbench-cells", { bubbles: true, composed: true, detail }));
  return detail.answer;
}

export function canWriteCells() {
  return wish(document, { action: "here" }) !== undefined;
}

// Those of some cells that are in no open notebook of this kernel.
export async function cellsGone(el, cells) {
  return (await wish(el, { action: "gone", cells }))?.gone ?? [];
}

// What an element tells of the cell that says what it shows.
export function inCell({ cell, collection, full_name } = {}) {
  return cell ? { "data-cell": cell, "data-collection": collection, "data-full-name": full_name } : {};
}

// How many cells, and how a person calls them.
export function wordsOf(codes) {
  return codes.length === 1 ? ["a cell", "it"] : [`${codes.length} cells`, "them from the first"];
}

// Write code as cells for a person to run; where nobody writes cells, it is there to copy. Gives what to say of it.
export async function asCells(el, codes, name) {
  const [count, them] = wordsOf(codes);
  if (!canWriteCells()) return { said: `${name} as ${count}:`, code: codes.join("\n\n"), hint: `Paste it into ${count}, and run ${them}.` };
  const problem = await writeCells(el, codes);
  return problem ? { failed: problem } : { said: `${name} is written as ${count}. Run ${them}.` };
}

// One below the other; gives why not.
async function writeCells(el, codes) {
  // Each goes right below the cell of the view; where that is in none, below the one before, the first at the end.
  const isInCell = el.closest(".jp-Cell") !== null;
  let cell = "";
  for (const code of isInCell ? codes.toReversed() : codes) {
    const answer = await wish(el, { action: "insert", code, cell });
    if (answer.problem) return answer.problem;
    cell = answer.cell;
  }
  return "";
}

// Have a cell say what was saved. `written` is what became of it, `takeBack` the way back; `problem` is why not.
export async function writeCell(el, talk, { write, collection }) {
  const { action, code, cell, was, near, tags, problem, full_name } = write;
  if (action === "none") return canWriteCells() ? { problem } : {};
  const answer = await wish(el, { action, code, cell, was, near, tags });
  if (!answer) return {};
  if (answer.problem) return answer;
  const tell = (text) => talk.ask("cell written", { collection, full_name, written: answer.cell, text });
  // Before the cell runs: the run then says more, as its number.
  await tell(code);
  const takeBack = async () => {
    const isNew = action === "insert";
    const back = await wish(el, isNew ? { action: "remove", cell: answer.cell, was: code } : { action, cell, was: code, code: was });
    // Of what is taken back nothing is offered to be copied.
    if (back?.theirs !== undefined) return { problem: `Its cell has been edited since, so it stays. Fix: run it to have what it says, or ${isNew ? "delete it" : "change it back"}.` };
    if (!back?.problem) await tell(isNew ? null : was);
    return back ?? {};
  };
  if (action === "rewrite") return { written: "Its cell says so now.", takeBack };
  wish(el, { action: "run", cell: answer.cell });
  return { written: answer.busy ? "Applied while another cell ran; its own cell, which is written, runs next." : "Its cell is written.", takeBack };
}
