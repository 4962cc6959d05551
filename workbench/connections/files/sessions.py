"""What kinds of storage share that write in sessions, under a name of their own first, as FTP and SFTP do."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar

from workbench.connections.common.trying import Due
from workbench.connections.files.names import part_of
from workbench.connections.files.protocol import FileInfo, Hasher
from workbench.connections.files.streams import Reader, ends_at
from workbench.core.errors import ConnectionFailed


class Account(Protocol):
    """An account on one server: the commands within a session, and the sessions."""

    definition: Any
    pool: Any

    def session(self, due: Due) -> AbstractContextManager[Any]:
        """A session for some commands."""
        ...

    def info(self, path: str, due: Due) -> FileInfo | None:
        """What is there; None if nothing is."""
        ...

    def info_in(self, session: Any, path: str, due: Due) -> FileInfo | None:
        """The same, within a session."""
        ...

    def rename_in(self, session: Any, source: str, target: str, overwrite: bool, due: Due) -> None:
        """Move a file, within a session; raises NoSuchFile, FileThere."""
        ...

    def discard(self, part: str, due: Due) -> None:
        """Remove what an upload has left; says nothing of what goes wrong."""
        ...


A = TypeVar("A", bound=Account)


class SessionBackend(Generic[A]):
    """The part of a `Backend` that is the same whatever a session speaks; servers of these kinds tell no hashes."""

    def __init__(self, account: A) -> None:
        self.account = account

    def info(self, path: str, due: Due) -> FileInfo | None:
        return self.account.info(path, due)

    def give_up(self, path: str, token: str, due: Due) -> None:
        if not self.account.definition.direct_uploads:
            self.account.discard(part_of(path, token), due)

    def rename(self, source: str, target: str, overwrite: bool, due: Due) -> None:
        with self.account.session(due) as session:
            self.account.rename_in(session, source, target, overwrite, due)

    def hasher(self) -> Hasher | None:
        return None

    def digest(self, path: str, due: Due) -> str | None:
        return None

    def close(self) -> None:
        self.account.pool.close()


def is_in_place(account: Account, read: Reader, part: str, path: str, size: int, due: Due) -> bool:
    """Whether the rename that ends an upload was done although nobody lived to hear it.

    Args:
        account: Where; asked in a session of its own.
        read: Begins to read there.
        part: What was renamed.
        path: What it was to be.
        size: How much was sent [bytes].
        due: Bounds the upload; looking has the time of one answer at most.
    """
    due = Due(due.left(account.definition.timeout_seconds))
    with account.session(due) as session:
        there = account.info_in(session, path, due)
        left = account.info_in(session, part, due)
    if left is not None or there is None:
        return False
    return there.size == size or ends_at(read, path, size, due)


def unheard(owner: object, path: str) -> ConnectionFailed:
    """The error of a file written under its own name, of which nobody heard whether it was taken.

    It is not tried again: a server that takes files away would have it twice.
    """
    return ConnectionFailed(
        f"{owner} was sent all of {path!r} and hung up before it said whether it has taken it. "
        f"Fix: find out there, and write it again if it is missing."
    )
