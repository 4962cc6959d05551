"""Processes that die at any moment, alone or all at once: no planned time is lost, none runs twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.scheduler.conftest import START, Bench
from tests.scheduler.oracle import Window, unaccounted
from workbench.core.clock import SystemClock, VirtualClock
from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Store, Swap
from workbench.scheduler.account import last_attempts
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.records import Run, RunEnded
from workbench.scheduler.runs.bounds import Bounds
from workbench.stores import open_store
from workbench.stores.memory import MemoryStore

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
JOBS: list[AnyJob] = [
    IntervalJob("interval", service="ok", seconds=7),
    CronJob("cron", service="ok", cron="*/10 * * * * *"),
    OneTimeJob("once", service="ok", start="2026-01-01 12:00:50"),
    OneTimeJob("later", service="ok", start="2026-01-01 12:04"),
]


class Mortal:
    """What one process sees of a store until the process dies, before its write of that number or right after it."""

    def __init__(self, store: Store, dies_at: int | None = None, *, after: bool = False) -> None:
        self._store, self._dies_at, self._after = store, dies_at, after
        # All processes here are this one, so none holds a lease in the store: the writes counted are the scheduler's.
        self.folder, self.across_machines = store.folder, False
        self.writes, self.is_dead = 0, False

    def get(self, key: str) -> bytes | None:
        self._breathe()
        return self._store.get(key)

    def get_all(self, keys: Collection[str]) -> dict[str, bytes]:
        self._breathe()
        return self._store.get_all(keys)

    def scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        self._breathe()
        return iter(list(self._store.scan(prefix, after)))

    def put(self, key: str, value: bytes) -> None:
        self._write("put", key, value)

    def put_all(self, values: Mapping[str, bytes]) -> None:
        self._write("put_all", values)

    def delete(self, key: str) -> Any:
        return self._write("delete", key)

    def add(self, key: str, value: bytes) -> Any:
        return self._write("add", key, value)

    def incr(self, key: str, by: int = 1) -> Any:
        return self._write("incr", key, by)

    def swap(self, key: str, expected: bytes | None, value: bytes | None) -> Any:
        return self._write("swap", key, expected, value)

    def swap_all(self, swaps: Sequence[Swap]) -> Any:
        return self._write("swap_all", swaps)

    def time(self) -> float:
        return self._store.time()

    def close(self) -> None:
        """The store outlives the process."""

    def _breathe(self) -> None:
        if self.is_dead:
            raise StoreUnavailable("This process is dead.")

    def _write(self, verb: str, *arguments: Any) -> Any:
        self._breathe()
        self.writes += 1
        self.is_dead = self.writes == self._dies_at
        if self.is_dead and not self._after:
            self._breathe()
        answer = getattr(self._store, verb)(*arguments)
        self._breathe()
        return answer


class Life:
    """An application on a virtual clock, one process after another; whoever dies does so in the middle of it."""

    def __init__(self, store: Store, app: str, gap: float, policy: Mapping[str, Any] | None = None) -> None:
        self.store, self.app, self.gap, self.clock = store, app, gap, VirtualClock(START)
        self.jobs: list[AnyJob] = [job.replace(**(policy or {})) for job in JOBS]
        self.may_run_again = bool(policy and policy.get("on_interrupt") == "retry")
        self.ran: list[tuple[str, datetime]] = []
        self.told: dict[str, Run] = {}
        self.pause: Window | None = None

    def live(self, mortal: Store) -> None:
        """Define, run, pause one and resume it, change one, sleep too long, run again; old rows are left behind."""
        with suppress(StoreUnavailable), self._process(mortal, bounds=Bounds(runs=3)) as bench:
            self._live(bench)

    @contextmanager
    def _process(self, mortal: Store, **more: Any) -> Iterator[Bench]:
        """A process on what it sees of the store; it may die as soon as it says there that it lives."""
        bench = Bench(mortal, self.clock, app=self.app, **more)
        bench.scheduler.start("here")
        try:
            yield bench
        finally:
            self._end(bench)

    def _end(self, bench: Bench) -> None:
        bench.close()
        self.ran += [(call.job_name, call.planned_at) for call in bench.services.calls]
        self.told |= {event.run.key: event.run for event in bench.heard if isinstance(event, RunEnded)}

    def _live(self, bench: Bench) -> None:
        for job in self.jobs:
            bench.scheduler.define(job)
        for _ in range(4):
            bench.advance(9)
        self.pause = (self.clock.now(), self.clock.now())
        bench.jobs["interval"].pause()
        bench.advance(15)
        self.pause = (self.pause[0], self.clock.now())
        bench.jobs["interval"].resume()
        bench.scheduler.define(self.jobs[1].replace(extra="other"))
        bench.advance(100)
        for _ in range(13 if SOAK else 3):
            bench.advance(12)

    def live_again(self, mortal: Store) -> None:
        """Start after the gap, and die at once."""
        self.clock.advance(self.gap)
        with suppress(StoreUnavailable), self._process(mortal) as bench:
            for job in self.jobs:
                bench.scheduler.define(job)
            bench.advance(0)

    def broken(self) -> dict[str, Any]:
        """Start again after the gap, live for a while, and say what breaks the law."""
        self.clock.advance(self.gap)
        bench = Bench(self.store, self.clock, app=self.app)
        bench.scheduler.start("here")
        began = self.clock.now()
        for job in self.jobs:
            if job.name not in bench.jobs and isinstance(job, OneTimeJob) and job.start < f"{began:%Y-%m-%d %H:%M:%S}":
                continue  # its process died before it could be kept
            bench.scheduler.define(job)
        if bench.jobs["interval"].state == "paused":
            bench.jobs["interval"].resume()
            assert self.pause is not None
            self.pause = (self.pause[0], self.clock.now())
        bench.advance(0)
        for _ in range(4):
            bench.advance(9)
        self._end(bench)
        found: dict[str, Any] = {}
        for job in self.jobs:
            if (record := bench.scheduler.stored(job.name)) is None:
                continue
            # Old rows are left behind; of those that are not in the store any more, their process told.
            rows = {key: run for key, run in self.told.items() if run.job == job.name}
            rows |= {run.key: run for run in bench.jobs[job.name].runs}
            pauses = [self.pause] if job.name == "interval" and self.pause else []
            if broken := unaccounted(job, record.anchor, self.clock.now(), last_attempts(rows.values()), pauses):
                found[job.name] = broken
            if not (account := bench.jobs.account(job.name)).holds:
                found[job.name] = account
        if twice := [at for at, times in Counter(self.ran).items() if times > 1 and not self.may_run_again]:
            found["run twice"] = twice
        return found


GAPS = (0, 3, 41, 200)


def _every_write(store: Store, policy: Mapping[str, Any] | None = None) -> int:
    mortal = Mortal(store)
    life = Life(mortal, "whole", 0, policy)
    life.live(mortal)
    assert life.broken() == {}
    return mortal.writes


def _crashes(store: Store, step: int, policy: Mapping[str, Any] | None = None) -> dict[tuple[int, bool, float], Any]:
    """Die before and after every `step`th write; what broke the law, by where and for how long all was dead."""
    found = {}
    for number in range(1, _every_write(MemoryStore(), policy) + 1, step):
        for after, turn in product((False, True), range(2 if SOAK and isinstance(store, MemoryStore) else 1)):
            gap = GAPS[(number // step + after + 2 * turn) % len(GAPS)]
            life = Life(store, f"{number} {after} {gap}", gap, policy)
            life.live(Mortal(store, number, after=after))
            found[number, after, gap] = life.broken()
    return found


def test_a_process_that_dies_before_or_after_any_write_loses_and_doubles_nothing(store: Store) -> None:
    found = _crashes(store, 1 if SOAK else 5 if isinstance(store, MemoryStore) else 12)
    assert {where: broken for where, broken in found.items() if broken} == {}
    assert len(found) >= (200 if SOAK else 8)


POLICIES: list[dict[str, Any]] = [
    {"missed": "skip"},
    {"missed": "run_all", "missed_count": 2},
    {"missed": "run_all", "missed_seconds": 20.0},
    {"overlap": "queue_one"},
    {"overlap": "allow"},
    {"overlap": "cancel_running"},
    {"on_interrupt": "retry"},
    {"retries": 2, "retry_seconds": 3.0},
    {"time_limit_seconds": 5.0},
]


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_with_each_policy_a_process_may_die_before_or_after_any_write(policy: dict[str, Any], store: Store) -> None:
    step = 12 if isinstance(store, MemoryStore) else 60
    found = _crashes(store, 1 if SOAK else step, policy)
    print(f"{len(found)} crashes, {sum(map(bool, found.values()))} break the law")
    assert {where: broken for where, broken in found.items() if broken} == {}
    if isinstance(store, MemoryStore):
        assert len(found) >= (200 if SOAK else 6)
    else:
        # Before and after each write, once.
        assert len(found) >= (150 if SOAK else 2)


def test_one_that_dies_again_while_it_catches_up_loses_and_doubles_nothing(store: Store) -> None:
    found = {}
    for number in range(1, 40, 1 if SOAK else 8 if isinstance(store, MemoryStore) else 20):
        for gap in (41, 130):
            life = Life(store, f"{number} {gap}", gap)
            life.live(Mortal(store, 60))
            life.live_again(Mortal(store, number, after=number % 2 == 0))
            found[number, gap] = life.broken()
    assert {where: broken for where, broken in found.items() if broken} == {}


SERVE = """
import os, sys
from workbench.core.clock import SystemClock
from workbench.core.events import Events
from workbench.scheduler.definitions import CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.engine import Scheduler
from workbench.scheduler.ports import JobResult
from workbench.scheduler.runs.bounds import Bounds
from workbench.stores import open_store

