"""Checks that the accounts of jobs hold, and that every job that has planned times to come is due at one of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Clock
from workbench.scheduler import plan
from workbench.scheduler.agenda import HICCUP
from workbench.scheduler.history import History
from workbench.scheduler.ledger import Ledger
from workbench.scheduler.records import JobRecord
from workbench.scheduler.runs.bounds import LOOK_SECONDS

log = logging.getLogger("workbench.scheduler")

MOST_CHECKED = 100
"""Jobs looked at each time, in turn; one with 500 rows takes about 2 ms."""

OVERDUE = 2 * HICCUP
"""Age from which a planned time without a row is written down as missed; a living process has taken it by then."""

UNEXPLAINED = "it was planned, but nobody ran it or wrote why"


class Reconciler:
    """The one who checks, on a thread of the runner's."""

    def __init__(
        self,
        history: History,
        ledger: Ledger,
        clock: Clock,
        held: Callable[[str], Collection[datetime]],
        is_busy: Callable[[str], bool],
        rearm: Callable[[JobRecord, datetime], bool],
    ) -> None:
        """Check nothing yet.

        Args:
            history: Where rows are.
            ledger: Writes what is missing.
            clock: Says when it is time.
            held: The planned times of a job that this process is about to run.
            is_busy: Whether this process runs a planned time of a job; what waits behind it has no row yet.
            rearm: Makes a job due at an instant if it is due at none to come; whether it did.
        """
        self._history, self._ledger, self._clock = history, ledger, clock
        self._held, self._is_busy, self._rearm = held, is_busy, rearm
        self._looked_at = clock.monotonic()
        self.every_seconds = LOOK_SECONDS
        self._last = ""
        self._broken: dict[str, tuple[int, int]] = {}

    @property
    def is_time(self) -> bool:
        """Whether the last look is long enough ago; the next one counts from now."""
        now = self._clock.monotonic()
        if now - self._looked_at < self.every_seconds:
            return False
        self._looked_at = now
        return True

    def look(self, live: Mapping[str, JobRecord]) -> None:
        """Check the next jobs in turn; what the store refuses is looked at next time."""
        names = sorted(live)
        after = [name for name in names if name > self._last]
        chosen = (after + [name for name in names if name <= self._last])[:MOST_CHECKED]
        for name in chosen:
            self._last = name
            try:
                self.check(live[name])
            except StoreUnavailable as exc:
                log.debug("the account of job %r is not checked: %s", name, exc)
                return

    def check(self, record: JobRecord) -> None:
        """Check one job: due again if it should be, and each planned time accounted for or told.

        Raises:
            StoreUnavailable: The store gave no answer.
        """
        name, now = record.definition.name, self._clock.now()
        if not record.definition.active:
            return
        at = plan.next_time(record.definition, record.anchor, now)
        if at is not None and self._rearm(record, at):
            log.warning("job %r is active, but was due at no time to come; from now on it is, at %s", name, at)
        if self._is_busy(name):
            return
        found = self._history.sum_up(record, None, self._held(name))
        if found.unaccounted:
            self._ledger.settle(record, now - OVERDUE, UNEXPLAINED, self._held(name))
            found = self._history.sum_up(record, None, self._held(name))
        self._tell(name, 0 if found.holds else max(1, found.unaccounted), repr(found))

    def _tell(self, name: str, broken: int, words: str) -> None:
        """Log what was so at the last look already, once: a planned time may be on its way to its row meanwhile."""
        before, looks = self._broken.get(name, (0, 0))
        looks = looks + 1 if broken == before else 1
        self._broken[name] = (broken, looks)
        if broken and looks == 2:
            log.error(
                "the account of job %s Fix: nothing to mend, but look whether rows were deleted from the store, "
                "or the clock was set back.",
                words,
            )
