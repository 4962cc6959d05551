"""A folder of its own for a notebook's test run: it finds all that lies beside it, and leaves nothing there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LARGEST_COPY_BYTES = 16 << 20
"""Files beside the notebook up to this size are copied, larger ones linked [bytes]."""

_LEFT_OUT = frozenset((".ipynb_checkpoints", "__pycache__", ".workbench"))
_OTHERS = ("JUPYTER", "JPY_", "IPYTHON", "WORKBENCH_", "PYTEST")
"""Beginnings of variables that are of the person's own Jupyter, workbench and test run, and none of a notebook's."""


def own_folder(home: Path, notebook: Path, root: Path) -> Path:
    """Make the folder where a notebook runs, below `home`.

    Files beside the notebook are copied, so that writing to one changes the copy. Folders beside it, and what is
    above it up to `root`, are linked: `../data/x.csv` is found, and what is made in such a folder stays there.
    """
    at = home / "root"
    parts = notebook.parent.relative_to(root).parts if notebook.is_relative_to(root) else ()
    place = root if parts else notebook.parent
    at.mkdir()
    for part in parts:
        for entry in _entries(place):
            if entry.name != part:
                _link(entry, at / entry.name)
        place, at = place / part, at / part
        at.mkdir()
    for entry in _entries(place):
        if not _is_copied(entry, at / entry.name):
            _link(entry, at / entry.name)
    return at


def _is_copied(entry: Path, at: Path) -> bool:
    """Copy an entry if it is a file of moderate size that can be read; whether it was."""
    try:
        if entry.is_file() and entry.stat().st_size <= LARGEST_COPY_BYTES:
            shutil.copy2(entry, at)
            return True
    except OSError:
        # What cannot be read, or is gone by now, is a matter of the cell that wants it.
        at.unlink(missing_ok=True)
    return False


def _entries(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name not in _LEFT_OUT:
            yield entry


def _link(entry: Path, at: Path) -> None:
    # Where Windows lets nobody make links, what is not copied is not there.
    with suppress(OSError):
        at.symlink_to(entry, target_is_directory=entry.is_dir())


def environment(home: Path, notebook: Path, *, outside: bool) -> dict[str, str]:
    """The environment of the kernel: nothing of the person's own workbench and Jupyter, all state in memory or `home`.

    Args:
        home: Where Jupyter, IPython and preferences find their folders.
        notebook: The notebook, where it runs.
        outside: Whether connections go where the notebook says, and not to their peers.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    (temporary := home / "tmp").mkdir()
    own = {
        "WORKBENCH_NOTEBOOK": str(notebook),
        "WORKBENCH_STORE": "memory://",
        "WORKBENCH_COUNTERS": "memory://",
        "WORKBENCH_PORT": "0",
        "WORKBENCH_HEADLESS": "1",
        "WORKBENCH_LOOP": "asyncio",  # as in the kernel in which it was written
        "WORKBENCH_REDIS": "",
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "TMPDIR": str(temporary),
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    own |= {"WORKBENCH_ALLOW_OUTSIDE": "1"} if outside else {"WORKBENCH_SANDBOX": "1"}
    return kept | own
