"""`workbench lab` and `workbench serve`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cli.end import End
from workbench.core.errors import DeployRefused, WorkbenchError

if TYPE_CHECKING:
    from workbench.app.workbench import Workbench

LOOK_SECONDS = 1.0
"""How often the served file is looked at [s]."""


def lab(args: argparse.Namespace) -> int:
    """JupyterLab in this folder."""
    arguments = list(args.others)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.insert(0, "--allow-root")
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *arguments])


def serve(args: argparse.Namespace) -> int:
    """Run a file and serve until SIGTERM or SIGINT; calls in flight may end. A second signal ends it at once."""
    path = Path(args.file)
    if not path.is_file():
        raise DeployRefused(f"There is no file {args.file!r}. Fix: correct the path.")
    _set_environment(args, path)
    end = End(args.drain)
    from workbench.app.singleton import forget, the_workbench
    from workbench.zato import hook

    try:
        hook.install()
        with end.interrupting():
            _run(path, end)
        wb = the_workbench()
        wb.start()
        _tell(wb, path, args.json)
        _watch(path, end, args.json)
        _say("Stopping: calls in flight may end.", args.json)
        wb.stop(args.drain)
    finally:
        forget()
    return 0


def _watch(path: Path, end: End, as_json: bool) -> None:
    """Wait for the end; say once that the file has changed or is gone, since what is served stays as it was."""
    served = said = _state(path)
    while not end.asked.wait(LOOK_SECONDS):
        now = _state(path)
        if now not in (served, said):
            what = f"{path.name} is gone" if now is None else f"{path.name} has changed"
            _say(f"{what}; what is served stays as it was. Fix: restart workbench serve to serve it anew.", as_json)
        said = now


def _state(path: Path) -> tuple[int, int] | None:
    """What tells that a file has been written; None if it is not there."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def _set_environment(args: argparse.Namespace, path: Path) -> None:
    os.environ["WORKBENCH_NOTEBOOK"] = str(path)
    os.environ["WORKBENCH_HEADLESS"] = "1"
    if args.port is not None:
        os.environ["WORKBENCH_PORT"] = str(args.port)
    if args.allow_outside:
        os.environ["WORKBENCH_ALLOW_OUTSIDE"] = "1"
    if args.host:
        os.environ["WORKBENCH_HOSTS"] = ",".join(args.host)


def _tell(wb: Workbench, path: Path, as_json: bool) -> None:
    """What is served, and where."""
    services = sorted(wb.services)
    if as_json:
        print(json.dumps({"url": wb.url, "services": services, "channels": sorted(wb.channels)}), flush=True)
        return
    count = f"{len(services)} service{'' if len(services) == 1 else 's'}"
    _say(f"Serving {count} of {path.name} at {wb.url}", as_json)
    for channel in wb.channels.values():
        if channel.state == "open":
            how = channel.kind if channel.methods is None else " ".join(channel.methods) or "any method"
            _say(f"  {how} {channel.address}: {', '.join(channel.leads_to)}", as_json)


def _say(line: str, as_json: bool) -> None:
    print(line, file=sys.stderr if as_json else sys.stdout, flush=True)


def _run(path: Path, end: End) -> None:
    """Run the file; its own error, or its own end, is told in one sentence."""
    try:
        if path.suffix == ".ipynb":
            _run_notebook(path, end)
        else:
            _run_module(path)
    except WorkbenchError:
        if end.asked.is_set():
            raise KeyboardInterrupt from None
        raise
    except SystemExit as exc:
        where = "".join(getattr(exc, "__notes__", [path.name]))
        print(f"workbench: {where} ends the run with exit; nothing is served.", file=sys.stderr, flush=True)
        raise


def _run_module(path: Path) -> None:
    from workbench.app.singleton import the_workbench

    try:
        the_workbench().load(path)
    except WorkbenchError:
        raise
    except Exception as exc:
        raise WorkbenchError(_failed(path.name, _lines(exc, str(path))[-1:], exc)) from exc


def _lines(error: BaseException, file: str) -> list[int | None]:
    """The lines of a file, told by how its name begins, that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    return [each.lineno for each in frames if each.filename.startswith(file)]


def _failed(what: str, lines: list[int | None], error: BaseException) -> str:
    where = f", line {lines[0]}," if lines else ""
    if isinstance(error, SyntaxError):
        # Python 3.13 has private kinds of it.
        return f"{what}{where} failed: SyntaxError: {error.msg}"
    return f"{what}{where} failed: {type(error).__name__}: {error}"


def _run_notebook(path: Path, end: End) -> None:
    """Run the cells as a kernel would, magics included; a cell that fails ends it, unless its tag says that it does."""
    from workbench.app.deploy.loading import code_cells
    from workbench.cli.shell import served_shell
    from workbench.notebook.extension import load

    shell = served_shell()
    load(shell)
    for number, cell_id, text, may_raise in code_cells(path):
        result = shell.run_cell(text, store_history=False, cell_id=cell_id or None)
        if end.asked.is_set():
            raise KeyboardInterrupt
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, SystemExit) and not may_raise:
            error.add_note(f"{path.name}, cell {number},")
            raise error
        if error is not None and not may_raise:
            lines = [error.lineno] if isinstance(error, SyntaxError) else _lines(error, "<ipython-input-")[:1]
            raise WorkbenchError(_failed(f"{path.name}, cell {number}", lines, error))
