"""Files that a transfer has taken for itself, by renaming them, and those that a dead one has left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from workbench.connections.files.errors import FileThere, NoSuchFile
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import CLAIMED, joined
from workbench.core.errors import ConnectionFailed
from workbench.durable.owners import Owner, is_over


class Claims:
    """The claims of one transfer in one folder.

    `in/x` is moved to `in/.claimed/<owner>/x`: a rename succeeds for one process only.
    """

    def __init__(self, conn: LiveFiles, folder: str) -> None:
        self._conn, self._folder = conn, folder
        self._all = joined(folder, CLAIMED)
        self._owner = Owner()
        self._mine = joined(self._all, self._owner.name)
        self._is_made = False

    def __enter__(self) -> Claims:
        self._owner.begin()
        return self

    def __exit__(self, *exc: object) -> None:
        self._owner.end()
        if self._is_made:
            # What could not be given back stays there; the next transfer finds it, since this one is over.
            with suppress(ConnectionFailed):
                self._conn.remove_folder(self._mine)

    def take(self, name: str) -> str | None:
        """Claim a file of the folder; where it is now, or None if somebody else was faster."""
        return self._move(joined(self._folder, name), name)

    def give_back(self, name: str) -> bool:
        """Put a claimed file back, for it could not be handled; nothing is replaced. Whether it is there again."""
        with suppress(ConnectionFailed):
            self._conn.move(joined(self._mine, name), joined(self._folder, name))
            return True
        return False

    def left_behind(self) -> Iterator[tuple[str, str]]:
        """Take over what dead transfers had claimed: each name, and where it is now."""
        if self._conn.look(self._all) is None:
            return
        owners = [info.name for info in self._conn.list(self._all) if info.is_dir]
        for owner in owners:
            if not is_over(owner):
                continue
            theirs = joined(self._all, owner)
            with suppress(NoSuchFile):
                for info in self._conn.list(theirs):
                    if not info.is_dir and (path := self._move(info.path, info.name)) is not None:
                        yield info.name, path
            with suppress(ConnectionFailed):
                self._conn.remove_folder(theirs)

    def _move(self, source: str, name: str) -> str | None:
        if not self._is_made:
            self._conn.make_folder(self._mine)
            self._is_made = True
        target = joined(self._mine, name)
        try:
            self._conn.move(source, target)
        except (NoSuchFile, FileThere):
            # FileThere: one of that name was left behind, and is handled first; the new one waits for the next run.
            return None
        return target
