"""A store that refuses for a while: what could not be claimed or written runs late or is recorded afterwards."""

from __future__ import annotations

import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from tests.scheduler.test_accounts import SECONDLY, Applications
from tests.scheduler.test_runner import Moody
from workbench.scheduler.definitions import IntervalJob, OneTimeJob
from workbench.scheduler.records import RunLost
from workbench.stores.sqlite import SQLiteStore


@pytest.mark.parametrize("seconds", [1, 5, 30, 59, 60, 61, 200])
@pytest.mark.parametrize("verbs", [("add",), ("get",), ("add", "put", "get", "scan")], ids="+".join)
def test_what_a_store_refuses_runs_late_or_is_recorded_once_it_answers(verbs: tuple[str, ...], seconds: int) -> None:
    moody = Moody()
    nb = Applications(moody)  # type: ignore[arg-type]
    bench = nb.start(SECONDLY)
    bench.advance(3)
    moody.fails.update(verbs)
    for _ in range(seconds):
        bench.advance(1)
    moody.fails.clear()
    bench.advance(1)
    bench.advance(1)
    assert nb.broken(SECONDLY, bench) == {}
    assert bench.outcomes("j").count("ok") >= 5 + min(seconds, 58)
    told = [event.planned for event in bench.heard if isinstance(event, RunLost)]
    assert len(told) == len(set(told)) == seconds
    nb.close()


def test_what_is_skipped_or_missed_while_the_store_refuses_is_recorded_later() -> None:
    moody = Moody()
    nb, job = Applications(moody), IntervalJob("j", service="hang", seconds=10)  # type: ignore[arg-type]
    bench = nb.start(job)
    nb.clock.advance(10)
    bench.scheduler.tick()
    while not bench.services.calls:
        bench.scheduler.wait("j", runs=0)
    moody.fails.add("add")
    for seconds in [10] * 15 + [300]:
        nb.clock.advance(seconds)
        bench.scheduler.tick()
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    moody.fails.clear()
    bench.advance(0)
    bench.advance(0)
    assert nb.broken(job, bench) == {}
    nb.close()


def test_a_job_that_is_removed_while_the_store_refuses_leaves_nothing() -> None:
    moody = Moody()
    nb = Applications(moody)  # type: ignore[arg-type]
    bench = nb.start(SECONDLY)
    moody.fails.add("add")
    bench.advance(3)
    moody.fails.clear()
    bench.jobs.remove("j")
    bench.advance(3)
    assert list(moody.scan("app/")) == []  # type: ignore[attr-defined]
    nb.close()


def test_a_one_time_job_runs_late_though_another_process_locked_the_store(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db", busy_seconds=0.02)
    nb, job = Applications(store), OneTimeJob("j", service="ok", start="2026-01-01 12:01")
    bench = nb.start(job)
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    bench.advance(60)
    bench.advance(5)
    assert nb.ran == []
    other.execute("ROLLBACK")
    other.close()
    bench.advance(1)
    assert (nb.broken(job, bench), bench.outcomes("j")) == ({}, ["ok"])
    nb.close()
    store.close()


def test_refused_times_are_not_remembered_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", logger="workbench.scheduler")
    moody = Moody()
    nb = Applications(moody)  # type: ignore[arg-type]
    bench = nb.start(SECONDLY)
    bench.events.subscribe(RunLost, lambda event: bench.heard.clear())
    moody.fails.add("add")
    for _ in range(100):
        bench.advance(1)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(500):
            bench.advance(1)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 100_000
    moody.fails.clear()
    bench.advance(1)
    bench.advance(0)
    assert nb.broken(SECONDLY, bench) == {}
    nb.close()
