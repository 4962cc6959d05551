"""A cache in this process: it keeps what was used last, each entry for its time, and never more than it may."""

from __future__ import annotations

from collections import OrderedDict
from math import inf
from threading import Lock
from typing import Any

from workbench.caching.cached import Cached
from workbench.caching.definition import Cache
from workbench.caching.entry import Entry, Kept
from workbench.caching.errors import UnknownKey
from workbench.core.forking import forgets_when_forked
from workbench.core.ports import Clock

SWEEP_SECONDS = 5.0
"""How often a full cache is rid of what has expired before what is live must go; as in Zato."""


class LiveCache(Cached):
    """A cache whose values are kept as they are, not copied.

    Args:
        definition: Its bounds and habits.
        clock: Where time comes from.
    """

    def __init__(self, definition: Cache, clock: Clock) -> None:
        self._clock, self._now = clock, clock.monotonic
        self._entries: OrderedDict[Any, Kept] = OrderedDict()
        self._swept = -inf
        self.definition = definition
        self._extends = definition.extend_expiry_on_get
        self.forget()
        forgets_when_forked(self)

    def forget(self) -> None:
        self._lock = Lock()

    def redefine(self, definition: Cache) -> None:
        with self._lock:
            self.definition, self._extends = definition, definition.extend_expiry_on_get
            self._make_room(self._now())

    def get(self, key: Any, default: Any = None, details: bool = False) -> Any:
        with self._lock:
            kept = self._entries.get(key)
            now = self._now()
            if kept is None or kept.until <= now:
                self._entries.pop(key, None)
                self.misses += 1
                return default
            self.hits += 1
            kept.hits += 1
            kept.prev_read, kept.last_read = kept.last_read, now
            if kept.expiry and self._extends:
                kept.until = now + kept.expiry
            self._entries.move_to_end(key)
            return self._entry(key, kept, now) if details else kept.value

    def set(self, key: Any, value: Any, expiry: float | None = None, details: bool = False) -> Any:
        self._check(key, value, expiry)
        with self._lock:
            now = self._now()
            kept = self._live(key, now)
            if kept is None:
                before, kept = None, Kept(value, now)
                self._entries[key] = kept
                self._make_room(now)
            else:
                before = self._entry(key, kept, now) if details else kept.value
                kept.write(value, now)
                self._entries.move_to_end(key)
            if expiry is not None:
                kept.expire_in(expiry, now)
            elif kept.expiry and self.definition.extend_expiry_on_set:
                kept.until = now + kept.expiry
            return before

    def delete(self, key: Any, raise_key_error: bool = True) -> Any:
        with self._lock:
            if self._live(key, self._now()) is not None:
                return self._entries.pop(key).value
        if raise_key_error:
            raise UnknownKey(self.name, key)
        return None

    def expire(self, key: Any, expiry: float = 0.0) -> bool:
        self._check_expiry(key, expiry)
        with self._lock:
            now = self._now()
            kept = self._live(key, now)
            if kept is not None:
                kept.expire_in(expiry, now)
            return kept is not None

    def keys(self) -> list[Any]:
        with self._lock:
            self._sweep(self._now())
            return list(reversed(self._entries))

    def items(self) -> list[tuple[Any, Any]]:
        with self._lock:
            self._sweep(self._now())
            return [(key, kept.value) for key, kept in reversed(self._entries.items())]

    def entries(self, most: int = 1000) -> list[Entry]:
        with self._lock:
            now = self._now()
            self._sweep(now)
            shown = zip(range(most), reversed(self._entries.items()), strict=False)
            return [self._entry(key, kept, now, place) for place, (key, kept) in shown]

    def lend(self) -> tuple[float, list[tuple[Any, Kept]]]:
        with self._lock:
            return self._now(), list(self._entries.items())

    def take(self, other: Cached) -> None:
        """Take in what another cache has, in the order of its use; what expires there in 5 s expires here in 5 s."""
        now, there = other.lend()
        ahead = self._now() - now
        with self._lock:
            self._entries.update((key, kept.moved(ahead)) for key, kept in there)
            self._make_room(self._now())

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        with self._lock:
            self._sweep(self._now())
            return len(self._entries)

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return self._live(key, self._now()) is not None

    def _live(self, key: Any, now: float) -> Kept | None:
        """An entry that has not expired; one that has is dropped."""
        kept = self._entries.get(key)
        if kept is not None and kept.until <= now:
            del self._entries[key]
            return None
        return kept

    def _make_room(self, now: float) -> None:
        if len(self._entries) > self.definition.max_size and now - self._swept >= SWEEP_SECONDS:
            self._sweep(now)
        while len(self._entries) > self.definition.max_size:
            self._entries.popitem(last=False)
            self.evicted += 1

    def _sweep(self, now: float) -> None:
        self._swept = now
        for key in [key for key, kept in self._entries.items() if kept.until <= now]:
            del self._entries[key]

    def _entry(self, key: Any, kept: Kept, now: float, place: int | None = None) -> Entry:
        if place is None:
            place = next(n for n, each in enumerate(reversed(self._entries)) if each == key)
        return kept.entry(key, place, self._clock.time() - now)
