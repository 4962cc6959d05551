"""What the store keeps of jobs: their definitions, and a record of every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from workbench.core.errors import InvalidDefinition, WorkbenchError
from workbench.core.masking import mask
from workbench.core.mood import Mood
from workbench.durable.attempts import Attempt
from workbench.scheduler import plan
from workbench.scheduler.definitions import AnyJob, OneTimeJob

Change = Literal["defined", "changed", "unchanged"]

LONGEST_RETURNED, LONGEST_LINE, MOST_LINES = 2_000, 2_000, 200
"""Characters of a returned value and of a line, and lines of one run, that are kept."""


class JobRecord(Struct, frozen=True, dict=True):
    """A definition as it is stored: with the instant its planned times are counted from, and where it was written.

    `since` is when this schedule came into force; None in a store from before that was kept.
    """

    definition: AnyJob
    anchor: datetime
    source: str = ""
    since: datetime | None = None

    @cached_property
    def series(self) -> str:
        """Names the count that this schedule began at this anchor; a change of schedule begins another."""
        kind, *fields = self.definition.schedule()
        return f"{time_key(self.anchor)}-{crc32(repr((kind.__name__, fields)).encode()):08x}"

    @property
    def repeats(self) -> int | None:
        """How many planned times the job has in all; None if that is not known beforehand."""
        return 1 if isinstance(self.definition, OneTimeJob) else self.definition.repeats

    def goes_on(self, before: JobRecord | None) -> bool:
        """Whether its planned times follow those of the former record."""
        if before is None or before.series != self.series:
            return False
        return before.definition.active and self.definition.active


def decided(definition: AnyJob, stored: JobRecord | None, source: str, now: datetime) -> tuple[JobRecord, Change]:
    """What a definition makes of the stored job, and the word for it.

    Raises:
        InvalidDefinition: It would never run, since all its times are past.
    """
    if stored is not None and stored.definition == definition:
        return JobRecord(definition, stored.anchor, source or stored.source, stored.since), "unchanged"
    if stored is not None and stored.definition.schedule() == definition.schedule():
        record = JobRecord(definition, stored.anchor, source, stored.since)
        return record if record.goes_on(stored) else replace(record, since=now), "changed"
    if problems := plan.past_problems(definition, now):
        raise InvalidDefinition(type(definition).__name__, definition.name, problems)
    anchor = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return JobRecord(definition, anchor, source, now), "defined" if stored is None else "changed"


MOODS: dict[str, Mood] = {
    "ok": "ok",
    "running": "running",
    "merged": "running",
    "skipped": "attention",
    "missed": "attention",
    "failed": "failed",
    "timed_out": "failed",
    "interrupted": "failed",
}
"""How each outcome of a run stands, in every table, card, chart and log; what is merged runs at a later time."""


def mood_of_outcome(outcome: str) -> Mood:
    """How an outcome stands; one that nobody knows is told as a failure."""
    return MOODS.get(outcome, "failed")


# No run can be part of a circle, and there are many: the collector need not look at them.
class Run(Attempt, frozen=True, kw_only=True, gc=False):
    """One run of a job, or planned times that had none.

    `outcome` is `running`, `ok`, `failed`, `timed_out`, `interrupted` (its process died, or its end was never written),
    `skipped` (the job was still busy), `merged` (a later planned time runs for it) or `missed` (it could not run, and
    `error` says why). The last two stand for `times` planned times, from `planned` to `until`. A planned time has a row
    for each attempt. `by` is `schedule`, `hand`, `clock` (it was set back) or `backfill`, which `backfill` names.
    """

    job: str
    service: str
    by: str
    planned: datetime
    cid: str = ""
    returned: str = ""
    log: tuple[str, ...] = ()
    times: int = 1
    until: datetime | None = None
    series: str = ""
    backfill: str = ""

    @classmethod
    def planned_by(cls, record: JobRecord, planned: datetime, **more: Any) -> Run:
        """The row of a planned time of that job."""
        definition = record.definition
        return cls(
            job=definition.name,
            service=definition.service,
            by="schedule",
            planned=planned,
            series=record.series,
            **more,
        )

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.outcome == "ok"

    @property
    def mood(self) -> Mood:
        """How it stands."""
        return mood_of_outcome(self.outcome)

    @property
    def by_hand(self) -> bool:
        """Whether it ran beside the schedule: somebody started it, a backfill did, or a clock set back to its time."""
        return self.by != "schedule"

    @property
    def seconds(self) -> float | None:
        """How long it ran [s]; None if it did not, or still does."""
        return None if self.started is None or self.ended is None else (self.ended - self.started).total_seconds()

    @property
    def late_seconds(self) -> float | None:
        """How long after its planned time it started [s]."""
        return None if self.started is None else (self.started - self.planned).total_seconds()

    def __repr__(self) -> str:
        start = f"Run of {self.job!r}: {self.outcome}"
        if self.outcome in ("missed", "merged"):
            return f"{start}, {self.times} planned {'time' if self.times == 1 else 'times'}."
        if self.error:
            return f"{start}, {self.error.rstrip('.')}."
        if self.returned:
            return f"{start}, returned {self.returned}."
        started = {
            "hand": "started by hand, schedule not used up",
            "clock": "started again by a clock set back",
            "backfill": f"started by backfill {self.backfill!r}",
        }
        return f"{start}, {started.get(self.by, 'started by its schedule')}."


class Made(NamedTuple):
    """Planned times from `first` on that other processes made something of; there may be more before, whose rows went.

    Of each outcome, how many; None and empty if there are none.
    """

    first: datetime | None = None
    by_outcome: dict[str, int] = {}  # noqa: RUF012
    has_more: bool = False


class Absence(Struct, frozen=True):
    """Planned times of a job that came while no process of this place was there, and what became of them.

    `first` is the earliest of them. This process has `late` of them run late and gave `others` a row with the outcome
    `outcome`; the run of `interrupted` of them was cut off when a process ended. `elsewhere` counts by outcome what
    processes of other places made of them; `has_more` says that rows of earlier ones are not kept any more.
    """

    job: str
    first: datetime
    late: int
    others: int
    outcome: str
    interrupted: int = 0
    elsewhere: dict[str, int] = {}
    has_more: bool = False

    @property
    def counts(self) -> Counter[str]:
        """How many there are, by what became of them."""
        found = Counter({_LATE: self.late, "interrupted": self.interrupted})
        found.update({self.outcome: self.others})
        found.update({outcome.replace("_", " "): times for outcome, times in self.elsewhere.items()})
        return found

    def __repr__(self) -> str:
        said = _said(self.counts, "runs late" if self.late == 1 else _LATE)
        more = "; rows of earlier ones are not kept" if self.has_more else ""
        return f"job {self.job!r}: {_times(self.counts)} since {self.first:%Y-%m-%d %H:%M:%S} UTC, {said}{more}"


_LATE = "run late"
_BECAME = ("ok", "failed", "timed out", _LATE, "merged", "missed", "skipped", "interrupted")


def _said(counts: Mapping[str, int], late: str = _LATE) -> str:
    return ", ".join(f"{counts[what]} {late if what == _LATE else what}" for what in _BECAME if counts.get(what))


def _times(counts: Counter[str]) -> str:
    total = counts.total()
    return f"{total} planned {'time' if total == 1 else 'times'}"


class Away:
    """What came while no process of this place was there, of the jobs that are back since: `absences`, one for each."""

    def __init__(self, absences: list[Absence]) -> None:
        self.absences = absences

    @property
    def is_well(self) -> bool:
        """Whether all of it ended well."""
        return all(set(+each.counts) <= {"ok"} for each in self.absences)

    @property
    def title(self) -> str:
        """All of it in one line."""
        if not self.absences:
            return "While you were away: nothing was planned."
        counts = sum((each.counts for each in self.absences), Counter[str]())
        least = "at least " if any(each.has_more for each in self.absences) else ""
        return f"While you were away: {least}{_times(counts)}, {_said(counts)}."

    def __repr__(self) -> str:
        return "\n".join([self.title, *(f"  {each}" for each in self.absences)])


class Tally:
    """How the last scheduled runs of a job went: `3 runs, 2 ok, 1 failed`."""

    def __init__(self, job: str, runs: list[Run], older: dict[str, int], at_most: int, is_whole: bool) -> None:
        """Count the last `at_most` planned times.

        Args:
            job: Name of the job.
            runs: Its ended runs, oldest first.
            older: Runs before those whose records are gone, by outcome.
            at_most: How many planned times to cover.
            is_whole: Whether that is all the job will ever make.
        """
        self.job, self.runs, self._is_whole = job, runs, is_whole
        counts: dict[str, int] = {}
        for outcome, times in [*((run.outcome, run.times) for run in reversed(runs)), *older.items()]:
            taken = min(times, at_most - sum(counts.values()))
            counts[outcome] = counts.get(outcome, 0) + taken
        self.by_outcome = {each: counts[each] for each in sorted(counts, key=lambda each: (each != "ok", each))}

    @property
    def total(self) -> int:
        """Number of planned times it covers."""
        return sum(self.by_outcome.values())

    @property
    def ok(self) -> bool:
        """Whether every one of them ended well."""
        return set(self.by_outcome) <= {"ok"}

    def __repr__(self) -> str:
        outcomes = "".join(f", {count} {outcome}" for outcome, count in self.by_outcome.items() if count)
        end = f", finished ({self.total} of {self.total})" if self._is_whole else ""
        return f"{self.job!r}: {self.total} {'run' if self.total == 1 else 'runs'}{outcomes}{end}."


class JobChanged(Struct, frozen=True):
    """A job was `defined`, `changed`, `paused`, `resumed` or `removed`."""

    job: str
    what: str


class RunStarted(Struct, frozen=True):
    """A run has been claimed and begins."""

    run: Run


class RunEnded(Struct, frozen=True):
    """A run has ended and is written, or a planned time got no run."""

    run: Run


class WatchChanged(Struct, frozen=True):
    """A watch over a job has tripped, or found all well again.

    `watch` is `start` (a planned time did not start within its grace), `long` (a run takes far longer than the good
    ones before it) or `fast` (one ended far sooner); `words` say what was seen.
    """

    job: str
    watch: str
    has_tripped: bool
    words: str
    at: datetime


class RunLost(Struct, frozen=True):
    """A planned time could not be claimed, since the store gave no answer: it runs late, or is recorded as missed."""

    job: str
    planned: datetime
    reason: str


def time_key(at: datetime) -> str:
    """An instant as text that sorts by time: `20350101T000000.000000Z`."""
    at = at.astimezone(UTC)
    parts = (at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond)
    # Every run is named by one: twice as quick as isoformat.
    return "%04d%02d%02dT%02d%02d%02d.%06dZ" % parts  # noqa: UP031


def read_time_key(text: str) -> datetime:
    """The instant (UTC) that `time_key` wrote."""
    return datetime.fromisoformat(text)


def shown(returned: Any) -> str:
    """The repr of what a service answered, cut to a bound; empty if it answered nothing."""
    if returned is None or (isinstance(returned, str | bytes) and not returned):
        return ""
    try:
        text = mask(repr(returned))
    except Exception as exc:
        return f"<{type(returned).__name__} whose repr raised {type(exc).__name__}>"
    return text if len(text) <= LONGEST_RETURNED else f"{text[:LONGEST_RETURNED]}..."


def bounded(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of a run, each and all of them cut to a bound; the newest are kept."""
    left_out = len(lines) - MOST_LINES
    first = (f"... {left_out} earlier lines left out",) if left_out > 0 else ()
    return first + tuple(mask(line)[:LONGEST_LINE] for line in lines[-MOST_LINES:])


class RunsMissing(WorkbenchError, TimeoutError):
    """A job did not make the runs that were waited for."""

    def __init__(self, tally: Tally, runs: int, timeout: float, state: str) -> None:
        self.tally = tally
        why = "" if state == "on" else f" It is {state}."
        super().__init__(
            f"Job {tally.job!r} made {tally.total} of {runs} runs within {timeout:g} s.{why} "
            f"Fix: wait longer, or see wb.jobs[{tally.job!r}].next_at and .runs."
        )
