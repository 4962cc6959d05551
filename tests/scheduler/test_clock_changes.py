"""Planned times where clocks change, against an oracle that looks at every minute; see tests/scheduler/clocks.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from random import Random
from time import thread_time
from zoneinfo import ZoneInfo, available_timezones

import pytest

from tests.scheduler.clocks import DAY, HOUR, MINUTE, Made, Minutes, changes, random_expression
from workbench.scheduler import plan
from workbench.scheduler.cron import expression as cron
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.zones import wall_text, zone_problem

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
ODD = [
    "Africa/Casablanca",
    "America/Godthab",
    "America/Sao_Paulo",  # at midnight, until 2019
    "America/St_Johns",  # at 00:01, until 2011
    "Antarctica/Troll",  # by two hours
    "Asia/Tehran",
    "Australia/Lord_Howe",  # by half an hour
    "Europe/Dublin",
    "Pacific/Apia",  # 30 December 2011 never was
    "Pacific/Chatham",  # at 02:45
]
ZONES = sorted(name for name in available_timezones() if not zone_problem(name)) if SOAK else ODD
FIRST, LAST = 2000, 2040
SPANS = [(FIRST, LAST)] if SOAK else [(2011, 2011), (2026, 2026)]
EXPRESSIONS = 100_000 if SOAK else 750
IN_A_WINDOW = 25
SLOWEST_SECONDS = 0.05 if SOAK else 0.5
"""Longest thread time of one `next`: ten times what is promised, since a loaded machine counts waits for memory in."""


def _up_to(until: datetime, times: Iterator[datetime]) -> list[datetime]:
    return list(takewhile(lambda at: at <= until, times))


def _some_window(random: Random) -> tuple[ZoneInfo, datetime]:
    """A zone, and an instant in whose next two days its clock changes as a rule."""
    zone = ZoneInfo(random.choice(ZONES))
    year = random.randint(FIRST, LAST)
    found = list(changes(zone, year, year))
    if found and random.random() < 0.8:
        return zone, random.choice(found) - random.randint(0, 48 * 60) * MINUTE
    return zone, datetime(year, 1, 1, tzinfo=UTC) + random.randint(0, 365 * 24 * 60) * MINUTE


def test_random_expressions_name_the_minutes_that_a_look_at_each_finds() -> None:
    random, compared, slowest = Random(20_260_101), 0, 0.0
    while compared < EXPRESSIONS:
        zone, begin = _some_window(random)
        until = begin + 2 * DAY
        minutes = Minutes(zone, begin - 27 * HOUR, until)
        for _ in range(IN_A_WINDOW):
            made, after = random_expression(random), begin + random.choice([0, 0, random.randint(0, 300)]) * MINUTE
            if cron.problem(made.text):
                assert not minutes.matches(made, after), made.text
                continue
            compared += 1
            expected = minutes.matches(made, after)
            at = thread_time()
            times = cron.times(made.text, zone, after)
            next(times, None)
            slowest = max(slowest, thread_time() - at)
            found = _up_to(until, cron.times(made.text, zone, after))
            assert found == expected, (made.text, zone.key, after.isoformat())
            assert cron.count(made.text, zone, after, until) == len(expected), (made.text, zone.key, after.isoformat())
    assert slowest < SLOWEST_SECONDS
    print(f"{compared} expressions, slowest next {1000 * slowest:.2f} ms")


def _jobs(shown: datetime, zone: str) -> Iterator[tuple[AnyJob, Made | None]]:
    """Jobs that are due while a clock changes, which shows `shown` then; with what their expression stands for."""
    every_hour, every_day = frozenset(range(24)), frozenset(range(1, 32))
    months, week = frozenset(range(1, 13)), frozenset(range(7))
    fixed = f"{shown.minute} {shown.hour}"
    weekday = shown.isoweekday() % 7
    minute, hour = frozenset({shown.minute}), frozenset({shown.hour})
    for text, made_of in [
        ("@hourly", Made("0 * * * *", frozenset({0}), every_hour, every_day, months, week)),
        ("*/20 */2 * * *", None),
        (f"{fixed} * * *", Made(f"{fixed} * * *", minute, hour, every_day, months, week)),
        (
            f"{fixed} * * {weekday}",
            Made(f"{fixed} * * {weekday}", minute, hour, every_day, months, frozenset({weekday})),
        ),
    ]:
        made = made_of or Made(text, frozenset({0, 20, 40}), frozenset(range(0, 24, 2)), every_day, months, week)
        yield CronJob("x", service="ok", cron=text, timezone=zone), made
    start = wall_text(shown - DAY)
    yield IntervalJob("x", service="ok", start=start, days=1, timezone=zone), None
    yield IntervalJob("x", service="ok", start=start, days=1, hours=1, timezone=zone), None
    yield IntervalJob("x", service="ok", start=wall_text(shown - 7 * DAY), weeks=1, timezone=zone), None
    yield IntervalJob("x", service="ok", start=wall_text(shown - HOUR), hours=1, timezone=zone), None
    yield OneTimeJob("x", service="ok", start=wall_text(shown), timezone=zone), None


def _expected(job: AnyJob, made: Made | None, minutes: Minutes, after: datetime, until: datetime) -> list[datetime]:
    if made is not None:
        return minutes.matches(made, after)
    assert not isinstance(job, CronJob)
    start = datetime.fromisoformat(str(job.start))
    if isinstance(job, OneTimeJob):
        found = [minutes.first_shown(start)]
    elif days := job.days + 7 * job.weeks:
        seen = [(number, start + number * days * DAY) for number in range(8)]
        shown = [(number, wall) for number, wall in seen if minutes.latest[0] < wall <= minutes.latest[-1]]
        found = [minutes.first_shown(wall) + number * job.hours * HOUR for number, wall in shown]
    else:
        found = [minutes.first_shown(start) + number * HOUR for number in range(24 * 6)]
    # Two days may be one instant, where a day is skipped.
    return sorted({at for at in found if after < at <= until})


def test_jobs_of_each_kind_keep_the_rule_at_every_change_of_clocks() -> None:
    known, compared = set(), 0
    for name in ZONES:
        zone = ZoneInfo(name)
        found = [change for span in SPANS for change in changes(zone, *span)]
        alike = tuple((change, change.astimezone(zone).utcoffset()) for change in found)
        if alike not in known:
            known.add(alike)
            compared += sum(_compare_around(change, zone) for change in found)
    assert compared
    print(f"{len(ZONES)} zones, {len(known)} that differ, {compared} comparisons")


def _compare_around(change: datetime, zone: ZoneInfo) -> int:
    """Compare jobs that are due within what is skipped or comes twice, and at its ends."""
    before = (change - MINUTE).astimezone(zone).replace(tzinfo=None) + MINUTE
    now = change.astimezone(zone).replace(tzinfo=None, fold=0)
    margin = abs(now - before) + 2 * HOUR
    after, until = change - margin, change + margin
    minutes = Minutes(zone, after - margin, until)
    compared = 0
    for shown in {before, now, min(before, now) + abs(now - before) // (2 * MINUTE) * MINUTE}:
        for job, made in _jobs(shown, zone.key):
            expected = _expected(job, made, minutes, after, until)
            anchor = after - 30 * DAY
            assert _up_to(until, plan.times(job, anchor, after)) == expected, (job, change.isoformat())
            assert plan.how_many(job, anchor, after, until) == len(expected), (job, change.isoformat())
            compared += 1
    return compared


@pytest.mark.parametrize("zone", ["America/St_Johns", "America/Goose_Bay", "America/Moncton"])
def test_a_cron_job_with_repeats_from_when_clocks_changed_at_one_minute_past_midnight_ends(zone: str) -> None:
    job = CronJob("x", service="ok", cron="@hourly", start="2010-06-01 00:00", repeats=90_000, timezone=zone)
    begin = datetime(2010, 6, 1, 4, tzinfo=UTC)
    assert plan.how_many(job, begin, begin - DAY, datetime(2030, 1, 1, tzinfo=UTC)) == 90_000


@pytest.mark.parametrize(
    ("text", "zone", "day", "expected"),
    [
        ("0 */2 * * *", "Australia/Lord_Howe", "2026-04-05", ["00:00", "02:00", "04:00", "06:00"]),
        ("0,45 */2 * * *", "Pacific/Chatham", "2026-09-27", ["00:00", "00:45", "02:00", "04:00"]),
        ("0,45 */2 * * *", "Pacific/Chatham", "2026-04-05", ["00:00", "00:45", "02:00", "02:45", "02:45", "04:00"]),
        ("30 1 * * *", "Antarctica/Troll", "2026-03-29", ["03:00"]),
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-04", ["01:00"]),
    ],
)
def test_known_nights_of_cron(text: str, zone: str, day: str, expected: list[str]) -> None:
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) - timedelta(microseconds=1)
    found = [at.astimezone(ZoneInfo(zone)) for at in islice(cron.times(text, ZoneInfo(zone), begin), len(expected))]
    assert [f"{at:%H:%M}" for at in found] == expected
