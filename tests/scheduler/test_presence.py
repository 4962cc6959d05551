"""What becomes of the runs of processes that died, on this machine and on others."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.durable.conftest import later
from tests.scheduler.conftest import START, Bench
from workbench.core.clock import SystemClock, VirtualClock
from workbench.durable.presence import Presence
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.history import History
from workbench.stores import open_store


def _child(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


RUN_UNTIL_KILLED = """
import sys
from datetime import UTC, datetime
from threading import Event
from workbench.core.clock import SystemClock, VirtualClock
from workbench.core.events import Events
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.engine import Scheduler
from workbench.scheduler.ports import JobResult
from workbench.stores import open_store

def invoke(service, extra, **more):
    if service == "hang":
        print("hanging", flush=True)
        Event().wait(60)
    return JobResult("cid")

clock = VirtualClock(datetime(2026, 1, 1, 12, tzinfo=UTC))
scheduler = Scheduler(open_store(sys.argv[1]), "nb.ipynb", clock, invoke, Events())
scheduler.define(IntervalJob("quick", service="ok", minutes=1))
for _ in range(30):
    clock.advance(60)
    scheduler.tick()
    scheduler.settle(10)
scheduler.define(IntervalJob("slow", service="hang", minutes=1))
clock.advance(60)
scheduler.tick()
Event().wait(60)
"""


def test_after_kill_9_every_run_is_there_and_the_open_one_is_interrupted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with _child(RUN_UNTIL_KILLED, url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hanging\n"
        store = open_store(url)
        bench = Bench(store, VirtualClock(START))
        bench.clock.advance(31 * 60 + 30)  # type: ignore[attr-defined]
        assert bench.outcomes("slow") == ["running"]
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert bench.outcomes("quick")[:30] == ["ok"] * 30
    run = bench.jobs["slow"].runs[0]
    assert repr(run) == "Run of 'slow': interrupted, the process that ran it ended before the run did."
    assert run.ended == bench.clock.now()
    assert bench.scheduler.define(IntervalJob("slow", service="ok", minutes=1)) == "changed"
    bench.advance(60)
    assert bench.outcomes("slow") == ["interrupted", "ok"]
    bench.close()
    store.close()


SERVE = """
import sys
from threading import Event
from workbench.core.clock import SystemClock
from workbench.core.events import Events
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.engine import Scheduler
from workbench.scheduler.ports import JobResult
from workbench.stores import open_store

ran = []

def invoke(service, extra, *, planned_at, **more):
    ran.append(planned_at.isoformat())
    return JobResult("cid")

scheduler = Scheduler(open_store(sys.argv[1]), "nb.ipynb", SystemClock(), invoke, Events())
scheduler.start()
for number in range(5):
    scheduler.define(IntervalJob(f"j{number}", service="ok", seconds=1, repeats=2))
print("ready", flush=True)
sys.stdin.readline()
scheduler.close()
print(len(ran), flush=True)
"""


def test_processes_that_run_the_same_jobs_by_the_machines_clock_share_the_planned_times(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    processes = [_child(SERVE, url) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    store = open_store(url)
    watching = Bench(store, SystemClock())
    tallies = [watching.jobs[f"j{number}"].wait(runs=2, timeout=20) for number in range(5)]
    ran = [int(process.communicate("end\n", timeout=20)[0]) for process in processes]
    assert [tally.by_outcome for tally in tallies] == [{"ok": 2}] * 5
    assert sum(ran) == 10
    assert all(len({run.planned for run in watching.jobs[f"j{number}"].runs}) == 2 for number in range(5))
    watching.close()
    store.close()


RUN_ELSEWHERE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from workbench.core.clock import SystemClock
from workbench.durable.presence import Presence
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.history import History, Kept
from workbench.scheduler.records import JobRecord, Run
from workbench.stores import open_store

store, clock = open_store(sys.argv[1]), SystemClock()
history = History(store, "nb.ipynb", clock, Presence(Path(sys.argv[2]), store, host="far-away"), 500)
history.keep([Kept(JobRecord(IntervalJob("slow", service="hang", minutes=1), clock.now()))])
run = history.claim(Run(job="slow", service="hang", by="schedule", planned=clock.now(), started=clock.now()))
print("running" if run is not None else "not claimed", flush=True)
Event().wait(60)
"""


def test_the_run_of_a_machine_that_died_is_interrupted_once_its_lease_has_lapsed(
    shared_url: str, tmp_path: Path
) -> None:
    store = open_store(shared_url)
    folder = tmp_path / "far-away" if store.across_machines else store.folder
    assert folder is not None
    here, hereafter = Presence(store.folder, store, clock=VirtualClock()), Presence(store.folder, store, clock=later())
    with _child(RUN_ELSEWHERE, shared_url, str(folder)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        outcome = lambda presence: History(store, "nb.ipynb", SystemClock(), presence, 500).runs("slow")[0].outcome  # noqa: E731
        assert outcome(here) == "running"
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert outcome(here) == ("running" if store.across_machines else "interrupted")
    assert outcome(hereafter) == "interrupted"
    assert outcome(here) == "interrupted"
    here.leave()
    hereafter.leave()
    store.close()
