"""Runs a notebook from the top in clean kernels: what it shows there twice alike is what travels with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_core.utils import ensure_event_loop

from workbench.core.errors import WorkbenchError
from workbench.testing.compare import Volatile, differences
from workbench.testing.folder import environment, own_folder
from workbench.testing.kernel import Kernel, KernelTrouble, Output
from workbench.testing.saved import SavedCell, SavedNotebook, read

CELL_SECONDS = 60.0
"""Longest time of one cell [s], as `workbench test` has it."""
_FIELDS = {
    "stream": ("name", "text"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}
_WIDGET = "application/vnd.jupyter.widget-view+json"
_INSIDE = "__import__('workbench.testing.inside', fromlist=['watch'])"
_UNPLAYED = (
    "[each['connection'] for each in __import__('workbench.app.singleton', fromlist=['x']).the_workbench().peers.rows()"
    " if each['stands in'] == 'nothing']"
)


class RunFailed(WorkbenchError):
    """A cell of a notebook failed in a clean kernel."""


class Ran(NamedTuple):
    """What a notebook showed: outputs by the number of their cell, and the connections that no peer can play.

    `changes` are the cells that show something else in each run; they have no outputs.
    """

    outputs: dict[int, list[Output]]
    unplayed: list[str]
    changes: list[int]


class _Shown(NamedTuple):
    outputs: list[Output]
    volatile: dict[str, list[str]]


def rerun(notebook: Path, hidden: Collection[str] = ()) -> Ran:
    """Run a notebook twice, each time in a kernel of its own, every connection at its peer, in a copy of its folder.

    Args:
        notebook: The notebook; what it needs lies beside it.
        hidden: Variables of the environment that it does not get.

    Raises:
        RunFailed: A cell fails, hangs, or takes its kernel with it.
        NotTestable: It is no notebook of Python.
    """
    saved = read(notebook)
    with ThreadPoolExecutor(2) as both:
        (first, unplayed), (second, _) = both.map(lambda _: _beside(notebook, saved, hidden), range(2))
    outputs, changes = dict[int, list[Output]](), list[int]()
    for cell in saved.cells:
        one, other = first[cell.number], second[cell.number]
        if differences(one.outputs, other.outputs, Volatile(other.volatile)) or "ignore-output" in cell.tags:
            changes.append(cell.number)
        else:
            errors = [each for each in other.outputs if each.get("name") == "stderr"]
            outputs[cell.number] = [each for each in one.outputs if each.get("name") != "stderr" or each in errors]
    return Ran(outputs, unplayed, changes)


def _beside(notebook: Path, saved: SavedNotebook, hidden: Collection[str]) -> tuple[dict[int, _Shown], list[str]]:
    try:
        return _run(notebook, saved, hidden)
    finally:
        # jupyter_client makes a loop for each thread, and closes none.
        ensure_event_loop().close()


def _run(notebook: Path, saved: SavedNotebook, hidden: Collection[str]) -> tuple[dict[int, _Shown], list[str]]:
    home = Path(tempfile.mkdtemp(prefix="wb-"))
    kernel = None
    try:
        folder = own_folder(home, notebook, notebook.parent)
        env = environment(home, folder / notebook.name, outside=False)
        kept = {name: value for name, value in env.items() if name not in hidden}
        kernel = Kernel(folder, home, kept, ("workbench",) if saved.kernel == "workbench" else ())
        kernel.start()
        kernel.ask(f"{_INSIDE}.begin('fixed', False)", CELL_SECONDS)
        shown = {cell.number: _cell(kernel, notebook, cell) for cell in saved.cells}
        return shown, kernel.ask(_UNPLAYED)
    except KernelTrouble as exc:
        raise RunFailed(f"{notebook.name} did not run: {exc}. Fix: workbench test says more.") from exc
    finally:
        if kernel is not None:
            kernel.close()
        shutil.rmtree(home, ignore_errors=True)


def _cell(kernel: Kernel, notebook: Path, cell: SavedCell) -> _Shown:
    kernel.ask(f"{_INSIDE}.watch().begin()")
    try:
        ran = kernel.run(cell.text, CELL_SECONDS, cell.cell_id)
    except KernelTrouble as exc:
        raise KernelTrouble(f"cell {cell.number} ({cell.name}): {exc}", exc.ran) from exc
    if ran.error is not None and not cell.may_raise:
        error = f"{ran.error['ename']}: {ran.error['evalue']}".partition("\n")[0].rstrip(".")
        lost = ran.error["ename"] in ("FileNotFoundError", "ModuleNotFoundError")
        fix = (
            "pack the file too, by --with FILE" if lost else "have it run from the top, as workbench test says more of"
        )
        raise RunFailed(
            f"Cell {cell.number} ({cell.name}) of {notebook.name} failed in a clean kernel: {error}. Fix: {fix}."
        )
    return _Shown(_plain(ran.outputs), kernel.ask(f"{_INSIDE}.watch().volatile()"))


def _plain(outputs: list[Output]) -> list[Output]:
    """Outputs as a notebook keeps them, without views of widgets, pieces of one stream put together."""
    kept = list[Output]()
    for each in outputs:
        output: dict[str, Any] = {"output_type": each["output_type"]}
        output |= {name: each[name] for name in _FIELDS[each["output_type"]] if name in each}
        if "data" in output:
            output["data"] = {kind: value for kind, value in output["data"].items() if kind != _WIDGET}
            output.setdefault("metadata", {})
        if output.get("data", True) == {}:
            continue
        if kept and output["output_type"] == "stream" == kept[-1]["output_type"] and output["name"] == kept[-1]["name"]:
            kept[-1]["text"] += output["text"]
        else:
            kept.append(output)
    return kept
