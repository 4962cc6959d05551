"""How the table of jobs looks: recent runs as an SVG that reads without a kernel, on light and on dark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from workbench.notebook.html import COLOURS, escape, table
from workbench.notebook.running import MOODS
from workbench.scheduler.runs.cadence import span
from workbench.scheduler.runs.table import LATEST, RECENT, Bar, JobsTable, bars

BAR, GAP, HEIGHT, LEAST = 5, 1, 18, 3
"""Width of a bar, room between two, room for the longest run, height of the shortest [px]."""


def table_of_jobs(found: JobsTable) -> str:
    """A row for each job, with its recent runs as bars."""
    if not found.rows:
        return escape(repr(found))
    heads, *texts = found.cells
    rows = []
    for row, said in zip(found.rows, texts, strict=True):
        cells = [escape(each) for each in said]
        if RECENT in heads:
            cells[heads.index(RECENT)] = _drawn(bars(row.runs), row.zone)
        rows.append(cells)
    return table(heads, rows)


def _drawn(shown: Sequence[Bar], zone: ZoneInfo) -> str:
    if not shown:
        return ""
    counts = Counter(each.run.outcome.replace("_", " ") for each in shown)
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    drawn = "".join(_bar(number, each, zone) for number, each in enumerate(shown, LATEST - len(shown)))
    return (
        f'<svg role="img" aria-label="recent runs: {escape(words)}" width="{LATEST * (BAR + GAP)}" height="{HEIGHT}" '
        f'style="display:block">{drawn}</svg>'
    )


def _bar(place: int, shown: Bar, zone: ZoneInfo) -> str:
    run = shown.run
    height = LEAST + (HEIGHT - LEAST) * shown.share
    took = "" if run.seconds is None else f" after {span(run.seconds)}"
    at = f"{run.planned.astimezone(zone):%a %Y-%m-%d %H:%M:%S}"
    said = escape(f"{at}: {run.outcome.replace('_', ' ')}{took}{f', {run.error}' if run.error else ''}")
    return (
        f'<rect x="{place * (BAR + GAP)}" y="{HEIGHT - height:.1f}" width="{BAR}" height="{height:.1f}" rx="1" '
        f'fill="{COLOURS[MOODS.get(run.outcome, "bad")]}"><title>{said}</title></rect>'
    )
