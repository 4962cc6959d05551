"""`workbench test`: notebooks as tests, by pytest and the plugin that comes with the workbench."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from workbench.core.errors import WorkbenchError
from workbench.testing.saved import not_a_parameter, parameters_of

LOOK_SECONDS = 0.5
"""How often files are looked at while nothing runs [s]."""

_ALONE = ("-o", "addopts=", "-p", "no:nbval", "-p", "no:hypothesispytest", "-p", "no:schemathesis")
"""What a project tells pytest for its other tests does not count, and plugins that notebooks do not use are not loaded:
nbval takes 2.4 s of processor to be imported, hypothesis and schemathesis 0.7 s, in the environment of this project."""

_LEFT_OUT = frozenset((".ipynb_checkpoints", "__pycache__", "node_modules", "site-packages"))
States = dict[Path, tuple[int, int]]


def run(paths: Sequence[str], options: Sequence[str], *, watch: bool, parallel: int | None) -> int:
    """Run notebooks, and with `watch` again those that a save touches, until Ctrl-C; pytest's exit code.

    Args:
        paths: Notebooks and folders, the current folder if there are none; from the first that is an option on, more
            for pytest.
        options: What pytest is told, as `-k`, `-x` and `--junitxml`.
        watch: Whether to go on after the first run.
        parallel: How many notebooks run side by side; None has as many as there are processors, and 1 no more at once.

    Raises:
        WorkbenchError: There is no such notebook or folder, or no such parameter.
    """
    first = next((at for at, each in enumerate(paths) if each.startswith("-")), len(paths))
    paths, options = list(paths[:first]) or ["."], [*options, *paths[first:]]
    for path in paths:
        if not (file := Path(path.partition("::")[0])).exists():
            raise WorkbenchError(f"There is no notebook or folder {str(file)!r}. Fix: correct the path.")
    _check_values(paths, options)
    status = _pytest(paths, options, parallel)
    if watch:
        try:
            _watch(paths, options, parallel)
        except KeyboardInterrupt:
            print()
    return status


def expression(words: str) -> str:
    """What pytest's -k takes: an expression as it is, and of plain words each must be there."""
    parts = words.split()
    plain = all(re.fullmatch(r"[\w.:+-]+", part) and part not in ("and", "or", "not") for part in parts)
    return " and ".join(parts) if plain else words


def _pytest(paths: Sequence[str], options: Sequence[str], parallel: int | None) -> int:
    """In a process of its own, so that each run finds modules as they are saved now."""
    command = [sys.executable, "-m", "pytest", *_ALONE, "--notebooks", *_side_by_side(paths, parallel)]
    command += [*options, *paths]
    return subprocess.call(command)


def _side_by_side(paths: Sequence[str], parallel: int | None) -> list[str]:
    count = min(len(notebooks_in(paths)), parallel or os.cpu_count() or 1)
    if find_spec("xdist") is None:
        if parallel is not None and parallel > 1:
            raise WorkbenchError("Notebooks run side by side by pytest-xdist. Fix: pip install pytest-xdist")
        return []
    return ["--numprocesses", str(count), "--dist", "loadfile"] if count > 1 else ["--numprocesses", "0"]


def _check_values(paths: Iterable[str], options: Iterable[str]) -> None:
    given = [each.removeprefix("--set=").partition("=")[0] for each in options if each.startswith("--set=")]
    if given:
        known = parameters_of(notebooks_in(paths))
        for name in given:
            if name not in known:
                raise WorkbenchError(not_a_parameter(name, known))


def notebooks_in(paths: Iterable[str]) -> list[Path]:
    """The notebooks that the paths name or hold."""
    return [path for path in _files(paths) if path.suffix == ".ipynb"]


def _files(paths: Iterable[str]) -> list[Path]:
    """Notebooks and modules that the paths name or hold; of a notebook, the modules beside it too."""
    found: dict[Path, None] = {}
    for each in paths:
        path = Path(each.partition("::")[0])
        if not path.is_dir():
            found |= dict.fromkeys((path, *path.parent.glob("*.py")))
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not name.startswith("."))
            found |= {Path(folder, name): None for name in sorted(names) if name.endswith((".ipynb", ".py"))}
    return list(found)


def _states(paths: Iterable[str]) -> States:
    """What tells that a file has been written."""
    states: States = {}
    for path in _files(paths):
        try:
            state = path.stat()
        except OSError:
            continue
        states[path] = state.st_mtime_ns, state.st_size
    return states


def touched(before: States, now: States) -> list[str]:
    """The notebooks that a save touches: those that were written, and all of a folder where a module was."""
    written = {path for path, state in now.items() if before.get(path) != state}
    folders = {path.parent for path in written if path.suffix == ".py"}
    notebooks = (path for path in now if path.suffix == ".ipynb")
    return [str(path) for path in notebooks if path in written or any(each in path.parents for each in folders)]


def _watch(paths: Sequence[str], options: Sequence[str], parallel: int | None) -> None:
    before = _states(paths)
    print("Waiting for a save; Ctrl-C ends it.", flush=True)
    while True:
        time.sleep(LOOK_SECONDS)
        now = _states(paths)
        again, before = touched(before, now), now
        if again:
            _pytest(again, options, parallel)
            print("Waiting for a save; Ctrl-C ends it.", flush=True)
