"""How much the scheduler runs at once and keeps, and how what need not be done at once is spread over time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from threading import Lock
from typing import NamedTuple

from workbench.core.ports import Clock
from workbench.scheduler.runs.pool import SPARES

KEEP_RUNS = 500
"""Runs of one job whose records are kept; up to 50 more until the next pruning."""

THREADS = 16
"""Runs side by side; one that takes long no longer counts, see `Pool`."""

LOOK_SECONDS = 60.0
"""Time between two looks at the accounts of all jobs [s]."""


class Bounds(NamedTuple):
    """How much the scheduler runs at once and keeps.

    Attributes:
        threads: Runs side by side, slow ones not counted; 0 has each wait for a thread that settles, see `InTurn`.
        spares: Further threads, which stand in for slow runs.
        runs: Runs of one job whose records are kept.
        look_seconds: Time between two looks at the accounts of all jobs [s].
    """

    threads: int = THREADS
    spares: int = SPARES
    runs: int = KEEP_RUNS
    look_seconds: float = LOOK_SECONDS

    @property
    def time_passes(self) -> bool:
        """Whether time goes on while a run is made, so that its length says something."""
        return self.threads > 0


LEAST_A_SECOND, SPREAD_SECONDS = 16, 10.0
"""Jobs whose turn comes within a second at least; of more of them, so many that a tenth has had it in a second."""


class Paced:
    """Jobs that wait for their turn, each once, the first that came being the first.

    A thousand jobs that have just started bring a thousand looks at their rows, of 0.3 ms and more each. Done as each
    first run ended, they held up the runs of all others in the first seconds. Of a few jobs none waits. Safe for
    threads.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, Lock()
        self._names: dict[str, None] = {}
        self._took_at, self._may_take = clock.monotonic(), float(LEAST_A_SECOND)

    def put(self, names: Iterable[str]) -> None:
        """Have jobs wait."""
        with self._lock:
            self._names.update(dict.fromkeys(names))

    def drop(self, name: str) -> None:
        """Have a job wait no more, which is gone."""
        with self._lock:
            self._names.pop(name, None)

    def take(self) -> list[str]:
        """Those whose turn has come by now, who wait no more; a tenth of a second's worth at least, if there are many.

        Nobody's comes sooner for having been quiet before, since a second's worth is the most.
        """
        if not self._names:
            return []
        now = self._clock.monotonic()
        with self._lock:
            count = len(self._names)
            a_second = max(LEAST_A_SECOND, count / SPREAD_SECONDS)
            self._may_take = min(a_second, self._may_take + a_second * (now - self._took_at))
            self._took_at = now
            taken = self._taken(int(self._may_take)) if self._may_take >= min(count, a_second / 10) else []
            self._may_take -= len(taken)
        return taken

    def rest(self, most: int) -> list[str]:
        """The first of those who wait, whatever the time, as before the end of all."""
        with self._lock:
            return self._taken(most)

    def _taken(self, most: int) -> list[str]:
        taken = list(islice(self._names, most))
        for name in taken:
            del self._names[name]
        return taken
