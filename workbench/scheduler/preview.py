"""Planned times as a person reads them: in the job's clock, with what that clock does between them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from workbench.scheduler import plan
from workbench.scheduler.definitions import AnyJob
from workbench.scheduler.zones import clock_change

_SHOWN = "%a %Y-%m-%d %H:%M:%S"


class Preview(list[datetime]):
    """Planned times (UTC) in order."""

    def __init__(self, times: Iterable[datetime], zone: ZoneInfo, begin: datetime) -> None:
        """Hold the times; `begin` is the instant from which on the clock of the zone is looked at."""
        super().__init__(times)
        self.zone, self._begin = zone, begin

    @classmethod
    def of(cls, job: AnyJob, anchor: datetime, now: datetime, count: int) -> Preview:
        """The next `count` planned times of a job whose times are counted from `anchor`."""
        # Between now and a start far ahead nothing runs, so that a change of clocks before it changes no run.
        begin = max(now, job.moment("start") or now)
        return cls(plan.preview(job, anchor, now, count), job.zone, begin)

    @property
    def changes(self) -> list[str]:
        """For each time what the clock of the zone did since the one before it; '' where it did nothing."""
        local = [each.astimezone(self.zone) for each in (self._begin, *self)]
        return [clock_change(before, at) for before, at in pairwise(local)]

    def __repr__(self) -> str:
        if not self:
            return "No planned times."
        both = self.zone.key != "UTC"
        width = len(f"{self[0]:{_SHOWN}}")
        rows = [f"{self.zone.key:<{width}}  UTC" if both else "UTC"]
        for at, change in zip(self, self.changes, strict=True):
            here = f"{at.astimezone(self.zone):{_SHOWN}}"
            rows.append("  ".join(filter(None, (here, f"{at.astimezone(UTC):{_SHOWN}}" if both else "", change))))
        return "\n".join(rows)
