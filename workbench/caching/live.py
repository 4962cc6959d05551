"""A cache in the memory of this process: the least recently used goes first, and what has expired is not there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from math import inf, isfinite
from threading import Lock
from typing import Any

import msgspec

from workbench.caching.definition import Cache
from workbench.caching.entry import NEVER, Entry, Kept
from workbench.caching.errors import CacheRefused, UnknownKey
from workbench.caching.matching import Matches, Matching
from workbench.core.ports import Clock

SWEEP_SECONDS = 5.0
"""How often a full cache is rid of what has expired before what is live must go; as in Zato."""


class LiveCache(Matching):
    """A cache, for any thread. Keys are text, bytes or whole numbers; values are kept as they are, not copied.

    Args:
        definition: Its bounds and habits.
        clock: Where time comes from.
    """

    def __init__(self, definition: Cache, clock: Clock) -> None:
        self._clock, self._now, self._lock = clock, clock.monotonic, Lock()
        self._entries: OrderedDict[Any, Kept] = OrderedDict()
        self._swept = -inf
        self.hits = self.misses = self.evicted = 0
        """Reads that found something; that did not; entries that went since the cache was full."""
        self.definition = definition
        self._extends = definition.extend_expiry_on_get

    @property
    def name(self) -> str:
        """What it is called."""
        return self.definition.name

    def redefine(self, definition: Cache) -> None:
        """Take other bounds and habits; what is in it stays, as far as it fits."""
        with self._lock:
            self.definition, self._extends = definition, definition.extend_expiry_on_get
            self._make_room(self._now())

    def get(self, key: Any, default: Any = None, details: bool = False) -> Any:
        """The value of a key, or with `details` its Entry; `default` if it is not there or has expired."""
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
        """Keep a value under a key; gives the value that was there, or with `details` its Entry, or None.

        Args:
            key: Text, bytes or a whole number.
            value: Anything.
            expiry: When it goes [s from now]; 0 for never. None leaves a key that is there its time, which begins anew
                if the cache extends it on set; a new key never goes.
            details: Whether to give an Entry.

        Raises:
            CacheRefused: The key is of another type, or the value larger than `max_item_size`.
        """
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
                kept.value, kept.prev_write, kept.last_write = value, kept.last_write, now
                self._entries.move_to_end(key)
            if expiry is not None:
                kept.expire_in(expiry, now)
            elif kept.expiry and self.definition.extend_expiry_on_set:
                kept.until = now + kept.expiry
            return before

    def delete(self, key: Any, raise_key_error: bool = True) -> Any:
        """Take a key away and give its value; without it raises UnknownKey, or gives None if told so."""
        with self._lock:
            if self._live(key, self._now()) is not None:
                return self._entries.pop(key).value
        if raise_key_error:
            raise UnknownKey(self.name, key)
        return None

    def expire(self, key: Any, expiry: float = 0.0) -> bool:
        """Have a key go after so long from now [s], 0 for never; whether it is there."""
        self._check_expiry(key, expiry)
        with self._lock:
            now = self._now()
            kept = self._live(key, now)
            if kept is not None:
                kept.expire_in(expiry, now)
            return kept is not None

    def get_matching(self, matches: Matches, limit: int = 0) -> dict[str, Any]:
        """Keys and values of text keys that match, the most recently used first; `limit` is the most (0: all)."""
        missing = object()
        found = ((key, self.get(key, missing)) for key in self._matching(matches, limit))
        return {key: value for key, value in found if value is not missing}

    def set_matching(
        self, matches: Matches, value: Any, expiry: float | None = None, return_found: bool = False, limit: int = 0
    ) -> dict[str, Any] | None:
        """Set the values of keys that match; with `return_found` gives those before."""
        before = {key: self.set(key, value, expiry) for key in self._matching(matches, limit)}
        return before if return_found else None

    def delete_matching(self, matches: Matches, return_found: bool = False, limit: int = 0) -> dict[str, Any] | None:
        """Take away keys that match; with `return_found` gives their values."""
        before = {key: self.delete(key, raise_key_error=False) for key in self._matching(matches, limit)}
        return before if return_found else None

    def expire_matching(self, matches: Matches, expiry: float = 0.0, limit: int = 0) -> list[str]:
        """Have keys that match go after so long [s]; gives those that were there."""
        return [key for key in self._matching(matches, limit) if self.expire(key, expiry)]

    def keys(self) -> list[Any]:
        """The keys, the most recently used first; to look is not to use."""
        with self._lock:
            self._sweep(self._now())
            return list(reversed(self._entries))

    def values(self) -> list[Any]:
        """The values in the order of their keys."""
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[Any, Any]]:
        """Keys and values, the most recently used first."""
        with self._lock:
            self._sweep(self._now())
            return [(key, kept.value) for key, kept in reversed(self._entries.items())]

    def entries(self, most: int = 1000) -> list[Entry]:
        """What is known of the most recently used entries."""
        with self._lock:
            now = self._now()
            self._sweep(now)
            shown = zip(range(most), reversed(self._entries.items()), strict=False)
            return [self._entry(key, kept, now, place) for place, (key, kept) in shown]

    def take(self, other: LiveCache) -> None:
        """Take in what another cache has, in the order of its use; what expires there in 5 s expires here in 5 s."""
        with other._lock:
            there = list(other._entries.items())
            ahead = self._now() - other._now()
        with self._lock:
            self._entries.update((key, kept.moved(ahead)) for key, kept in there)
            self._make_room(self._now())

    def clear(self) -> None:
        """Take everything away."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        with self._lock:
            self._sweep(self._now())
            return len(self._entries)

    def __bool__(self) -> bool:
        # An empty cache is a cache.
        return True

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return self._live(key, self._now()) is not None

    has_key = __contains__

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def __getitem__(self, key: Any) -> Any:
        missing = object()
        if (value := self.get(key, missing)) is missing:
            raise UnknownKey(self.name, key)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        self.set(key, value)

    def __delitem__(self, key: Any) -> None:
        self.delete(key)

    def describe(self) -> str:
        """How full it is, and how well it serves."""
        count, bounds = len(self), self.definition
        read = self.hits + self.misses
        share = f", {self.hits / read:.0%} of {read:,} reads found something" if read else ""
        gone = f", {self.evicted:,} went since it was full" if self.evicted else ""
        return f"{count:,} of at most {bounds.max_size:,} entries{share}{gone}"

    def __repr__(self) -> str:
        return f"{self.definition}: {self.describe()}"

    def _matching(self, matches: Matches, limit: int) -> list[str]:
        found = [key for key in self.keys() if isinstance(key, str) and matches(key)]
        return found[:limit] if limit else found

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
        epoch = self._clock.time() - now
        if place is None:
            place = next(n for n, each in enumerate(reversed(self._entries)) if each == key)

        def instant(reading: float) -> float:
            return epoch + reading if reading > NEVER else 0.0

        return Entry(
            key,
            kept.value,
            place,
            created=instant(kept.created),
            last_read=instant(kept.last_read),
            prev_read=instant(kept.prev_read),
            last_write=instant(kept.last_write),
            prev_write=instant(kept.prev_write),
            expiry=kept.expiry,
            expires_at=epoch + kept.until if kept.expiry else 0.0,
            hits=kept.hits,
        )

    def _check(self, key: Any, value: Any, expiry: float | None) -> None:
        if not isinstance(key, str | bytes | int) or isinstance(key, bool):
            kind = type(key).__name__
            raise CacheRefused(f"Cache {self.name!r} takes no {kind} as a key. Fix: text, bytes or a whole number.")
        self._check_expiry(key, expiry)
        size, most = size_of(value), self.definition.max_item_size
        if size > most:
            raise CacheRefused(
                f"Cache {self.name!r} did not keep {key!r}: its value has {size:,}, and at most {most:,} are taken. "
                f"Fix: a smaller value, or max_item_size={size} for the cache."
            )

    def _check_expiry(self, key: Any, expiry: float | None) -> None:
        if expiry is not None and not (isinstance(expiry, int | float) and isfinite(expiry) and expiry >= 0):
            raise CacheRefused(f"Cache {self.name!r}: {key!r} cannot expire in {expiry!r} s. Fix: 0 (never) or more.")


def size_of(value: Any) -> int:
    """How large a value is: characters of text, bytes, or bytes as JSON; 0 for what JSON cannot write."""
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    try:
        return len(msgspec.json.encode(value))
    except (TypeError, ValueError, RecursionError):
        return 0
