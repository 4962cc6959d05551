"""What every cache can do, wherever it keeps its entries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import isfinite
from typing import Any

import msgspec

from workbench.caching.definition import Cache
from workbench.caching.entry import Entry, Kept
from workbench.caching.errors import CacheRefused, UnknownKey
from workbench.caching.matching import Matches, Matching
from workbench.core.errors import WorkbenchError


class Cached(Matching, ABC):
    """A cache, for any thread. Keys are text, bytes or whole numbers.

    Attributes:
        hits: Reads of this process that found something.
        misses: Reads that did not.
        evicted: Entries that went since the cache was full.
    """

    definition: Cache
    hits = misses = evicted = 0

    @property
    def name(self) -> str:
        """What it is called."""
        return self.definition.name

    @abstractmethod
    def forget(self) -> None:
        """In a forked child: the lock, and the file or server that is open, are the parent's."""

    @abstractmethod
    def redefine(self, definition: Cache) -> None:
        """Take other bounds and habits; what is in it stays, as far as it fits."""

    @abstractmethod
    def get(self, key: Any, default: Any = None, details: bool = False) -> Any:
        """The value of a key, or with `details` its Entry; `default` if it is not there or has expired."""

    @abstractmethod
    def set(self, key: Any, value: Any, expiry: float | None = None, details: bool = False) -> Any:
        """Keep a value under a key; gives the value that was there, or with `details` its Entry, or None.

        Args:
            key: Text, bytes or a whole number.
            value: Anything; in a store, what comes back from there as it was.
            expiry: When it goes [s from now]; 0 for never. None leaves a key that is there its time, which begins anew
                if the cache extends it on set; a new key never goes.
            details: Whether to give an Entry.

        Raises:
            CacheRefused: The key is of another type, or the value larger than `max_item_size`.
        """

    @abstractmethod
    def delete(self, key: Any, raise_key_error: bool = True) -> Any:
        """Take a key away and give its value; without it raises UnknownKey, or gives None if told so."""

    @abstractmethod
    def expire(self, key: Any, expiry: float = 0.0) -> bool:
        """Have a key go after so long from now [s], 0 for never; whether it is there."""

    @abstractmethod
    def keys(self) -> list[Any]:
        """The keys, the most recently used first; to look is not to use."""

    @abstractmethod
    def items(self) -> list[tuple[Any, Any]]:
        """Keys and values, the most recently used first."""

    @abstractmethod
    def entries(self, most: int = 1000) -> list[Entry]:
        """What is known of the most recently used entries."""

    @abstractmethod
    def clear(self) -> None:
        """Take everything away."""

    @abstractmethod
    def lend(self) -> tuple[float, list[tuple[Any, Kept]]]:
        """What is in it, in the order of its use, and a reading of its clock [s], for a copy."""

    def close(self) -> None:
        """Let go of what it holds open; the next use opens it again."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __contains__(self, key: object) -> bool: ...

    def has_key(self, key: object) -> bool:
        """Whether it is there."""
        return key in self

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

    def values(self) -> list[Any]:
        """The values in the order of their keys."""
        return [value for _, value in self.items()]

    def __bool__(self) -> bool:
        # An empty cache is a cache.
        return True

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
        """How full it is, and how well it serves; what is wrong with its store, if that gives no answer."""
        try:
            count, bounds = len(self), self.definition
        except WorkbenchError as exc:
            return str(exc)
        read = self.hits + self.misses
        share = f", {self.hits / read:.0%} of {read:,} reads found something" if read else ""
        gone = f", {self.evicted:,} went since it was full" if self.evicted else ""
        return f"{count:,} of at most {bounds.max_size:,} entries{share}{gone}"

    def __repr__(self) -> str:
        return f"{self.definition}: {self.describe()}"

    def _matching(self, matches: Matches, limit: int) -> list[str]:
        found = [key for key in self.keys() if isinstance(key, str) and matches(key)]
        return found[:limit] if limit else found

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
