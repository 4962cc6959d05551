"""All jobs at a glance, as text: next times by two clocks, the last outcome, and recent runs as characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.scheduler.conftest import Bench
from workbench.core.clock import VirtualClock
from workbench.core.errors import WorkbenchError
from workbench.scheduler.definitions import CronJob, IntervalJob
from workbench.scheduler.ports import JobResult
from workbench.scheduler.records import Run
from workbench.scheduler.runs.bounds import Bounds
from workbench.scheduler.runs.table import LATEST, bars, sparkline
from workbench.stores.memory import MemoryStore

FRIDAY = datetime(2035, 3, 23, 10, 40, tzinfo=UTC)


@pytest.fixture
def bench() -> Bench:
    """One without threads, so that services may move its clock."""
    return Bench(MemoryStore(), VirtualClock(FRIDAY), bounds=Bounds(threads=0))


def _run(number: int, outcome: str, seconds: float | None = None, **more: object) -> Run:
    planned = FRIDAY + timedelta(hours=number)
    ended = None if seconds is None else planned + timedelta(seconds=seconds)
    known = {"started": None if seconds is None else planned, "ended": ended, "by": "schedule", "key": str(number)}
    return Run(job="j", service="s", planned=planned, outcome=outcome, **(known | more))  # type: ignore[arg-type]


def test_a_line_of_bars_shows_how_long_each_run_took_and_which_went_wrong() -> None:
    runs = [_run(0, "ok", 1), _run(1, "ok", 8), _run(2, "failed", 4), _run(3, "missed"), _run(4, "ok", 4)]
    running = _run(5, "running", started=FRIDAY)
    assert sparkline([*runs, running]) == "▂█✗·▅…"
    assert [each.share for each in bars(runs)] == [0.125, 1.0, 0.5, 0.0, 0.5]
    assert sparkline([]) == ""
    assert sparkline([_run(0, "ok", 0.0)]) == "▁"


def test_a_line_of_bars_has_a_planned_time_once_by_its_last_attempt_and_no_run_by_hand() -> None:
    first, second = _run(0, "failed", 1), _run(0, "ok", 1, attempt=2, key="0~2")
    assert sparkline([first, second, _run(1, "failed", 1, by="hand")]) == "█"


def test_a_line_of_bars_has_the_latest() -> None:
    runs = [_run(number, "failed" if number < 5 else "ok", 1) for number in range(LATEST + 5)]
    assert sparkline(runs) == "█" * LATEST


def test_the_table_tells_next_times_by_two_clocks_and_how_recent_runs_went(bench: Bench) -> None:
    clock = bench.clock
    assert isinstance(clock, VirtualClock)
    answers = iter([JobResult("c", "failed", "no"), JobResult("c")])
    bench.services.by_name["fails once"] = lambda extra: next(answers)
    bench.services.by_name["slow"] = lambda extra: clock.advance(150)
    bench.scheduler.define(CronJob("mornings", service="fails once", cron="30 * * * *", timezone="Europe/Warsaw"))
    bench.scheduler.define(IntervalJob("off", service="ok", hours=1, active=False))
    bench.scheduler.play(FRIDAY + timedelta(hours=2))
    bench.scheduler.define(IntervalJob("too slow", service="slow", minutes=1))
    bench.scheduler.play(FRIDAY + timedelta(hours=2, minutes=9))
    assert repr(bench.jobs.table()).splitlines() == [
        "name     | what                    | state    | next, UTC            | by its own clock                   "
        "| last | recent runs | really",
        "mornings | every hour at minute 30 | on       | Fri 2035-03-23 13:30 | Fri 2035-03-23 14:30 Europe/Warsaw "
        "| ok   | \u2717\u2581          |",
        "off      | every 1 hour            | inactive |                      |                                    "
        "|      |             |",
        "too slow | every 1 minute          | on       | Fri 2035-03-23 12:52 |                                    "
        "| ok   | █·█·██·██   | every 60 s, really every 2.5 min, because runs take 2.5 min",
    ]


def test_the_table_says_that_there_are_no_jobs_and_refuses_a_zone_that_is_none(bench: Bench) -> None:
    assert repr(bench.jobs.table()) == "No jobs."
    with pytest.raises(WorkbenchError, match="did you mean 'Europe/Warsaw'"):
        bench.jobs.table(timezone="Warsaw")
