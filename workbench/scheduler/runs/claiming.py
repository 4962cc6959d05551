"""Whether a planned time is this process's to run: its job still stands, is not paused, and nobody was quicker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from workbench.core.errors import StoreUnavailable
from workbench.core.events import Events
from workbench.core.ports import Clock
from workbench.scheduler.agenda import HICCUP, Due
from workbench.scheduler.history import History
from workbench.scheduler.ledger import PAUSED, Ledger
from workbench.scheduler.records import JobRecord, Run, RunLost
from workbench.scheduler.runs.retries import Retries
from workbench.scheduler.runs.telling import Telling


class Claiming:
    """Claims planned times by writing their rows; what the store refuses is looked at again later."""

    def __init__(
        self,
        history: History,
        ledger: Ledger,
        clock: Clock,
        events: Events,
        telling: Telling,
        is_current: Callable[[JobRecord], bool],
    ) -> None:
        """Claim nothing yet; `is_current` says whether a job is still to run as this process knows it."""
        self._history, self._ledger, self._clock, self._events = history, ledger, clock, events
        self._telling, self._is_current = telling, is_current
        self.retries = Retries()
        self.claims_nothing = False
        """Whether planned times that are not claimed yet are left to other processes."""

    def claimed(self, due: Due, first_late: Callable[[], datetime | None]) -> Run | None:
        """The run of a planned time, if it is this process's to make; all else that came with the time is recorded.

        Args:
            due: The planned time.
            first_late: Decides about times that nobody saw, and says which of them runs first.
        """
        if due.run is not None:
            return due.run
        if self.claims_nothing:
            self._try_later(due)
            return None
        try:
            if not self._is_current(due.record):
                return None
            if due.after is not None:
                is_paused = self._history.is_paused(due.record.definition.name)
                fresh: dict[str, Any] = {"cid": "", "returned": "", "log": ()}
                return None if is_paused else self._history.attempts.retry(due.after, **fresh)
            planned = due.planned if due.unseen_until is None else first_late()
            if planned is None or not self._may_claim(due, planned):
                return None
            return self._history.claim(Run.planned_by(due.record, planned, started=self._clock.now()), due.again)
        except StoreUnavailable as exc:
            self.refused(due, exc)
        return None

    def passed_over(self, due: Due, outcome: str, why: str) -> Run | None:
        """The row of a planned time that does not run, with the reason; None if it has another one."""
        if not self._is_current(due.record) or not self._may_claim(due, due.planned):
            return None
        run = Run.planned_by(due.record, due.planned, outcome=outcome, error=why, ended=self._clock.now())
        return self._history.claim(run, due.again)

    def refused(self, due: Due, exc: StoreUnavailable) -> None:
        """Try a planned time later that the store refused, and tell of it once."""
        name = due.record.definition.name
        self._try_later(due)
        if due.after is None and not due.is_retry:
            self._telling.refused(f"job {name!r} does not run at {due.planned.isoformat()}", exc)
            self._events.emit(RunLost(name, due.planned, str(exc)))

    def _try_later(self, due: Due) -> None:
        if due.after is not None:
            self.retries.add(due.record, due.after)
        else:
            self._ledger.fall_behind(due.record)

    def _may_claim(self, due: Due, planned: datetime) -> bool:
        record = due.record
        if (paused_at := self._history.paused_at(record.definition.name)) is not None:
            # A time that a clock shows again has been accounted for when it came first.
            if planned <= paused_at and not due.again:
                self._ledger.miss(record, planned, PAUSED)
            return False
        # So late, another process may have recorded it together with others.
        return self._clock.now() - planned < HICCUP or not self._ledger.has(record, planned)
