"""Ends of runs, written together: a write costs a store about as much as twenty rows in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

from workbench.core.errors import StoreUnavailable, listed
from workbench.core.ports import Clock
from workbench.scheduler.history import History
from workbench.scheduler.ledger import Ledger
from workbench.scheduler.records import Run
from workbench.scheduler.runs.bounds import Paced
from workbench.scheduler.runs.in_turn import InTurn
from workbench.scheduler.runs.lines import MOST_TOGETHER, Running
from workbench.scheduler.runs.pool import Pool
from workbench.scheduler.runs.telling import Telling

log = logging.getLogger("workbench.scheduler")

LATE_SECONDS = 0.2
"""How long an end waits for others before whoever looks at the clock has it written [s]."""


class Ending(NamedTuple):
    """A run that has ended, and its row as it is to be written; `frees`: what waits behind it goes on after that."""

    running: Running
    run: Run
    frees: bool


class Endings:
    """Ends that wait for runs which are to begin, so that these begin sooner; at most MOST_TOGETHER of them.

    While nothing waits for a thread, each is written at once. Whatever comes after a run comes after its row.
    """

    def __init__(
        self,
        history: History,
        ledger: Ledger,
        telling: Telling,
        clock: Clock,
        pool: Pool | InTurn,
        go_on: Callable[[Sequence[Ending]], None],
    ) -> None:
        """Hold no end yet; `go_on` is told of those that are written, or that the store has refused."""
        self._history, self._ledger, self._telling, self._clock = history, ledger, telling, clock
        self._pool, self._go_on = pool, go_on
        self.with_old_rows = Paced(clock)
        """Jobs that may have more rows than are kept."""
        self._waiting: list[Ending] = []
        self._since = 0.0
        self._is_called = False
        self._lock = Lock()

    def put(self, ending: Ending, *, at_once: bool) -> None:
        """Write an end, `at_once` or after what waits for a thread."""
        with self._lock:
            if not self._waiting:
                self._since = self._clock.monotonic()
            self._waiting.append(ending)
            may_wait = not at_once and len(self._waiting) < MOST_TOGETHER and self._pool.has_waiting
            calls = may_wait and not self._is_called
            self._is_called = self._is_called or calls
        if not may_wait:
            self.write()
        elif calls:
            self._pool.submit(self.write)

    @property
    def is_late(self) -> bool:
        """Whether some end has waited for long."""
        return bool(self._waiting) and self._clock.monotonic() - self._since >= LATE_SECONDS

    def write(self) -> None:
        """Write what waits, in one write."""
        with self._lock:
            endings, self._waiting, self._is_called = self._waiting, [], False
        if not endings:
            return
        try:
            self._look_later(self._history.end([each.run for each in endings if each.run.key]))
        except StoreUnavailable as exc:
            self._telling.refused(f"the end of a run of job {endings[0].run.job!r} is not written yet", exc)
        finally:
            self._go_on(endings)

    def write_rest(self) -> None:
        """Write what the store refused before."""
        self._look_later(self._history.end_rest())

    def passed_over(self, run: Run) -> None:
        """Have old rows left behind if it is time, now that the row of a time that does not run is written."""
        self._look_later(self._history.to_prune([(run, True)]))

    def _look_later(self, runs: Sequence[Run]) -> None:
        if runs:
            self.with_old_rows.put(run.job for run in runs)

    def leave_behind(self, names: Sequence[str]) -> None:
        """Leave old rows of jobs behind; those that the store refuses stay until the next time."""
        for place, name in enumerate(names):
            try:
                if (record := self._history.job(name)) is not None:
                    self._ledger.leave_behind(record)
            except StoreUnavailable as exc:
                log.warning("old runs of %s stay until the next pruning of each: %s", listed(names[place:]), exc)
                return
