"""After a restart it is said what came meanwhile, and what became of it."""

from __future__ import annotations

import logging

import pytest

from tests.scheduler.conftest import Bench
from tests.serving import until
from workbench.core.ports import Store
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob

HOURLY = IntervalJob("hourly", service="ok", hours=1)
OTHER = CronJob("other", service="ok", cron="30 * * * *", missed="skip")


def _restarted(bench: Bench, *jobs: AnyJob, seconds: float) -> Bench:
    for job in jobs:
        bench.scheduler.define(job)
    bench.scheduler.close()
    bench.clock.advance(seconds)  # type: ignore[attr-defined]
    again = bench.again()
    for job in jobs:
        again.scheduler.define(job)
    again.scheduler.tick()
    assert again.scheduler.settle(10)
    return again


def test_one_line_says_what_came_while_nobody_was_there_and_one_of_each_job(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "workbench.scheduler"):
        again = _restarted(bench, HOURLY, OTHER, seconds=3 * 3600 + 300)
    assert repr(again.jobs.away).splitlines() == [
        "While you were away: 6 planned times, 1 run late, 2 merged, 3 missed.",
        "  job 'hourly': 3 planned times since 2026-01-01 13:00:00 UTC, 1 runs late, 2 merged",
        "  job 'other': 3 planned times since 2026-01-01 12:30:00 UTC, 3 missed",
    ]
    assert sum("while no process was there" in line for line in caplog.messages) == 2
    for absence in again.jobs.away.absences:
        rows = {run.outcome: run.times for run in again.jobs[absence.job].runs}
        expected = {"ok": absence.late, absence.outcome: absence.others}
        assert rows == {outcome: times for outcome, times in expected.items() if times}
    again.close()


def test_a_run_that_the_end_of_its_process_cut_off_is_told_once(store: Store) -> None:
    first = Bench(store)
    hangs = IntervalJob("hangs", service="hang", hours=1, missed="skip")
    first.scheduler.define(hangs)
    first.clock.advance(3600)  # type: ignore[attr-defined]
    first.scheduler.tick()
    until(lambda: first.scheduler.running_since("hangs"), "it runs")
    # As if it had been killed: its sign of life goes, nothing is written.
    first.scheduler._presence.leave()
    first.clock.advance(2 * 3600 + 300)  # type: ignore[attr-defined]
    again = first.again()
    # Whoever looks at the runs before the job is back takes nothing from what is told.
    assert again.outcomes("hangs") == ["interrupted"]
    again.scheduler.define(hangs)
    assert repr(again.jobs.away).splitlines() == [
        "While you were away: 3 planned times, 2 missed, 1 interrupted.",
        "  job 'hangs': 3 planned times since 2026-01-01 13:00:00 UTC, 2 missed, 1 interrupted",
    ]
    account = again.jobs.account("hangs")
    assert (account.planned, account.by_outcome) == (3, {"interrupted": 1, "missed": 2})
    first.clock.advance(1)  # type: ignore[attr-defined]
    third = first.again()
    third.scheduler.define(hangs)
    assert third.jobs.away.absences == []
    for each in (third, again, first):
        each.close()


@pytest.mark.parametrize(
    ("missed", "late", "others", "outcome"),
    [("skip", 0, 5, "missed"), ("run_once", 1, 4, "merged"), ("run_all", 3, 2, "missed")],
)
def test_what_a_policy_does_is_what_is_said(bench: Bench, missed: str, late: int, others: int, outcome: str) -> None:
    job = HOURLY.replace(missed=missed, missed_count=3)
    again = _restarted(bench, job, seconds=5 * 3600 + 300)
    (absence,) = again.jobs.away.absences
    assert (absence.late, absence.others, absence.outcome) == (late, others, outcome)
    assert again.outcomes("hourly").count("ok") == late
    again.close()


def test_nothing_is_said_where_nothing_was_planned_or_all_ran(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    bench.advance(3600)
    assert repr(bench.jobs.away) == "While you were away: nothing was planned."
    again = _restarted(bench, HOURLY, seconds=600)
    assert again.jobs.away.absences == []
    assert again.scheduler.define(HOURLY) == "unchanged"
    assert again.jobs.away.absences == []
    again.close()
