"""Watches tell a run that did not start, one that takes too long and one that ends too fast, once for each change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.scheduler.conftest import Bench
from tests.serving import until
from workbench.core.clock import SystemClock, VirtualClock
from workbench.core.ports import Store
from workbench.scheduler.agenda import Due
from workbench.scheduler.definitions import CronJob, IntervalJob
from workbench.scheduler.records import RunStarted, WatchChanged
from workbench.scheduler.runs.bounds import Bounds
from workbench.scheduler.runs.lengths import FEWEST, Lengths
from workbench.stores import open_store

EVERY_MINUTE = IntervalJob("j", service="takes", minutes=1)


def watched(store: Store, clock: VirtualClock | None = None) -> tuple[Bench, list[WatchChanged]]:
    """A bench whose service `takes` as long as `bench.seconds` says, and what its watches tell."""
    bench, told = Bench(store, clock), list[WatchChanged]()
    bench.events.subscribe(WatchChanged, told.append)
    bench.seconds = 2.0  # type: ignore[attr-defined]
    bench.services.by_name["takes"] = lambda extra: bench.clock.advance(bench.seconds)  # type: ignore[attr-defined]
    return bench, told


def run_next(bench: Bench) -> None:
    """Go on to the next planned time, and let its run and what looks at it end."""
    at = bench.scheduler.next_at()
    assert at is not None
    bench.clock.move_to(at)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    assert bench.scheduler.settle(10)
    bench.scheduler.tick()
    assert bench.scheduler.settle(10)


@pytest.fixture
def pair(store: Store) -> Iterator[tuple[Bench, list[WatchChanged]]]:
    bench, told = watched(store)
    yield bench, told
    bench.close()


def test_a_run_far_shorter_than_those_before_is_told_once_until_one_is_as_ever(
    pair: tuple[Bench, list[WatchChanged]],
) -> None:
    bench, told = pair
    bench.scheduler.define(EVERY_MINUTE)
    for _ in range(FEWEST):
        run_next(bench)
    bench.seconds = 0.1  # type: ignore[attr-defined]
    for _ in range(3):
        run_next(bench)
    assert [(each.watch, each.has_tripped) for each in told] == [("fast", True)]
    assert told[0].words == "it ended well after 0.1 s; 95 % of its last 10 good runs took at least 2 s"
    assert bench.jobs["j"].tripped == {"fast": told[0].words}
    assert told[0].words in repr(bench.jobs)
    bench.seconds = 2.0  # type: ignore[attr-defined]
    run_next(bench)
    assert [(each.watch, each.has_tripped) for each in told[1:]] == [("fast", False)]
    assert bench.jobs["j"].tripped == {}


@pytest.mark.parametrize(("usual", "short"), [(0.9, 0.01), (2.0, 0.5)])
def test_runs_that_are_short_by_nature_or_not_that_much_shorter_are_not_told(
    pair: tuple[Bench, list[WatchChanged]], usual: float, short: float
) -> None:
    bench, told = pair
    bench.scheduler.define(EVERY_MINUTE)
    bench.seconds = usual  # type: ignore[attr-defined]
    for _ in range(FEWEST):
        run_next(bench)
    bench.seconds = short  # type: ignore[attr-defined]
    run_next(bench)
    assert told == []


def test_before_ten_good_runs_no_length_says_anything(pair: tuple[Bench, list[WatchChanged]]) -> None:
    bench, told = pair
    bench.scheduler.define(EVERY_MINUTE)
    for _ in range(FEWEST - 1):
        run_next(bench)
    bench.seconds = 0.01  # type: ignore[attr-defined]
    run_next(bench)
    assert told == []


def test_a_run_is_told_while_it_takes_too_long(pair: tuple[Bench, list[WatchChanged]]) -> None:
    bench, told = pair
    bench.scheduler.define(EVERY_MINUTE)
    for _ in range(FEWEST):
        run_next(bench)
    bench.services.by_name["takes"] = lambda extra: bench.services.gate.wait(30)
    bench.clock.move_to(bench.scheduler.next_at())  # type: ignore[attr-defined]
    bench.scheduler.tick()
    until(lambda: bench.jobs["j"].running_since, "it runs")
    for seconds, expected in [(6.9, []), (0.2, ["long"]), (1, ["long"])]:
        bench.clock.advance(seconds)  # type: ignore[attr-defined]
        bench.scheduler.tick()
        until(lambda expected=expected: [each.watch for each in told] == expected, "it is told")
    assert told[0].words == "it has been running for 7.1 s; 95 % of its last 10 good runs took at most 2 s"
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    bench.services.by_name["takes"] = lambda extra: bench.clock.advance(2)  # type: ignore[attr-defined]
    run_next(bench)
    assert [(each.watch, each.has_tripped) for each in told] == [("long", True), ("long", False)]


def test_a_planned_time_that_no_thread_is_left_for_is_told_without_a_row(store: Store) -> None:
    bench, told = Bench(store, bounds=Bounds(threads=1, spares=0)), list[WatchChanged]()
    bench.events.subscribe(WatchChanged, told.append)
    bench.services.by_name["hang"] = lambda extra: bench.services.gate.wait(300) and None
    bench.scheduler.define(IntervalJob("holds", service="hang", hours=1, start="2026-01-01 12:00:01"))
    bench.scheduler.define(IntervalJob("waits", service="ok", hours=1, start="2026-01-01 12:00:02", grace_seconds=5))
    bench.clock.advance(1)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    until(lambda: bench.jobs["holds"].running_since, "it runs")
    bench.clock.advance(1)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    bench.clock.advance(4.5)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    assert told == []
    bench.clock.advance(1)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    # A look that comes while another is under way is made at the next tick.
    until(lambda: bench.scheduler.tick() or told, "it is told")
    assert bench.jobs["waits"].runs == []
    assert (told[0].job, told[0].words) == ("waits", "planned at 2026-01-01 12:00:02 UTC, it did not start within 5 s")
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert len(told) == 1
    bench.clock.advance(3_594.5)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    assert bench.scheduler.settle(10)
    until(lambda: len(told) == 2, "all is well")
    assert (told[1].job, told[1].has_tripped) == ("waits", False)
    bench.close()


def test_what_was_missed_while_no_process_was_there_is_told_at_the_start(store: Store) -> None:
    first, _ = watched(store)
    first.scheduler.define(CronJob("j", service="ok", cron="*/10 * * * *", missed="skip"))
    first.close()
    first.clock.advance(3_600)  # type: ignore[attr-defined]
    second, told = watched(store, first.clock)  # type: ignore[arg-type]
    second.scheduler.define(CronJob("j", service="ok", cron="*/10 * * * *", missed="skip"))
    words = "planned times did not start, from 2026-01-01 12:10:00 UTC on: no process was there to run it"
    assert next(each.words for each in told if each.has_tripped).endswith(words)
    second.close()
    third, told = watched(store, first.clock)  # type: ignore[arg-type]
    third.scheduler.define(CronJob("j", service="ok", cron="*/10 * * * *", missed="skip"))
    assert told == []
    assert list(third.jobs["j"].tripped) == ["start"]
    run_next(third)
    assert third.jobs["j"].tripped == {}
    third.close()


def test_a_run_that_hung_does_not_end_the_alarm_of_the_one_that_waits_for_it(store: Store) -> None:
    """The first starts in time and hangs, the second waits for it: told once, and well again with the third."""
    bench, told = watched(store)
    job = IntervalJob("j", service="hang", minutes=1, overlap="queue_one", grace_seconds=5)
    bench.scheduler.define(job)
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    # Until then it has not started in time.
    until(lambda: bench.jobs["j"].running_since, "the first runs")
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    bench.clock.advance(6)  # type: ignore[attr-defined]
    # A look that comes while another is under way is made at the next tick.
    until(lambda: bench.scheduler.tick() or told, "it is told")
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    bench.scheduler.tick()
    assert bench.scheduler.settle(10)
    assert bench.outcomes("j") == ["ok", "ok"]
    assert [(each.watch, each.has_tripped) for each in told] == [("start", True)]
    run_next(bench)
    assert [(each.watch, each.has_tripped) for each in told] == [("start", True), ("start", False)]
    bench.close()


def test_a_planned_time_that_is_looked_at_late_has_a_second_to_start(store: Store) -> None:
    bench, told = Bench(store, bounds=Bounds(threads=1, spares=0)), list[WatchChanged]()
    bench.events.subscribe(WatchChanged, told.append)
    bench.scheduler.define(IntervalJob("holds", service="hang", hours=1, watch_start=False))
    bench.scheduler.define(IntervalJob("j", service="ok", hours=1, start="2026-01-01 13:00:01", grace_seconds=5))
    bench.clock.advance(3_600)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    until(lambda: bench.jobs["holds"].running_since, "it runs")
    bench.clock.advance(30)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    for each in threading.enumerate():
        if each.name == "workbench-watches":
            each.join(30)
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    until(lambda: told, "its start is told")
    assert [each.words for each in told] == ["planned at 2026-01-01 13:00:01 UTC, it started 29 s late"]
    bench.close()


def test_a_late_start_of_the_last_planned_time_is_over_once_it_has_run_well(store: Store) -> None:
    """No later start could say that all is well again, and a finished job must not stand as broken for good."""
    bench, told = watched(store)
    bench.scheduler.define(IntervalJob("j", service="hang", minutes=1, repeats=2, overlap="queue_one", grace_seconds=5))
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    until(lambda: bench.jobs["j"].running_since, "the first runs")
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    bench.clock.advance(6)  # type: ignore[attr-defined]
    until(lambda: bench.scheduler.tick() or told, "it is told")
    assert list(bench.jobs["j"].tripped) == ["start"]
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert bench.outcomes("j") == ["ok", "ok"]
    assert [(each.watch, each.has_tripped) for each in told] == [("start", True), ("start", False)]
    assert bench.jobs["j"].tripped == {}


def test_a_clock_set_back_puts_off_no_alarm(pair: tuple[Bench, list[WatchChanged]]) -> None:
    bench, told = pair
    clock, watches = bench.clock, bench.scheduler.watches
    assert isinstance(clock, VirtualClock)
    bench.scheduler.define(CronJob("j", service="ok", cron="0 13 * * *", grace_seconds=60))
    clock.advance(3_600)
    # Taken, but no thread has begun it yet.
    watches.expect([Due(bench.scheduler.record("j"), clock.now())])
    clock.set(clock.now() - timedelta(minutes=50))
    said = "planned at 2026-01-01 13:00:00 UTC, it did not start within 60 s"
    for seconds, words in ((59, []), (2, [said])):
        clock.advance(seconds)
        watches.look([])
        assert bench.scheduler.settle(10)
        assert [each.words for each in told] == words


def test_of_two_processes_one_tells(store: Store) -> None:
    first, told = watched(store)
    second = first.again()
    second.events.subscribe(WatchChanged, told.append)
    for each in (first, second):
        each.scheduler.define(IntervalJob("j", service="ok", minutes=1, missed="skip"))
        each.scheduler.jobs["j"].pause()
    first.clock.advance(90)  # type: ignore[attr-defined]
    for each in (first, second):
        each.scheduler.tick()
        assert each.scheduler.settle(10)
    assert told == []
    first.scheduler.jobs["j"].resume()
    first.clock.advance(600)  # type: ignore[attr-defined]
    for each in (first, second):
        each.scheduler.tick()
        assert each.scheduler.settle(10)
    assert [each.watch for each in told] == ["start"]
    first.close()
    second.close()


@pytest.mark.parametrize("watch", ["start", "long", "fast"])
def test_each_watch_can_be_left_out(pair: tuple[Bench, list[WatchChanged]], watch: str) -> None:
    bench, told = pair
    job = IntervalJob("j", service="takes", minutes=1, missed="skip", **{f"watch_{watch}": False})
    bench.scheduler.define(job)
    for _ in range(FEWEST):
        run_next(bench)
    bench.seconds = 0.1  # type: ignore[attr-defined]
    run_next(bench)
    bench.seconds = 2.0  # type: ignore[attr-defined]
    bench.advance(600)
    bench.advance(60)
    assert {each.watch for each in told} == {"start", "fast"} - {watch}


def test_lengths_of_a_former_process_count(store: Store) -> None:
    first, _ = watched(store)
    first.scheduler.define(EVERY_MINUTE)
    for _ in range(FEWEST):
        run_next(first)
    first.close()
    second, told = watched(store, first.clock)  # type: ignore[arg-type]
    second.scheduler.define(EVERY_MINUTE)
    second.seconds = 0.1  # type: ignore[attr-defined]
    run_next(second)
    assert [each.watch for each in told] == ["fast"]
    second.close()


def test_the_norm_is_of_95_in_100_good_runs() -> None:
    assert Lengths([1.0] * 9).norm is None
    norm = Lengths(float(number) for number in range(1, 101)).norm
    assert norm is not None
    assert (norm.usual, norm.longest, norm.least, norm.shortest) == (95.0, 285.0, 5.0, 1.0)
    short = Lengths([0.5] * 10).norm
    assert short is not None
    assert (short.longest, short.shortest) == (5.5, 0.0)


def test_ten_fast_runs_in_a_row_are_the_new_norm_and_only_the_latest_count() -> None:
    lengths = Lengths([10.0] * 250)
    assert lengths.norm is not None
    assert lengths.norm.runs == 200
    for _ in range(FEWEST - 1):
        lengths.add(1.0)
    assert lengths.norm.least == 10.0
    lengths.add(1.0)
    assert (lengths.norm.least, lengths.norm.runs) == (1.0, FEWEST)
    for number in range(300):
        lengths.add(1.0 + number)
    assert (lengths.norm.runs, lengths.norm.least) == (200, 110.0)


def test_a_cadence_that_runs_cannot_keep_is_said_with_its_cause(pair: tuple[Bench, list[WatchChanged]]) -> None:
    bench, _ = pair
    bench.scheduler.define(IntervalJob("j", service="takes", seconds=20))
    bench.seconds = 50.0  # type: ignore[attr-defined]
    for _ in range(4):
        bench.clock.move_to(max(bench.scheduler.next_at(), bench.clock.now()))  # type: ignore[attr-defined,type-var]
        bench.scheduler.tick()
        assert bench.scheduler.settle(10)
    assert bench.jobs["j"].cadence == "every 20 s, really every 50 s, because runs take 50 s"
    assert bench.jobs["j"].cadence in repr(bench.jobs)
    bench.scheduler.define(CronJob("calm", service="ok", cron="@hourly"))
    for _ in range(4):
        bench.advance(3_600)
    assert bench.jobs["calm"].cadence == ""


def test_a_missed_start_is_told_within_two_seconds_of_its_grace(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    bench, came = Bench(store, SystemClock(), bounds=Bounds(threads=1, spares=0)), threading.Event()
    told: list[tuple[WatchChanged, float]] = []
    bench.events.subscribe(RunStarted, lambda event: came.set())
    bench.events.subscribe(WatchChanged, lambda event: told.append((event, time.time())))
    bench.scheduler.define(IntervalJob("holds", service="hang", seconds=1, watch_start=False))
    bench.scheduler.start()
    assert came.wait(30)
    bench.scheduler.define(IntervalJob("waits", service="ok", seconds=1, repeats=1, grace_seconds=1))
    planned = bench.scheduler.next_at("waits") or bench.jobs["waits"].anchor + timedelta(seconds=1)
    event, at = until(lambda: told, "it is told")[0]
    late = at - planned.timestamp() - 1
    print(f"told {late:.2f} s after its grace")
    bench.close()
    store.close()
    assert event.job == "waits"
    assert 0 <= late < 10
