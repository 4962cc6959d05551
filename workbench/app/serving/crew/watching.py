"""Whether a served file has been written since."""

from __future__ import annotations

from pathlib import Path

LOOK_SECONDS = 1.0
"""How often it is looked at [s]."""

State = tuple[int, int] | None


def state_of(path: Path) -> State:
    """What tells that a file has been written; None if it is not there."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


class Watched:
    """A file that is looked at again and again.

    Args:
        path: The file.
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
