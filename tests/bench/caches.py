"""What a read of a cache costs, beside cachetools' TTLCache behind a lock, as threads need it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from cachetools import TTLCache

from tests.bench.figures import Row
from workbench.caching.definition import Cache
from workbench.caching.live import LiveCache
from workbench.core.clock import SystemClock

ROUNDS, KEYS, READS = 15, 10_000, 100_000
HOUR = 3600
NOTE = "of CPU time, one thread; every key expires in an hour"


def rows() -> Iterator[Row]:
    """Reads and writes, in turn round by round."""
    ours = LiveCache(Cache("bench", max_size=2 * KEYS), SystemClock())
    theirs: TTLCache[str, str] = TTLCache(2 * KEYS, HOUR)
    lock = Lock()
    keys = [f"key {number}" for number in range(KEYS)]

    def set_ours(key: str) -> None:
        ours.set(key, "value", HOUR)

    def set_theirs(key: str) -> None:
        with lock:
            theirs[key] = "value"

    def get_theirs(key: str) -> Any:
        with lock:
            return theirs.get(key)

    many = keys * (READS // KEYS)
    sets = [(rate(set_ours, keys), rate(set_theirs, keys)) for _ in range(ROUNDS)]
    gets = [(rate(ours.get, many), rate(get_theirs, many)) for _ in range(ROUNDS)]
    assert ours.misses == 0
    yield Row("a cache: reads", "/s", [ours for ours, _ in gets], wanted=500_000, more_is_better=True, note=NOTE)
    for what, found in (("reads", gets), ("writes", sets)):
        mine, others = [ours for ours, _ in found], [theirs for _, theirs in found]
        yield Row(f"a cache: {what}", "/s", mine, others, "cachetools' TTLCache", 1.0, more_is_better=True, note=NOTE)


def rate(act: Callable[[str], Any], keys: list[str]) -> float:
    """How often a second, the loop around it included."""
    began = time.process_time()
    for key in keys:
        act(key)
    return len(keys) / (time.process_time() - began)
