"""Runs notebooks in a clean kernel and saves them with their outputs: `python tests/save_notebooks.py [NAME ...]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def save(path: Path) -> None:
    """Run one notebook; it is written only if every cell does what its tags say."""
    notebook = nbformat.read(path, as_version=4)
    os.environ |= {"WORKBENCH_STORE": "memory://", "JPY_SESSION_NAME": path.name}
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = _merged([each for each in map(_without_view, cell.outputs) if each])
    # What a page of widgets draws is nothing without its kernel.
    notebook.metadata.pop("widgets", None)
    # What the kernel says of its language stays as JupyterLab would write it, which else marks the notebook changed.
    nbformat.write(notebook, path)


def _without_view(output: Any) -> Any:
    """An output without the view of a widget; None if it was nothing else."""
    if "data" in output and output.data.pop("application/vnd.jupyter.widget-view+json", None) and not output.data:
        return None
    return output


def _merged(outputs: list[Any]) -> list[Any]:
    """Outputs with pieces of one stream put together, as a person sees them."""
    merged: list[Any] = []
    for each in outputs:
        last = merged[-1] if merged else None
        if last is not None and each.output_type == "stream" == last.output_type and each.name == last.name:
            last.text += each.text
        else:
            merged.append(each)
    return merged


if __name__ == "__main__":
    for notebook in [NOTEBOOKS / name for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb")):
        save(notebook)
        print(f"saved {notebook.name}")
