"""Planned times against a brute-force oracle, over clock changes, with their limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.scheduler.clocks import random_expression
from tests.scheduler.test_zones import ZONES
from workbench.scheduler import plan
from workbench.scheduler.cron import expression as cron
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob

ANCHOR = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _shown(times: list[datetime], zone: str = "UTC") -> list[str]:
    return [f"{at.astimezone(ZoneInfo(zone)):%m-%d %H:%M}" for at in times]


def _oracle(wall: datetime, days: int, rest: timedelta, zone: ZoneInfo, number: int) -> datetime:
    """The time of a number by its definition: look through all minutes around until the clock on the wall fits."""
    target = wall + timedelta(days=days * number)
    minute = (target - timedelta(hours=30)).replace(tzinfo=UTC)
    while minute.astimezone(zone).replace(tzinfo=None) < target:
        minute += timedelta(minutes=1)
    return minute + rest * number


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    wall=st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
    weeks=st.integers(0, 1),
    days=st.integers(0, 8),
    hours=st.integers(0, 30),
    minutes=st.integers(0, 90),
    after_days=st.integers(-3, 250),
    has_start=st.booleans(),
)
def test_interval_times_are_those_of_the_oracle(
    zone: str, wall: datetime, weeks: int, days: int, hours: int, minutes: int, after_days: int, has_start: bool
) -> None:
    assume(weeks or days or hours or minutes)
    wall = wall.replace(second=0, microsecond=0)
    tz = ZoneInfo(zone)
    anchor = _oracle(wall, 0, timedelta(), tz, 0)
    job = IntervalJob(
        "j",
        service="s",
        start=f"{wall:%Y-%m-%d %H:%M}" if has_start else None,
        weeks=weeks,
        days=days,
        hours=hours,
        minutes=minutes,
        timezone=zone,
    )
    rest = timedelta(hours=hours, minutes=minutes)
    whole_days = 7 * weeks + days
    shown = wall if has_start or not whole_days else anchor.astimezone(tz).replace(tzinfo=None)
    after = anchor + timedelta(days=after_days)
    number = 0 if has_start else 1
    if after > anchor:
        number = max(number, (after - anchor) // (timedelta(days=whole_days) + rest) - 2)
    expected: list[datetime] = []
    while len(expected) < 3:
        at = _oracle(shown, whole_days, rest, tz, number) if whole_days else anchor + number * rest
        if at > max([after, *expected]):
            expected.append(at)
        number += 1
    assert list(islice(plan.times(job, anchor, after), 3)) == expected


@settings(max_examples=60, deadline=None)
@given(
    fields=st.fixed_dictionaries(
        {"days": st.integers(0, 3), "hours": st.integers(0, 5), "seconds": st.integers(0, 100)}
    ),
    zone=st.sampled_from(ZONES),
    start=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)),  # noqa: DTZ001
    skip=st.integers(0, 40),
)
def test_it_does_not_matter_from_which_moment_one_looks(
    fields: dict[str, int], zone: str, start: datetime | None, skip: int
) -> None:
    assume(any(fields.values()))
    text = None if start is None else f"{start:%Y-%m-%d %H:%M:%S}"
    job = IntervalJob("j", service="s", start=text, timezone=zone, **fields)
    times = list(islice(plan.times(job, ANCHOR, ANCHOR - timedelta(days=1)), skip + 3))
    assert times == sorted(set(times))
    assert plan.preview(job, ANCHOR, times[skip], 2) == times[skip + 1 : skip + 3]
    assert plan.next_time(job, ANCHOR, times[skip] - timedelta(microseconds=1)) == times[skip]


@pytest.mark.parametrize(
    ("job", "now", "expected"),
    [
        (IntervalJob("j", service="s", days=1, start="2026-03-27 02:30", timezone="Europe/Warsaw"), "2026-03-27",
         ["03-27 02:30", "03-28 02:30", "03-29 03:00", "03-30 02:30"]),
        (IntervalJob("j", service="s", days=1, start="2026-10-24 02:30", timezone="Europe/Warsaw"), "2026-10-24",
         ["10-24 02:30", "10-25 02:30", "10-26 02:30"]),
        (IntervalJob("j", service="s", hours=1, start="2026-03-29 01:00", timezone="Europe/Warsaw"), "2026-03-28",
         ["03-29 01:00", "03-29 03:00", "03-29 04:00"]),
        (IntervalJob("j", service="s", hours=1, start="2026-10-25 01:00", timezone="Europe/Warsaw"), "2026-10-24",
         ["10-25 01:00", "10-25 02:00", "10-25 02:00", "10-25 03:00"]),
        (CronJob("j", service="s", cron="30 2 * * *", timezone="Europe/Warsaw"), "2026-03-28",
         ["03-28 02:30", "03-29 03:00", "03-30 02:30"]),
        (CronJob("j", service="s", cron="30 2 * * *", timezone="Europe/Warsaw"), "2026-10-25",
         ["10-25 02:30", "10-26 02:30"]),
        (CronJob("j", service="s", cron="0 9 * * 1-5", timezone="Europe/Warsaw"), "2026-03-27",
         ["03-27 09:00", "03-30 09:00", "03-31 09:00"]),
    ],
)  # fmt: skip
def test_days_keep_the_clock_on_the_wall_and_hours_the_time_that_passes(
    job: AnyJob, now: str, expected: list[str]
) -> None:
    after = datetime.fromisoformat(now).replace(tzinfo=UTC) - timedelta(hours=2)
    assert _shown(plan.preview(job, ANCHOR, after, len(expected)), "Europe/Warsaw") == expected


def test_without_a_start_the_first_time_is_one_interval_after_the_anchor() -> None:
    job = IntervalJob("j", service="s", hours=1)
    assert _shown(plan.preview(job, ANCHOR, ANCHOR, 2)) == ["01-01 13:00", "01-01 14:00"]


def test_a_start_to_come_is_the_first_time_and_a_past_one_keeps_its_grid() -> None:
    job = IntervalJob("j", service="s", hours=24, start="2026-01-02 13:00")
    assert _shown(plan.preview(job, ANCHOR, ANCHOR, 1)) == ["01-02 13:00"]
    assert _shown(plan.preview(job, ANCHOR, datetime(2026, 2, 7, 21, 15, tzinfo=UTC), 1)) == ["02-08 13:00"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"repeats": 2}, ["01-01 13:00", "01-01 14:00"]),
        ({"repeats": 2, "start": "2026-01-01 12:30"}, ["01-01 12:30", "01-01 13:30"]),
        ({"end": "2026-01-01 14:00"}, ["01-01 13:00", "01-01 14:00"]),
        ({"end": "2026-01-01 13:59"}, ["01-01 13:00"]),
        ({"repeats": 3, "end": "2026-01-01 13:00"}, ["01-01 13:00"]),
    ],
)
def test_repeats_and_end_bound_an_interval(fields: dict[str, Any], expected: list[str]) -> None:
    job = IntervalJob("j", service="s", hours=1, **fields)
    assert _shown(plan.preview(job, ANCHOR, ANCHOR, 10)) == expected
    assert plan.next_time(job, ANCHOR, datetime(2026, 1, 1, 15, tzinfo=UTC)) is None


@pytest.mark.parametrize("repeats", [1, 99, 100, 101, 102, 1_441, 5_000])
@pytest.mark.parametrize("expression", ["*/5 * * * *", "7,9 */3 * * 1-5", "* * * * * *", "30 2 * * *"])
def test_the_last_of_many_repeats_is_that_of_a_walk_through_all(expression: str, repeats: int) -> None:
    job = CronJob("j", service="s", cron=expression, timezone="Europe/Warsaw", repeats=repeats)
    anchor = datetime(2026, 3, 27, 12, 0, 7, 123_000, tzinfo=UTC)
    *_, before, last = [anchor, *islice(plan.times(job.replace(repeats=None), anchor, anchor), repeats)]
    assert plan.next_time(job, anchor, before) == last
    assert plan.next_time(job, anchor, last) is None
    assert plan.how_many(job, anchor, anchor, last + timedelta(days=400)) == repeats


def test_repeats_start_and_end_bound_a_cron_job() -> None:
    job = CronJob("j", service="s", cron="0 * * * *", repeats=3)
    assert _shown(plan.preview(job, ANCHOR, ANCHOR, 9)) == ["01-01 13:00", "01-01 14:00", "01-01 15:00"]
    assert _shown(plan.preview(job, ANCHOR, ANCHOR + timedelta(hours=2), 9)) == ["01-01 15:00"]
    later = CronJob("j", service="s", cron="0 * * * *", start="2026-01-03 08:00", end="2026-01-03 09:30")
    assert _shown(plan.preview(later, ANCHOR, ANCHOR, 9)) == ["01-03 08:00", "01-03 09:00"]


def test_a_one_time_job_has_one_time() -> None:
    job = OneTimeJob("j", service="s", start="2035-01-01 00:00", timezone="Europe/Warsaw")
    at = datetime(2034, 12, 31, 23, tzinfo=UTC)
    assert plan.preview(job, ANCHOR, ANCHOR, 5) == [at]
    assert plan.next_time(job, ANCHOR, at) is None


def test_a_thousand_fires_do_not_drift() -> None:
    job, at = IntervalJob("j", service="s", seconds=7), ANCHOR
    for number in range(1, 1_001):
        # Looked at late each time, as a busy machine does.
        at = plan.next_time(job, ANCHOR, at + timedelta(seconds=number % 7, milliseconds=number % 997)) or ANCHOR
        assert (at - ANCHOR) % timedelta(seconds=7) == timedelta()


@pytest.mark.parametrize(
    ("job", "days", "expected"),
    [
        (IntervalJob("j", service="s", seconds=1), 1, 86_400),
        (IntervalJob("j", service="s", hours=1), 10_000, 240_000),
        (IntervalJob("j", service="s", seconds=7, repeats=50_000), 365, 50_000),
        (IntervalJob("j", service="s", seconds=1, end="2026-01-01 12:00:30"), 365, 30),
        (CronJob("j", service="s", cron="* * * * * *"), 365, 31_536_000),
        (CronJob("j", service="s", cron="* * * * *", timezone="Europe/Warsaw"), 3_650, 5_256_000),
    ],
)
def test_any_number_of_planned_times_is_counted(job: AnyJob, days: int, expected: int) -> None:
    assert plan.how_many(job, ANCHOR, ANCHOR, ANCHOR + timedelta(days=days)) == expected


COUNTED: list[AnyJob] = [
    OneTimeJob("j", service="s", start="2026-03-29 02:30", timezone="Europe/Warsaw"),
    *(
        IntervalJob("j", service="s", timezone="Europe/Warsaw", **fields)
        for fields in (
            {"seconds": 4_321},
            {"days": 1, "hours": 1},
            {"minutes": 45, "start": "2026-03-01", "repeats": 900},
            {"hours": 5, "end": "2026-04-01"},
        )
    ),
    *(
        CronJob("j", service="s", cron=text, timezone=zone, **fields)
        for text, zone in (
            ("*/15 * * * *", "Europe/Warsaw"),
            ("30 2 * * *", "Europe/Warsaw"),
            ("0,30 */2 * * 1-5", "America/New_York"),
            ("5 4 L * 2", "Asia/Kathmandu"),
            ("0 9 15W * *", "UTC"),
            ("*/30 10 */3 * * *", "Africa/Casablanca"),
        )
        for fields in ({}, {"repeats": 200}, {"end": "2026-03-29 03:00"})
    ),
]


@settings(max_examples=300, deadline=None)
@given(job=st.sampled_from(COUNTED), begin=st.integers(0, 100 * 86_400), seconds=st.integers(0, 12 * 86_400))
def test_the_count_is_that_of_the_times_looked_at_one_by_one(job: AnyJob, begin: int, seconds: int) -> None:
    after = ANCHOR + timedelta(seconds=begin)
    until = after + timedelta(seconds=seconds)
    one_by_one = sum(1 for _ in takewhile(lambda at: at <= until, plan.times(job, ANCHOR, after)))
    assert plan.how_many(job, ANCHOR, after, until) == one_by_one


@pytest.mark.parametrize(
    ("job", "field", "words"),
    [
        (OneTimeJob("j", service="s", start="2025-01-01", timezone="Europe/Warsaw"), "start",
         "'2025-01-01 00:00' in Europe/Warsaw is in the past"),
        (IntervalJob("j", service="s", hours=1, end="2025-06-01"), "end", "is in the past"),
        (IntervalJob("j", service="s", days=1, start="2025-06-01", repeats=3), "start", "its 3 planned times are over"),
        (IntervalJob("j", service="s", days=2, end="2026-01-02"), "end", "comes before the first planned time"),
        (CronJob("j", service="s", cron="@daily", end="2025-06-01"), "end", "is in the past"),
    ],
)  # fmt: skip
def test_a_job_whose_times_are_past_says_which_field_is_to_blame(job: AnyJob, field: str, words: str) -> None:
    problems = plan.past_problems(job, ANCHOR)
    assert list(problems) == [field]
    assert words in problems[field]


def test_a_job_with_times_to_come_has_no_such_problem() -> None:
    assert plan.past_problems(IntervalJob("j", service="s", weeks=1), ANCHOR) == {}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Warsaw", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_what_is_counted_and_found_by_number_is_what_is_met_one_by_one(zone: str) -> None:
    chance = Random(zone)
    for _ in range(30):
        made = random_expression(chance)
        if cron.problem(made.text):
            continue
        after = ANCHOR + timedelta(seconds=chance.randint(0, 10**8))
        until = after + timedelta(days=chance.choice((1, 40, 400)))
        times = list(
            islice(takewhile(lambda at, end=until: at <= end, cron.times(made.text, ZoneInfo(zone), after)), 5_000)
        )
        if len(times) == 5_000:
            until = times[-1]
        assert cron.count(made.text, ZoneInfo(zone), after, until) == len(times), made.text
        for number in {1, 101, len(times)} & set(range(1, len(times) + 1)):
            assert cron.nth(made.text, ZoneInfo(zone), after, number) == times[number - 1], (made.text, number)


def test_the_last_repeat_of_a_rare_expression_may_lie_beyond_all_years() -> None:
    leap = "0 0 29 2 *"
    assert cron.nth(leap, ZoneInfo("UTC"), ANCHOR, 2) == datetime(2032, 2, 29, tzinfo=UTC)
    assert cron.nth(leap, ZoneInfo("UTC"), ANCHOR, 100_000) == cron.LATEST
    assert cron.count(leap, ZoneInfo("UTC"), ANCHOR, datetime(2426, 1, 1, tzinfo=UTC)) == 97
    assert cron.nth(leap, ZoneInfo("UTC"), ANCHOR, 150) == datetime(2644, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [30.0, 3_600.0])
def test_times_with_jitter_are_counted_as_they_are_met(seconds: float) -> None:
    chance = Random(seconds)
    jobs: list[AnyJob] = [
        CronJob("j", service="s", cron="*/7 3-20 * * *", timezone="Europe/Warsaw", jitter_seconds=seconds),
        IntervalJob("j", service="s", minutes=11, jitter_seconds=seconds, repeats=900),
        IntervalJob("j", service="s", days=1, jitter_seconds=seconds, end="2026-03-01 00:00"),
    ]
    for job in jobs:
        for _ in range(15):
            after = ANCHOR + timedelta(seconds=chance.randint(-200_000, 5_000_000))
            until = after + timedelta(seconds=chance.randint(0, 900_000))
            met = list(takewhile(lambda at, end=until: at <= end, plan.times(job, ANCHOR, after)))
            assert plan.how_many(job, ANCHOR, after, until) == len(met)
            assert plan.last_times(job, ANCHOR, after, until, 3) == met[-3:]


def test_the_last_times_of_a_job_that_ended_long_ago_are_found() -> None:
    job = CronJob("j", service="s", cron="* * * * *", timezone="Europe/Warsaw", repeats=100_000)
    last = plan.last_times(job, ANCHOR, ANCHOR, ANCHOR + timedelta(days=3_650), 2)
    assert last == [ANCHOR + timedelta(minutes=99_999), ANCHOR + timedelta(minutes=100_000)]
