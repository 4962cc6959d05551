"""Where a stored cache has its entries: a table of one cache, in a file or on a server, for several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Change(Protocol):
    """One transaction on the entries of one cache, by their keys as text. What it reads does not change meanwhile."""

    def read(self, key: str) -> bytes | None:
        """An entry, or None."""
        ...

    def count(self) -> int:
        """How many there are, expired ones included."""
        ...

    def position(self, key: str) -> int:
        """How many were used after this one."""
        ...

    def expired(self, now: float) -> list[str]:
        """Keys of those whose time is over [s since the epoch]."""
        ...

    def oldest(self, most: int) -> list[str]:
        """Keys of those that nobody has used for longest, the first to go first."""
        ...

    def newest(self, most: int) -> list[tuple[str, bytes]]:
        """The entries that were used last, the last one first."""
        ...

    def write(self, key: str, kept: bytes, until: float, *, used: bool) -> None:
        """Set an entry and when it goes [s since the epoch]; `used` makes it the one that was used last."""
        ...

    def drop(self, keys: Iterable[str]) -> None:
        """Take entries away."""
        ...


class Table(Protocol):
    """The entries of one cache, for one thread at a time of the process that opened it."""

    def change(self, work: Callable[[Change], T]) -> T:
        """Do a piece of work as one transaction; where others came in between it is done again, from its beginning.

        Raises:
            StoreUnavailable: File or server gives no answer, and whether anything was changed is not known.
        """
        ...

    def close(self) -> None:
        """Close file or sockets."""
        ...
