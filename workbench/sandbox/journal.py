"""What a peer received, newest last, bounded in number and in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from threading import Condition
from typing import Generic, TypeVar, overload

E = TypeVar("E")


class Journal(Sequence[E], Generic[E]):
    """A list that one thread fills and others read; the oldest entries leave first.

    Args:
        what: The word for one entry, for error texts.
        most: Entries kept.
        most_bytes: Total size of the entries kept [bytes]; the newest one is always kept.
    """

    def __init__(self, what: str, most: int = 1_000, most_bytes: int = 256 << 20) -> None:
        self._what, self._most, self._most_bytes = what, most, most_bytes
        self._entries: deque[tuple[E, int]] = deque()
        self._bytes = 0
        self._changed = Condition()
        self.dropped = 0

    def add(self, entry: E, size_bytes: int) -> None:
        """Take one more."""
        with self._changed:
            self._entries.append((entry, size_bytes))
            self._bytes += size_bytes
            while len(self._entries) > 1 and (len(self._entries) > self._most or self._bytes > self._most_bytes):
                self._bytes -= self._entries.popleft()[1]
                self.dropped += 1
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget everything received so far."""
        with self._changed:
            self._entries.clear()
            self._bytes = self.dropped = 0

    def wait(self, count: int, timeout_seconds: float = 10.0) -> list[E]:
        """Wait until `count` entries have arrived, those dropped or not.

        Raises:
            TimeoutError: Fewer arrived within `timeout_seconds` [s].
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._entries) + self.dropped >= count, timeout_seconds):
                raise TimeoutError(
                    f"{len(self._entries)} of {count} {self._what}s arrived within {timeout_seconds:g} s."
                )
            return [entry for entry, _ in self._entries]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> E: ...
    @overload
    def __getitem__(self, index: slice) -> list[E]: ...
    def __getitem__(self, index: int | slice) -> E | list[E]:
        with self._changed:
            entries = [entry for entry, _ in self._entries]
        if isinstance(index, slice):
            return entries[index]
        try:
            return entries[index]
        except IndexError:
            count = f"{len(entries)} {self._what}{'' if len(entries) == 1 else 's'}"
            raise IndexError(f"There is no {self._what} [{index}]: {count or 'none'} arrived so far.") from None

    def __iter__(self) -> Iterator[E]:
        return iter(self[:])

    def __repr__(self) -> str:
        return repr(self[:])
