"""Files on their way from and to a locker."""

from __future__ import annotations

from contextlib import suppress

from locker.account import LockerAccount
from workbench.connections.common.trying import Due
from workbench.connections.files.errors import IsAFolder, NoSuchFile
from workbench.core.errors import ConnectionFailed


class LockerSource:
    """A file being read, a block a request."""

    def __init__(self, account: LockerAccount, path: str, offset: int, due: Due) -> None:
        self._account, self._path, self._offset, self._due = account, path, offset, due
        info = account.info(path, due)
        if info is None or info.is_dir:
            raise (NoSuchFile if info is None else IsAFolder)(account.definition, path)
        self.size: int | None = info.size
        self.stamp: object = info.modified

    def readinto(self, buffer: memoryview) -> int:
        answer = self._account.ask(self._due, "read", self._path, offset=self._offset, most=len(buffer))
        block = answer["contents"]
        buffer[: len(block)] = block
        self._offset += len(block)
        return len(block)

    def close(self) -> None:
        """Nothing: no request is under way."""


class LockerSink:
    """A file being written under a name of its own, then renamed."""

    def __init__(self, account: LockerAccount, path: str, part: str, resume: bool, due: Due) -> None:
        self._account, self._path, self._part, self._due = account, path, part, due
        kept = account.info(part, due) if resume else None
        self.offset = 0 if kept is None else kept.size
        account.ask(due, "keep", part, offset=self.offset)

    def write(self, block: memoryview) -> None:
        self._account.ask(self._due, "keep", self._part, bytes(block), offset=self.offset)
        self.offset += len(block)

    def commit(self, overwrite: bool) -> None:
        more = {"to": self._path, "overwrite": overwrite, "size": self.offset}
        self._account.ask(self._due, "rename", self._part, **more)

    def abort(self, keep: bool = False) -> None:
        if not keep:
            with suppress(ConnectionFailed):
                self._account.ask(self._due, "remove", self._part)
