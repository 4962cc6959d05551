"""`workbench lab` and `workbench serve`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from workbench.core.errors import DeployRefused, WorkbenchError


def lab(asked: argparse.Namespace) -> int:
    """JupyterLab in this folder."""
    arguments = [each for each in asked.arguments if each != "--"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.insert(0, "--allow-root")
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *arguments])


def serve(asked: argparse.Namespace) -> int:
    """Run a file and serve until SIGTERM or SIGINT; calls in flight may end."""
    path = Path(asked.file)
    if not path.is_file():
        raise DeployRefused(f"There is no file {asked.file!r}. Mend: correct the path.")
    os.environ["WORKBENCH_NOTEBOOK"] = str(path)
    if asked.port is not None:
        os.environ["WORKBENCH_PORT"] = str(asked.port)
    os.environ["WORKBENCH_HOSTS"] = ",".join(asked.host)
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    from workbench.app.singleton import forget, the_workbench
    from workbench.zato import hook

    try:
        hook.install()
        if path.suffix == ".ipynb":
            _run_notebook(path)
        else:
            _run_module(path)
        wb = the_workbench()
        print(f"Serving {len(wb.services)} services of {path.name} at {wb.start()}", flush=True)
        while not stopped.wait(3600):
            pass
        print("Stopping: calls in flight may end.", flush=True)
        wb.stop(asked.drain)
    finally:
        forget()
    return 0


def _run_module(path: Path) -> None:
    """Load a module; its own error is told with its line."""
    from workbench.app.singleton import the_workbench

    try:
        the_workbench().load(path)
    except WorkbenchError:
        raise
    except Exception as exc:
        lines = [each.lineno for each in traceback.extract_tb(exc.__traceback__) if each.filename == str(path)]
        where = f", line {lines[-1]}" if lines else ""
        raise WorkbenchError(f"{path.name}{where}, failed: {type(exc).__name__}: {exc}") from exc


def _run_notebook(path: Path) -> None:
    """Run the cells as a kernel would, magics included; a failing cell ends it."""
    from IPython.core.interactiveshell import InteractiveShell

    from workbench.app.loading import code_cells
    from workbench.notebook.extension import load

    shell: Any = InteractiveShell.instance(colors="NoColor", history_load_length=0)
    shell.history_manager.enabled = False
    shell.user_module.__name__ = "__main__"
    load(shell)
    for number, text in code_cells(path):
        result = shell.run_cell(text, store_history=False)
        if not result.success:
            error = result.error_before_exec or result.error_in_exec
            raise WorkbenchError(f"{path.name}, cell {number}, failed: {type(error).__name__}: {error}")
