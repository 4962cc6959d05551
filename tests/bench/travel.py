"""What a trip costs: a month of a hundred hourly jobs, without services and with empty ones."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence

from tests.bench.figures import Row
from workbench import CronJob, IntervalJob, Service, Workbench
from workbench.scheduler.definitions import AnyJob

DAYS, JOBS, ROUNDS = 30, 100, 3
RUNS = 24 * DAYS * JOBS


class Empty(Service):
    """A service that does nothing."""

    name = "bench.empty"

    def handle(self) -> None:
        """Nothing."""


def rows() -> Iterator[Row]:
    """CPU time of each kind of trip."""
    intervals = [IntervalJob(f"job {number}", service=Empty.name, hours=1) for number in range(JOBS)]
    crons = [
        CronJob(f"job {number}", service=Empty.name, cron=f"{number % 60} * * * *", timezone="Europe/Warsaw")
        for number in range(JOBS)
    ]
    for what, jobs, dry, wanted in (
        ("hourly jobs travelled dry", intervals, True, 5.0),
        ("hourly jobs travelled with empty services", intervals, False, 10.0),
        ("hourly cron jobs, minute by minute, travelled dry", crons, True, None),
    ):
        note = f"{RUNS:,} runs with rows"
        yield Row(f"{DAYS} days of {JOBS} {what}", "s CPU", _trips(jobs, dry), wanted=wanted, note=note)


def _trips(jobs: Sequence[AnyJob], dry: bool) -> list[float]:
    """What trips take, all threads together [s CPU]."""
    found = []
    with tempfile.TemporaryDirectory() as folder, Workbench(port=0, store=f"sqlite:///{folder}/store.db") as wb:
        wb.deploy(Empty)
        wb.define(*jobs)
        for _ in range(ROUNDS):
            began = time.process_time()
            with wb.clock.travel(days=DAYS, dry=dry) as trip:
                assert len(trip.runs) == sum(run.ok for run in trip.runs) == RUNS
            found.append(time.process_time() - began)
    return found
