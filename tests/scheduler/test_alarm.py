"""The machine's clock fires what is due, in time, from its own thread."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.scheduler.conftest import Bench
from tests.serving import until
from workbench.core.clock import SystemClock
from workbench.scheduler.alarm import Alarm
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.records import JobChanged, RunLost
from workbench.stores import open_store


def clocks() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "workbench-clock"}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Bench]:
    before = clocks()
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    made = Bench(store, SystemClock())
    made.scheduler.start()
    made.scheduler.start()
    assert len(clocks() - before) == 1
    yield made
    made.close()
    store.close()
    assert not clocks() - before


def test_runs_come_at_their_planned_times_without_drift(live: Bench) -> None:
    live.scheduler.define(IntervalJob("sync demo", service="ok", seconds=1, repeats=2))
    assert repr(live.jobs["sync demo"].wait(runs=2, timeout=30)) == "'sync demo': 2 runs, 2 ok, finished (2 of 2)."
    first, second = live.jobs["sync demo"].runs
    assert (second.planned - first.planned).total_seconds() == 1.0
    assert all(run.late_seconds is not None and 0 <= run.late_seconds < 1 for run in (first, second))


def test_what_is_defined_while_the_alarm_is_being_started_needs_no_call() -> None:
    looked = threading.Event()
    alarm = Alarm(looked.set, lambda: 0.0)
    alarm.wake()
    assert not looked.is_set()
    alarm.start()
    assert looked.wait(30), "it looks by itself, whatever was defined before"
    alarm.stop()


def in_the_second(at: float) -> None:
    """Wait for the next instant of so great a fraction of a second."""
    threading.Event().wait((at - time.time()) % 1.0)


def test_a_job_that_is_due_sooner_than_the_alarm_was_set_to_is_not_late(tmp_path: Path) -> None:
    # The alarm looks once a second by itself, here in the middle of each; jobs are due at whole seconds. One that is
    # not set anew for a job that is defined after its look is half a second late, always; a busy machine may be late
    # now and then. So one that is on time is proof.
    store = open_store("memory://")
    bench = Bench(store, SystemClock())
    in_the_second(0.5)
    bench.scheduler.start()
    late: list[float | None] = []
    while len(late) < 10 and not (late and late[-1] is not None and late[-1] < 0.3):
        name = f"soon {len(late)}"
        in_the_second(0.7)
        due = math.ceil(time.time())
        start = datetime.fromtimestamp(due, UTC).replace(tzinfo=None).isoformat(" ")
        bench.scheduler.define(IntervalJob(name, service="ok", hours=1, start=start))
        late.append(None)
        if time.time() < due:
            # Not by `wait`, which looks what is due by itself.
            late[-1] = until(lambda job=bench.jobs[name]: job.runs, "it has run")[0].late_seconds
    bench.close()
    store.close()
    assert late[-1] is not None, late
    assert late[-1] < 0.3, late


def test_a_job_may_be_defined_by_whoever_hears_of_another(live: Bench) -> None:
    def follow(event: JobChanged) -> None:
        if event.job == "first":
            live.scheduler.define(IntervalJob("second", service="ok", seconds=1, repeats=1))

    live.events.subscribe(JobChanged, follow)
    live.scheduler.define(IntervalJob("first", service="ok", seconds=1, repeats=1))
    assert live.jobs["first"].wait(timeout=30).ok
    assert live.jobs["second"].wait(timeout=30).ok


def test_a_store_that_gives_no_answer_does_not_stop_the_clock(live: Bench) -> None:
    lost = threading.Semaphore(0)
    live.events.subscribe(RunLost, lambda event: lost.release())
    live.scheduler.define(IntervalJob("j", service="ok", seconds=1))
    live.store.close()
    assert lost.acquire(timeout=30)
    assert lost.acquire(timeout=30)
    assert live.services.calls == []
