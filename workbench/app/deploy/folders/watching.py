"""Whether a file has been written since, or one that is read of a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from workbench.app.deploy.folders.finding import files_in
from workbench.app.deploy.manifests.reading import has_definitions
from workbench.core.errors import DeployRefused

LOOK_SECONDS = 1.0
"""How often it is looked at [s]."""


class Stamp(NamedTuple):
    """What tells that a file has been written: when [ns since the epoch], and its size [bytes]."""

    at: int
    size: int


Stamps = Mapping[Path, Stamp]


class Watched:
    """A file or folder that is looked at again and again.

    Of a folder those files count that are read of it; a file of data beside them, which a service may write, does not.

    Args:
        path: The file or folder.

    Attributes:
        changed: The files that were written, that are new and that are gone, as of the last look that said `changed`.
        lost: Why nothing is read there, as of the last look that said `lost`, and how to mend it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.changed: frozenset[Path] = frozenset()
        self.lost = ""
        self._has_definitions: dict[tuple[Path, Stamp], bool] = {}
        self._served = self._seen = self._stamps()

    @property
    def files(self) -> list[Path]:
        """The files that are looked at."""
        return list(self._seen or ())

    def look(self) -> Literal["", "changed", "lost"]:
        """Say `changed`, once, when it has been written and is as at the look before.

        Say `lost`, once, when nothing is read there any more.
        """
        before, self._seen = self._seen, self._stamps()
        if self._seen is None:
            return "lost" if before is not None else ""
        # Half of a file that is being written is nobody's notebook.
        if self._seen == self._served or self._seen != before:
            return ""
        served = self._served or {}
        self.changed = frozenset(each for each in {*served, *self._seen} if served.get(each) != self._seen.get(each))
        self._served = self._seen
        return "changed"

    def _stamps(self) -> Stamps | None:
        """Those of all files that are read; None if there are none, and `lost` says why."""
        if not self.path.is_dir():
            self.lost = f"{self.path.name} is gone; what is served stays as it was. Fix: put it back."
            return _stamps_of([self.path]) or None
        try:
            found = files_in(self.path, self.path.name)
        except DeployRefused as exc:
            self.lost = f"What is served stays as it was, since {exc}"
            return None
        definitions = _stamps_of(found.definitions)
        # A file is read when it is new or has been written, not at each look.
        known = self._has_definitions
        self._has_definitions = {
            each: known[each] if each in known else has_definitions(each[0]) for each in definitions.items()
        }
        return {**_stamps_of(found.modules), **{path: at for (path, at), has in self._has_definitions.items() if has}}


def _stamps_of(paths: Sequence[Path]) -> Stamps:
    stamps = {}
    for path in paths:
        with suppress(OSError):
            state = path.stat()
            stamps[path] = Stamp(state.st_mtime_ns, state.st_size)
    return stamps