url, ran, once = sys.argv[1:]
file = os.open(ran, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def invoke(service, extra, *, job_name, planned_at, **more):
    os.write(file, f"{job_name} {planned_at.isoformat()}\\n".encode())
    return JobResult("cid")

scheduler = Scheduler(open_store(url), "nb.ipynb", SystemClock(), invoke, Events(), bounds=Bounds(runs=100_000))
scheduler.start()
try:
    scheduler.define(OneTimeJob(f"once {once}", service="ok", start=once))
except Exception as exc:
    assert "is in the past" in str(exc), exc
for number in range(3):
    scheduler.define(IntervalJob(f"interval {number}", service="ok", seconds=1))
scheduler.define(CronJob("cron", service="ok", cron="* * * * * *"))
print("ready", flush=True)
sys.stdin.readline()
"""


def _serve(url: str, ran: Path, once: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, url, str(ran), once], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.timeout(900 if SOAK else 120)
def test_kill_9_of_all_processes_at_once_loses_and_doubles_nothing(tmp_path: Path) -> None:
    url, ran = f"sqlite:///{tmp_path}/store.db", tmp_path / "ran"
    dice = random.Random(20_261_128)
    for _ in range(20 if SOAK else 1):
        once = f"{datetime.now(UTC) + timedelta(seconds=dice.uniform(4, 12)):%Y-%m-%d %H:%M:%S}"
        processes = [_serve(url, ran, once) for _ in range(3 if SOAK else 2)]
        try:
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            # The moment of death is what is tried: any moment within two planned times.
            Event().wait(dice.uniform(0, 2))
        finally:
            for process in processes:
                process.send_signal(signal.SIGKILL)
            for process in processes:
                process.communicate(timeout=30)
        Event().wait(dice.uniform(0, 2))
    store = open_store(url)
    last = Bench(store, SystemClock(), bounds=Bounds(runs=100_000))
    jobs = {name: last.scheduler.stored(name) for name in last.jobs}
    assert jobs.keys() >= {"cron", *(f"interval {number}" for number in range(3))}
    for record in jobs.values():
        assert record is not None
        last.scheduler.define(record.definition)
    now = last.clock.now()
    last.scheduler.tick()
    assert last.scheduler.settle(60)
    broken = {}
    for name, record in jobs.items():
        assert record is not None
        if found := unaccounted(record.definition, record.anchor, now, last.jobs[name].runs):
            broken[name] = found
    lines = ran.read_text().splitlines()
    twice = [line for line, times in Counter(lines).items() if times > 1]
    again = {(call.job_name, call.planned_at.isoformat()) for call in last.services.calls}
    assert (broken, twice, again & {tuple(line.rsplit(" ", 1)) for line in lines}) == ({}, [], set())
    outcomes = Counter(run.outcome for name in jobs for run in last.jobs[name].runs)
    print(f"{len(jobs)} jobs, {sum(outcomes.values())} planned times: {dict(outcomes)}")
    last.close()
    store.close()


if SOAK:  # it takes half a minute; test_runner and test_accounts say the same on a virtual clock

    def test_a_process_that_was_stopped_for_30_seconds_runs_what_came_meanwhile(tmp_path: Path) -> None:
        url, ran = f"sqlite:///{tmp_path}/store.db", tmp_path / "ran"
        with _serve(url, ran, "2000-01-01") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            Event().wait(2)
            process.send_signal(signal.SIGSTOP)
            Event().wait(30)
            process.send_signal(signal.SIGCONT)
            store = open_store(url)
            watching = Bench(store, SystemClock())
            tallies = [watching.jobs[f"interval {number}"].wait(runs=35, timeout=60) for number in range(3)]
            process.send_signal(signal.SIGKILL)
        assert [tally.by_outcome for tally in tallies] == [{"ok": 35}] * 3
        watching.close()
        store.close()
