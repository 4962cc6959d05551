"""Two workbenches on one store: whoever comes back is told what the other one ran meanwhile, and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.redis_server import redis_program, redis_server
from tests.serving import until
from tests.stores.conftest import shared_url
from workbench import IntervalJob, Service, Workbench
from workbench.durable.seen import SEEN_SECONDS

__all__ = ["redis_program", "redis_server", "shared_url"]

TICK = IntervalJob("tick", service="away.tick", seconds=1)

RUN = """
import sys
from workbench import IntervalJob, Service, Workbench

class Tick(Service):
    name = "away.tick"
    def handle(self):
        pass

url, folder = sys.argv[1:]
with Workbench("nb", folder=folder, store=url, port=0) as wb:
    wb.deploy(Tick)
    wb.define(IntervalJob("tick", service="away.tick", seconds=1))
    wb.jobs["tick"].wait(runs=1, timeout=60)
    print(wb._parts.scheduler._presence.me, flush=True)
    sys.stdin.readline()
"""


class Tick(Service):
    name = "away.tick"

    def handle(self) -> None:
        """Nothing."""


@contextmanager
def other(url: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that runs the job, and the name by which its rows call it; killed at the end at the latest."""
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, url, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert name
        yield process, name
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)


@contextmanager
def here(url: str, folder: Path) -> Iterator[Workbench]:
    folder.mkdir(exist_ok=True)
    with Workbench("nb", folder=folder, store=url, port=0) as wb:
        wb.deploy(Tick)
        wb.define(TICK)
        yield wb


def owner(wb: Workbench) -> str:
    return wb._parts.scheduler._presence.me


@pytest.mark.parametrize("ends_by", ["kill -9", "its end"])
def test_who_comes_back_is_told_what_the_other_one_ran_meanwhile(shared_url: str, tmp_path: Path, ends_by: str) -> None:
    with here(shared_url, tmp_path / "a") as stays, other(shared_url, tmp_path / "b") as (process, name):
        if ends_by == "kill -9":
            process.send_signal(signal.SIGKILL)
        else:
            process.communicate("\n", timeout=30)
        process.wait(30)
        ended = stays.clock.now()
        # From now on all planned times are run here, since nobody else is there.
        until(lambda: sum(run.planned > ended and run.ok for run in stays.jobs["tick"].runs) >= 2, "it ran twice")
        with here(shared_url, tmp_path / "b") as back:
            back_at, (absence,) = back.clock.now(), back.jobs.away.absences
            runs = stays.jobs["tick"].runs
            told = [run for run in runs if absence.first <= run.planned <= back_at]
            by_owner = {each: [run.planned for run in told if run.owner == each] for each in (owner(stays), name)}
            sure = [at for at in by_owner[owner(stays)] if at > ended]
            # A run goes on for a moment, so that of the latest ones it is not sure how they stood.
            assert len(sure) - 1 <= absence.elsewhere["ok"] <= len(by_owner[owner(stays)])
            assert absence.elsewhere["ok"] >= 2
            # What it ran itself is not among it, but where its own end cut it off.
            assert absence.interrupted == sum(run.outcome == "interrupted" for run in told)
            assert absence.first > ended - timedelta(seconds=SEEN_SECONDS)
            assert str(back.jobs.away).startswith("While you were away: ")
    assert back.jobs.away.absences == [absence]


def test_who_comes_back_to_a_place_that_another_process_holds_is_told_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with here(url, tmp_path / "a"), other(url, tmp_path / "b"), here(url, tmp_path / "b") as second:
        assert second.jobs.away.absences == []
