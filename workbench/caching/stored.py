"""A cache in a store: it outlives its process, and all processes that name the same store have it together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import Any, TypeVar

import msgspec

from workbench.caching.cached import Cached
from workbench.caching.definition import Cache
from workbench.caching.entry import Entry, Kept
from workbench.caching.errors import CacheRefused, UnknownKey
from workbench.caching.table import Change, Table
from workbench.core.forking import forgets_when_forked
from workbench.core.ports import Clock

T = TypeVar("T")
ALL = 1 << 40
SKEW_SECONDS = 1.0
"""How far the clocks of two machines may be apart, as NTP keeps them within [s]."""


class StoredCache(Cached):
    """A cache whose entries are in a table. Each use is one transaction there, so that bounds hold for all processes.

    Instants are those of the machine's clock [s since the epoch], since a monotonic one means nothing elsewhere.

    Args:
        definition: Its bounds and habits.
        clock: Where time comes from.
        opening: Opens the table; called at the first use.
    """

    def __init__(self, definition: Cache, clock: Clock, opening: Callable[[Cache], Table]) -> None:
        self.definition, self._clock, self._opening = definition, clock, opening
        self._evicting = 0
        self._table: Table | None = None
        self._inherited: list[Table] = []
        self.forget()
        forgets_when_forked(self)

    def forget(self) -> None:
        self._lock = RLock()
        if self._table is not None:
            # Kept, since SQLite forbids touching, and even closing, a connection that came through a fork.
            self._inherited.append(self._table)
            self._table = None

    def redefine(self, definition: Cache) -> None:
        # What fits no more goes with the next look at it all, or new key: a definition asks no store.
        self.definition = definition

    def get(self, key: Any, default: Any = None, details: bool = False) -> Any:
        missing = object()
        with self._lock:
            found = self._change(partial(self._get, key, details, missing)) if _is_key(key) else missing
            if found is missing:
                self.misses += 1
                return default
            self.hits += 1
            return found

    def _get(self, key: Any, details: bool, missing: object, change: Change) -> Any:
        text, now = _text_of(key), self._clock.time()
        kept = self._live(change, text, now)
        if kept is None:
            return missing
        kept.read(now, self.definition.extend_expiry_on_get)
        change.write(text, _packed(kept), kept.until, used=True)
        return kept.entry(key, 0) if details else kept.value

    def set(self, key: Any, value: Any, expiry: float | None = None, details: bool = False) -> Any:
        self._check(key, value, expiry)
        self._expect_as_it_was(key, value)
        return self._change(partial(self._set, key, value, expiry, details))

    def _set(self, key: Any, value: Any, expiry: float | None, details: bool, change: Change) -> Any:
        text, now, before = _text_of(key), self._clock.time(), None
        kept = self._live(change, text, now)
        if kept is None:
            self._make_room(change, 1)
            kept = Kept(value, now)
        else:
            before = kept.entry(key, change.position(text)) if details else kept.value
            kept.write(value, now)
        if expiry is not None:
            kept.expire_in(expiry, now)
        elif kept.expiry and self.definition.extend_expiry_on_set:
            kept.until = now + kept.expiry
        change.write(text, _packed(kept), kept.until, used=True)
        return before

    def delete(self, key: Any, raise_key_error: bool = True) -> Any:
        missing = object()

        def take(change: Change) -> Any:
            kept = self._live(change, _text_of(key), self._clock.time())
            if kept is None:
                return missing
            change.drop([_text_of(key)])
            return kept.value

        found = self._change(take) if _is_key(key) else missing
        if found is not missing:
            return found
        if raise_key_error:
            raise UnknownKey(self.name, key)
        return None

    def expire(self, key: Any, expiry: float = 0.0) -> bool:
        self._check_expiry(key, expiry)

        def change_time(change: Change) -> bool:
            now = self._clock.time()
            kept = self._live(change, _text_of(key), now)
            if kept is not None:
                kept.expire_in(expiry, now)
                change.write(_text_of(key), _packed(kept), kept.until, used=False)
            return kept is not None

        return self._change(change_time) if _is_key(key) else False

    def keys(self) -> list[Any]:
        return self._change(lambda change: [_key_of(text) for text in reversed(self._rid(change).oldest(ALL))])

    def items(self) -> list[tuple[Any, Any]]:
        return [(key, kept.value) for key, kept in self._newest()]

    def entries(self, most: int = 1000) -> list[Entry]:
        return [kept.entry(key, place) for place, (key, kept) in enumerate(self._newest(most))]

    def lend(self) -> tuple[float, list[tuple[Any, Kept]]]:
        return self._clock.time(), self._newest()[::-1]

    def clear(self) -> None:
        self._change(lambda change: change.drop(change.oldest(ALL)))

    def close(self) -> None:
        with self._lock:
            table, self._table = self._table, None
        if table is not None:
            table.close()

    def __len__(self) -> int:
        return self._change(lambda change: self._rid(change).count())

    def __contains__(self, key: object) -> bool:
        if not _is_key(key):
            return False
        return self._change(lambda change: self._live(change, _text_of(key), self._clock.time())) is not None

    def _change(self, work: Callable[[Change], T]) -> T:
        # Threads of one process take turns here: in a store they would only disturb each other.
        with self._lock:
            if self._table is None:
                self._table = self._opening(self.definition)
            done = self._table.change(partial(self._begun, work))
            self.evicted += self._evicting
            return done

    def _begun(self, work: Callable[[Change], T], change: Change) -> T:
        self._evicting = 0
        return work(change)

    def _newest(self, most: int = ALL) -> list[tuple[Any, Kept]]:
        def look(change: Change) -> list[tuple[Any, Kept]]:
            now = self._clock.time()
            found = [(text, _unpacked(kept)) for text, kept in self._rid(change).newest(most)]
            change.drop([text for text, kept in found if _is_over(kept, now)])
            return [(_key_of(text), kept) for text, kept in found if not _is_over(kept, now)]

        return self._change(look)

    def _rid(self, change: Change) -> Change:
        """Have what has expired go, and what fits no more."""
        change.drop(change.expired(self._clock.time()))
        self._make_room(change, 0)
        return change

    def _live(self, change: Change, text: str, now: float) -> Kept | None:
        """An entry that has not expired; one that has is dropped."""
        packed = change.read(text)
        kept = _unpacked(packed) if packed is not None else None
        if kept is not None and _is_over(kept, now):
            change.drop([text])
            return None
        return kept

    def _make_room(self, change: Change, more: int) -> None:
        """Have room for so many more: what has expired goes, then what nobody has used for longest."""
        over = change.count() + more - self.definition.max_size
        if over > 0:
            change.drop(expired := change.expired(self._clock.time()))
            over -= len(expired)
        gone = change.oldest(over) if over > 0 else []
        change.drop(gone)
        self._evicting = len(gone)

    def _expect_as_it_was(self, key: Any, value: Any) -> None:
        """Raise CacheRefused for a value that a store would give back as another."""
        try:
            back = msgspec.msgpack.decode(msgspec.msgpack.encode(value))
        except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            back = None
        if type(back) is not type(value) or back != value:
            raise CacheRefused(
                f"Cache {self.name!r} did not keep {key!r}: its store takes text, bytes, numbers, and lists and dicts "
                f"of them, not {type(value).__name__}. Fix: make it one of these, or leave store= out of the cache."
            )


def _is_over(kept: Kept, now: float) -> bool:
    """Whether its time is over; it is, too, where more is left than it ever had: a clock was set back."""
    return kept.until <= now or (kept.expiry > 0 and kept.until > now + kept.expiry + SKEW_SECONDS)


def _packed(kept: Kept) -> bytes:
    return msgspec.msgpack.encode([getattr(kept, name) for name in Kept.__slots__])


def _unpacked(packed: bytes) -> Kept:
    kept = Kept.__new__(Kept)
    for name, each in zip(Kept.__slots__, msgspec.msgpack.decode(packed), strict=True):
        setattr(kept, name, each)
    return kept


def _is_key(key: object) -> bool:
    return isinstance(key, str | bytes | int) and not isinstance(key, bool)


def _text_of(key: Any) -> str:
    """A key as text, its type before it."""
    if isinstance(key, str):
        return f"s{key}"
    return f"b{key.hex()}" if isinstance(key, bytes) else f"i{key:d}"


def _key_of(text: str) -> Any:
    kind, rest = text[0], text[1:]
    return rest if kind == "s" else bytes.fromhex(rest) if kind == "b" else int(rest)
