"""Finds where the code stands that defines something: in which cell or file, at which line."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from workbench.core.origin import Origin

_OURS = str(Path(__file__).resolve().parent.parent) + os.sep
_PYTHONS = sysconfig.get_path("stdlib") + os.sep
_INSTALLED = f"{os.sep}site-packages{os.sep}"
_INPUT = re.compile(r"<ipython-input-(\d+)-")


def file_name(path: Path) -> str:
    """What a file is called: its path, from the current folder on where it is below it."""
    path, here = path.resolve(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def origin_here() -> Origin:
    """The place of the nearest code that is not the workbench's own."""
    frame = next(_frames(), None)
    if frame is None:
        return Origin("command line")
    name, line = frame.f_code.co_filename, frame.f_lineno
    if Path(name).is_file():
        return Origin("file", file=file_name(Path(name)), line=line)
    if (cell := _INPUT.match(name)) is not None:
        return Origin("cell", execution_count=int(cell[1]), line=line)
    return Origin("command line") if name.startswith("<") else Origin("cell", line=line)


def line_in(origin: Origin) -> int | None:
    """The line of a cell or file that runs now; None if its code is not on the way here."""
    for frame in _frames():
        name = frame.f_code.co_filename
        if origin.kind == "file" and Path(name).is_file():
            if file_name(Path(name)) == origin.file:
                return frame.f_lineno
        # Of the code of cells, only the running cell's own stands on the stack as a module.
        elif frame.f_code.co_name == "<module>" and not Path(name).is_file():
            return frame.f_lineno
    return None


def _frames() -> Iterator[FrameType]:
    """The frames of those who use the workbench, nearest first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_OURS) and not (name.startswith(_PYTHONS) and _INSTALLED not in name):
            yield frame
        frame = frame.f_back
