"""How the table of jobs looks: recent runs as an SVG that reads without a kernel, on light and on dark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workbench.notebook.html import COLOURS, escape, table
from workbench.notebook.running import MOODS
from workbench.scheduler.runs.table import LATEST, RECENT, JobsTable, bars

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
            cells[heads.index(RECENT)] = drawn(
                [(each.run.outcome, each.share, each.said(row.zone)) for each in bars(row.runs)]
            )
        rows.append(cells)
    return table(heads, rows)


def drawn(shown: Sequence[tuple[str, float, str]]) -> str:
    """Recent runs as bars: how each ended, how long it took as a share of the longest, and both in words."""
    if not shown:
        return ""
    counts = Counter(outcome.replace("_", " ") for outcome, _, _ in shown)
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    rects = "".join(_bar(number, *each) for number, each in enumerate(shown, LATEST - len(shown)))
    return (
        f'<svg role="img" aria-label="recent runs: {escape(words)}" width="{LATEST * (BAR + GAP)}" height="{HEIGHT}" '
        f'style="display:block">{rects}</svg>'
    )


def _bar(place: int, outcome: str, share: float, said: str) -> str:
    height = LEAST + (HEIGHT - LEAST) * share
    return (
        f'<rect x="{place * (BAR + GAP)}" y="{HEIGHT - height:.1f}" width="{BAR}" height="{height:.1f}" rx="1" '
        f'fill="{COLOURS[MOODS.get(outcome, "bad")]}"><title>{escape(said)}</title></rect>'
    )
