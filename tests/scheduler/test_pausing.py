"""Pauses that end by themselves, and what is picked of runs."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.scheduler.conftest import START, Bench
from workbench.core.errors import InvalidDefinition, WorkbenchError
from workbench.core.ports import Store
from workbench.scheduler.definitions import IntervalJob


def _hourly(bench: Bench) -> None:
    bench.scheduler.define(IntervalJob("hourly", service="ok", hours=1, timezone="Europe/Warsaw"))


def test_a_pause_ends_by_itself_and_what_is_planned_at_its_end_runs(bench: Bench) -> None:
    _hourly(bench)
    bench.jobs["hourly"].pause(until="2026-01-01 17:00")  # 16:00 UTC
    assert bench.jobs["hourly"].state == "paused"
    assert bench.jobs["hourly"].paused_until == START + timedelta(hours=4)
    assert "(paused until 2026-01-01 17:00:00)" in repr(bench.jobs["hourly"])
    bench.scheduler.play(START + timedelta(hours=6))
    assert [run.planned for run in bench.jobs["hourly"].runs] == [START + timedelta(hours=each) for each in (4, 5, 6)]
    assert repr(bench.jobs.account("hourly")).endswith("planned 6 = 3 ok + 3 paused.")
    assert (bench.jobs["hourly"].state, bench.jobs["hourly"].paused_until) == ("on", None)


def test_a_pause_that_ended_while_no_process_was_there_keeps_its_times(bench: Bench, store: Store) -> None:
    _hourly(bench)
    bench.jobs["hourly"].pause(until=START + timedelta(hours=3))
    bench.scheduler.close()
    bench.clock.advance(4.5 * 3600)  # type: ignore[attr-defined]
    back = bench.again()
    back.scheduler.define(bench.jobs["hourly"].definition)
    assert [(each.late, each.others) for each in back.jobs.away.absences] == [(1, 1)]
    back.advance(0)
    assert repr(back.jobs.account("hourly")).endswith("planned 4 = 1 ok + 1 merged + 2 paused.")
    back.close()


@pytest.mark.parametrize(("first", "second", "planned"), [(2, 4, 4), (4, 2, 2), (None, 3, 3)])
def test_a_pause_can_be_given_another_end(bench: Bench, first: int | None, second: int, planned: int) -> None:
    _hourly(bench)
    for hours in (first, second):
        bench.jobs["hourly"].pause(None if hours is None else START + timedelta(hours=hours))
    bench.scheduler.play(START + timedelta(hours=5))
    assert bench.jobs["hourly"].runs[0].planned == START + timedelta(hours=planned)
    assert bench.jobs.account("hourly").holds


def test_a_pause_without_an_end_goes_on_and_resume_ends_any(bench: Bench) -> None:
    _hourly(bench)
    bench.jobs["hourly"].pause(START + timedelta(hours=2))
    bench.jobs["hourly"].pause()
    bench.scheduler.play(START + timedelta(hours=3))
    assert (bench.jobs["hourly"].state, bench.jobs["hourly"].runs) == ("paused", [])
    bench.jobs["hourly"].pause(START + timedelta(hours=9))
    bench.jobs["hourly"].resume()
    bench.scheduler.play(START + timedelta(hours=5))
    assert repr(bench.jobs.account("hourly")).endswith("planned 5 = 2 ok + 3 paused.")


@pytest.mark.parametrize("until", ["2026-01-01 13:00", "yesterday", START])
def test_a_pause_ends_at_a_time_to_come(bench: Bench, until: str | datetime) -> None:
    _hourly(bench)
    with pytest.raises(WorkbenchError, match="Fix: "):
        bench.jobs["hourly"].pause(until=until)
    assert bench.jobs["hourly"].state == "on"


def test_runs_are_picked_by_outcome_time_and_who_began_them(bench: Bench) -> None:
    outcomes = iter([1, 0, 1, 1, 0])
    bench.services.by_name["some"] = lambda extra: 1 // next(outcomes)
    bench.scheduler.define(IntervalJob("job", service="some", hours=1, timezone="Europe/Warsaw"))
    bench.scheduler.play(START + timedelta(hours=4))
    bench.jobs["job"].execute()
    runs = bench.jobs["job"].runs
    assert [run.planned.hour for run in runs.only("failed")] == [14, 16]
    assert [run.planned.hour for run in runs.only("failed", by="schedule")] == [14]
    picked = runs.only(since="2026-01-01 15:00", until=START + timedelta(hours=4))
    assert [run.planned.hour for run in picked] == [14, 15]
    assert [run.planned.hour for run in runs.only("ok").only(until="2026-01-01 15:00")] == [13]
    with pytest.raises(WorkbenchError, match=r"'fails'\. Fix: failed, interrupted"):
        runs.only("fails")
    with pytest.raises(WorkbenchError, match="by='hand'"):
        runs.only(by="me")
    with pytest.raises(WorkbenchError, match="Fix: "):
        runs.only(since="noon")


def test_a_copy_is_a_definition_like_the_job_under_another_name(bench: Bench) -> None:
    _hourly(bench)
    copied = bench.jobs["hourly"].copy("other", hours=2)
    assert copied == IntervalJob("other", service="ok", hours=2, timezone="Europe/Warsaw")
    assert list(bench.jobs) == ["hourly"]
    with pytest.raises(InvalidDefinition):
        bench.jobs["hourly"].copy("other", hour=2)
