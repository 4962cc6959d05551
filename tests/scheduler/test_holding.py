"""A process that stops claims no new runs; and a job that no thread is left for says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.scheduler.conftest import Bench
from tests.serving import until
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.runs.bounds import Bounds


def _job(name: str, service: str = "ok") -> IntervalJob:
    made: IntervalJob = IntervalJob(name, service=service, minutes=1)
    return made


def test_a_time_that_comes_meanwhile_is_another_processs(bench: Bench) -> None:
    other = bench.again()
    for each in (bench, other):
        each.scheduler.define(_job("j"))
    with bench.scheduler.claiming_nothing():
        bench.clock.advance(60)  # type: ignore[attr-defined]
        assert bench.scheduler.tick() == 0
        assert bench.outcomes("j") == []
        assert other.scheduler.tick() == 1
        assert other.scheduler.settle(10)
    bench.scheduler.tick()
    assert bench.scheduler.settle(10)
    assert bench.outcomes("j") == ["ok"]
    assert (len(bench.services.calls), len(other.services.calls)) == (0, 1)
    other.close()


def test_a_time_that_nobody_took_runs_afterwards(bench: Bench) -> None:
    bench.scheduler.define(_job("j"))
    with bench.scheduler.claiming_nothing():
        bench.clock.advance(60)  # type: ignore[attr-defined]
        assert bench.scheduler.tick() == 0
    assert bench.advance(1) == 1
    assert bench.outcomes("j") == ["ok"]


def test_a_run_by_hand_is_made_all_the_same(bench: Bench) -> None:
    bench.scheduler.define(_job("j"))
    with bench.scheduler.claiming_nothing():
        assert bench.jobs["j"].execute().ok


def test_a_time_that_waits_behind_a_long_run_is_not_claimed_either(bench: Bench) -> None:
    bench.scheduler.define(_job("j", "hang").replace(overlap="queue_one"))
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    until(lambda: bench.services.calls, "the first one runs")
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    with bench.scheduler.claiming_nothing():
        bench.services.gate.set()
        assert bench.scheduler.settle(10)
        assert bench.outcomes("j") == ["ok"]
    bench.scheduler.tick()
    assert bench.scheduler.settle(10)
    assert bench.outcomes("j") == ["ok", "ok"]


def test_an_attempt_that_waits_behind_a_long_run_is_made_afterwards(bench: Bench) -> None:
    bench.services.by_name["moody"] = lambda extra: bench.services.gate.wait(30) and 1 / (len(bench.services.calls) - 1)
    bench.scheduler.define(_job("j", "moody").replace(overlap="queue_one", retries=1, retry_seconds=60))
    bench.services.gate.set()
    bench.advance(60)
    bench.services.gate.clear()
    bench.clock.advance(60)  # type: ignore[attr-defined]
    assert bench.scheduler.tick() == 2, "its next planned time, and the attempt that waits behind it"
    until(lambda: len(bench.services.calls) == 2, "the next planned time runs")
    with bench.scheduler.claiming_nothing():
        bench.services.gate.set()
        assert bench.scheduler.settle(10)
        assert bench.outcomes("j") == ["failed", "ok"]
    bench.advance(0)
    assert bench.outcomes("j") == ["failed", "ok", "ok"]


@pytest.mark.parametrize(("overlap", "outcome"), [("skip", "skipped"), ("queue_one", "merged")])
def test_what_gave_way_is_written_by_a_process_that_closes_meanwhile(bench: Bench, overlap: str, outcome: str) -> None:
    closing = bench.again(bounds=Bounds(threads=1, spares=0))
    closing.scheduler.define(IntervalJob("j", service="hang", seconds=10).replace(overlap=overlap))
    for _ in range(4):
        closing.clock.advance(10)  # type: ignore[attr-defined]
        closing.scheduler.tick()
        until(lambda: closing.services.calls, "the first one runs, on the only thread")
    ends = threading.Thread(target=closing.scheduler.close, args=(30,))
    ends.start()
    until(lambda: closing.jobs["j"].state == "waiting", "it closes")
    assert closing.outcomes("j") == ["running"]
    closing.services.gate.set()
    ends.join(30)
    written = 3 if overlap == "skip" else 2  # the last one waits in the queue
    assert bench.outcomes("j") == ["ok"] + [outcome] * written
    closing.close()


@pytest.fixture
def small(bench: Bench) -> Iterator[Bench]:
    """A scheduler of two threads in all."""
    made = bench.again(bounds=Bounds(threads=1, spares=1))
    yield made
    made.close()


def _ran(bench: Bench) -> list[str]:
    return [call.job_name for call in bench.services.calls]


def test_a_job_that_no_thread_is_left_for_says_once_whom_it_waits_for(
    small: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("first", "second"):
        small.scheduler.define(_job(name, "hang"))
        small.jobs[name].execute(wait=False)
    until(lambda: len(_ran(small)) == 2, "both threads are held")
    small.scheduler.define(_job("third"))
    small.clock.advance(60)  # type: ignore[attr-defined]
    small.scheduler.tick()
    assert not _told(caplog), "it has only just come"
    for _ in range(3):
        small.clock.advance(1)  # type: ignore[attr-defined]
        small.scheduler.tick()
    [line] = [each for each in _told(caplog) if "'third'" in each]
    assert line == (
        "job 'third', due at 2026-01-01T12:01:00+00:00, waits: all 2 threads are held by runs of first, second. "
        "Fix: give what those services wait for a timeout, or restart."
    )
    small.services.gate.set()
    assert small.scheduler.settle(10)
    assert small.outcomes("third") == ["ok"]


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if "waits: all" in each.getMessage()]
