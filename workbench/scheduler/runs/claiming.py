"""Whether a planned time is this process's to run: its job still stands, is not paused, and nobody was quicker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any

from workbench.core.errors import StoreUnavailable
from workbench.core.events import Events
from workbench.core.ports import Clock
from workbench.scheduler.agenda import HICCUP, Due
from workbench.scheduler.history import History
from workbench.scheduler.ledger import PAUSED, Ledger
from workbench.scheduler.records import JobRecord, Run, RunLost
from workbench.scheduler.runs.in_turn import InTurn
from workbench.scheduler.runs.lines import MOST_TOGETHER, Line
from workbench.scheduler.runs.pool import Pool
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

    def together(self, dues: Sequence[Due]) -> list[Due | None]:
        """Claim in one write those planned times of which nothing else is to be decided.

        Returns:
            Each with the run that it has become; as it was if more is to be decided, which `claimed` does; None if it
            is not this process's to run.
        """
        now, claimed = self._clock.now(), list[Due | None](dues)
        plain = [place for place, due in enumerate(dues) if self._is_plain(due, now)]
        try:
            is_ready = self._history.ready([dues[place].record for place in plain])
            plain = [place for place, ready in zip(plain, is_ready, strict=True) if ready]
            runs = self._history.claim_all(
                (Run.planned_by(dues[place].record, dues[place].planned, started=now), dues[place].again)
                for place in plain
            )
        except StoreUnavailable as exc:
            for place in plain:
                claimed[place] = None
                self.refused(dues[place], exc)
            return claimed
        for place, run in zip(plain, runs, strict=True):
            claimed[place] = None if run is None else dues[place]._replace(run=run)
        return claimed

    def _is_plain(self, due: Due, now: datetime) -> bool:
        is_decided = due.run is not None or due.after is not None or due.unseen_until is not None
        return not (self.claims_nothing or is_decided) and now - due.planned < HICCUP

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

    def look_for_retries(self, record: JobRecord) -> None:
        """Make the attempts that a process that ended left to be made."""
        if record.definition.retries or record.definition.on_interrupt == "retry":
            self.retries.look(record, self._history.runs(record.definition.name), self._clock.now())

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


class Ready:
    """Lines whose first time is to be claimed: all that a thread finds at once, but no more than there are threads for.

    So what waits for a thread here can still be run by another process.
    """

    def __init__(
        self, claiming: Claiming, pool: Pool | InTurn, run: Callable[[Line], None], pass_on: Callable[[Line], None]
    ) -> None:
        """Hold no line yet; `run` makes the run of one, `pass_on` is told of those whose time is not ours."""
        self._claiming, self._pool, self._run, self._pass_on = claiming, pool, run, pass_on
        self._lines: deque[Line] = deque()
        self._is_called = False
        self._lock = Lock()

    def put(self, line: Line) -> None:
        """Take a line in, until `claim`."""
        self._lines.append(line)

    def claim(self) -> None:
        """Have a thread claim what is here."""
        with self._lock:
            if not self._lines or self._is_called:
                return
            self._is_called = True
        self._pool.submit(self._claim)

    def _claim(self) -> None:
        with self._lock:
            count = min(len(self._lines), MOST_TOGETHER, self._pool.room)
            lines = [self._lines.popleft() for _ in range(count)]
            self._is_called = False
        dues: list[Due | None] = [line.current for line in lines]
        try:
            dues = self._claiming.together([line.current for line in lines])
        finally:
            ours = []
            for line, due in zip(lines, dues, strict=True):
                if due is None:
                    self._pass_on(line)
                else:
                    line.current = due
                    ours.append(line)
            if len(ours) > 1:
                self._pool.submit(*(partial(self._run, line) for line in ours[1:]))
            self.claim()
            if ours:
                self._run(ours[0])
