"""Definitions of one block: stored in one write, in force at its end, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.scheduler.conftest import START, Bench
from tests.scheduler.test_runner import Moody
from workbench.core.clock import VirtualClock
from workbench.core.errors import InvalidDefinition, StoreUnavailable
from workbench.core.ports import Store
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.records import JobChanged
from workbench.stores.memory import MemoryStore
from workbench.stores.sqlite import SQLiteStore

JOBS = [IntervalJob(f"job {number}", service="ok", minutes=1) for number in range(5)]


class Counted(MemoryStore):
    """A store that says what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []

    def get(self, key: str) -> bytes | None:
        self.asked.append(("get", key))
        return super().get(key)

    def put(self, key: str, value: bytes) -> None:
        self.asked.append(("put", key))
        super().put(key, value)

    def put_all(self, values: Mapping[str, bytes]) -> None:
        self.asked += [("put_all", "")]
        super().put_all(values)

    def scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        for key, value in super().scan(prefix, after):
            self.asked.append(("scan", key))
            yield key, value

    def writes(self) -> list[str]:
        return [verb for verb, _ in self.asked if verb.startswith("put")]


def define(bench: Bench, jobs: Sequence[AnyJob]) -> None:
    with bench.scheduler.together():
        for job in jobs:
            bench.scheduler.define(job)


def told(bench: Bench) -> list[tuple[str, str]]:
    return [(event.job, event.what) for event in bench.heard if isinstance(event, JobChanged)]


def test_what_is_defined_together_is_one_write_and_in_force_after_it() -> None:
    store = Counted()
    bench = Bench(store)
    with bench.scheduler.together():
        words = [bench.scheduler.define(job) for job in JOBS]
        assert (list(bench.jobs), store.writes(), told(bench)) == ([], [], [])
    assert (words, store.writes()) == (["defined"] * 5, ["put_all"])
    assert told(bench) == [(job.name, "defined") for job in JOBS]
    bench.advance(60)
    assert [bench.outcomes(job.name) for job in JOBS] == [["ok"]] * 5
    bench.close()


def test_a_block_that_fails_leaves_nothing(bench: Bench) -> None:
    bench.scheduler.define(JOBS[0])
    before = list(bench.store.scan(""))
    with pytest.raises(InvalidDefinition):
        define(bench, [JOBS[0].replace(minutes=7), JOBS[1], OneTimeJob("late", service="ok", start="2000-01-01")])
    assert (list(bench.store.scan("")), list(bench.jobs)) == (before, ["job 0"])
    bench.advance(60)
    assert [call.job_name for call in bench.services.calls] == ["job 0"]


def test_a_store_that_refuses_a_block_leaves_nothing_in_force() -> None:
    moody = Moody()
    bench = Bench(moody)  # type: ignore[arg-type]
    moody.fails.add("put")
    with pytest.raises(StoreUnavailable):
        define(bench, JOBS)
    moody.fails.clear()
    assert list(bench.jobs) == []
    bench.advance(60)
    assert bench.services.calls == []
    bench.close()


def test_full_disk_in_the_middle_of_a_block_keeps_none_of_it(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db", max_pages=12)
    bench = Bench(store, VirtualClock(START))
    with pytest.raises(StoreUnavailable, match="is full"):
        define(bench, [IntervalJob(f"job {number}", service="ok", minutes=1) for number in range(500)])
    assert [key for key, _ in store.scan("") if "/job/" in key] == []
    assert bench.scheduler.define(JOBS[0]) == "defined"
    bench.close()
    store.close()


def test_one_job_twice_in_a_block_ends_as_the_last_and_each_way_back_leads_to_before(bench: Bench) -> None:
    bench.scheduler.define(JOBS[0])
    ways_back = []
    with bench.scheduler.together():
        for minutes in (7, 1, 9):
            ways_back.append(bench.scheduler.remember("job 0"))
            assert bench.scheduler.define(JOBS[0].replace(minutes=minutes)) == "changed"
    assert bench.jobs["job 0"].definition == JOBS[0].replace(minutes=9)
    for way_back in reversed(ways_back):
        way_back()
    assert bench.jobs["job 0"].definition == JOBS[0]


def test_a_job_none_of_whose_times_has_come_reads_no_rows_to_start() -> None:
    store, clock = Counted(), VirtualClock(START)
    jobs: list[AnyJob] = [CronJob("c", service="ok", cron="*/10 * * * * *")]
    jobs.append(IntervalJob("i", service="ok", seconds=10))
    bench = Bench(store, clock)
    for job in jobs:
        bench.scheduler.define(job)
    for _ in range(120):
        bench.advance(10)
    bench.close()
    store.asked.clear()
    later = Bench(store, clock)
    for job in jobs:
        later.scheduler.define(job)
    read = sum("/run/" in key for _, key in store.asked)
    # Where all is accounted for moves on every fifty runs, however many rows are kept.
    assert read <= 2 * 2 * 50
    later.advance(10)
    assert later.jobs.account("i").holds
    later.close()


def test_what_is_stored_of_an_equal_definition_is_not_changed(store: Store) -> None:
    clock = VirtualClock(START)
    job = IntervalJob("j", service="ok", minutes=1, extra={"b": [1, 2.5, None], "a": "ż"}, tags=("x",))
    Bench(store, clock).scheduler.define(job, source="first")
    again = Bench(store, clock)
    assert again.scheduler.define(job) == "unchanged"
    assert (again.jobs["j"].definition, again.jobs["j"].source) == (job, "first")
    assert again.scheduler.define(job.replace(extra={"b": [1], "a": "ż"})) == "changed"
