"""How long the good runs of a job take, and from where on one is too long or too short."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from math import ceil
from typing import NamedTuple

FEWEST = 10
"""Good runs of a job before its own lengths say anything of the next."""

LATEST = 200
"""Good runs of a job that count."""

LONGER_TIMES, LONGER_SECONDS = 3.0, 5.0
"""A run is too long past both: as many times as long as 95 of 100 good ones, and so much longer [s]."""

FAST_FROM_SECONDS, FAST_SHARE = 1.0, 0.2
"""Of jobs whose good runs take that long [s], 95 of 100, one that takes less than this share of it is too fast."""


class Norm(NamedTuple):
    """What is usual for a job: past `longest` [s] a run is too long, below `shortest` [s] too fast; 0 for never.

    `usual` and `least` [s] are what 95 of 100 runs took at most and at least, by nearest rank.
    """

    runs: int
    usual: float
    longest: float
    least: float
    shortest: float


class Lengths:
    """The lengths of a job's latest good runs [s]. One that is too fast does not count, but ten in a row do alone."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._latest, self._ordered = deque[float](), list[float]()
        self._fast: list[float] = []
        self._norm: Norm | None = None
        for each in seconds:
            self.add(each)

    @property
    def norm(self) -> Norm | None:
        """What is usual; None while there are fewer than ten."""
        ordered, count = self._ordered, len(self._ordered)
        if self._norm is None and count >= FEWEST:
            p5, p95 = (ordered[ceil(share * count) - 1] for share in (0.05, 0.95))
            longest = max(LONGER_TIMES * p95, p95 + LONGER_SECONDS)
            self._norm = Norm(count, p95, longest, p5, FAST_SHARE * p5 if p5 >= FAST_FROM_SECONDS else 0.0)
        return self._norm

    def add(self, seconds: float) -> None:
        """Take in a good run."""
        norm = self.norm
        if norm is not None and seconds < norm.shortest:
            self._fast.append(seconds)
            if len(self._fast) < FEWEST:
                return
            # So many are no mishap any more.
            self._latest, self._ordered = deque(self._fast), sorted(self._fast)
        else:
            self._latest.append(seconds)
            insort(self._ordered, seconds)
            if len(self._latest) > LATEST:
                del self._ordered[bisect_left(self._ordered, self._latest.popleft())]
        self._norm = None
        self._fast.clear()
