"""What becomes of planned times that are late, meet a busy job, fail or are cut off: as the job's fields say."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.scheduler.conftest import START, Bench
from tests.serving import until
from workbench.core.errors import InvalidDefinition
from workbench.scheduler import plan
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.records import JobRecord

HOUR = 3600.0


def _job(service: str = "ok", **more: Any) -> IntervalJob:
    made: IntervalJob = IntervalJob("j", service=service, **({"hours": 1} | more))
    return made


def _ran(bench: Bench) -> list[float]:
    """The hours after the start whose planned times ran."""
    return [(call.planned_at - START).total_seconds() / HOUR for call in bench.services.calls]


def _rows(bench: Bench) -> list[tuple[str, int]]:
    return [(run.outcome, run.times) for run in bench.jobs["j"].runs]


MISSED: list[tuple[dict[str, Any], list[tuple[str, int]], list[float]]] = [
    ({}, [("merged", 4), ("ok", 1)], [5]),
    ({"missed": "skip"}, [("missed", 5)], []),
    ({"missed_seconds": 60.0}, [("missed", 5)], []),
    ({"missed_seconds": 2_400.0}, [("merged", 4), ("ok", 1)], [5]),
    ({"missed": "run_all"}, [("ok", 1)] * 5, [1, 2, 3, 4, 5]),
    ({"missed": "run_all", "missed_count": 2}, [("missed", 3), ("ok", 1), ("ok", 1)], [4, 5]),
    ({"missed": "run_all", "missed_seconds": 10_000.0}, [("missed", 2), ("ok", 1), ("ok", 1), ("ok", 1)], [3, 4, 5]),
]


@pytest.mark.parametrize("is_away", [True, False], ids=["no process", "asleep"])
@pytest.mark.parametrize(("policy", "rows", "ran"), MISSED, ids=str)
def test_what_was_missed_runs_as_far_as_the_policy_says(
    bench: Bench, policy: dict[str, Any], rows: list[tuple[str, int]], ran: list[float], is_away: bool
) -> None:
    bench.scheduler.define(_job(**policy))
    later = bench
    if is_away:
        bench.close()
        later = bench.again()
    later.clock.advance(5.5 * HOUR)  # type: ignore[attr-defined]
    if is_away:
        later.scheduler.define(_job(**policy))
    later.advance(0)
    assert (_rows(later), _ran(later), later.jobs.account("j").holds) == (rows, ran, True)
    later.close()


def test_a_one_time_job_runs_up_to_a_day_late_and_no_later(bench: Bench) -> None:
    for name, at in (("young", "2026-01-01 13:00"), ("old", "2026-01-01 12:01")):
        bench.scheduler.define(OneTimeJob(name, service="ok", start=at))
    bench.close()
    bench.clock.advance(24 * HOUR + 1_800)  # type: ignore[attr-defined]
    later = bench.again()
    for name, at in (("young", "2026-01-01 13:00"), ("old", "2026-01-01 12:01")):
        later.scheduler.define(OneTimeJob(name, service="ok", start=at))
    later.advance(0)
    assert (later.outcomes("young"), later.outcomes("old")) == (["ok"], ["missed"])
    later.close()


def test_ten_years_of_missed_minutes_run_once_and_leave_two_rows(bench: Bench) -> None:
    for job in (IntervalJob("j", service="ok", minutes=1), CronJob("k", service="ok", cron="0 9 * * 1-5")):
        bench.scheduler.define(job)
    bench.advance(10 * 365 * 86_400 + 30)
    assert _rows(bench)[0][0] == "missed"
    assert len(bench.services.calls) <= 3
    assert [bench.jobs.account(name).holds for name in "jk"] == [True, True]


def _busy(bench: Bench, times: int, **more: Any) -> None:
    """Have the job hang at its first planned time, and more of them come meanwhile."""
    bench.scheduler.define(_job("hang", **more))
    for number in range(times):
        bench.clock.advance(HOUR)  # type: ignore[attr-defined]
        bench.scheduler.tick()
        if number == 0:
            until(lambda: bench.services.calls, "the first one runs")


@pytest.mark.parametrize(
    ("overlap", "outcomes"),
    [
        ("skip", ["ok", "skipped", "skipped", "skipped"]),
        ("queue_one", ["ok", "merged", "merged", "ok"]),
        ("allow", ["ok"] * 4),
    ],
)
def test_a_planned_time_that_meets_a_busy_job(bench: Bench, overlap: str, outcomes: list[str]) -> None:
    _busy(bench, 4, overlap=overlap)
    if overlap == "allow":
        until(lambda: len(bench.services.calls) == 4, "all of them run at once")
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert (bench.outcomes("j"), bench.jobs.account("j").holds) == (outcomes, True)


def test_a_later_planned_time_cancels_the_run_before_it_and_tells_its_service(bench: Bench) -> None:
    _busy(bench, 2, overlap="cancel_running")
    until(lambda: len(bench.services.calls) == 2, "the second runs though the first one hangs")
    assert bench.outcomes("j") == ["interrupted", "running"]
    assert bench.jobs["j"].runs[0].error == "its next planned time came"
    assert bench.services.cancelled == [START + timedelta(hours=1)]
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert (bench.outcomes("j"), bench.jobs.account("j").holds) == (["interrupted", "ok"], True)


def test_a_run_past_its_time_limit_has_timed_out_and_holds_its_slot_until_it_ends(bench: Bench) -> None:
    _busy(bench, 1, time_limit_seconds=30)
    bench.clock.advance(30)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    assert bench.outcomes("j") == ["running"]
    bench.clock.advance(1)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    assert bench.scheduler.settle(10)
    run = bench.jobs["j"].runs[0]
    assert (run.outcome, run.error) == ("timed_out", "it ran longer than its time limit of 30 s")
    assert bench.services.cancelled == [START + timedelta(hours=1)]
    bench.advance(HOUR - 31)
    assert bench.outcomes("j") == ["timed_out", "skipped"]
    bench.services.gate.set()
    until(lambda: bench.jobs["j"].running_since is None, "its thread ends")
    bench.advance(HOUR)
    assert bench.outcomes("j") == ["timed_out", "skipped", "ok"]


def test_a_run_that_ended_by_itself_beyond_its_limit_has_timed_out_too(bench: Bench) -> None:
    bench.services.by_name["slow"] = lambda extra: bench.clock.advance(40)  # type: ignore[attr-defined]
    bench.scheduler.define(_job("slow", time_limit_seconds=30))
    bench.advance(HOUR)
    assert bench.outcomes("j") == ["timed_out"]
    assert bench.jobs["j"].execute().outcome == "timed_out"


def _failing(bench: Bench, times: int) -> list[datetime]:
    """A service that fails so many times; when it was called."""
    called: list[datetime] = []

    def fail(extra: str) -> None:
        called.append(bench.clock.now())
        if len(called) <= times:
            raise ValueError("not yet")

    bench.services.by_name["fails"] = fail
    return called


def test_a_failed_run_is_tried_again_with_growing_waits_as_the_same_planned_time(bench: Bench) -> None:
    called = _failing(bench, 3)
    bench.scheduler.define(_job("fails", retries=5, retry_seconds=10))
    bench.scheduler.play(START + timedelta(hours=1, minutes=30))
    assert [(at - called[0]).total_seconds() for at in called] == [0, 10, 30, 70]
    assert [(run.outcome, run.attempt, run.planned) for run in bench.jobs["j"].runs] == [
        (outcome, attempt, START + timedelta(hours=1))
        for attempt, outcome in enumerate(("failed", "failed", "failed", "ok"), start=1)
    ]
    assert bench.jobs.account("j").by_outcome == {"ok": 1}
    assert repr(bench.jobs["j"].wait(runs=1)) == "'j': 1 run, 1 ok."


def test_retries_end_and_the_planned_time_has_failed(bench: Bench) -> None:
    called = _failing(bench, 10)
    bench.scheduler.define(_job("fails", retries=2))
    bench.scheduler.play(START + timedelta(hours=1, minutes=30))
    assert len(called) == 3
    assert bench.jobs.account("j").by_outcome == {"failed": 1}


def test_a_retry_is_made_by_the_next_process_and_by_none_once_the_job_is_paused(bench: Bench) -> None:
    job = _job("fails", retries=5, retry_seconds=100)
    _failing(bench, 10)
    bench.scheduler.define(job)
    bench.advance(HOUR)
    bench.close()
    later = bench.again()
    called = _failing(later, 0)
    later.scheduler.define(job)
    later.jobs["j"].pause()
    later.advance(100)
    assert called == []
    later.jobs["j"].resume()
    again = bench.again()
    called = _failing(again, 0)
    again.scheduler.define(job)
    again.advance(0)
    assert again.outcomes("j") == ["failed", "ok"]
    for each in (later, again):
        each.close()


@pytest.mark.parametrize(("policy", "outcomes"), [("report", ["interrupted"]), ("retry", ["interrupted", "ok"])])
def test_a_run_that_was_cut_off_is_reported_or_tried_again(bench: Bench, policy: str, outcomes: list[str]) -> None:
    job = _job("hang", on_interrupt=policy)
    _busy(bench, 1, on_interrupt=policy)
    bench.scheduler._presence.leave()
    later = bench.again()
    later.services.gate.set()
    later.scheduler.define(job)
    later.advance(10)
    assert (later.outcomes("j"), later.jobs.account("j").planned) == (outcomes, 1)
    later.close()


def test_jitter_shifts_planned_times_the_same_everywhere_and_the_preview_shows_it(bench: Bench) -> None:
    job = _job(jitter_seconds=600)
    bench.scheduler.define(job)
    shown = bench.jobs["j"].preview(3)
    shifts = [at - (START + timedelta(hours=n)) for n, at in enumerate(shown, start=1)]
    assert all(timedelta() <= shift < timedelta(seconds=600) for shift in shifts)
    assert len(set(shifts)) == 3
    assert plan.preview(job, START, START, 3) == shown
    bench.scheduler.play(START + timedelta(hours=4))
    assert [call.planned_at for call in bench.services.calls] == [at for at in shown if at <= bench.clock.now()]
    assert bench.jobs.account("j").holds


@pytest.mark.parametrize(
    "job",
    [
        _job(jitter_seconds=5_000),
        _job(hours=0, seconds=7, jitter_seconds=100, repeats=50),
        CronJob("j", service="ok", cron="*/3 * * * *", jitter_seconds=400),
        OneTimeJob("j", service="ok", start="2026-01-01 13:00", jitter_seconds=3_000),
    ],
    ids=lambda job: job.describe(),
)
def test_times_with_jitter_come_in_order_and_are_counted_as_they_come(job: AnyJob) -> None:
    end = START + timedelta(hours=5)
    found = [at for at in plan.preview(job, START, START, 3_000) if at <= end]
    assert found == sorted(set(found))
    for after, to in ((0, 18_000), (100, 4_000), (4_000, 4_001), (7_000, 17_000)):
        first, last = START + timedelta(seconds=after), START + timedelta(seconds=to)
        inside = [at for at in found if first < at <= last]
        assert plan.how_many(job, START, first, last) == len(inside)
        assert plan.last_times(job, START, first, last, 4) == inside[-4:]


def test_a_job_or_a_service_runs_after_a_good_or_a_bad_end(bench: Bench) -> None:
    told: list[Any] = []
    bench.services.by_name["tell"] = lambda extra: told.append(msgspec.json.decode(extra))
    _failing(bench, 2)
    bench.scheduler.define(IntervalJob("after", service="echo", hours=1, extra="done", active=False))
    bench.scheduler.define(_job("fails", retries=1, retry_seconds=1, on_success="after", on_error="tell"))
    bench.scheduler.play(START + timedelta(hours=2, minutes=1))
    assert [(each["job"], each["outcome"], each["attempt"]) for each in told] == [("j", "failed", 2)]
    assert told[0]["error"] == "ValueError: not yet"
    assert [run.returned for run in bench.jobs["after"].runs] == ["'Hello done!\\n'"]


def test_what_comes_after_and_cannot_run_is_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.scheduler.define(_job(on_success="nobody"))
    bench.advance(HOUR)
    assert "service 'nobody', which comes after job 'j', failed: No service is named 'nobody'" in caplog.text
    assert bench.outcomes("j") == ["ok"]


def test_policies_change_no_count_but_jitter_does(bench: Bench) -> None:
    job = _job()
    record = JobRecord(job, START)
    changed = job.replace(retries=3, overlap="allow", missed="skip", tags=("night",), time_limit_seconds=5.0)
    assert JobRecord(changed, START).series == record.series
    assert JobRecord(job.replace(jitter_seconds=1.0), START).series != record.series
    assert list(changed.changed())[:3] == ["service", "hours", "timezone"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("missed", "never"),
        ("missed_count", 0),
        ("missed_seconds", 0),
        ("overlap", "pile"),
        ("time_limit_seconds", -1),
        ("retries", 101),
        ("retry_seconds", 0),
        ("jitter_seconds", -1),
        ("on_interrupt", "ignore"),
        ("tags", ("",)),
    ],
)
def test_a_policy_that_cannot_be_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        _job(**{field: value})
    assert list(caught.value.problems) == [field]


def test_the_first_of_two_ends_stands_whoever_is_quicker(bench: Bench) -> None:
    began = threading.Event()
    bench.services.by_name["wait"] = lambda extra: began.set() or bench.services.gate.wait(30)
    bench.scheduler.define(_job("wait", time_limit_seconds=1))
    run = bench.jobs["j"].execute(wait=False)
    assert began.wait(30)
    bench.clock.advance(5)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    until(lambda: bench.outcomes("j") == ["timed_out"], "its limit is over")
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    until(lambda: bench.jobs["j"].running_since is None, "its thread ends")
    assert [each.outcome for each in bench.jobs["j"].runs if each.key == run.key] == ["timed_out"]
