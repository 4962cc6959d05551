"""Whether a served file has been written since, or one of a served folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from workbench.app.deploy.folders.finding import files_in
from workbench.core.errors import DeployRefused

LOOK_SECONDS = 1.0
"""How often it is looked at [s]."""

State = tuple[tuple[str, int, int], ...] | None


def state_of(path: Path) -> State:
    """What tells that a file has been written, or one that is read of a folder; None if there is nothing."""
    if not path.is_dir():
        return _state_of_files([path]) or None
    try:
        found = files_in(path)
    except DeployRefused:
        return None
    return _state_of_files([*found.modules, *found.definitions]) or None


def _state_of_files(paths: list[Path]) -> tuple[tuple[str, int, int], ...]:
    told = []
    for path in paths:
        with suppress(OSError):
            state = path.stat()
            told.append((str(path), state.st_mtime_ns, state.st_size))
    return tuple(told)


class Watched:
    """A file or folder that is looked at again and again.

    Args:
        path: The file or folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._served = self._seen = state_of(path)

    def look(self) -> str:
        """`changed`, once, when it has been written and is as it was at the look before; `gone`, once, when it is."""
        before, self._seen = self._seen, state_of(self._path)
        if self._seen is None:
            return "gone" if before is not None else ""
        # Half of a file that is being written is nobody's notebook.
        if self._seen == self._served or self._seen != before:
            return ""
        self._served = self._seen
        return "changed"
