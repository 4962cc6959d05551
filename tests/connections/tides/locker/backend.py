"""The files of a locker behind the Files protocol."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from locker.account import LockerAccount
from locker.definition import LockerConnection
from locker.transfer import LockerSink, LockerSource
from workbench.connections.common.trying import Due
from workbench.connections.definition import Opening
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import part_of
from workbench.connections.files.protocol import FileInfo, Hasher
from workbench.core.errors import ConnectionFailed


def open_locker(definition: LockerConnection, opening: Opening) -> LiveFiles:
    """The live object of one definition."""
    backend = LockerBackend(LockerAccount(definition))
    return LiveFiles(definition, backend, deadline_seconds=definition.deadline_seconds, retries=definition.retries)


class LockerBackend:
    """The files of one locker."""

    def __init__(self, account: LockerAccount) -> None:
        self.account = account

    def scan(self, path: str, due: Due) -> Iterable[FileInfo]:
        return self.account.listing(path, due)

    def info(self, path: str, due: Due) -> FileInfo | None:
        return self.account.info(path, due)

    def reader(self, path: str, offset: int, due: Due) -> LockerSource:
        return LockerSource(self.account, path, offset, due)

    def sink(self, path: str, token: str, resume: bool, due: Due) -> LockerSink:
        return LockerSink(self.account, path, part_of(path, token), resume, due)

    def give_up(self, path: str, token: str, due: Due) -> None:
        with suppress(ConnectionFailed):
            self.account.ask(due, "remove", part_of(path, token))

    def remove(self, path: str, due: Due) -> None:
        self.account.ask(due, "remove", path)

    def remove_folder(self, path: str, due: Due) -> None:
        self.account.ask(due, "remove folder", path)

    def rename(self, source: str, target: str, overwrite: bool, due: Due) -> None:
        self.account.ask(due, "rename", source, to=target, overwrite=overwrite)

    def make_folder(self, path: str, due: Due) -> None:
        self.account.ask(due, "make folder", path)

    def ping(self, due: Due) -> str:
        self.account.ask(due, "stat", "")
        return "the locker answers"

    def hasher(self) -> Hasher | None:
        return None

    def digest(self, path: str, due: Due) -> str | None:
        return None

    def close(self) -> None:
        self.account.pool.close()
