"""A store that ends with its process, for tests and throw-away notebooks."""

from __future__ import annotations

import os
import time
from bisect import bisect_left, insort
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from weakref import WeakSet

from workbench.core.ports import Swap
from workbench.stores.values import counted, valid_key

PAGE = 500
FEW = 64
"""Keys that are cheaper to put in order one by one: each moves all behind it."""
_LAST = "\U0010ffff"

_open_stores: WeakSet[MemoryStore] = WeakSet()


class MemoryStore:
    """Values in a dict, keys in order once one is looked for; one lock. A forked child has a copy of its own."""

    url = "memory://"
    folder: Path | None = None
    across_machines = False

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._keys: list[str] = []
        self._new: list[str] = []
        self._lock = Lock()
        _open_stores.add(self)

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        return self._values.get(key)

    def get_all(self, keys: Collection[str]) -> dict[str, bytes]:
        """The values of those keys that have one."""
        with self._lock:
            return {key: self._values[key] for key in keys if key in self._values}

    def put(self, key: str, value: bytes) -> None:
        """Set the value."""
        valid_key(key)
        with self._lock:
            self._set(key, value)

    def put_all(self, values: Mapping[str, bytes]) -> None:
        """Set several values in one write: all of them or none."""
        for key in values:
            valid_key(key)
        with self._lock:
            for key, value in values.items():
                self._set(key, value)

    def delete(self, key: str) -> bool:
        """Remove it; whether it was there."""
        with self._lock:
            if key not in self._values:
                return False
            self._remove(key)
            return True

    def scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, with their values, in order of the key.

        What is written meanwhile may or may not be seen; the lock is held for one page at a time.
        """
        start = max(prefix, f"{after}\0")
        while page := self._page(prefix, start):
            yield from page
            start = page[-1][0] + "\0"

    def _page(self, prefix: str, start: str) -> list[tuple[str, bytes]]:
        with self._lock:
            self._put_in_order()
            first = bisect_left(self._keys, start)
            last = bisect_left(self._keys, prefix + _LAST, first, min(first + PAGE, len(self._keys)))
            keys = self._keys[first:last]
            return [(key, self._values[key]) for key in keys]

    def add(self, key: str, value: bytes) -> bool:
        """Set the value only if the key is absent, atomically; whether it was set."""
        valid_key(key)
        with self._lock:
            if key in self._values:
                return False
            self._set(key, value)
            return True

    def incr(self, key: str, by: int = 1) -> int:
        """Add to a counter (absent counts as 0), atomically; the new value."""
        valid_key(key)
        with self._lock:
            count = counted(key, self._values.get(key, b"0"), by)
            self._set(key, b"%d" % count)
            return count

    def swap(self, key: str, expected: bytes | None, value: bytes | None) -> bool:
        """Set the value only if it is `expected` now, atomically; whether it was. None is no value."""
        return self.swap_all([Swap(key, expected, value)])[0]

    def swap_all(self, swaps: Sequence[Swap]) -> list[bool]:
        """Make several swaps in one write, in order; of each, whether its value was as expected, so that it is set."""
        for each in swaps:
            valid_key(each.key)
        with self._lock:
            return [self._swapped(*each) for each in swaps]

    def time(self) -> float:
        """The machine's clock: seconds since the epoch, UTC [s]."""
        return time.time()

    def close(self) -> None:
        """Nothing to let go of."""

    def _swapped(self, key: str, expected: bytes | None, value: bytes | None) -> bool:
        if self._values.get(key) != expected:
            return False
        if value is not None:
            self._set(key, value)
        elif expected is not None:
            self._remove(key)
        return True

    def _set(self, key: str, value: bytes) -> None:
        if key not in self._values:
            self._new.append(key)
        self._values[key] = bytes(value)

    def _put_in_order(self) -> None:
        """Sort the keys that have come since the last look: few one by one, many at once."""
        if len(self._new) > FEW:
            self._keys += self._new
            self._keys.sort()
        else:
            for key in self._new:
                insort(self._keys, key)
        self._new.clear()

    def _remove(self, key: str) -> None:
        del self._values[key]
        self._put_in_order()
        del self._keys[bisect_left(self._keys, key)]


def _renew_locks() -> None:
    # A thread that held the lock while another one forked does not exist in the child.
    for store in _open_stores:
        store._lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
