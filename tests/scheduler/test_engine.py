"""Jobs from their definition to their runs, on a clock that moves only when told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.scheduler.conftest import START, Bench
from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidDefinition, UnknownName
from workbench.scheduler.definitions import CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.engine import Scheduler
from workbench.scheduler.jobs import Jobs
from workbench.scheduler.records import JobChanged, RunEnded, RunsMissing
from workbench.scheduler.runs.bounds import Bounds
from workbench.stores import open_store

HOURLY = IntervalJob("hourly", service="echo", hours=1, extra="night shift", timezone="Europe/Warsaw")
HOUR = 3600.0


def test_an_interval_job_runs_at_its_planned_times_with_its_text(bench: Bench) -> None:
    assert bench.scheduler.define(HOURLY) == "defined"
    assert [bench.advance(HOUR - 1), bench.advance(1), bench.advance(HOUR)] == [0, 1, 1]
    call = bench.services.calls[0]
    assert call[:5] == ("echo", "night shift", "hourly", "interval_based", START + timedelta(hours=1))
    assert call.thread.startswith("workbench-job-")
    run = bench.jobs["hourly"].runs[-1]
    assert (run.outcome, run.by, run.cid, run.log) == ("ok", "schedule", "cid", ("INFO working",))
    assert (run.planned, run.attempt, run.late_seconds) == (START + timedelta(hours=2), 1, 0.0)
    assert [event.run.planned for event in bench.heard if isinstance(event, RunEnded)][1] == run.planned


def test_each_kind_of_job_tells_its_services_zatos_word(bench: Bench) -> None:
    bench.scheduler.define(OneTimeJob("one", service="ok", start="2026-01-01 13:00"))
    bench.scheduler.define(CronJob("cron", service="ok", cron="0 13 * * *"))
    bench.scheduler.define(IntervalJob("interval", service="ok", hours=1))
    assert bench.advance(HOUR) == 3
    assert {call.job_name: call.job_type for call in bench.services.calls} == {
        "one": "one_time",
        "cron": "cron_style",
        "interval": "interval_based",
    }


def test_a_one_time_job_runs_once_and_is_finished_whatever_is_executed_by_hand(bench: Bench) -> None:
    bench.scheduler.define(OneTimeJob("one", service="ok", start="2026-01-01 13:00"))
    bench.jobs["one"].execute()
    assert bench.jobs["one"].state == "on"
    assert bench.advance(HOUR) == 1
    assert bench.advance(100 * HOUR) == 0
    assert bench.jobs["one"].state == "finished"
    assert [run.by for run in bench.jobs["one"].runs] == ["hand", "schedule"]


def test_a_one_time_date_in_the_past_is_refused_but_an_equal_job_is_not_asked_again(bench: Bench) -> None:
    with pytest.raises(InvalidDefinition, match="'2020-01-01 00:00' in UTC is in the past"):
        bench.scheduler.define(OneTimeJob("one", service="ok", start="2020-01-01"))
    assert list(bench.jobs) == []
    bench.scheduler.define(OneTimeJob("one", service="ok", start="2026-01-01 13:00"))
    bench.advance(2 * HOUR)
    assert bench.scheduler.define(OneTimeJob("one", service="ok", start="2026-01-01 13:00")) == "unchanged"


def test_an_equal_definition_changes_nothing_not_even_what_is_just_due(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    bench.clock.advance(HOUR)  # type: ignore[attr-defined]
    assert bench.scheduler.define(HOURLY.replace()) == "unchanged"
    assert bench.scheduler.define(HOURLY.replace(extra="day shift")) == "changed"
    assert bench.advance(0) == 1
    assert bench.services.calls[0].extra == "day shift"
    assert [event.what for event in bench.heard if isinstance(event, JobChanged)] == ["defined", "changed"]


def test_other_schedule_fields_start_anew_and_other_changes_do_not(bench: Bench) -> None:
    job = IntervalJob("j", service="ok", hours=1, repeats=2)
    bench.scheduler.define(job)
    bench.advance(1.5 * HOUR)
    anchor = bench.jobs["j"].anchor
    bench.scheduler.define(job.replace(service="echo", extra="x", active=False))
    assert bench.jobs["j"].anchor == anchor
    bench.scheduler.define(job.replace(hours=2))
    assert bench.jobs["j"].anchor == anchor + timedelta(hours=1.5)
    assert bench.jobs["j"].next_at == START + timedelta(hours=3.5)
    assert repr(bench.jobs["j"].wait(runs=2, timeout=4 * HOUR)) == "'j': 2 runs, 2 ok, finished (2 of 2)."
    assert len(bench.jobs["j"].runs) == 3


def test_an_inactive_job_does_not_run_until_it_is_active_again(bench: Bench) -> None:
    bench.scheduler.define(HOURLY.replace(active=False))
    assert (bench.jobs["hourly"].state, bench.jobs["hourly"].next_at) == ("inactive", None)
    assert bench.advance(3.5 * HOUR) == 0
    assert bench.jobs["hourly"].execute().ok
    bench.scheduler.define(HOURLY)
    assert bench.jobs["hourly"].next_at == START + timedelta(hours=4)
    assert bench.advance(HOUR) == 1


def test_a_paused_job_lets_its_times_pass_in_every_process(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    other = bench.again()
    other.scheduler.define(HOURLY)
    bench.jobs["hourly"].pause()
    bench.advance(2 * HOUR)
    other.advance(0)
    assert bench.services.calls + other.services.calls == []
    assert (other.jobs["hourly"].state, other.jobs["hourly"].next_at) == ("paused", None)
    other.jobs["hourly"].resume()
    bench.advance(HOUR)
    assert [call.planned_at for call in bench.services.calls] == [START + timedelta(hours=3)]
    other.close()


REMOVED: list[Callable[[Jobs], None]] = [lambda jobs: jobs["hourly"].remove(), lambda jobs: jobs.remove("hourly")]


@pytest.mark.parametrize("remove", REMOVED)
def test_a_removed_job_is_gone_with_its_runs_in_every_process(bench: Bench, remove: Callable[[Jobs], None]) -> None:
    bench.scheduler.define(HOURLY)
    other = bench.again()
    other.scheduler.define(HOURLY)
    bench.advance(HOUR)
    remove(bench.jobs)
    other.advance(HOUR)
    assert other.services.calls == []
    assert list(other.jobs) == []
    assert list(bench.store.scan("app/")) == []
    other.close()


def test_a_job_removed_in_one_process_is_listed_in_no_other(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    other = bench.again()
    other.scheduler.define(HOURLY)
    assert list(other.jobs) == ["hourly"]
    bench.jobs["hourly"].remove()
    assert list(other.jobs) == []
    assert "hourly" not in repr(other.jobs)
    assert other.scheduler.next_at() is None
    other.scheduler.define(HOURLY)
    assert list(bench.jobs) == list(other.jobs) == ["hourly"]
    other.close()


def test_two_processes_share_the_planned_times_one_run_each(bench: Bench) -> None:
    other = bench.again()
    for each in (bench, other):
        each.scheduler.define(IntervalJob("j", service="ok", minutes=1))
    for _ in range(20):
        bench.clock.advance(60)  # type: ignore[attr-defined]
        for each in (bench, other):
            each.scheduler.tick()
        assert bench.scheduler.settle(10)
        assert other.scheduler.settle(10)
    assert len(bench.services.calls) + len(other.services.calls) == 20
    assert bench.outcomes("j") == ["ok"] * 20
    other.close()


def test_a_change_by_another_process_is_followed(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    other = bench.again()
    other.scheduler.define(HOURLY.replace(hours=3))
    assert bench.advance(HOUR) == 1
    assert bench.services.calls == []
    assert bench.jobs["hourly"].definition.hours == 3  # type: ignore[union-attr]
    assert bench.jobs["hourly"].next_at == START + timedelta(hours=3)
    other.close()


def test_a_stored_job_waits_until_it_is_defined_again(bench: Bench) -> None:
    bench.scheduler.define(HOURLY, source="cell 9")
    later = bench.again()
    assert [later.jobs["hourly"].state, later.jobs["hourly"].source] == ["waiting", "cell 9"]
    assert "(waits until its cell has run)" in repr(later.jobs)
    bench.close()
    later.advance(HOUR)
    assert later.services.calls == []
    assert later.scheduler.define(HOURLY) == "unchanged"
    later.advance(HOUR)
    # The first came at the very moment of the definition.
    assert [call.planned_at for call in later.services.calls] == [START + timedelta(hours=n) for n in (1, 2)]
    later.close()


def test_of_times_that_passed_with_no_process_the_last_runs_once_and_stands_for_the_others(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    bench.advance(HOUR)
    bench.close()
    bench.clock.advance(5.5 * HOUR)  # type: ignore[attr-defined]
    ran = []
    for _ in range(2):
        later = bench.again()
        later.scheduler.define(HOURLY)
        later.advance(0)
        assert later.outcomes("hourly") == ["ok", "merged", "ok"]
        merged = later.jobs["hourly"].runs[1]
        assert (merged.times, merged.planned) == (4, START + timedelta(hours=2))
        assert repr(merged) == "Run of 'hourly': merged, 4 planned times."
        ran += [call.planned_at for call in later.services.calls]
        later.close()
    assert ran == [START + timedelta(hours=6)]


def test_what_passed_during_a_pause_is_not_called_missed(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    bench.jobs["hourly"].pause()
    bench.advance(5 * HOUR)
    bench.jobs["hourly"].resume()
    bench.close()
    later = bench.again()
    later.scheduler.define(HOURLY)
    assert later.outcomes("hourly") == []
    later.close()


def test_a_machine_that_slept_runs_a_job_once_and_records_the_rest(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    assert bench.advance(8.5 * HOUR) == 1
    merged, run = bench.jobs["hourly"].runs
    assert (merged.outcome, merged.times, merged.planned) == ("merged", 7, START + timedelta(hours=1))
    assert (run.outcome, run.planned) == ("ok", START + timedelta(hours=8))
    assert bench.jobs["hourly"].next_at == START + timedelta(hours=9)


def test_a_short_hiccup_loses_no_run(bench: Bench) -> None:
    bench.scheduler.define(IntervalJob("j", service="ok", seconds=10))
    assert bench.advance(50) == 5
    assert bench.outcomes("j") == ["ok"] * 5


def test_applications_in_one_store_do_not_see_each_other(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    other = bench.again(app="nb")
    assert list(other.jobs) == []
    other.close()


def test_a_definition_is_taken_back_as_it_was(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    bench.advance(0.5 * HOUR)
    before = bench.scheduler.stored("hourly")
    bench.scheduler.define(HOURLY.replace(minutes=7))
    bench.scheduler.define(IntervalJob("new", service="ok", hours=1))
    bench.scheduler.put_back("hourly", before)
    bench.scheduler.put_back("new", None)
    bench.scheduler.put_back("never was", None)
    assert list(bench.jobs) == ["hourly"]
    assert bench.jobs["hourly"].next_at == START + timedelta(hours=1)


def test_wait_moves_a_virtual_clock_and_says_the_same_the_second_time(bench: Bench) -> None:
    demo = IntervalJob("sync demo", service="ok", seconds=1, repeats=3)
    for word in ("defined", "unchanged"):
        assert bench.scheduler.define(demo) == word
        assert repr(bench.jobs["sync demo"].wait(runs=3, timeout=10)) == "'sync demo': 3 runs, 3 ok, finished (3 of 3)."
    assert bench.clock.now() == START + timedelta(seconds=3)
    assert repr(bench.jobs["sync demo"].wait(runs=2)) == "'sync demo': 2 runs, 2 ok."


def test_wait_that_ends_without_the_runs_says_how_many_there_were(bench: Bench) -> None:
    bench.scheduler.define(IntervalJob("slow", service="ok", seconds=4))
    with pytest.raises(RunsMissing, match=r"'slow' made 2 of 3 runs within 10 s\. Fix: wait longer"):
        bench.jobs["slow"].wait(runs=3, timeout=10)
    bench.scheduler.define(IntervalJob("short", service="ok", seconds=1, repeats=1))
    with pytest.raises(RunsMissing, match="'short' made 1 of 2 runs.* It is finished"):
        bench.jobs["short"].wait(runs=2, timeout=10)
    bench.jobs["slow"].pause()
    with pytest.raises(RunsMissing, match="It is paused"):
        bench.jobs["slow"].wait(runs=9, timeout=10)


def test_play_runs_everything_in_order_at_its_own_time(bench: Bench) -> None:
    seen = []
    bench.services.by_name["look"] = lambda extra: seen.append((extra, bench.clock.now()))
    bench.scheduler.define(IntervalJob("a", service="look", hours=2, extra="a"))
    bench.scheduler.define(CronJob("b", service="look", cron="0 13-15 * * *", extra="b"))
    bench.scheduler.play(START + timedelta(hours=4.5))
    expected = [("b", 1), ("a", 2), ("b", 2), ("b", 3), ("a", 4)]
    assert sorted(seen, key=lambda each: (each[1], each[0])) == [
        (name, START + timedelta(hours=hours)) for name, hours in expected
    ]
    assert bench.clock.now() == START + timedelta(hours=4.5)


def test_the_machines_clock_cannot_be_played(bench: Bench) -> None:
    real = Scheduler(bench.store, "x", SystemClock(), bench.services.invoke, bench.events)
    with pytest.raises(TypeError, match="Only a virtual clock can be moved"):
        real.play(START)
    real.close()


def test_a_thousand_fires_stay_on_the_grid(tmp_path: Path) -> None:
    bench = Bench(open_store(f"sqlite:///{tmp_path}/store.db"))
    bench.scheduler.define(IntervalJob("j", service="ok", seconds=1))
    for _ in range(1_000):
        bench.advance(1)
    planned = [call.planned_at for call in bench.services.calls]
    assert planned == [START + timedelta(seconds=number) for number in range(1, 1_001)]
    bench.close()
    bench.store.close()


def test_old_runs_are_left_behind_but_counted(store: object) -> None:
    bench = Bench(store, bounds=Bounds(runs=20))  # type: ignore[arg-type]
    bench.scheduler.define(IntervalJob("j", service="ok", seconds=1, repeats=130))
    for _ in range(130):
        bench.advance(1)
        bench.jobs["j"].execute()
    assert 20 <= len(bench.jobs["j"].runs) <= 70
    assert repr(bench.jobs["j"].wait(runs=130)) == "'j': 130 runs, 130 ok, finished (130 of 130)."
    bench.close()


def test_jobs_show_as_a_table_that_does_not_move(bench: Bench) -> None:
    assert repr(bench.jobs) == "No jobs."
    bench.scheduler.define(
        IntervalJob("sync hourly", service="s", hours=1, repeats=168, timezone="Europe/Warsaw"), source="cell 9"
    )
    bench.scheduler.define(CronJob("sync mornings", service="s", cron="0 9 * * 1-5", timezone="Europe/Warsaw"))
    bench.scheduler.define(
        OneTimeJob("sync at new year", service="s", start="2035-01-01 00:00", timezone="Europe/Warsaw")
    )
    expected = """\
name             | what                                 | zone
sync at new year | once, 2035-01-01 00:00 Europe/Warsaw | Europe/Warsaw
sync hourly      | every 1 hour, 168 times              | Europe/Warsaw
sync mornings    | 09:00 Monday to Friday               | Europe/Warsaw"""
    assert repr(bench.jobs) == expected
    bench.advance(HOUR)
    bench.jobs["sync hourly"].execute()
    assert repr(bench.jobs) == expected
    assert repr(bench.jobs["sync mornings"]) == "Job 'sync mornings': 09:00 Monday to Friday, runs s."


def test_an_unknown_job_names_the_nearest_and_what_there_is(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    with pytest.raises(UnknownName, match="No job is named 'hourl'; there are: hourly. Did you mean 'hourly'"):
        bench.jobs["hourl"]
    assert bench.jobs._ipython_key_completions_() == ["hourly"]


def test_a_preview_shows_the_next_planned_times(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    assert bench.jobs["hourly"].preview(2) == [START + timedelta(hours=1), START + timedelta(hours=2)]
