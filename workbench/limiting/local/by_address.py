"""Meters that count each address apart, bounded in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.limiting.local.meters import Last, SlidingMeter
from workbench.limiting.local.rings import ring_full, ring_of, ring_stamps, ring_take, used_in, wait_of

MOST_BYTES = 200 * 2**20
RING_BYTES = 250
MOST_LAST = 100_000
SHARDS = 64
_OVERFLOW = "\0overflow"


class _Buried:
    """Tables of expired counts, emptied a few entries a call: freeing a million at once would hold up a call."""

    def __init__(self) -> None:
        self._tables: list[dict[str, Any]] = []

    def bury(self, tables: Sequence[dict[str, Any]]) -> None:
        self._tables.extend(table for table in tables if table)

    def empty_some(self) -> None:
        if self._tables:
            table = self._tables[-1]
            for _ in range(min(4, len(table))):
                table.popitem()
            if not table:
                self._tables.pop()


class CalendarMeterByAddress:
    """At most `limit` calls of each caller in each calendar window; at most `most` callers counted apart.

    Only an expired window is forgotten. Once `most` callers are in a window, further ones share one count of the same
    rate.
    """

    def __init__(self, limit: int, length: float, most: int) -> None:
        self.limit, self.length, self.most, self.refused = max(0, limit), length, most, 0
        self._buried = _Buried()
        self._floor = self._end = 0.0
        self._size = 0
        self._shards: list[dict[str, int]] = [{} for _ in range(SHARDS)]
        self._overflow: dict[str, int] = {}
        self._last: dict[str, tuple[float, str | None, str]] = {}

    def _turn(self, now: float) -> None:
        if not self._floor <= now < self._end:
            self.clear()
            start = now // self.length * self.length
            self._floor, self._end = start - self.length, start + self.length

    def _place(self, key: str) -> tuple[dict[str, int], str, int]:
        shard = self._shards[hash(key) % SHARDS]
        count = shard.get(key)
        if count is not None:
            return shard, key, count
        if self._size < self.most:
            return shard, key, 0
        return self._overflow, _OVERFLOW, self._overflow.get(_OVERFLOW, 0)

    def full(self, now: float, key: str) -> bool:
        self._turn(now)
        return self._place(key)[2] >= self.limit

    def take(self, now: float, key: str, address: str | None, cid: str) -> bool:
        shard, place, count = self._place(key)
        shard[place] = count + 1
        if not count and shard is not self._overflow:
            self._size += 1
        if count + 1 == self.limit and len(self._last) < MOST_LAST:
            self._last[place] = (now, address, cid)
        self._buried.empty_some()
        return True

    def left(self, now: float, key: str) -> int:
        return max(0, self.limit - (self._place(key)[2] if self._floor <= now < self._end else 0))

    def wait(self, now: float, key: str) -> float:
        return self._end - now if self._floor <= now < self._end else self.length - now % self.length

    def last(self, key: str) -> Last | None:
        taken = self._last.get(self._place(key)[1])
        return None if taken is None else Last(*taken)

    def change(self, limit: int) -> None:
        self.limit, self._last = max(0, limit), {}

    def clear(self) -> None:
        """Forget all counts."""
        self._buried.bury(self._shards)
        self._shards = [{} for _ in range(SHARDS)]
        self._overflow, self._last = {}, {}
        self._size = 0
        self._floor = self._end = 0.0

    def used(self, now: float) -> tuple[int, int]:
        if not self._floor <= now < self._end:
            return 0, 0
        fullest = max((max(shard.values(), default=0) for shard in (*self._shards, self._overflow)), default=0)
        return fullest, self._size


class _Generation:
    """Callers that have called since the last turn: their rings, and the last call of those whose ring is full."""

    def __init__(self) -> None:
        self.shards: list[dict[str, bytearray]] = [{} for _ in range(SHARDS)]
        self.last: dict[str, tuple[float, str | None, str]] = {}

    def __len__(self) -> int:
        return sum(map(len, self.shards))


class SlidingMeterByAddress:
    """At most `limit` calls of each caller in any span of `length`.

    Callers are kept in two generations: the older is dropped when nobody in it has called for more than `length`.
    """

    def __init__(self, limit: int, length: float, most: int) -> None:
        self.limit, self.length, self.refused = max(0, limit), length, 0
        self._asked_most, self._turned, self._size = most, 0.0, 0
        self._buried = _Buried()
        self._old, self._new = _Generation(), _Generation()
        self._overflow = SlidingMeter(self.limit, length)

    @property
    def most(self) -> int:
        """Callers counted apart: as many as asked for, if their rings fit the memory they may have."""
        return min(self._asked_most, max(1, MOST_BYTES // (RING_BYTES + 9 * self.limit)))

    def _turn(self, now: float) -> None:
        if now - self._turned > self.length:
            self._buried.bury(self._old.shards)
            self._size -= len(self._old)
            self._old, self._new, self._turned = self._new, _Generation(), now

    def _ring(self, key: str) -> bytearray | None:
        shard = hash(key) % SHARDS
        ring = self._new.shards[shard].get(key)
        return self._old.shards[shard].get(key) if ring is None else ring

    def full(self, now: float, key: str) -> bool:
        self._turn(now)
        ring = self._ring(key)
        if ring is None:
            return self._overflow.full(now, key) if self._size >= self.most else self.limit <= 0
        return ring_full(ring, self.limit, now, self.length)

    def take(self, now: float, key: str, address: str | None, cid: str) -> bool:
        self._buried.empty_some()
        shard = hash(key) % SHARDS
        ring = self._new.shards[shard].get(key)
        if ring is None:
            ring = self._old.shards[shard].pop(key, None)
            if ring is None:
                if self._size >= self.most:
                    return self._overflow.take(now, key, address, cid)
                self._size += 1
                ring = ring_of(())
            self._new.shards[shard][key] = ring
        ring_take(ring, self.limit, now)
        if len(ring) > 8 * self.limit and (len(self._new.last) < MOST_LAST or key in self._new.last):
            self._new.last[key] = (now, address, cid)
        return True

    def left(self, now: float, key: str) -> int:
        ring = self._ring(key)
        return self.limit if ring is None else max(0, self.limit - used_in(ring_stamps(ring), now, self.length))

    def wait(self, now: float, key: str) -> float:
        ring = self._ring(key)
        return self._overflow.wait(now, key) if ring is None else wait_of(ring_stamps(ring), now, self.length)

    def last(self, key: str) -> Last | None:
        if self._ring(key) is None:
            return self._overflow.last(key)
        taken = self._new.last.get(key) or self._old.last.get(key)
        return None if taken is None else Last(*taken)

    def change(self, limit: int) -> None:
        self.limit = max(0, limit)
        self._overflow.change(limit)
        for table in (*self._old.shards, *self._new.shards):
            for key, ring in table.items():
                table[key] = ring_of(ring_stamps(ring)[max(0, len(ring) // 8 - 1 - self.limit) :])

    def clear(self) -> None:
        """Forget all counts."""
        self._buried.bury(self._old.shards + self._new.shards)
        self._old, self._new, self._size, self._turned = _Generation(), _Generation(), 0, 0.0
        self._overflow.clear()

    def used(self, now: float) -> tuple[int, int]:
        rings = [ring for table in (*self._old.shards, *self._new.shards) for ring in table.values()]
        return max((used_in(ring_stamps(ring), now, self.length) for ring in rings), default=0), len(rings)
