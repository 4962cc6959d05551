"""When a job is due: from its definition, its anchor and an instant alone, so that it can be asked of any moment.

The anchor is the instant of the first definition. Planned times are counted from `start`, or from the anchor where
there is no start; they never depend on when a run began or ended, so they cannot drift, and any process, restart or
preview computes the same ones. `repeats` limits how many planned times there are.

Clock changes: see `scheduler.zones`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import islice, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from workbench.scheduler.cron import expression as cron
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.zones import instant, read_wall

_ALMOST = timedelta(microseconds=1)


def times(job: AnyJob, anchor: datetime, after: datetime) -> Iterator[datetime]:
    """The planned times (UTC) later than `after`, in order; endless unless the job ends."""
    if not job.jitter_seconds:
        return _ended(job, anchor, after)
    return _shifted(job, _ended(job, anchor, after - timedelta(seconds=job.jitter_seconds)), after)


def _ended(job: AnyJob, anchor: datetime, after: datetime) -> Iterator[datetime]:
    end = None if isinstance(job, OneTimeJob) else job.moment("end")
    for at in _times(job, anchor, after):
        if end is not None and at > end:
            return
        yield at


def _shifted(job: AnyJob, grid: Iterator[datetime], after: datetime) -> Iterator[datetime]:
    """The times of the grid with their jitter, in order."""
    coming: list[datetime] = []
    for at in grid:
        while coming and coming[0] <= at:
            yield heappop(coming)
        if (shifted := at + jitter(job, at)) > after:
            heappush(coming, shifted)
    while coming:
        yield heappop(coming)


def jitter(job: AnyJob, at: datetime) -> timedelta:
    """How far a time of the grid is shifted: by a hash of job and time, so the same on every machine."""
    digest = blake2b(f"{job.name}@{at.timestamp()}".encode(), digest_size=8).digest()
    return timedelta(seconds=job.jitter_seconds) * (int.from_bytes(digest) / 2**64)


def past_times(job: AnyJob, anchor: datetime, after: datetime, until: datetime) -> Iterator[datetime]:
    """The planned times later than `after`, up to and with `until`; before the anchor those of a job made earlier."""
    if after < anchor and not isinstance(job, OneTimeJob):
        # Repeats are counted from the anchor on.
        earlier, end = job.replace(repeats=None), min(anchor, until)
        yield from takewhile(lambda at: at <= end, times(earlier, _earlier(job, anchor, after), after))
    yield from takewhile(lambda at: at <= until, times(job, anchor, max(after, anchor)))


def _earlier(job: AnyJob, anchor: datetime, after: datetime) -> datetime:
    """An anchor not later than `after`, from which the times of the job are the same; where clocks change, nearly."""
    if not isinstance(job, IntervalJob) or not (job.weeks or job.days):
        return anchor_before(job, anchor, after)
    days = timedelta(weeks=job.weeks, days=job.days)
    rest = timedelta(hours=job.hours, minutes=job.minutes, seconds=job.seconds)
    count = (anchor - after) // (days + rest) + 2
    wall = anchor.astimezone(job.zone).replace(tzinfo=None, fold=0)
    return instant(wall - count * days, job.zone) - count * rest


def last_times(job: AnyJob, anchor: datetime, after: datetime, until: datetime, count: int) -> list[datetime]:
    """The last `count` planned times later than `after`, up to and with `until`, found without looking at each one."""
    back = timedelta(seconds=1)
    while (begin := max(after, until - back)) > after and how_many(job, anchor, begin, until) < count:
        back *= 2
    end = until
    while end - begin > timedelta(minutes=1):
        middle = begin + (end - begin) / 2
        if how_many(job, anchor, middle, until) < count:
            end = middle
        else:
            begin = middle
    return list(takewhile(lambda at: at <= until, times(job, anchor, begin)))[-count:]


def next_time(job: AnyJob, anchor: datetime, after: datetime) -> datetime | None:
    """The first planned time (UTC) later than `after`; None once there are no more."""
    return next(times(job, anchor, after), None)


def preview(job: AnyJob, anchor: datetime, now: datetime, count: int) -> list[datetime]:
    """The next `count` planned times (UTC), fewer if the job ends before."""
    return list(islice(times(job, anchor, now), count))


def how_many(job: AnyJob, anchor: datetime, after: datetime, until: datetime) -> int:
    """Planned times later than `after`, up to and with `until`; counted without looking at each one."""
    if after >= until:
        return 0
    if job.jitter_seconds:
        late = timedelta(seconds=job.jitter_seconds)
        sure = _count(job, anchor, after - late, until - late)
        return sure + _early(job, anchor, until) - _early(job, anchor, after)
    return _count(job, anchor, after, until)


def follows_clock(job: AnyJob) -> bool:
    """Whether its times come again where the clock shows them again: those less than a day apart, without an hour."""
    if isinstance(job, IntervalJob):
        return not (job.weeks or job.days)
    return isinstance(job, CronJob) and not cron.is_fixed(job.cron)


def anchor_before(job: AnyJob, anchor: datetime, now: datetime) -> datetime:
    """An anchor not later than `now` from which an interval of hours or less has the same times."""
    if not isinstance(job, IntervalJob):
        return min(anchor, now)
    period = timedelta(hours=job.hours, minutes=job.minutes, seconds=job.seconds)
    return anchor - max(0, -((now - anchor) // period)) * period


def _early(job: AnyJob, anchor: datetime, until: datetime) -> int:
    """Times of the grid so near before an instant that their jitter could shift them past it, and does not."""
    coming = _ended(job, anchor, until - timedelta(seconds=job.jitter_seconds))
    return sum(at + jitter(job, at) <= until for at in takewhile(lambda at: at <= until, coming))


def _count(job: AnyJob, anchor: datetime, after: datetime, until: datetime) -> int:
    end = None if isinstance(job, OneTimeJob) else job.moment("end")
    until = until if end is None else min(until, end)
    match job:
        case OneTimeJob():
            return sum(at <= until for at in _times(job, anchor, after))
        case IntervalJob():
            return _grid(job, anchor).count(after, until)
        case CronJob():
            after = max(after, _beginning(job, anchor))
            if job.repeats is not None:
                until = min(until, _last_cron_time(job, _beginning(job, anchor)))
            return cron.count(job.cron, job.zone, after, until) if after < until else 0


def past_problems(job: AnyJob, now: datetime) -> dict[str, str]:
    """Why a job defined at `now` would never run, by field; empty if it would."""
    is_endless = not isinstance(job, OneTimeJob) and job.start is None and job.end is None
    if is_endless or next_time(job, now, now) is not None:
        return {}
    if isinstance(job, OneTimeJob):
        return {"start": f"{job.start!r} in {job.timezone} is in the past; give a date and time to come"}
    end = job.moment("end")
    if end is not None and end <= now:
        return {"end": f"{job.end!r} in {job.timezone} is in the past, so that the job would never run"}
    if job.repeats is not None and job.start is not None:
        return {"start": f"{job.start!r} lies so far back that its {job.repeats} planned times are over"}
    return {"end": f"{job.end!r} comes before the first planned time, so that the job would never run"}


def _times(job: AnyJob, anchor: datetime, after: datetime) -> Iterator[datetime]:
    match job:
        case OneTimeJob():
            at = job.moment("start")
            return iter([at] if at is not None and at > after else [])
        case IntervalJob():
            return _grid(job, anchor).times(after)
        case CronJob():
            return _cron_times(job, anchor, after)


class _Interval(NamedTuple):
    """What the planned times of an interval depend on."""

    anchor: datetime
    start: str | None
    timezone: str
    repeats: int | None
    days: int
    seconds: int


def _grid(job: IntervalJob, anchor: datetime) -> _Grid:
    seconds = 3_600 * job.hours + 60 * job.minutes + job.seconds
    return _grid_of(_Interval(anchor, job.start, job.timezone, job.repeats, 7 * job.weeks + job.days, seconds))


# Not by the job, whose extra may have no hash.
@lru_cache(maxsize=4096)
def _grid_of(interval: _Interval) -> _Grid:
    return _Grid(interval)


class _Grid:
    """The planned times of an interval by their number: 0 is `start`; without one, 1 comes first."""

    def __init__(self, interval: _Interval) -> None:
        anchor, self._zone = interval.anchor, ZoneInfo(interval.timezone)
        wall = None if interval.start is None else read_wall(interval.start, self._zone)
        self._first = 1 if wall is None else 0
        self._last = None if interval.repeats is None else self._first + interval.repeats - 1
        self._base = anchor.astimezone(UTC) if wall is None else instant(wall, self._zone)
        self._wall = anchor.astimezone(self._zone).replace(tzinfo=None, fold=0) if wall is None else wall
        self._days, self._rest = timedelta(days=interval.days), timedelta(seconds=interval.seconds)

    def at(self, number: int) -> datetime:
        """The planned time (UTC) of that number."""
        if not self._days:
            return self._base + number * self._rest
        return instant(self._wall + number * self._days, self._zone) + number * self._rest

    def times(self, after: datetime) -> Iterator[datetime]:
        """Those later than `after`."""
        number = max(self._first, self._near(after))
        last = after
        while self._last is None or number <= self._last:
            try:
                at = self.at(number)
            except OverflowError:
                return
            if at > last:
                last = at
                yield at
            number += 1

    def count(self, after: datetime, until: datetime) -> int:
        """Those later than `after`, up to and with `until`."""
        if self._days:
            # Clock changes play in; but there is one a day at most.
            return sum(1 for _ in takewhile(lambda at: at <= until, self.times(after)))
        first = max(self._first, self._near(after))
        last = (until - self._base) // self._rest
        return max(0, (last if self._last is None else min(last, self._last)) - first + 1)

    def _near(self, after: datetime) -> int:
        """The number of the first time later than `after`, or up to 3 less where clock changes play in."""
        number = (after - self._base) // (self._days + self._rest) + 1
        # Offsets differ by 26 hours at most, and with days in it the interval is at least one day.
        return number - 3 if self._days else number


def _cron_times(job: CronJob, anchor: datetime, after: datetime) -> Iterator[datetime]:
    beginning = _beginning(job, anchor)
    last = None if job.repeats is None else _last_cron_time(job, beginning)
    for at in cron.times(job.cron, job.zone, max(after, beginning)):
        if last is not None and at > last:
            return
        yield at


def _beginning(job: CronJob, anchor: datetime) -> datetime:
    start = job.moment("start")
    return anchor if start is None else start - _ALMOST


def _last_cron_time(job: CronJob, beginning: datetime) -> datetime:
    """The last of the job's repeats."""
    assert job.repeats is not None
    return _nth_cron_time(job.cron, job.zone, beginning, job.repeats)


# Not by the job, whose extra may have no hash.
_nth_cron_time = lru_cache(maxsize=16_384)(cron.nth)
