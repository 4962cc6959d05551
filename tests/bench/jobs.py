"""How late jobs start, with every run recorded on SQLite, beside APScheduler with its store on SQLite.

Both have the same jobs, all due at the same whole seconds, and both are stamped by the job's own first line.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

from apscheduler.schedulers.background import BackgroundScheduler

from tests.bench.figures import Row
from tests.bench.processes import rotated
from workbench import IntervalJob, Service, Workbench

JOBS, SECONDS, ROUNDS = 20, 8, 4
LEAST_STARTS = JOBS * (SECONDS - 3)
_started: list[float] = []


def started() -> None:
    """What APScheduler runs; it must be found by name."""
    _started.append(time.time())


class Tick(Service):
    """What the workbench runs."""

    name = "bench.tick"

    def handle(self) -> None:
        """The same."""
        started()


def rows() -> Iterator[Row]:
    """Round by round, the one and the other, each first in turn."""
    found: dict[Callable[[Path, datetime], None], list[tuple[float, float]]] = {_ours: [], _theirs: []}
    for number in range(ROUNDS):
        for side in rotated([*found], number):
            found[side].append(_lateness(side))
    for place, name in enumerate(("p50", "p99")):
        mine, other = ([each[place] for each in found[side]] for side in (_ours, _theirs))
        what, note = f"20 jobs of 1 s, all at once: lateness {name}", "the last of the 20 waits for the writes of all"
        yield Row(what, "ms", mine, other, "APScheduler on SQLite", 1.0, only_if_steady=True, note=note)


def _lateness(side: Callable[[Path, datetime], None]) -> tuple[float, float]:
    """The p50 and p99 of what one side did in some seconds [ms]."""
    _started.clear()
    with tempfile.TemporaryDirectory() as folder:
        side(Path(folder), datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2))
    assert len(_started) >= LEAST_STARTS, f"{side.__name__} started {len(_started)} runs"
    # Every planned time is a whole second, so the fraction is the lateness.
    cuts = quantiles([1000 * (at % 1.0) for at in _started], n=100)
    return cuts[49], cuts[98]


def _ours(folder: Path, first: datetime) -> None:
    start = first.replace(tzinfo=None).isoformat(" ")
    with Workbench(port=0, store=f"sqlite:///{folder}/store.db") as wb:
        wb.deploy(Tick)
        jobs = (IntervalJob(f"job {i}", service="bench.tick", seconds=1, start=start) for i in range(JOBS))
        wb.define(*jobs)
        time.sleep(SECONDS)


def _theirs(folder: Path, first: datetime) -> None:
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_jobstore("sqlalchemy", url=f"sqlite:///{folder}/apscheduler.db")
    for i in range(JOBS):
        scheduler.add_job(started, "interval", seconds=1, start_date=first, id=str(i), misfire_grace_time=None)
    scheduler.start()
    time.sleep(SECONDS)
    scheduler.shutdown(wait=False)
