"""The three kinds of job: once, at an interval, by a cron expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from msgspec import Meta, structs

from workbench.core.definition import Definition, Reference
from workbench.core.errors import InvalidDefinition
from workbench.scheduler.cron import expression as cron
from workbench.scheduler.cron.words import cron_words
from workbench.scheduler.runs import extra
from workbench.scheduler.zones import in_wall, instant, read_wall, wall_text, zone_problem

UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
LONGEST_INTERVAL_SECONDS = 100 * 366 * 86_400

ServiceName = Annotated[str, Meta(min_length=1, max_length=200, description="Service that the job runs.")]
Moment = Annotated[str, Meta(description="Date and time in the job's zone, as 2035-01-01 00:00.")]
Amount = Annotated[int, Meta(ge=0, le=10_000_000, description="Part of the time between two runs.")]
Repeats = Annotated[int, Meta(ge=1, le=100_000, description="Planned times after which the job ends.")]
Zone = Annotated[str, Meta(min_length=1, description="IANA time zone that dates and times are read in.")]
Extra = Annotated[
    Any, Meta(description="Text, bytes, a dict or a list, seen as self.request.raw_request; 500 kB at most.")
]
_YEAR = 31_536_000
Missed = Annotated[
    Literal["skip", "run_once", "run_all"],
    Meta(description="What runs late of planned times that nobody could run: none, the last one, or each."),
]
LateOnes = Annotated[int, Meta(ge=1, le=1_000, description="Most planned times that run late by run_all, the latest.")]
Seconds = Annotated[
    float,
    Meta(gt=0, le=_YEAR, description="Age up to which a planned time runs late [s]; empty: a period or a day."),
]
Overlap = Annotated[
    Literal["skip", "queue_one", "allow", "cancel_running"],
    Meta(description="What becomes of a planned time that comes while the job is busy."),
]
Limit = Annotated[float, Meta(gt=0, le=_YEAR, description="Length of a run after which it has timed out [s].")]
Retries = Annotated[int, Meta(ge=0, le=100, description="Further attempts at a planned time that failed.")]
Backoff = Annotated[float, Meta(gt=0, le=3_600, description="Wait before the second attempt [s]; then doubled.")]
Jitter = Annotated[float, Meta(ge=0, le=86_400, description="Longest shift of a planned time, by a hash of it [s].")]
Follower = Annotated[str, Meta(min_length=1, max_length=200, description="Job or service that is run after it.")]
Interrupted = Annotated[
    Literal["report", "retry"], Meta(description="What follows a run that was cut off: its row, or another attempt.")
]
Grace = Annotated[float, Meta(gt=0, le=86_400, description="Lateness of a start from which it is told [s].")]
WatchStart = Annotated[bool, Meta(description="Whether it is told that a planned time did not start within its grace.")]
WatchLong = Annotated[
    bool, Meta(description="Whether it is told that a run takes far longer than the good ones before.")
]
WatchFast = Annotated[
    bool, Meta(description="Whether it is told that a run ended far sooner than the good ones before.")
]
Alerted = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2_000,
        description="Who is told of a watch: a service, 'SMTP connection:address', or a URL called on start, ok, fail.",
    ),
]
Tag = Annotated[str, Meta(min_length=1, max_length=50)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=20, description="Words to find the job by.")]
Active = Annotated[bool, Meta(description="Whether the schedule runs; execute() does so anyway.")]


_LONGER_UNITS = {
    word: f"is not a field, since {unit}s differ in length; write CronJob(..., cron={cron!r})"
    for unit, cron in (("month", "0 0 1 * *"), ("year", "0 0 1 1 *"))
    for word in (unit, f"{unit}s")
}
_SHORTER_UNITS = dict.fromkeys(
    ("millisecond", "milliseconds", "microsecond", "microseconds", "ms"),
    "is not a field; the shortest interval is seconds=1",
)


def alerts_by(target: str) -> str:
    """How `on_alert` tells: `URL`, `mail` for `SMTP connection:address`, or `service`."""
    if "://" in target:
        return "URL"
    return "mail" if ":" in target and "@" in target else "service"


def _alert_problem(target: str) -> str:
    if alerts_by(target) != "URL":
        return ""
    at = urlsplit(target)
    if at.scheme not in ("http", "https") or not at.hostname:
        return "must be http://... or https://..., a service, or 'SMTP connection:address'"
    return "must not hold a user or a password" if "@" in at.netloc else ""


class JobDefinition(Definition, frozen=True, kw_only=True):
    """What the three kinds share. `job_type` is Zato's word for the kind, which services see.

    The policies and their defaults: what was missed runs once, at most one period and 24 h late; a planned time that
    comes while the job is busy is skipped; there is no time limit, no further attempt and no jitter. Whatever does not
    run has a row that says so. The three watches are on; their bounds are in `scheduler.runs.lengths`.
    """

    collection: ClassVar[str] = "jobs"
    job_type: ClassVar[str] = ""

    missed: Missed = "run_once"
    missed_count: LateOnes = 10
    missed_seconds: Seconds | None = None
    overlap: Overlap = "skip"
    time_limit_seconds: Limit | None = None
    retries: Retries = 0
    retry_seconds: Backoff = 10.0
    jitter_seconds: Jitter = 0.0
    on_success: Follower | None = None
    on_error: Follower | None = None
    on_interrupt: Interrupted = "report"
    grace_seconds: Grace = 15.0
    watch_start: WatchStart = True
    watch_long: WatchLong = True
    watch_fast: WatchFast = True
    on_alert: Alerted | None = None
    tags: Tags = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self._value("timezone"))

    def __post_init__(self) -> None:
        self._write_moments_as_text()
        structs.force_setattr(self, "extra", extra.kept(self._value("extra")))
        try:
            super().__post_init__()
        except InvalidDefinition as exc:
            # A form shows everything at once: also what is wrong in fields of the right type.
            more = {field: said for field, said in self.problems().items() if field not in exc.problems}
            raise InvalidDefinition(exc.kind, str(exc.name), exc.problems | more) from None

    def problems(self) -> dict[str, str]:
        """What is wrong with zone, dates and extra."""
        problems: dict[str, str] = {}
        if said := extra.problem(self._value("extra")):
            problems["extra"] = said
        if isinstance(self.on_alert, str) and (said := _alert_problem(self.on_alert)):
            problems["on_alert"] = said
        timezone = self._value("timezone")
        if isinstance(timezone, str) and timezone and (said := zone_problem(timezone)):
            problems["timezone"] = said
        zone = self.zone if isinstance(timezone, str) and timezone and "timezone" not in problems else ZoneInfo("UTC")
        walls = {}
        for field in ("start", "end"):
            if isinstance(text := self._value(field), str):
                try:
                    walls[field] = instant(read_wall(text, zone), zone)
                except ValueError as exc:
                    problems[field] = str(exc)
        if len(walls) == 2 and walls["end"] < walls["start"]:
            problems["end"] = f"{self._value('end')!r} is before start, {self._value('start')!r}"
        return problems

    def references(self) -> Iterator[Reference]:
        """The service."""
        yield Reference("services", self._value("service"), "service")

    def changed(self) -> dict[str, Any]:
        """The fields that differ from their defaults; the zone always, so that a colleague gets the same instants."""
        differing = super().changed() | {"timezone": self._value("timezone")}
        ordered = sorted(self.__struct_fields__, key=lambda field: field in POLICIES)
        return {field: differing[field] for field in ordered if field in differing}

    def describe(self) -> str:
        """The schedule in words, without the zone."""
        raise NotImplementedError

    def schedule(self) -> tuple[Any, ...]:
        """The fields that reset the run count when they change, and the kind."""
        ours = [
            field for field in self.__struct_fields__ if field not in ("name", "service", "extra", "active", *POLICIES)
        ]
        jitter = (self.jitter_seconds,) if self.jitter_seconds else ()
        return (type(self), *(getattr(self, field) for field in ours), *jitter)

    def moment(self, field: str) -> datetime | None:
        """The instant (UTC) of `start` or `end`, if it is given."""
        text = self._value(field)
        return None if text is None else instant(read_wall(text, self.zone), self.zone)

    def wall(self, field: str) -> datetime | None:
        """`start` or `end` as a wall-clock time in the job's zone, if it is given."""
        text = self._value(field)
        return None if text is None else read_wall(text, self.zone)

    def _value(self, field: str) -> Any:
        return getattr(self, field, None)

    def _write_moments_as_text(self) -> None:
        for field in ("start", "end"):
            value = self._value(field)
            if isinstance(value, str | datetime):
                structs.force_setattr(self, field, self._as_text(value))

    def _as_text(self, value: str | datetime) -> str:
        try:
            zone = self.zone
            if isinstance(value, str):
                return wall_text(read_wall(value, zone))
            return wall_text(in_wall(value, zone) if value.tzinfo else read_wall(value.isoformat(), zone))
        except (ValueError, TypeError, KeyError, OSError):
            return str(value)

    def _limits(self) -> str:
        repeats, start, end = (self._value(field) for field in ("repeats", "start", "end"))
        times = f", {repeats} {'time' if repeats == 1 else 'times'}" if repeats else ""
        return times + (f", from {start}" if start else "") + (f", until {end}" if end else "")


