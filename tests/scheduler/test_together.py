"""Definitions of one block: stored in one write, in force at its end, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.scheduler.conftest import START, Bench
from tests.scheduler.test_runner import Moody
from workbench.core.clock import VirtualClock
from workbench.core.errors import InvalidDefinition, StoreUnavailable
from workbench.core.ports import Store
from workbench.durable.presence import Presence
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.history import MANY, History
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

    def get_all(self, keys: Collection[str]) -> dict[str, bytes]:
        self.asked += [("get_all", key) for key in keys]
        return super().get_all(keys)

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


def test_a_block_that_says_its_names_reads_all_its_jobs_together_and_none_again() -> None:
    store, clock = Counted(), VirtualClock(START)
    first = Bench(store, clock)
    define(first, JOBS[:4])
    first.close()
    later = Bench(store, clock)
    store.asked.clear()
    with later.scheduler.together([job.name for job in JOBS]):
        for job in JOBS:
            later.scheduler.remember(job.name)
            later.scheduler.define(job)
    read = [(verb, key.rpartition("/")[2]) for verb, key in store.asked if "/job/" in key]
    assert read == [("get_all", job.name) for job in JOBS]
    later.advance(60)
    assert [later.outcomes(job.name) for job in JOBS] == [["ok"]] * 5
    later.close()


def test_marks_of_many_jobs_read_together_are_those_read_one_by_one() -> None:
    store, clock = Counted(), VirtualClock(START)
    bench = Bench(store, clock)
    strange = ["a/b", "a%2Fb", "job 1~", "ż", "job 10"]
    jobs = [IntervalJob(name, service="ok", minutes=1) for name in strange]
    jobs += [IntervalJob(f"job {number:04d}", service="ok", hours=1) for number in range(MANY)]
    define(bench, jobs)
    bench.jobs["a/b"].pause()
    bench.advance(120)
    bench.jobs["a/b"].resume()
    history = History(store, "nb.ipynb", clock, Presence(None), 500)
    # Two marks, of which the latest counts; and none, as in an old store.
    store.add(f"app/nb.ipynb/past/ż/mark~{(START + timedelta(hours=1)):%Y%m%dT%H%M%S.%fZ}", b"")
    [old] = [key for key, _ in store.scan("app/nb.ipynb/past/job 0007/")]
    store.delete(old)
    records = [record for job in jobs if (record := bench.scheduler.stored(job.name)) is not None]
    found = history.marks(records)
    assert found == {each.definition.name: history.mark(each) for each in records if each.definition.name != "job 0007"}
    assert found["ż"] == START + timedelta(hours=1)
    assert history.marks(records[: MANY - 1]) == {}
    bench.close()


def test_many_jobs_that_come_back_together_account_for_what_came_meanwhile() -> None:
    store, clock = MemoryStore(), VirtualClock(START)
    jobs = [IntervalJob(f"job {number:04d}", service="ok", minutes=1 + number % 7) for number in range(MANY)]
    bench = Bench(store, clock)
    define(bench, jobs)
    bench.close()
    clock.advance(180)
    later = Bench(store, clock)
    define(later, jobs)
    later.advance(0)
    late = {name for name in later.jobs if later.outcomes(name)}
    assert late == {job.name for job in jobs if job.minutes <= 3}
    assert [name for name in sorted(late)[::10] if not later.jobs.account(name).holds] == []
    later.close()


def test_what_is_stored_of_an_equal_definition_is_not_changed(store: Store) -> None:
    clock = VirtualClock(START)
    job = IntervalJob("j", service="ok", minutes=1, extra={"b": [1, 2.5, None], "a": "ż"}, tags=("x",))
    Bench(store, clock).scheduler.define(job, source="first")
    again = Bench(store, clock)
    assert again.scheduler.define(job) == "unchanged"
    assert (again.jobs["j"].definition, again.jobs["j"].source) == (job, "first")
    assert again.scheduler.define(job.replace(extra={"b": [1], "a": "ż"})) == "changed"


def test_what_is_stored_as_this_process_knows_it_is_not_checked_again(store: Store) -> None:
    bench = Bench(store)
    define(bench, JOBS)
    records = {job.name: bench.scheduler.stored(job.name) for job in JOBS}
    assert all(bench.scheduler.stored(name) is record for name, record in records.items())
    # Another process changes one, and removes one.
    other = bench.again()
    assert other.scheduler.define(JOBS[0].replace(minutes=7)) == "changed"
    other.jobs["job 1"].remove()
    changed = bench.scheduler.stored("job 0")
    assert changed is not None
    assert changed.definition == JOBS[0].replace(minutes=7)
    assert bench.scheduler.stored("job 1") is None
    assert bench.scheduler.stored("job 2") is records["job 2"]
    assert other.scheduler.define(JOBS[0]) == "changed"
    again = bench.scheduler.stored("job 0")
    assert again is not None
    assert (again.definition, again.since) == (JOBS[0], other.scheduler.record("job 0").since)
    for each in (other, bench):
        each.close()
