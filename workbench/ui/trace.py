"""A trace as rows of plain data, which a card and a saved output draw alike."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from workbench.core.mood import Mood
from workbench.core.trace import Line, Step, Trace, Traced

MOST_STEPS = 200
MOST_LINES = 20
"""Lines in a row that are shown before the others are folded."""
COLOURS: dict[Mood, str] = {"running": "calm", "ok": "live", "attention": "warn", "failed": "bad"}
"""What each mood is called by the style sheets."""


def rows_of(trace: Trace) -> list[dict[str, Any]]:
    """Depth, words and colour of each step and line, and for what took time its share of the whole.

    At most `MOST_STEPS` rows; a last one then says how many are left out. Of lines in a row those after the first
    `MOST_LINES` are folded: they stand in the `rows` of one row.
    """
    tree = list(trace.root.tree())
    steps = [step for _, step in tree if isinstance(step, Step)]
    whole = trace.root.seconds or max((step.seconds or 0.0 for step in steps), default=0.0) or 1e-9
    rows = [_row(trace, depth, step, whole) for depth, step in tree[:MOST_STEPS]]
    if left := len(tree) - len(rows):
        rows.append({"depth": 0, "kind": "note", "text": f"and {left:,} more", "mood": ""})
    return _folded(rows)


def _folded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows, with what a service printed and logged at length folded below the first lines of it."""
    folded: list[dict[str, Any]] = []
    for is_line, group in groupby(rows, lambda row: row["kind"] not in ("step", "note")):
        lines = list(group)
        if not is_line or len(lines) <= MOST_LINES + 1:
            folded += lines
            continue
        more = lines[MOST_LINES:]
        text = f"{len(more):,} more lines"
        folded += [
            *lines[:MOST_LINES],
            {"depth": more[0]["depth"], "kind": "fold", "text": text, "mood": "", "rows": more},
        ]
    return folded


def _row(trace: Trace, depth: int, step: Traced, whole: float) -> dict[str, Any]:
    if not isinstance(step, Step):
        kind = step.kind if isinstance(step, Line) else "note"
        denied = getattr(step, "denied", "")
        return {"depth": depth, "kind": kind, "text": step.describe().rstrip("\n"), "mood": "warn" if denied else ""}
    start = min(max((step.started - trace.root.started) / whole, 0.0), 1.0)
    wide = min((step.seconds or 0.0) / whole, 1.0 - start)
    row = {"depth": depth, "kind": "step", "text": step.name, "outcome": step.outcome, "mood": COLOURS[step.mood]}
    return row | {"ms": milliseconds(step), "start": round(start, 4), "width": round(wide, 4)}


def milliseconds(step: Step) -> float | None:
    """How long a step took [ms]; None while it runs."""
    return None if step.seconds is None else round(step.seconds * 1000, 2)
