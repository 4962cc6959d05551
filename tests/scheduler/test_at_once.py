"""Planned times that come at once are claimed together, and ends are written together; each still stands for itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from tests.scheduler.conftest import START, Bench
from workbench.core.ports import Store, Swap
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.records import Run, RunEnded, RunStarted
from workbench.scheduler.runs.bounds import Bounds
from workbench.scheduler.runs.endings import LATE_SECONDS
from workbench.stores.memory import MemoryStore
from workbench.stores.sqlite import SQLiteStore

JOBS = [IntervalJob(f"job {number}", service="ok", minutes=1) for number in range(20)]
HANGING = [job.replace(name=f"hangs {number}", service="hang") for number, job in enumerate(JOBS)]


class Counted(MemoryStore):
    """A store that says what it was asked together."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[tuple[str, int]] = []

    def get_all(self, keys: Collection[str]) -> dict[str, bytes]:
        self.together.append(("get", len(keys)))
        return super().get_all(keys)

    def swap_all(self, swaps: Sequence[Swap]) -> list[bool]:
        verb = {True: "add", False: "swap"}[all(each.expected is None for each in swaps)]
        self.together.append((verb, len(swaps)))
        return super().swap_all(swaps)


def defined(bench: Bench, jobs: Sequence[IntervalJob]) -> None:
    with bench.scheduler.together():
        for job in jobs:
            bench.scheduler.define(job)


def names(bench: Bench) -> list[str]:
    return sorted(call.job_name for call in bench.services.calls)


def test_what_comes_at_once_is_claimed_and_settled_in_one_write_each() -> None:
    bench = Bench(store := Counted(), bounds=Bounds(threads=0))
    defined(bench, JOBS)
    bench.advance(60)
    store.together.clear()
    bench.advance(60)
    # Of each job whether it stands and is not paused; its row; how it ended; and that it was not removed meanwhile.
    assert store.together == [("get", 40), ("add", 20), ("swap", 20), ("get", 20)]
    assert [bench.outcomes(job.name) for job in JOBS] == [["ok"] * 2] * len(JOBS)
    bench.close()


def test_of_processes_that_claim_together_one_alone_runs_each_planned_time(store: Store) -> None:
    benches = [Bench(store)]
    defined(benches[0], JOBS)
    benches += [benches[0].again() for _ in range(2)]
    for bench in benches[1:]:
        defined(bench, JOBS)
    benches[0].clock.advance(60)  # type: ignore[attr-defined]
    for bench in benches:
        bench.scheduler.tick()
    assert all(bench.scheduler.settle(10) for bench in benches)
    calls = Counter(name for bench in benches for name in names(bench))
    assert calls == Counter(job.name for job in JOBS)
    assert [benches[0].outcomes(job.name) for job in JOBS] == [["ok"]] * len(JOBS)
    for bench in benches:
        bench.close()


def test_what_another_process_paused_changed_or_removed_does_not_run_with_the_others(store: Store) -> None:
    bench = Bench(store)
    defined(bench, JOBS[:5])
    other = bench.again()
    defined(other, JOBS[:5])
    other.jobs["job 1"].pause()
    other.scheduler.define(JOBS[2].replace(hours=1))
    other.scheduler.remove("job 3")
    bench.advance(60)
    assert names(bench) == ["job 0", "job 4"]
    assert [bench.outcomes(f"job {number}") for number in (0, 1, 4)] == [["ok"], [], ["ok"]]
    assert bench.jobs.account("job 1").holds
    assert "job 3" not in bench.jobs
    for each in (bench, other):
        each.close()


def test_a_run_says_when_it_began_and_not_when_it_was_claimed() -> None:
    bench = Bench(MemoryStore(), bounds=Bounds(threads=0))
    started: list[Run] = []
    bench.events.subscribe(RunStarted, lambda event: started.append(event.run))
    bench.services.by_name["slow"] = lambda extra: bench.clock.advance(3)  # type: ignore[attr-defined]
    defined(bench, [job.replace(service="slow") for job in JOBS[:3]])
    bench.advance(60)
    begun = [START + timedelta(seconds=seconds) for seconds in (60, 63, 66)]
    assert [run.started for run in started] == begun
    assert [bench.jobs[f"job {number}"].runs[0].started for number in range(3)] == begun
    bench.close()


def test_ends_are_written_while_other_runs_hang() -> None:
    bench = Bench(MemoryStore())
    ended, all_ended = [], Event()

    def note(event: RunEnded) -> None:
        ended.append(event.run.job)
        if len(ended) == len(JOBS):
            all_ended.set()

    bench.events.subscribe(RunEnded, note)
    defined(bench, [each for pair in zip(JOBS, HANGING, strict=True) for each in pair])
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    assert all_ended.wait(20)
    assert [bench.outcomes(job.name) for job in JOBS] == [["ok"]] * len(JOBS)
    bench.close()


def hanging_from(bench: Bench, count: int) -> Event:
    """Set once that many runs of `hang` have begun."""
    begun, hang = Event(), bench.services.by_name["hang"]

    def hangs(extra: str) -> None:
        if sum(call.service == "hang" for call in bench.services.calls) == count:
            begun.set()
        hang(extra)

    bench.services.by_name["hang"] = hangs
    return begun


def test_the_end_of_a_run_is_written_though_runs_that_hang_hold_every_thread() -> None:
    # Without a look at the accounts meanwhile, which would bring a thread of its own.
    bench = Bench(MemoryStore(), bounds=Bounds(threads=1, spares=0, look_seconds=86_400))
    begun, written = hanging_from(bench, 1), Event()
    bench.events.subscribe(RunEnded, lambda event: written.set())
    defined(bench, [JOBS[0], HANGING[0]])
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    assert begun.wait(20)
    # The one thread went on to the other run first.
    assert not written.is_set()
    bench.clock.advance(LATE_SECONDS)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    assert written.wait(20)
    assert bench.outcomes("job 0") == ["ok"]
    bench.close()


def test_no_more_is_claimed_than_there_are_threads_for(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    full = Bench(store, bounds=Bounds(threads=2, spares=1))
    defined(full, HANGING[:10])
    begun = hanging_from(full, 3)
    other = full.again()
    defined(other, HANGING[:10])
    other.services.gate.set()
    full.clock.advance(60)  # type: ignore[attr-defined]
    full.scheduler.tick()
    assert begun.wait(20)
    # Those that wait for a thread there are still anybody's.
    other.advance(0)
    assert len(names(other)) == 7
    for bench in (full, other):
        bench.close()
    assert sorted([*names(other), *names(full)]) == sorted(job.name for job in HANGING[:10])
    store.close()


@pytest.mark.parametrize("count", [63, 64, 65, 200])
def test_however_many_come_at_once_each_runs_once(count: int) -> None:
    bench = Bench(MemoryStore())
    defined(bench, [IntervalJob(f"job {number:03d}", service="ok", minutes=1) for number in range(count)])
    bench.advance(60)
    assert names(bench) == [f"job {number:03d}" for number in range(count)]
    assert [bench.outcomes(name) for name in names(bench)] == [["ok"]] * count
    bench.close()
