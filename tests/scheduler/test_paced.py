"""What many jobs bring at once and need not have done at once is spread, and all of it is done."""

from __future__ import annotations

import pytest

from tests.scheduler.conftest import START, Bench
from tests.scheduler.test_runner import Moody
from tests.scheduler.test_together import Counted, define
from workbench.core.clock import VirtualClock
from workbench.core.ports import Store
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.runs.bounds import LEAST_A_SECOND, Bounds, Paced

MANY = 400


def taken(paced: Paced, clock: VirtualClock, seconds: float, step: float = 0.01) -> list[int]:
    """How many have their turn at each look."""
    found = []
    for _ in range(round(seconds / step)):
        clock.advance(step)
        found.append(len(paced.take()))
    return found


def test_of_a_few_none_waits() -> None:
    clock = VirtualClock(START)
    paced = Paced(clock)
    assert paced.take() == []
    paced.put(["a", "b"])
    paced.put(["b", "c"])
    assert paced.take() == ["a", "b", "c"]
    assert paced.take() == []


def test_one_that_is_gone_waits_no_more() -> None:
    paced = Paced(VirtualClock())
    paced.put(["a", "b"])
    paced.drop("a")
    paced.drop("never there")
    assert paced.take() == ["b"]


def test_of_many_a_tenth_has_had_its_turn_in_a_second_and_all_have_within_two_minutes() -> None:
    clock = VirtualClock(START)
    paced = Paced(clock)
    names = [str(number) for number in range(1_000)]
    paced.put(names)
    first = taken(paced, clock, 1.0)
    assert 80 <= sum(first) <= 130
    # Some at a time: each look costs a thread.
    assert 5 <= len([count for count in first if count]) <= 12
    assert sum(first) + sum(taken(paced, clock, 60)) == 1_000


def test_nobodys_turn_comes_sooner_after_an_hour_without_any() -> None:
    clock = VirtualClock(START)
    paced = Paced(clock)
    clock.advance(3_600)
    paced.put(str(number) for number in range(1_000))
    assert len(paced.take()) <= 100
    assert len(paced.take()) == 0


def test_looked_at_once_a_second_they_go_on_as_fast() -> None:
    clock = VirtualClock(START)
    paced = Paced(clock)
    paced.put(str(number) for number in range(1_000))
    found = taken(paced, clock, 60, step=1.0)
    assert found[0] <= 100
    assert sum(found) == 1_000
    assert min(count for count in found[:-1] if count) >= LEAST_A_SECOND // 2


def looked_at(store: Counted) -> set[str]:
    """The jobs whose rows were read."""
    return {key.split("/")[3] for verb, key in store.asked if verb == "scan" and "/run/" in key}


def test_the_first_runs_of_many_jobs_bring_no_look_at_the_rows_of_all_of_them_at_once() -> None:
    store = Counted()
    bench = Bench(store)
    define(bench, [IntervalJob(f"job {number}", service="ok", minutes=1) for number in range(MANY)])
    store.asked.clear()
    bench.advance(60)
    assert len(bench.services.calls) == MANY
    bench.advance(0.1)
    assert len(looked_at(store)) <= 2 * MANY / 10
    for _ in range(59):
        bench.advance(1)
    assert len(looked_at(store)) == MANY
    bench.close()


def test_old_rows_of_many_jobs_are_all_left_behind() -> None:
    store = Counted()
    first = Bench(store, bounds=Bounds(runs=100))
    jobs = [IntervalJob(f"job {number}", service="ok", seconds=10) for number in range(MANY // 10)]
    define(first, jobs)
    for _ in range(30):
        first.advance(10)
    first.close()
    second = first.again(bounds=Bounds(runs=5))
    define(second, jobs)
    for _ in range(6):
        second.advance(10)
    rows = {job.name: len(second.jobs[job.name].runs) for job in jobs}
    # One look for each, and the runs after it.
    assert max(rows.values()) <= 5 + 6
    second.close()


def test_a_process_that_lives_for_a_moment_leaves_old_rows_behind(store: Store) -> None:
    clock = VirtualClock(START)
    for _ in range(10):
        bench = Bench(store, clock, bounds=Bounds(runs=5))
        bench.scheduler.define(IntervalJob("j", service="ok", seconds=10))
        clock.advance(10)
        bench.scheduler.tick()
        # No other look comes.
        bench.close()
        assert len(bench.jobs["j"].runs) <= 5 + 1


def test_old_rows_that_a_store_refuses_to_leave_behind_are_told_of_for_each_job(
    caplog: pytest.LogCaptureFixture,
) -> None:
    moody = Moody()
    bench = Bench(moody)  # type: ignore[arg-type]
    for name in "abc":
        bench.scheduler.define(IntervalJob(name, service="ok", seconds=10))
    bench.advance(10)
    moody.fails.add("get")
    bench.close()
    (told,) = [each for each in caplog.messages if each.startswith("old runs of ")]
    assert told.startswith("old runs of a, b, c stay until the next pruning of each: ")
