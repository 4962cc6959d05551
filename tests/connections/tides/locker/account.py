"""A locker as one user sees it: its sessions, and what is asked in one of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from locker.definition import LockerConnection
from locker.errors import troubles
from locker.session import LockerSession
from workbench.connections.common.pool import Pool
from workbench.connections.common.trying import Due
from workbench.connections.files.names import joined, name_of
from workbench.connections.files.protocol import FileInfo


class LockerAccount:
    """One locker; up to eight calls at once."""

    def __init__(self, definition: LockerConnection) -> None:
        self.definition = definition
        self.pool: Pool[LockerSession] = Pool(definition, self._new, 8, definition.timeout_seconds)

    def _new(self, due: Due) -> LockerSession:
        with troubles(self.definition):
            return LockerSession(self.definition, due)

    def ask(self, due: Due, verb: str, path: str, contents: bytes = b"", **more: Any) -> dict[str, Any]:
        """The answer to a request; raises the errors of `files/errors.py`."""
        with self.pool.session(due) as session, troubles(self.definition):
            return session.ask(due, verb, path, contents, **more)

    def info(self, path: str, due: Due) -> FileInfo | None:
        """What is there; None if nothing is."""
        entry = self.ask(due, "stat", path)["entry"]
        return None if entry is None else info_of(path, entry)

    def listing(self, path: str, due: Due) -> list[FileInfo]:
        """What is in a folder."""
        entries = self.ask(due, "list", path)["entries"]
        return [info_of(joined(path, name), entry) for name, entry in entries.items()]


def info_of(path: str, entry: dict[str, Any]) -> FileInfo:
    """What a locker tells, as files have it."""
    modified = datetime.fromtimestamp(entry["modified"], UTC)
    return FileInfo(name_of(path), path, entry["bytes"], modified, entry["folder"])
