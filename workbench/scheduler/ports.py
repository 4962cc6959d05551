"""What the scheduler needs from outside, a runner of services, and what `Job` and `Jobs` need from the scheduler."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from msgspec.structs import replace

from workbench.core.masking import mask
from workbench.core.ports import Clock
from workbench.scheduler.account import Account
from workbench.scheduler.definitions import AnyJob
from workbench.scheduler.preview import Difference, Preview
from workbench.scheduler.records import Away, JobRecord, Run, Tally, bounded, shown
from workbench.scheduler.runs.backfill import Backfill, Filling
from workbench.scheduler.runs.extra import Extra
from workbench.scheduler.runs.watches import Watches


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

    def end_of(self, run: Run, at: datetime) -> Run:
        """The run as it ended with this result; what it said is masked and cut."""
        return replace(
            run,
            ended=at,
            outcome=self.outcome,
            cid=self.cid,
            error=mask(self.error or ""),
            returned=shown(self.returned),
            log=bounded(tuple(self.lines)),
        )


class Invoke(Protocol):
    """Runs a service for a job, on the thread that calls."""

    def __call__(
        self,
        service: str,
        extra: Extra,
        *,
        job_name: str,
        job_type: str,
        planned_at: datetime,
        on_cancel: Callable[[Callable[[], None]], None],
    ) -> JobResult:
        """Run it with `extra` as its raw request.

        Args:
            service: Name of the service.
            extra: The job's; empty text if it has none.
            job_name: Name of the job.
            job_type: Zato's word for its kind: `one_time`, `interval_based` or `cron_style`.
            planned_at: When it was due (UTC); the moment of the call for a run by hand.
            on_cancel: Told how to tell the service that nobody waits for it any more.

        Raises:
            Exception: Anything raised is recorded as a failed run, a WorkbenchError by its sentence alone.
        """
        ...


class KnownJobs(Protocol):
    """What is known of the jobs of an application; each raises UnknownName for a name that is none."""

    clock: Clock
    watches: Watches

    def names(self) -> list[str]:
        """Every job, those that wait for their cell included."""
        ...

    def record(self, name: str) -> JobRecord:
        """The job as it is here, or as the store has it."""
        ...

    def state(self, name: str) -> str:
        """`waiting`, `inactive`, `paused`, `finished` or `on`."""
        ...

    def paused_until(self, name: str) -> datetime | None:
        """When its pause ends by itself (UTC); None if it does not, or there is none."""
        ...

    def running_since(self, name: str) -> datetime | None:
        """When the oldest run that this process is busy with began (UTC); None if it runs none."""
        ...

    def runs(self, name: str, most: int | None = None) -> list[Run]:
        """The kept runs, oldest first; if `most` is given, the latest without its backfills."""
        ...

    def account(self, name: str, since: datetime | None = None) -> Account:
        """What became of every planned time later than `since`."""
        ...

    def away(self) -> Away:
        """What was planned while no process was there, of the jobs that are back."""
        ...

    def next_at(self, name: str) -> datetime | None:
        """When the job is due next (UTC); None if it is not on."""
        ...


class HandledJobs(KnownJobs, Protocol):
    """What can be done with them besides."""

    def preview(self, name: str, count: int) -> Preview:
        """The next planned times (UTC), whatever the job's state."""
        ...

    def difference(self, definition: AnyJob, count: int) -> Difference:
        """The next planned times of a job as it is, and as it would be with that definition."""
        ...

    def execute(self, name: str, extra: Extra | None = None, *, wait: bool = True, timeout: float | None = None) -> Run:
        """Run a job now, without using up its schedule."""
        ...

    def backfill(self, name: str, filling: Filling) -> Backfill:
        """Run planned times that are past, or say which."""
        ...

    def backfilling(self, name: str) -> Backfill | None:
        """The backfill of a job that goes on in this process."""
        ...

    def wait(self, name: str, runs: int = 1, timeout: float = 10.0) -> Tally:
        """Wait until the schedule has made that many runs, `timeout` [s] at most."""
        ...

    def pause(self, name: str, until: datetime | None = None) -> None:
        """Let planned times pass without a run; up to `until` if that is given."""
        ...

    def resume(self, name: str) -> None:
        """End the pause."""
        ...

    def remove(self, name: str) -> None:
        """Forget a job, with its runs."""
        ...
