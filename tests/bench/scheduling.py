"""What many jobs cost: to define and load them, to find their next time, to run a burst, to decide what was missed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import Any, NamedTuple

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from tests.bench.figures import Row
from tests.bench.processes import rotated
from workbench import CronJob, IntervalJob, Service, Workbench
from workbench.core.clock import VirtualClock
from workbench.core.events import Events
from workbench.scheduler import plan
from workbench.scheduler.agenda import Agenda
from workbench.scheduler.definitions import AnyJob
from workbench.scheduler.engine import Scheduler
from workbench.scheduler.ports import JobResult
from workbench.scheduler.records import JobRecord
from workbench.stores import open_store

MANY, CRONS, BURST, ROUNDS = 10_000, 1_000, 1_000, 4
START = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
TEN_YEARS_SECONDS = 10 * 365.25 * 86_400
_ran = Semaphore(0)


class Took(NamedTuple):
    """How long something took, and how much of it this process was at work for."""

    seconds: float
    cpu_seconds: float

    def a_second(self) -> float:
        """Runs of a burst a second."""
        return BURST / self.seconds

    def a_cpu_second(self) -> float:
        """Runs of a burst a second of CPU time."""
        return BURST / self.cpu_seconds


class Tick(Service):
    """What nobody waits for here."""

    name = "bench.tick"

    def handle(self) -> None:
        """Nothing."""


def rows() -> Iterator[Row]:
    """All figures, round by round."""
    yield from _defining()
    yield Row(
        "1,000 cron jobs with repeats: next time of one", "ms", [_next_times() for _ in range(ROUNDS)], wanted=0.1
    )
    firings, note = [_firings() for _ in range(ROUNDS)], "the thread that says what is due"
    yield Row("1,000 cron jobs with repeats: CPU of one firing", "ms", firings, wanted=0.1, note=note)
    yield from _bursts()
    for kind, job in (
        ("interval", IntervalJob("j", service="s", minutes=1)),
        ("cron", CronJob("j", service="s", cron="* * * * *")),
        ("cron in Warsaw", CronJob("j", service="s", cron="* * * * *", timezone="Europe/Warsaw")),
    ):
        what, note = f"ten years of minutes missed, {kind}: deciding", "one row for all that did not run"
        yield Row(what, "ms", [_decides(job) for _ in range(ROUNDS)], wanted=5.0, note=note)


def _defining() -> Iterator[Row]:
    jobs = [IntervalJob(f"job {number}", service="bench.tick", hours=1) for number in range(MANY)]
    found: dict[str, list[Took]] = {"defined durably": [], "loaded at start": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            for took in found.values():
                with Workbench(port=0, store=f"sqlite:///{folder}/store.db") as wb:
                    wb.deploy(Tick)
                    took.append(_took(partial(wb.define, *jobs)))
    for what, took in found.items():
        yield Row(f"10,000 jobs {what}", "s", [each.seconds for each in took], wanted=0.5)
        yield Row(f"10,000 jobs {what}: CPU", "s", [each.cpu_seconds for each in took], wanted=0.5)


def _next_times() -> float:
    jobs = [CronJob(f"j{i}", service="s", cron=f"{i % 60} * * * *", repeats=1_000 + i) for i in range(CRONS)]
    for job in jobs:
        plan.next_time(job, START, START)
    seconds = _took(lambda: [plan.next_time(job, START, START + timedelta(days=7)) for job in jobs]).seconds
    return 1000 * seconds / CRONS


def _firings() -> float:
    """What one firing of a cron job with repeats costs the thread that says what is due [ms of CPU]."""
    clock = VirtualClock(START)
    agenda = Agenda(clock, lambda *_: None, lambda _: None)
    for i in range(CRONS):
        job = CronJob(f"j{i}", service="s", cron="* * * * *", timezone="Europe/Warsaw", repeats=1_000 + i)
        record = JobRecord(job, START)
        agenda.set(record, plan.next_time(job, START, START))

    def minute() -> None:
        clock.advance(60)
        assert len(agenda.due()) == CRONS

    # The first time, each job begins with its expression.
    minute()
    return 1000 * _took(minute).cpu_seconds / CRONS


def _bursts() -> Iterator[Row]:
    """Jobs that are all due at once, a second by second: ours twice with rows, APScheduler's with and without."""
    sides: dict[str, Callable[[Path], Took]] = {
        "ours": _our_burst,
        "APScheduler on SQLite": lambda folder: _their_burst(f"sqlite:///{folder}/apscheduler.db"),
        "APScheduler in memory": lambda folder: _their_burst(None),
    }
    found: dict[str, list[Took]] = {side: [] for side in sides}
    for number in range(ROUNDS):
        for side in rotated([*sides], number):
            with tempfile.TemporaryDirectory() as folder:
                found[side].append(sides[side](Path(folder)))
    what, ours = "1,000 jobs due at once, run and recorded on SQLite", found.pop("ours")
    for unit, rate, times in (("runs/s", Took.a_second, 25.0), ("runs/s of CPU", Took.a_cpu_second, None)):
        mine = [rate(each) for each in ours]
        yield Row(what, unit, mine, wanted=5_000, more_is_better=True)
        for side, wanted, note in (
            ("APScheduler on SQLite", times, "which keeps no rows of runs"),
            ("APScheduler in memory", None, "the ceiling without rows"),
        ):
            yield Row(
                what, unit, mine, [rate(each) for each in found[side]], side, wanted, more_is_better=True, note=note
            )


