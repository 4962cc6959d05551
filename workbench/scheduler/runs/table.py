"""All jobs at a glance: when each is due next, how its last run went, and its recent runs as a line of bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from workbench.scheduler.account import last_attempts
from workbench.scheduler.records import Run
from workbench.scheduler.runs.cadence import span
from workbench.scheduler.zones import wall_text

LATEST = 20
"""Planned times that a line of bars shows."""

RECENT_ROWS = 3 * LATEST
"""Rows that are read for it: attempts and runs by hand have some, too."""

HEIGHTS = "▁▂▃▄▅▆▇█"
BAD, NO_RUN, GOES_ON = "\N{BALLOT X}", "\N{MIDDLE DOT}", "\N{HORIZONTAL ELLIPSIS}"

RECENT = "recent runs"
"""Head of the column of bars."""


class Bar(NamedTuple):
    """One of the recent planned times: how it ended, and how long it took, as a share of the longest (0 to 1)."""

    run: Run
    share: float

    @property
    def character(self) -> str:
        """It as one character: a block for a good run, a cross for a bad one, a dot for none."""
        if self.run.outcome == "ok":
            return HEIGHTS[round(self.share * (len(HEIGHTS) - 1))]
        if self.run.outcome == "running":
            return GOES_ON
        return NO_RUN if self.run.started is None else BAD

    def said(self, zone: ZoneInfo) -> str:
        """It in words, by the clock of a zone: `Fri 2026-01-02 13:00:00: failed after 0.2 s, ValueError: no`."""
        run = self.run
        took = "" if run.seconds is None else f" after {span(run.seconds)}"
        at = f"{run.planned.astimezone(zone):%a %Y-%m-%d %H:%M:%S}"
        return f"{at}: {run.outcome.replace('_', ' ')}{took}{f', {run.error}' if run.error else ''}"


def bars(runs: Iterable[Run]) -> list[Bar]:
    """The latest planned times of a job, oldest first, each by its last attempt; runs by hand are not among them."""
    planned = [run for run in last_attempts(list(runs)) if not run.by_hand][-LATEST:]
    longest = max((run.seconds or 0.0 for run in planned), default=0.0)
    return [Bar(run, (run.seconds or 0.0) / longest if longest else 0.0) for run in planned]


def sparkline(runs: Iterable[Run]) -> str:
    """The latest 20 planned times, a character each: `▂▂▇✗▂·`; a dot had no run, a cross ended badly."""
    return "".join(each.character for each in bars(runs))


class JobRow(NamedTuple):
    """One job in the table: its `zone` is that of its own clock, `next_at` (UTC) None if it is not on."""

    name: str
    what: str
    state: str
    next_at: datetime | None
    zone: ZoneInfo
    runs: Sequence[Run]
    cadence: str

    @property
    def last(self) -> str:
        """How its newest run ended, whoever started it; '' while there is none."""
        return self.runs[-1].outcome.replace("_", " ") if self.runs else ""

    def next_in(self, zone: ZoneInfo) -> str:
        """When it is due next, by the clock of a zone; '' if it is not on."""
        if self.next_at is None:
            return ""
        at = self.next_at.astimezone(zone)
        return f"{at:%a} {wall_text(at)}"


class JobsTable:
    """The jobs by name; a picture of their recent runs in a notebook.

    Attributes:
        rows: One for each.
        zone: By whose clock `next` is told, beside the job's own.
    """

    def __init__(self, rows: Iterable[JobRow], zone: ZoneInfo) -> None:
        """Hold them."""
        self.rows, self.zone = list(rows), zone

    @property
    def cells(self) -> list[tuple[str, ...]]:
        """Its texts, row by row, those of the head first; columns in which nothing is said are left out."""
        heads = ("name", "what", "state", f"next, {self.zone.key}", "by its own clock", "last", RECENT, "really")
        rows = [heads, *(self._cells(row) for row in self.rows)]
        said = [column for column in range(len(heads)) if any(row[column] for row in rows[1:])]
        return [tuple(row[column] for column in said) for row in rows]

    def _cells(self, row: JobRow) -> tuple[str, ...]:
        own = "" if row.zone.key == self.zone.key or row.next_at is None else f"{row.next_in(row.zone)} {row.zone.key}"
        line = sparkline(row.runs)
        return (row.name, row.what, row.state, row.next_in(self.zone), own, row.last, line, row.cadence)

    def __repr__(self) -> str:
        if not self.rows:
            return "No jobs."
        cells = self.cells
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
        return "\n".join(
            " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        )
