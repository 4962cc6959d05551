"""How late jobs start, with every run recorded on SQLite, beside APScheduler with its store on SQLite."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

from apscheduler.schedulers.background import BackgroundScheduler

from tests.bench.figures import Row
from workbench import IntervalJob, Service, Workbench

JOBS, SECONDS, ROUNDS = 20, 8, 3
_started: list[float] = []


class Tick(Service):
    """Does nothing."""

    name = "bench.tick"

    def handle(self) -> None:
        """Return at once."""


def rows() -> Iterator[Row]:
    """Round by round, the one and the other."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            ours.append(_ours(Path(folder)))
            theirs.append(_theirs(Path(folder)))
    for place, name, bound in ((0, "p50", 1.5), (1, "p99", 5.0)):
        mine, other = [each[place] for each in ours], [each[place] for each in theirs]
        yield Row(f"20 jobs of 1 s: lateness {name}", "ms", mine, wanted=bound, only_if_steady=True)
        peer = "APScheduler on SQLite"
        yield Row(f"20 jobs of 1 s: lateness {name}", "ms", mine, other, peer, 1.0, only_if_steady=True)


def _ours(folder: Path) -> tuple[float, float]:
    with Workbench(port=0, store=f"sqlite:///{folder}/store.db") as wb:
        wb.deploy(Tick)
        wb.define(*(IntervalJob(f"job {i}", service="bench.tick", seconds=1) for i in range(JOBS)))
        time.sleep(SECONDS)
        runs = [run for job in wb.jobs.values() for run in job.runs]
    late = [1000 * run.late_seconds for run in runs if run.late_seconds is not None]
    assert len(late) >= JOBS * (SECONDS - 2)
    return _percentiles(late)


def started() -> None:
    """What APScheduler runs; it must be found by name."""
    _started.append(time.time())


def _theirs(folder: Path) -> tuple[float, float]:
    _started.clear()
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_jobstore("sqlalchemy", url=f"sqlite:///{folder}/apscheduler.db")
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    for i in range(JOBS):
        scheduler.add_job(started, "interval", seconds=1, start_date=first, id=str(i), misfire_grace_time=None)
    scheduler.start()
    time.sleep(SECONDS)
    scheduler.shutdown(wait=False)
    # Every planned time is a whole second, so the fraction is the lateness.
    return _percentiles([1000 * (at % 1.0) for at in _started])


def _percentiles(samples: list[float]) -> tuple[float, float]:
    cuts = quantiles(samples, n=100)
    return cuts[49], cuts[98]