def _our_burst(folder: Path) -> Took:
    with _scheduler(folder, clock := VirtualClock(START)) as scheduler:
        with scheduler.together():
            for number in range(BURST):
                scheduler.define(IntervalJob(f"job {number}", service="s", hours=1))

        def burst() -> None:
            clock.advance(3_600)
            scheduler.tick()
            assert scheduler.settle(60)

        # After the first time, each job looks whether it has rows to leave behind, and how long earlier runs took.
        for _ in range(2):
            burst()
        return _took(burst)


def _their_burst(url: str | None) -> Took:
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(16)})
    if url is not None:
        scheduler.add_jobstore("sqlalchemy", url=url)
    first = datetime.now(UTC) - timedelta(seconds=1)
    scheduler.start(paused=True)
    for number in range(BURST):
        scheduler.add_job(ran, "interval", hours=1, next_run_time=first, id=str(number), misfire_grace_time=None)

    def burst() -> None:
        scheduler.resume()
        for _ in range(BURST):
            assert _ran.acquire(timeout=60)

    took = _took(burst)
    scheduler.shutdown()
    return took


def ran() -> None:
    """What APScheduler runs; it must be found by name."""
    _ran.release()


def _decides(job: AnyJob) -> float:
    """How long a process takes to decide about ten years in which none was there [ms]."""
    clock = VirtualClock(START)
    with tempfile.TemporaryDirectory() as folder:
        with _scheduler(Path(folder), clock) as scheduler:
            scheduler.define(job)
        clock.advance(TEN_YEARS_SECONDS)
        with _scheduler(Path(folder), clock) as scheduler:
            return 1000 * _took(lambda: scheduler.define(job)).seconds


@contextmanager
def _scheduler(folder: Path, clock: VirtualClock) -> Iterator[Scheduler]:
    store = open_store(f"sqlite:///{folder}/store.db")
    scheduler = Scheduler(store, "bench", clock, lambda *_, **__: JobResult("cid"), Events())
    try:
        yield scheduler
    finally:
        scheduler.close()
        store.close()


def _took(do: Callable[[], Any]) -> Took:
    began, cpu = time.perf_counter(), time.process_time()
    do()
    return Took(time.perf_counter() - began, time.process_time() - cpu)
