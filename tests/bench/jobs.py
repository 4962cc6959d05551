"""How late jobs start, with every run recorded on SQLite; 20 of them beside APScheduler with its store on SQLite.

A job is stamped by its own first line. Where the milliseconds of 20 jobs that are due at once go was measured with
marks thread by thread [CPU of the path to the first run, after a second of idling: caches are cold]: the alarm and the
tick 0.3 ms, reading whether the 20 jobs stand and are not paused 0.3 ms, claiming their 20 rows in one write 0.6 ms (a
page of the file each), the first run 0.2 ms; then one run after another, 0.07 ms each. One write a claim, a second one
an end and four queries between them, taken from two threads in turns, made it 0.5 ms and more for each job before. The
switch interval, one thread in place of two, and a pause of the alarm's thread made no difference that could be told
from noise.
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
from workbench.scheduler.records import RunStarted

FEW, MANY, SECONDS, ROUNDS = 20, 1_000, 8, 4
IDLE_SECONDS = 5.0
_late: list[float] = []
_planned: dict[str, float] = {}


def started(planned: float | None = None) -> None:
    """What APScheduler runs, planned at a whole second; it must be found by name."""
    now = time.time()
    _late.append(1_000 * (now % 1.0 if planned is None else now - planned))


class Tick(Service):
    """What the workbench runs; its extra is the name of its job."""

    name = "bench.tick"

    def handle(self) -> None:
        """The same."""
        started(_planned[self.request.raw_request])


def rows() -> Iterator[Row]:
    """Round by round, the one and the other, each first in turn; then many jobs; then none that is due."""
    found: dict[Callable[[Path], None], list[tuple[float, float]]] = {_ours: [], _theirs: []}
    for number in range(ROUNDS):
        for side in rotated([*found], number):
            found[side].append(_lateness(side, FEW))
    for place, name, wanted in ((0, "p50", 1.5), (1, "p99", 5.0)):
        mine, other = ([each[place] for each in found[side]] for side in (_ours, _theirs))
        what, note = f"20 jobs of 1 s, all at once: lateness {name}", "the last of the 20 waits for those before it"
        yield Row(what, "ms", mine, other, "APScheduler on SQLite", 1.0, only_if_steady=True, note=note)
        yield Row(what, "ms", mine, wanted=wanted, only_if_steady=True)
    many: tuple[tuple[str, Callable[[Path], None], float], ...] = (
        ("all at once", lambda folder: _ours(folder, MANY), 250.0),
        ("spread over the second", lambda folder: _ours(folder, MANY, jitter_seconds=1.0), 50.0),
    )
    for how, side, bound in many:
        late = [_lateness(side, MANY)[1] for _ in range(ROUNDS)]
        yield Row(f"1,000 jobs of 1 s, {how}: lateness p99", "ms", late, wanted=bound, only_if_steady=True)
    idle = [_idle() for _ in range(ROUNDS)]
    yield Row("1,000 jobs of which none is due: CPU", "%", idle, wanted=1.0, note="the whole workbench, of one core")


def _lateness(side: Callable[[Path], None], jobs: int) -> tuple[float, float]:
    """The p50 and p99 of what one side did in some seconds [ms]."""
    _late.clear()
    with tempfile.TemporaryDirectory() as folder:
        side(Path(folder))
    assert len(_late) >= jobs * (SECONDS - 3), f"{len(_late)} runs started"
    cuts = quantiles(_late, n=100)
    return cuts[49], cuts[98]


def _first() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)


def _ours(folder: Path, jobs: int = FEW, jitter_seconds: float = 0.0) -> None:
    first = _first()
    with Workbench(port=0, store=f"sqlite:///{folder}/store.db") as wb:
        wb.deploy(Tick)
        wb.events.subscribe(RunStarted, _note)
        start = first.replace(tzinfo=None).isoformat(" ")
        names = [f"job {number}" for number in range(jobs)]
        tick = IntervalJob("job", service="bench.tick", seconds=1, start=start, jitter_seconds=jitter_seconds)
        wb.define(*(tick.replace(name=name, extra=name) for name in names))
        time.sleep(first.timestamp() + SECONDS - 1 - time.time())


def _note(event: RunStarted) -> None:
    _planned[event.run.job] = event.run.planned.timestamp()


def _theirs(folder: Path) -> None:
    first, scheduler = _first(), BackgroundScheduler(timezone=UTC)
    scheduler.add_jobstore("sqlalchemy", url=f"sqlite:///{folder}/apscheduler.db")
    for number in range(FEW):
        scheduler.add_job(started, "interval", seconds=1, start_date=first, id=str(number), misfire_grace_time=None)
    scheduler.start()
    time.sleep(first.timestamp() + SECONDS - 1 - time.time())
    scheduler.shutdown(wait=False)


def _idle() -> float:
    """CPU time of a workbench that waits, as a share of one core [%]."""
    with tempfile.TemporaryDirectory() as folder, Workbench(port=0, store=f"sqlite:///{folder}/store.db") as wb:
        wb.deploy(Tick)
        wb.define(*(IntervalJob(f"job {number}", service="bench.tick", hours=1) for number in range(MANY)))
        # What starts with it is over.
        time.sleep(1)
        before = time.process_time()
        time.sleep(IDLE_SECONDS)
        return 100 * (time.process_time() - before) / IDLE_SECONDS
