"""The kept runs of one job, and how some of them are picked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from workbench.core.errors import WorkbenchError, listed
from workbench.scheduler.account import ENDS, OPEN
from workbench.scheduler.records import Run
from workbench.scheduler.zones import moment

WORDS = tuple(each for each in (*ENDS, *OPEN) if each not in ("paused", "waiting"))
"""The outcomes that rows have."""


MAKERS = ("schedule", "hand", "backfill", "clock")
"""What makes runs."""


class Runs(list[Run]):
    """Rows of runs, oldest first."""

    def __init__(self, runs: Iterable[Run], zone: ZoneInfo) -> None:
        """Hold them; `zone` is the job's, in which texts are read."""
        super().__init__(runs)
        self._zone = zone

    def only(
        self,
        *outcomes: str,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        by: str = "",
    ) -> Runs:
        """Those that are meant: `job.runs.only("failed", "missed", since="2035-01-01 00:00")`.

        Args:
            outcomes: Words for how they ended; all if none is given.
            since: Planned then or later; a text is read in the job's zone.
            until: Planned before that.
            by: `schedule`, `hand`, `backfill`, or `clock` for times that a clock showed again.

        Raises:
            WorkbenchError: There is no such outcome, or a text is no date and time.
        """
        if strange := [each for each in outcomes if each not in WORDS]:
            raise WorkbenchError(f"No run ends as {strange[0]!r}. Fix: {listed(WORDS)}.")
        if by and by not in MAKERS:
            named = ", ".join(f"by={each!r}" for each in MAKERS)
            raise WorkbenchError(f"No run is made by {by!r}. Fix: one of {named}.")
        first = None if since is None else moment(since, self._zone)
        last = None if until is None else moment(until, self._zone)
        found = (
            run
            for run in self
            if (not outcomes or run.outcome in outcomes)
            and (first is None or run.planned >= first)
            and (last is None or run.planned < last)
            and by in ("", run.by)
        )
        return Runs(found, self._zone)
