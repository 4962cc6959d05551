"""Who lives, and what becomes of the runs of those who died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scheduler.conftest import START, Bench
from workbench.core.clock import SystemClock, VirtualClock
from workbench.core.errors import StoreUnavailable
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.presence import Presence
from workbench.stores import open_store


def test_a_process_lives_until_it_leaves(tmp_path: Path) -> None:
    one, other = Presence(tmp_path), Presence(tmp_path)
    assert one.alive(other.me)
    other.leave()
    assert not one.alive(other.me)
    assert one.alive(one.me)
    one.leave()
    assert list((tmp_path / "alive").iterdir()) == []


def test_without_a_shared_folder_nobody_else_lives() -> None:
    one, other = Presence(None), Presence(None)
    assert one.alive(one.me)
    assert one.alive(other.me)  # in this process
    assert not one.alive("elsewhere:0123")
    one.leave()
    other.leave()


def test_a_process_of_another_machine_is_taken_to_live(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    assert presence.alive("some-other-host:0123456789ab")
    presence.leave()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="show that they live, cannot be written"):
        Presence(tmp_path / "file")


def _child(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


SHOW = """
import sys
from pathlib import Path
from workbench.scheduler.presence import Presence
print(Presence(Path(sys.argv[1])).me, flush=True)
sys.stdin.readline()
"""

FORKING = """
import os, sys
from pathlib import Path
from workbench.scheduler.presence import Presence
presence = Presence(Path(sys.argv[1]))
if os.fork() == 0:
    print(presence.me, os.getpid(), flush=True)
    sys.stdin.readline()
    os._exit(0)
os.kill(os.getpid(), 9)
"""


def test_another_process_lives_until_it_is_killed(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    with _child(SHOW, str(tmp_path)) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert presence.alive(name)
        assert presence.alive(name)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert not presence.alive(name)
    assert not presence.alive(name)
    presence.leave()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_does_not_keep_its_dead_parent_alive(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    with _child(FORKING, str(tmp_path)) as process:
        assert process.stdout is not None
        name = process.stdout.readline().split()[0]
        process.wait(30)
        assert not presence.alive(name)
    presence.leave()


def test_files_of_long_dead_processes_are_swept_away(tmp_path: Path) -> None:
    (tmp_path / "alive").mkdir()
    old, new = tmp_path / "alive" / "aaa.lock", tmp_path / "alive" / "bbb.lock"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    presence = Presence(tmp_path)
    assert not old.exists()
    assert new.exists()
    presence.leave()


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
