"""Three processes on one store, of which one or another is killed: the law holds, and nobody waits for the dead."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from tests.scheduler.conftest import Bench
from tests.scheduler.oracle import unaccounted
from workbench.core.clock import SystemClock
from workbench.scheduler.records import Run
from workbench.scheduler.runs.bounds import Bounds
from workbench.stores import open_store

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
PROCESSES, JOBS, KILLS, SECONDS = (3, 200, 20, 520.0) if SOAK else (3, 12, 2, 4.0)
TAKEOVER = timedelta(seconds=5)

SERVE = """
import os, sys
from workbench.core.clock import SystemClock
from workbench.core.events import Events
from workbench.scheduler.definitions import CronJob, IntervalJob
from workbench.scheduler.engine import Scheduler
from workbench.scheduler.ports import JobResult
from workbench.scheduler.runs.bounds import Bounds
from workbench.stores import open_store

url, ran, jobs = sys.argv[1:]
file = os.open(ran, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def invoke(service, extra, *, job_name, planned_at, **more):
    os.write(file, f"{job_name} {planned_at.isoformat()}\\n".encode())
    return JobResult("cid")

scheduler = Scheduler(open_store(url), "nb.ipynb", SystemClock(), invoke, Events(), bounds=Bounds(runs=100_000))
scheduler.start()
with scheduler.together():
    for number in range(int(jobs)):
        kind = {"cron": "* * * * * *"} if number % 2 else {"seconds": 1}
        scheduler.define((CronJob if number % 2 else IntervalJob)(f"job {number}", service="ok", **kind))
print("ready", flush=True)
sys.stdin.readline()
"""


def served(url: str, ran: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, url, str(ran), str(JOBS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def live_and_die(url: str, ran: Path) -> None:
    """Kill one process after another at random, each replaced by a new one; the last ones all at once."""
    dice = random.Random(20_261_129)
    processes = [served(url, ran) for _ in range(PROCESSES)]
    try:
        for _ in range(KILLS - 1):
            # The moment of death is what is tried.
            Event().wait(SECONDS / KILLS * dice.uniform(0.5, 1.5))
            killed(processes.pop(dice.randrange(PROCESSES)))
            processes.append(served(url, ran))
        Event().wait(SECONDS / KILLS)
    finally:
        for process in processes:
            killed(process)


def late(runs: list[Run]) -> list[Run]:
    return [run for run in runs if run.started is not None and run.started - run.planned > TAKEOVER]


@pytest.mark.timeout(1_700 if SOAK else 180)
def test_whoever_is_killed_the_law_holds_and_the_others_take_over(tmp_path: Path) -> None:
    url, ran = f"sqlite:///{tmp_path}/store.db", tmp_path / "ran"
    live_and_die(url, ran)
    store = open_store(url)
    last = Bench(store, SystemClock(), bounds=Bounds(runs=100_000))
    ended = last.clock.now()
    before = {name: last.jobs[name].runs for name in last.jobs}
    records = [last.scheduler.stored(name) for name in before]
    for record in records:
        assert record is not None
        last.scheduler.define(record.definition)
    now = last.clock.now()
    last.scheduler.tick()
    assert last.scheduler.settle(60)
    broken, outcomes = {}, Counter[str]()
    for record in records:
        assert record is not None
        name, runs = record.definition.name, last.jobs[record.definition.name].runs
        outcomes.update({run.outcome: 0 for run in runs})
        for run in runs:
            outcomes[run.outcome] += run.times
        if found := unaccounted(record.definition, record.anchor, now, runs):
            broken[name] = found
    lines = Counter(ran.read_text().splitlines())
    lines.update(f"{call.job_name} {call.planned_at.isoformat()}" for call in last.services.calls)
    assert (broken, [line for line, times in lines.items() if times > 1]) == ({}, [])
    tardy = [run for runs in before.values() for run in late(runs)]
    print(f"{sum(outcomes.values())} planned times: {dict(outcomes)}; {len(tardy)} later than {TAKEOVER} by {ended}")
    assert len(before) == JOBS
    assert sum(outcomes.values()) >= (100_000 if SOAK else JOBS * SECONDS / 2)
    # Figures of time say nothing where others are at work.
    assert not SOAK or tardy == []
    last.close()
    store.close()
