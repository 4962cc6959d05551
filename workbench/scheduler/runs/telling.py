"""Log lines about what holds jobs up, other jobs or the store, each said once."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile
from threading import Lock

from workbench.core.errors import StoreUnavailable, listed
from workbench.scheduler.runs.lines import Line, Running

log = logging.getLogger("workbench.scheduler")

LONG_SECONDS = 60.0
"""Length of a run from which the log speaks of it, once [s]."""

WAITS_SECONDS = 0.5
"""How long a planned time waits before the log speaks of it, if every thread is held [s]."""


class Telling:
    """Who remembers what has been said."""

    def __init__(self) -> None:
        self._told = -1
        self._refused, self._lock = 0, Lock()

    def refused(self, what: str, exc: StoreUnavailable) -> None:
        """Log what the store has refused, the first time since it answered."""
        with self._lock:
            self._refused += 1
            is_first = self._refused == 1
        if is_first:
            log.error(
                "%s, since the store gives no answer. Nothing is lost: once it answers, each planned time runs late "
                "or gets a row that says why it did not, and ends of runs are written. %s",
                what,
                exc,
            )

    def answers(self) -> None:
        """Log that the store answers again, if it refused something before."""
        with self._lock:
            refused, self._refused = self._refused, 0
        if refused:
            log.warning("the store answers again; what it refused, %d times, is made up for", refused)

    def long_runs(self, running: Iterable[tuple[int, Running]], now: datetime) -> None:
        """Log each run, by its number in order of the begin, that has taken long by now."""
        long_since = now - timedelta(seconds=LONG_SECONDS)
        # After the last one told, up to the first that is young.
        untold = sorted((each for each in running if each[0] > self._told), key=lambda each: each[0])
        for number, each in takewhile(lambda item: item[1].since <= long_since, untold):
            self._told, job = number, each.record.definition
            log.warning(
                "job %r has been running service %r for %d s, since %s. Its later planned times wait, or are skipped. "
                "Fix: give what the service waits for a timeout.",
                job.name,
                job.service,
                (now - each.since).total_seconds(),
                each.since.isoformat(timespec="seconds"),
            )

    def waiting(self, lines: Iterable[Line], bound: int, running: Iterable[Running], now: datetime) -> None:
        """Log each line whose first has waited for a thread, while all `bound` threads are held."""
        untold = [line for line in lines if not (line.has_begun or line.is_told)]
        late = [line for line in untold if (now - line.ready).total_seconds() >= WAITS_SECONDS]
        holders = listed({each.record.definition.name for each in running}) if late else ""
        for line in late:
            line.is_told = True
            log.warning(
                "job %r, due at %s, waits: all %d threads are held by runs of %s. "
                "Fix: give what those services wait for a timeout, or restart.",
                line.current.record.definition.name,
                line.current.planned.isoformat(timespec="seconds"),
                bound,
                holders,
            )
