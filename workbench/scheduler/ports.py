"""What the scheduler needs from outside, somebody who runs a service, and what a job needs of the scheduler."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Protocol

from workbench.core.ports import Clock
from workbench.scheduler.records import JobRecord, Run, Tally


class JobResult(NamedTuple):
    """How one run of a service went.

    `outcome` is `ok`, `failed` or `timed_out`; `error` a sentence for the last two; `lines` what the service printed
    and logged; `returned` what it answered, None or empty text if nothing.
    """

    cid: str
    outcome: str = "ok"
    error: str = ""
    returned: Any = None
    lines: tuple[str, ...] = ()


class Invoke(Protocol):
    """Runs a service for a job, on the thread that calls."""

    def __call__(self, service: str, extra: str, *, job_name: str, job_type: str, planned_at: datetime) -> JobResult:
        """Run it with `extra` as its raw request.

        Args:
            service: Name of the service.
            extra: The job's text; empty if it has none.
            job_name: Name of the job.
            job_type: Zato's word for its kind: `one_time`, `interval_based` or `cron_style`.
            planned_at: When it was due (UTC); the moment of the call for a run by hand.

        Raises:
            Exception: Anything raised is recorded as a failed run, a WorkbenchError by its sentence alone.
        """
        ...


class Schedule(Protocol):
    """What a job's handle asks of the scheduler, by the job's name."""

    clock: Clock

    def names(self) -> list[str]:
        """The names of all jobs."""
        ...

    def record(self, name: str) -> JobRecord:
        """What is kept of a job; raises UnknownName."""
        ...

    def state(self, name: str) -> str:
        """Whether its planned times make runs, or why not."""
        ...

    def next_at(self, name: str | None = None) -> datetime | None:
        """When it is due next (UTC)."""
        ...

    def runs(self, name: str) -> list[Run]:
        """Its kept runs, oldest first."""
        ...

    def execute(self, name: str, extra: str | None = None, *, wait: bool = True, timeout: float | None = None) -> Run:
        """Run it now; waits for its end, at most `timeout` [s]."""
        ...

    def wait(self, name: str, runs: int = 1, timeout: float = 10.0) -> Tally:
        """Wait for that many runs of its schedule, at most `timeout` [s]."""
        ...

    def pause(self, name: str) -> None:
        """Let planned times pass."""
        ...

    def resume(self, name: str) -> None:
        """End the pause."""
        ...

    def remove(self, name: str) -> None:
        """Forget it, with its runs."""
        ...
