"""What must be true of a job: each planned time is one row, and ran once at most. Planned times come from here."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.records import Run

SECOND = timedelta(seconds=1)
Window = tuple[datetime, datetime]


def planned_times(job: AnyJob, anchor: datetime, until: datetime) -> list[datetime]:
    """The planned times of a job in UTC from its definition alone: cron looks at every second, one after another."""
    match job:
        case OneTimeJob():
            at = datetime.fromisoformat(job.start).replace(tzinfo=UTC)
            return [at] if anchor < at <= until else []
        case IntervalJob():
            step = timedelta(hours=job.hours, minutes=job.minutes, seconds=job.seconds)
            count = (until - anchor) // step
            if job.repeats is not None:
                count = min(count, job.repeats)
            return [anchor + number * step for number in range(1, count + 1)]
        case CronJob():
            return _cron_times(job.cron, anchor, until)


def _cron_times(text: str, anchor: datetime, until: datetime) -> list[datetime]:
    second, minute, hour, *_ = text.split() if len(text.split()) == 6 else ["0", *text.split()]
    found, at = [], anchor.replace(microsecond=0) + SECOND
    while at <= until:
        if _is_in(at.second, second) and _is_in(at.minute, minute) and _is_in(at.hour, hour):
            found.append(at)
        at += SECOND
    return found


def _is_in(value: int, field: str) -> bool:
    return field == "*" or (value % int(field[2:]) == 0 if field.startswith("*/") else value == int(field))


def unaccounted(
    job: AnyJob, anchor: datetime, until: datetime, rows: Iterable[Run], pauses: Sequence[Window] = ()
) -> dict[str, list[datetime]]:
    """What breaks the law: planned times without a row, with several, and rows of times that are not planned.

    Empty if each planned time up to `until`, but those in a pause, is in exactly one row.
    """
    planned = [
        at
        for at in planned_times(job, anchor, until)
        if not any(first < at <= last for first, last in pauses)
    ]  # fmt: skip
    counted: Counter[datetime] = Counter()
    strange = []
    for row in rows:
        if row.by_hand or row.planned > until:
            continue
        place = bisect_left(planned, row.planned)
        stands_for = planned[place : place + row.times]
        if len(stands_for) != row.times or stands_for[0] != row.planned:
            strange.append(row.planned)
        counted.update(stands_for)
    found = {
        "without a row": [at for at in planned if not counted[at]],
        "in two rows": [at for at, times in counted.items() if times > 1],
        "not planned": strange,
    }
    return {what: times for what, times in found.items() if times}


def run_twice(planned: Collection[datetime]) -> list[datetime]:
    """Planned times that were run more than once."""
    return [at for at, times in Counter(planned).items() if times > 1]
