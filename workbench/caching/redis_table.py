"""Entries of caches in Redis or Valkey, which processes of many machines share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from math import isinf
from typing import Any, TypeVar

from workbench.caching.table import Change
from workbench.core.errors import MissingDependency, StoreUnavailable
from workbench.stores.url import redacted

T = TypeVar("T")
TIMEOUT_SECONDS = 2.0
MOST_TRIES = 1_000
"""How often a transaction begins again because others came in between; each time one of them has got through."""


class RedisTable:
    """The entries of one cache on a server: a hash of entries, and sorted sets by their use and by when they go.

    A number that grows with each transaction is watched, so that a transaction happens whole and on what it has read.

    Args:
        url: `redis://host:6379/0`, `rediss://...` or `unix:///path`.
        cache: The name of the cache.
        password: The password; '' for none.
    """

    def __init__(self, url: str, cache: str, password: str = "") -> None:
        try:
            import redis
        except ImportError as exc:
            raise MissingDependency("A cache in Redis", "redis") from exc
        self._redis: Any = redis.Redis.from_url(
            url, password=password or None, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._errors, self._cache, self._url = redis.exceptions, cache, redacted(url)
        # Braces keep all of them in one slot of a cluster.
        self._keys = [f"{{workbench:cache:{cache}}}:{part}" for part in ("changes", "kept", "used", "until")]

    def change(self, work: Callable[[Change], T]) -> T:
        """Do a piece of work as one transaction; see Table."""
        try:
            with self._redis.pipeline() as pipe:
                for _ in range(MOST_TRIES):
                    try:
                        return self._try(work, pipe)
                    except self._errors.WatchError:
                        continue
        except (self._errors.RedisError, OSError) as exc:
            raise self._unavailable(str(exc)) from exc
        raise self._unavailable(f"others came in between {MOST_TRIES:,} times")

    def _try(self, work: Callable[[Change], T], pipe: Any) -> T:
        pipe.watch(self._keys[0])
        change = _RedisChange(pipe, self._keys)
        done = work(change)
        pipe.multi()
        for write in change.writes:
            write()
        # What was only read has to be checked, too: others may have come in between two readings.
        pipe.set(self._keys[0], change.number) if change.writes else pipe.get(self._keys[0])
        pipe.execute()
        return done

    def close(self) -> None:
        """Close the sockets."""
        self._redis.close()

    def _unavailable(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"Cache {self._cache!r} has no answer from {self._url}: {why}. "
            "Fix: start the server, or correct store= and password= of the cache."
        )


class _RedisChange:
    """One transaction: what it reads is read at once, what it writes comes at its end."""

    def __init__(self, pipe: Any, keys: list[str]) -> None:
        self._pipe = pipe
        self._changes, self._kept, self._used, self._until = keys
        self._numbers = count(int(pipe.get(self._changes) or 0) + 1)
        self.number = next(self._numbers)
        self.writes: list[Callable[[], object]] = []
        self._gone: set[str] = set()

    def read(self, key: str) -> bytes | None:
        found: bytes | None = self._pipe.hget(self._kept, key)
        return found

    def count(self) -> int:
        return int(self._pipe.hlen(self._kept)) - len(self._gone)

    def position(self, key: str) -> int:
        return int(self._pipe.zrevrank(self._used, key) or 0)

    def expired(self, now: float) -> list[str]:
        return self._there(self._pipe.zrangebyscore(self._until, "-inf", now))

    def oldest(self, most: int) -> list[str]:
        return self._there(self._pipe.zrange(self._used, 0, most + len(self._gone) - 1))[:most]

    def newest(self, most: int) -> list[tuple[str, bytes]]:
        keys = self._there(self._pipe.zrevrange(self._used, 0, most + len(self._gone) - 1))[:most]
        entries = zip(keys, self._pipe.hmget(self._kept, keys), strict=True) if keys else ()
        return [(key, kept) for key, kept in entries if kept is not None]

    def _there(self, found: list[bytes]) -> list[str]:
        """Those that this transaction has not taken away."""
        return [key for each in found if (key := each.decode()) not in self._gone]

    def write(self, key: str, kept: bytes, until: float, *, used: bool) -> None:
        self._gone.discard(key)
        self.writes.append(lambda: self._pipe.hset(self._kept, key, kept))
        if used:
            number = self.number = next(self._numbers)
            self.writes.append(lambda: self._pipe.zadd(self._used, {key: number}))
        if isinf(until):
            self.writes.append(lambda: self._pipe.zrem(self._until, key))
        else:
            self.writes.append(lambda: self._pipe.zadd(self._until, {key: until}))

    def drop(self, keys: Iterable[str]) -> None:
        if gone := list(keys):
            self._gone.update(gone)
            self.writes += [lambda: self._pipe.hdel(self._kept, *gone), lambda: self._pipe.zrem(self._used, *gone)]
            self.writes.append(lambda: self._pipe.zrem(self._until, *gone))
