"""A week of jobs at a glance, as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.scheduler.conftest import Bench
from workbench.core.clock import VirtualClock
from workbench.core.errors import WorkbenchError
from workbench.scheduler.definitions import CronJob, IntervalJob
from workbench.scheduler.runs.calendar import MOST_LANES, MOST_LISTED, Calendar
from workbench.stores.memory import MemoryStore

FRIDAY = datetime(2035, 3, 23, 10, 40, tzinfo=UTC)


@pytest.fixture
def bench() -> Bench:
    return Bench(MemoryStore(), VirtualClock(FRIDAY))


def test_a_calendar_shows_each_job_by_day_and_what_clocks_do(bench: Bench) -> None:
    bench.scheduler.define(CronJob("nightly", service="ok", cron="30 2 * * *", timezone="Europe/Warsaw"))
    bench.scheduler.define(IntervalJob("often", service="ok", minutes=20))
    bench.scheduler.define(IntervalJob("rests", service="ok", hours=12))
    bench.scheduler.define(IntervalJob("off", service="ok", hours=1, active=False))
    bench.jobs["rests"].pause()
    assert repr(bench.jobs.calendar(3, timezone="Europe/Warsaw")).splitlines() == [
        "Fri 2035-03-23 11:40 to Mon 2035-03-26 12:40, Europe/Warsaw: 225 planned times",
        "            |Sat 24 |Sun 25 |Mon 26",
        "nightly ....|1......|1......1....",
        "often   6999999999999999999999993",
        "rests   ....1...1...1...1...1...1  paused",
        "Sun 25: clocks change: UTC+01 before, UTC+02 from here",
        "busiest hour from Fri 23 23:00: 4 planned times",
        "a digit: how many in 3 h, + is more than 9",
    ]


def test_a_calendar_may_begin_later(bench: Bench) -> None:
    bench.scheduler.define(CronJob("nightly", service="ok", cron="30 2 * * *", timezone="Europe/Warsaw"))
    calendar = bench.jobs.calendar(2, start="2035-03-25 00:00", timezone="Europe/Warsaw")
    assert calendar.title == "Sun 2035-03-25 00:00 to Tue 2035-03-27 01:00, Europe/Warsaw: 2 planned times"
    with pytest.raises(WorkbenchError, match="which is past. Fix: "):
        bench.jobs.calendar(start="2035-03-23 10:00", timezone="UTC")


def test_a_job_that_is_due_very_often_is_counted_as_one_that_is_listed(bench: Bench) -> None:
    bench.scheduler.define(IntervalJob("quick", service="ok", seconds=10))
    bench.scheduler.define(CronJob("minutes", service="ok", cron="*/2 * * * *"))
    calendar = bench.jobs.calendar(7)
    quick = next(lane for lane in calendar.lanes if lane.name == "quick")
    assert quick.total == 7 * 8640 > MOST_LISTED
    assert (quick.hours[0]["planned"], quick.hours[1]["planned"], quick.hours[168]["planned"]) == (119, 360, 241)
    minutes = next(lane for lane in calendar.lanes if lane.name == "minutes")
    assert minutes.total == len(bench.jobs["minutes"].preview(5040)) == 5040


def test_a_calendar_of_runs_tells_what_came_of_them(bench: Bench) -> None:
    bench.services.by_name["fails"] = lambda extra: 1 / 0
    bench.scheduler.define(IntervalJob("works", service="ok", hours=1))
    bench.scheduler.define(IntervalJob("fails", service="fails", hours=2))
    until = FRIDAY + timedelta(hours=6)
    bench.scheduler.play(until)
    runs = [run for job in bench.jobs.values() for run in job.runs]
    calendar = Calendar.of_runs(runs, FRIDAY, until, ZoneInfo("UTC"))
    assert {lane.name: [dict(each) for each in lane.hours.values()] for lane in calendar.lanes} == {
        "fails": [{"failed": 1}] * 3,
        "works": [{"ok": 1}] * 6,
    }
    assert calendar.title.endswith("UTC: 9 runs")
    bench.close()


def test_an_empty_week_says_so_and_a_full_one_how_much_is_left_out(bench: Bench) -> None:
    assert repr(bench.jobs.calendar()).endswith("UTC: 0 planned times.")
    for number in range(MOST_LANES + 2):
        bench.scheduler.define(IntervalJob(f"job {number:02}", service="ok", days=1))
    assert "and 2 more jobs" in repr(bench.jobs.calendar())


@pytest.mark.parametrize(("days", "zone", "words"), [(0, "", "1 to 62"), (63, "", "1 to 62"), (1, "Mars", "time zone")])
def test_a_calendar_that_cannot_be_drawn_says_why(bench: Bench, days: float, zone: str, words: str) -> None:
    with pytest.raises(WorkbenchError, match=words):
        bench.jobs.calendar(days, timezone=zone)
