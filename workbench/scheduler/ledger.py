"""Which planned times are accounted for: each ends as a run or as a row that says why it had none.

Nothing is written for that while all goes well. What is open follows from the planned times, the rows and the pauses
after a mark that only moves forward; so a process that died at any moment, and a store that refused a write, leave
nothing behind that the next look would not find.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import NamedTuple

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Clock
from workbench.durable.seen import Left, Seen
from workbench.scheduler import plan
from workbench.scheduler.agenda import HICCUP, Due, hiccup
from workbench.scheduler.history import Cover, History
from workbench.scheduler.records import Absence, JobRecord, Made, Run
from workbench.scheduler.runs.rows import PRUNE_EVERY

log = logging.getLogger("workbench.scheduler")

_ALMOST = timedelta(microseconds=1)

NOBODY_THERE = "no process was there to run it"
NOBODY_LOOKED = "nobody looked at the clock in time"
REFUSED = "the store gave no answer until it was too late"
PAUSED = "the job was paused before it could run"
MERGED = "a later planned time runs for it"
CHANGED = "the job was changed before it could run"


OLDEST_SECONDS = 86_400.0
"""Age at which a planned time no longer runs late, unless its job says otherwise [s]."""


class _Gap(NamedTuple):
    """Planned times without a row, from `first` up to `until`; behind a run that another process is busy with?"""

    first: datetime
    until: datetime
    is_theirs: bool


class Ledger:
    """The accounts of one application's jobs."""

    def __init__(self, history: History, clock: Clock, tell: Callable[[Run], None]) -> None:
        """Keep accounts.

        Args:
            history: Where rows and marks are.
            clock: Says what is too old to run.
            tell: Called with each row of missed times once it is written.
        """
        self._history, self._clock, self._tell = history, clock, tell
        self.absences: list[Absence] = []
        self.seen: Seen | None = None
        """When this place was last here; None if it is not known to be one."""
        self._begun = clock.now()
        self._cut_off: set[tuple[str, datetime]] = set()
        self._back: set[str] = set()
        self._behind: dict[str, tuple[JobRecord, datetime]] = {}
        self._lock = Lock()

    def settle_late(
        self, record: JobRecord, until: datetime, why: str, held: Collection[datetime] = ()
    ) -> list[datetime]:
        """Give the planned times up to `until` that have no row one, but those that the job's policy has run late.

        Returns:
            These, in order; the times before the one that runs by `run_once` are `merged` into it.
        """
        late = self._late(record, until, held)
        is_merged = bool(late) and record.definition.missed == "run_once"
        self.settle(
            record, until, MERGED if is_merged else why, [*held, *late], outcome="merged" if is_merged else "missed"
        )
        return late

    def _late(self, record: JobRecord, until: datetime, held: Collection[datetime]) -> list[datetime]:
        job, now = record.definition, self._clock.now()
        if job.missed == "skip":
            return []
        oldest = now - timedelta(seconds=job.missed_seconds or OLDEST_SECONDS)
        count = job.missed_count if job.missed == "run_all" else 1
        found: list[datetime] = []
        for gap in reversed([gap for gap in self._gaps(record, until, held) if not gap.is_theirs]):
            after = max(gap.first - _ALMOST, oldest - _ALMOST)
            if len(found) < count and after < gap.until:
                found = plan.last_times(job, record.anchor, after, gap.until, count - len(found)) + found
        if found and job.missed == "run_once" and job.missed_seconds is None:
            following = plan.next_time(job, record.anchor, found[0])
            # Older than its period: there is a later one, which stands for it.
            return [] if following is not None and following < now else found
        return found

    def settle(
        self,
        record: JobRecord,
        until: datetime,
        why: str,
        held: Collection[datetime] = (),
        *,
        is_final: bool = False,
        outcome: str = "missed",
    ) -> None:
        """Give the planned times up to `until` that have no row a `missed` one, a row for all that follow each other.

        Args:
            record: The job.
            until: The last instant to look at.
            why: What the rows say.
            held: Planned times that this process is about to run.
            is_final: Also those that another process may still hold behind a long run, since it will drop them.
            outcome: `missed` or `merged`.
        """
        while (gap := self._first_gap(record, until, held, is_final)) is not None:
            times = plan.how_many(record.definition, record.anchor, gap.first - _ALMOST, gap.until)
            self._write(record, Cover(gap.first, gap.until), why, times, outcome)

    def miss(self, record: JobRecord, at: datetime, why: str) -> None:
        """Write that a planned time had no run, unless somebody has decided about it."""
        self._write(record, Cover(at, at), why, 1, "missed")

    def _write(self, record: JobRecord, span: Cover, why: str, times: int, outcome: str) -> None:
        run = Run.planned_by(record, span.first, outcome=outcome, times=times, until=span.last, error=why)
        if (written := self._history.claim(run)) is not None:
            self._tell(written)

    def open_times(self, record: JobRecord, after: datetime, held: Collection[datetime] = ()) -> list[datetime]:
        """The planned times later than `after` that have come and have no row."""
        now = self._clock.now()
        found = []
        for gap in self._gaps(record, now, held):
            for at in plan.times(record.definition, record.anchor, max(after, gap.first - _ALMOST)):
                if at > gap.until:
                    break
                found.append(at)
        return found

    def has(self, record: JobRecord, planned: datetime) -> bool:
        """Whether that planned time is accounted for."""
        mark, covers = self._history.past(record)
        return planned <= mark or any(cover.first <= planned <= cover.last for cover in covers)

    def end(self, record: JobRecord, now: datetime) -> None:
        """Close the account of a schedule that another one comes after."""
        if not record.definition.active:
            return
        at = plan.next_time(record.definition, record.anchor, self._history.mark(record))
        is_open = at is not None and at <= now
        if record.since is None or record.since <= self._begun:
            # What was open when this process began: nobody was there.
            gaps = list(self._gaps(record, self._begun)) if is_open else []
            self._tell_absence(record, gaps, 0, self._new_cut_off(record) if is_open else set())
        if is_open:
            self.settle(record, now, CHANGED, is_final=True)

    def start(self, record: JobRecord, mark: datetime | None = None) -> datetime | None:
        """Account for what was planned while no process ran the job; when it is due next, which may have passed.

        Args:
            record: The job.
            mark: Up to when all is accounted for, if that has been read.
        """
        now = self._clock.now()
        mark = mark or self._history.mark(record)
        at = plan.next_time(record.definition, record.anchor, mark)
        if at is None or at > now:
            # Nothing is open, so no row need be read for that.
            if self._left is not None and self._left.at < mark:
                self._tell_absence(record, [], 0, set())
            return at
        cut_off = self._new_cut_off(record)
        if next(self._gaps(record, now), None) is None:
            self._tell_absence(record, [], 0, cut_off)
            return plan.next_time(record.definition, record.anchor, now)
        oldest = now - hiccup(record)
        gaps = [gap for gap in self._gaps(record, oldest) if not gap.is_theirs]
        late = self.settle_late(record, oldest, NOBODY_THERE)
        self._tell_absence(record, gaps, len(late), cut_off)
        self._look_again_if_theirs(record, oldest)
        late += self.open_times(record, oldest)
        return late[0] if late else plan.next_time(record.definition, record.anchor, now)

    @property
    def _left(self) -> Left | None:
        return None if self.seen is None else self.seen.left

    def note_seen(self, live: Mapping[str, JobRecord], by: Callable[[Callable[[], None]], None]) -> None:
        """Have it noted that a process is here, if it is time for that.

        Args:
            live: The jobs that are live; without any, nobody asks later who was here.
            by: Does it, now or beside.
        """
        if live and self.seen is not None and self.seen.is_time:
            by(self.seen.note)

    def _new_cut_off(self, record: JobRecord) -> set[datetime]:
        """Planned times whose run ended with a former process, each told once."""
        name, since = record.definition.name, self._begun if self._left is None else self._left.at
        new = {at for at in self._history.cut_off(record, since) if (name, at) not in self._cut_off}
        self._cut_off |= {(name, at) for at in new}
        return new

    def _made_elsewhere(self, record: JobRecord, cut_off: set[datetime]) -> Made:
        """What processes of other places made of the job since this place was left, told once."""
        name = record.definition.name
        if self._left is None or name in self._back:
            return Made()
        self._back.add(name)
        at = plan.next_time(record.definition, record.anchor, self._left.at)
        is_none = at is None or at > self._clock.now()
        return Made() if is_none else self._history.made_elsewhere(record, self._left, cut_off)

    def _tell_absence(self, record: JobRecord, gaps: list[_Gap], late: int, cut_off: set[datetime]) -> None:
        """Remember, and log, what came while this place was left: what became of it, and what becomes of it now."""
        made = self._made_elsewhere(record, cut_off)
        if not gaps and not cut_off and made.first is None:
            return
        job, firsts = record.definition, [*cut_off, *(gap.first for gap in gaps)]
        planned = sum(plan.how_many(job, record.anchor, gap.first - _ALMOST, gap.until) for gap in gaps)
        outcome = "merged" if late and job.missed == "run_once" else "missed"
        first = min([*firsts, *([made.first] if made.first else [])])
        absence = Absence(job.name, first, late, planned - late, outcome, len(cut_off), made.by_outcome, made.has_more)
        self.absences.append(absence)
        who = "no process" if made.first is None else "none of this place"
        log.info("while %s was there, %r; its policy is missed=%r", who, absence, job.missed)

    def leave_behind(self, record: JobRecord) -> None:
        """Move on to where all is accounted for, so that no row before is read again, and prune the job's rows."""
        name, now = record.definition.name, self._clock.now()
        count, until = self._history.surplus(name)
        if until is None and (count < PRUNE_EVERY or len(self._history.past(record)[1]) < PRUNE_EVERY):
            return
        gap = next(self._gaps(record, now), None)
        mark = now if gap is None else gap.first - _ALMOST
        self._history.account(name, mark)
        if until is not None:
            self._history.prune(name, min(until, mark))

    def fall_behind(self, record: JobRecord, until: datetime | None = None) -> None:
        """Remember that planned times of the job have no row yet; look again, not before `until` if that is given."""
        with self._lock:
            self._behind[record.definition.name] = (record, until or self._clock.now())

    def set_back(self, by: timedelta) -> None:
        """Keep what is to be looked at again as far off as it was."""
        with self._lock:
            self._behind = {name: (record, at - by) for name, (record, at) in self._behind.items()}

    @property
    def is_behind(self) -> bool:
        """Whether some job is to be looked at again now."""
        now = self._clock.now()
        with self._lock:
            return any(at <= now for _, at in self._behind.values())

    def catch_up(self, held: Callable[[str], Collection[datetime]]) -> Iterator[Due]:
        """Account for what could not be written before; yields the planned times that are young enough to run.

        Raises:
            StoreUnavailable: The store still refuses; what is left is tried again next time.
        """
        now = self._clock.now()
        with self._lock:
            behind = [name for name, (_, at) in self._behind.items() if at <= now]
        for name in behind:
            # Taken out first: what is refused meanwhile puts it in again.
            with self._lock:
                record, _ = self._behind.pop(name)
            try:
                yield from self._caught_up(record, now, held(name))
            except StoreUnavailable:
                self.fall_behind(record)
                raise

    def _caught_up(self, record: JobRecord, now: datetime, held: Collection[datetime]) -> Iterator[Due]:
        stored = self._history.job(record.definition.name)
        if stored is None or not stored.definition.active or stored.series != record.series:
            return
        oldest = now - hiccup(record)
        young = self.settle_late(record, oldest, REFUSED, held)
        self._look_again_if_theirs(record, oldest)
        young += self.open_times(record, oldest, held)
        if not young:
            return
        first, *others = young
        # The first is claimed here: a store that still refuses it is not asked for the others.
        is_paused = self._history.is_paused(record.definition.name)
        run = None if is_paused else self._history.claim(Run.planned_by(record, first, started=now))
        if run is not None or is_paused:
            yield Due(record, first, is_retry=True, run=run)
        for at in others:
            yield Due(record, at, is_retry=True)

    def _look_again_if_theirs(self, record: JobRecord, until: datetime) -> None:
        if any(gap.is_theirs for gap in self._gaps(record, until)):
            self.fall_behind(record, self._clock.now() + HICCUP)

    def _first_gap(self, record: JobRecord, until: datetime, held: Collection[datetime], is_final: bool) -> _Gap | None:
        gap = next(self._gaps(record, until, held), None)
        return gap if gap is not None and (is_final or not gap.is_theirs) else None

    def _gaps(self, record: JobRecord, until: datetime, held: Collection[datetime] = ()) -> Iterator[_Gap]:
        """What is open up to `until`, in order."""
        (mark, covers), is_theirs = self._history.past(record), False
        covers = sorted([*covers, *(Cover(at, at) for at in held)])
        times = plan.times(record.definition, record.anchor, mark)
        at = next(times, None)
        for cover in [*covers, Cover(until + _ALMOST, until + _ALMOST)]:
            if at is None or at > until:
                return
            if at < cover.first:
                yield _Gap(at, min(until, cover.first - _ALMOST), is_theirs)
            if cover.last >= until:
                return
            is_theirs = is_theirs or cover.is_theirs
            if at <= cover.last:
                at = next(times, None)
                if at is not None and at <= cover.last:
                    times = plan.times(record.definition, record.anchor, cover.last)
                    at = next(times, None)
