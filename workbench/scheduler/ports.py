"""What the scheduler needs from outside: somebody who runs a service and says how it went."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Protocol


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
