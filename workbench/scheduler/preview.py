"""Planned times as a person reads them: in the job's clock, with what that clock does between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from workbench.scheduler import plan
from workbench.scheduler.definitions import AnyJob
from workbench.scheduler.records import JobRecord, decided
from workbench.scheduler.zones import clock_change

_SHOWN = "%a %Y-%m-%d %H:%M:%S"


class Preview(list[datetime]):
    """Planned times (UTC) in order."""

    def __init__(self, times: Iterable[datetime], zone: ZoneInfo, begin: datetime, *, is_cut: bool = False) -> None:
        """Hold the times.

        Args:
            times: The times.
            zone: The job's.
            begin: From when on the clock of the zone is looked at.
            is_cut: Whether further times may come after the last.
        """
        super().__init__(times)
        self.zone, self.is_cut, self._begin = zone, is_cut, begin

    @classmethod
    def of(cls, job: AnyJob, anchor: datetime, now: datetime, count: int) -> Preview:
        """The next `count` planned times of a job whose times are counted from `anchor`."""
        # Between now and a start far ahead nothing runs, so that a change of clocks before it changes no run.
        begin = max(now, job.moment("start") or now)
        times = plan.preview(job, anchor, now, count)
        return cls(times, job.zone, begin, is_cut=0 < len(times) == count)

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


class Difference:
    """The next planned times of a job before and after a change of its definition."""

    def __init__(self, before: Preview, after: Preview) -> None:
        self.before, self.after = before, after

    @classmethod
    def of(cls, record: JobRecord, definition: AnyJob, now: datetime, count: int) -> Difference:
        """What the definition would make of the next `count` times of the job.

        Raises:
            InvalidDefinition: It would never run, since all its times are past.
        """
        after, _ = decided(definition, record, "", now)
        before = Preview.of(record.definition, record.anchor, now, count)
        return cls(before, Preview.of(definition, after.anchor, now, count))

    @property
    def gone(self) -> list[datetime]:
        """Times (UTC) that will not come any more."""
        return [at for at in self.before if at not in self.after and at <= self._seen_to]

    @property
    def new(self) -> list[datetime]:
        """Times (UTC) that come now."""
        return [at for at in self.after if at not in self.before and at <= self._seen_to]

    @property
    def lines(self) -> list[tuple[str, datetime]]:
        """Each time that both previews reach, in order, with `-` where it is gone, `+` where it is new, else ''."""
        marks = dict.fromkeys(self.gone, "-") | dict.fromkeys(self.new, "+")
        times = sorted({*self.before, *self.after})
        return [(marks.get(at, ""), at) for at in times if at <= self._seen_to]

    @property
    def _seen_to(self) -> datetime:
        """Up to where both are known: a preview that is full says nothing of what comes after it."""
        ends = [each[-1] for each in (self.before, self.after) if each.is_cut]
        return min(ends, default=max([*self.before, *self.after], default=datetime.max.replace(tzinfo=UTC)))

    def __repr__(self) -> str:
        return "\n".join(self._rows())

    def _rows(self) -> Iterator[str]:
        if not (self.gone or self.new):
            yield "The next planned times stay."
            return
        zone = self.after.zone
        yield f"  {zone.key}"
        for mark, at in self.lines:
            yield f"{mark or ' '} {at.astimezone(zone):{_SHOWN}}"