POLICIES = tuple(field for field in JobDefinition.__struct_fields__ if field != "name")
"""The fields that the three kinds share; of these, only jitter changes the schedule."""


class OneTimeJob(JobDefinition, frozen=True, kw_only=True, tag="one_time"):
    """Runs once, at a date and time."""

    kind: ClassVar[str] = "One-time job"
    job_type: ClassVar[str] = "one_time"

    service: ServiceName
    start: Moment
    timezone: Zone = "UTC"
    extra: Extra = ""
    active: Active = True

    def describe(self) -> str:
        """`once, 2035-01-01 00:00 Europe/Warsaw`."""
        return f"once, {self.start} {self.timezone}"


class IntervalJob(JobDefinition, frozen=True, kw_only=True, tag="interval"):
    """Runs again and again, any mix of weeks, days, hours, minutes and seconds apart.

    The first time is `start`, or one interval after the first definition where there is none.
    """

    kind: ClassVar[str] = "Interval job"
    no_fields: ClassVar[Mapping[str, str]] = _LONGER_UNITS | _SHORTER_UNITS
    job_type: ClassVar[str] = "interval_based"

    service: ServiceName
    start: Moment | None = None
    weeks: Amount = 0
    days: Amount = 0
    hours: Amount = 0
    minutes: Amount = 0
    seconds: Amount = 0
    repeats: Repeats | None = None
    end: Moment | None = None
    timezone: Zone = "UTC"
    extra: Extra = ""
    active: Active = True

    def problems(self) -> dict[str, str]:
        """An empty or an endless interval, besides zone and dates."""
        problems = super().problems()
        given = [getattr(self, unit) for unit in UNITS]
        if all(isinstance(each, int) for each in given):
            total = sum(amount * _SECONDS[unit] for unit, amount in zip(UNITS, given, strict=True))
            if total == 0:
                problems["hours"] = f"or another of {', '.join(UNITS)} must be given, e.g. hours=1"
            elif total > LONGEST_INTERVAL_SECONDS:
                problems["hours"] = "and the other units together are longer than 100 years"
        return problems

    def describe(self) -> str:
        """`every 1 hour, 168 times`."""
        amounts = ((getattr(self, unit), unit) for unit in UNITS)
        said = [f"{amount} {unit if amount != 1 else unit[:-1]}" for amount, unit in amounts if amount]
        return f"every {' '.join(said)}{self._limits()}"


class CronJob(JobDefinition, frozen=True, kw_only=True, tag="cron"):
    """Runs when a cron expression says so, read in the job's zone."""

    kind: ClassVar[str] = "Cron job"
    job_type: ClassVar[str] = "cron_style"

    service: ServiceName
    cron: Annotated[str, Meta(min_length=1, max_length=400, description="Minute, hour, day of month, month, weekday.")]
    start: Moment | None = None
    repeats: Repeats | None = None
    end: Moment | None = None
    timezone: Zone = "UTC"
    extra: Extra = ""
    active: Active = True

    def problems(self) -> dict[str, str]:
        """Every bad field of the expression, besides zone and dates."""
        problems = super().problems()
        if isinstance(self.cron, str) and self.cron and (said := cron.problem(self.cron)):
            problems["cron"] = said
        return problems

    def describe(self) -> str:
        """`09:00 Monday to Friday`."""
        return f"{cron_words(self.cron)}{self._limits()}"


AnyJob = OneTimeJob | IntervalJob | CronJob
