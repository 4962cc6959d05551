"""Us, with services and jobs that never end: `/hang` holds a worker past its time, `/hello` is the bystander."""

from __future__ import annotations

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from workbench import IntervalJob, RESTChannel, Service, Workbench

JOBS = 16


class Hang(Service):
    name = "hang"

    def handle(self) -> None:
        threading.Event().wait()


class Hello(Service):
    name = "hello"

    def handle(self) -> str:
        return "hello"


class Ticks(Service):
    """The job beside those that hang."""

    name = "ticks"

    def handle(self) -> None:
        """Nothing."""


class HangJobs(Service):
    """Has 16 jobs hang, and then one more begin."""

    name = "hang-jobs"

    def handle(self) -> str:
        wb.define(*(IntervalJob(f"hangs {number}", service="hang", hours=1) for number in range(JOBS)))
        for number in range(JOBS):
            wb.jobs[f"hangs {number}"].execute(wait=False)
        wb.define(IntervalJob("ticks", service="ticks", seconds=1))
        return "defined"


class Late(Service):
    """How long after its planned time the seventeenth job began [s]; -1 if it has not yet."""

    name = "late"

    def handle(self) -> float:
        runs = wb.jobs["ticks"].runs
        return (runs[0].started - runs[0].planned).total_seconds() if runs else -1.0


def serve() -> None:
    """Serve until the process is ended."""
    wb.deploy(Hang, Hello, Ticks, HangJobs, Late)
    wb.define(RESTChannel("hang", timeout_seconds=0.2), RESTChannel("hello"), RESTChannel("late"))
    wb.define(RESTChannel("hang-jobs", path="/hang-jobs"))
    print(wb.start().rpartition(":")[2], flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    with TemporaryDirectory() as folder, Workbench(store="memory://", port=0, folder=Path(folder)) as wb:
        serve()
