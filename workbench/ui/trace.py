"""A trace as rows of plain data, which a card and a saved output draw alike."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from workbench.core.call import ServiceStep
from workbench.core.failure import cut
from workbench.core.mood import Mood
from workbench.core.trace import Kept, Line, Outgoing, Step, Trace, Traced

MOST_STEPS = 200
SHOWN_CHARACTERS = 1000
"""What a row shows of one value [characters]; `trace.steps(kind)` has what is kept of it."""

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
    asked = _asked(trace)
    rows = []
    for number, (depth, step) in enumerate(tree[:MOST_STEPS]):
        rows.append(_row(trace, depth, step, whole))
        if id(step) in asked:
            # Where the call can be run again from.
            rows[-1]["number"] = number
        if isinstance(step, Step) and step.told:
            rows.append({"depth": depth + 1, "kind": "note", "text": step.told, "mood": "bad"})
    if (left := len(tree) - MOST_STEPS) > 0:
        rows.append({"depth": 0, "kind": "note", "text": f"and {left:,} more", "mood": ""})
    return _folded(rows)


def _asked(trace: Trace) -> set[int]:
    """The steps that services have asked of what they hold, by identity."""
    services = (step for _, step in trace.root.tree() if isinstance(step, ServiceStep))
    return {id(step) for service in services for asked in service.asked or () for step in asked.steps}


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
    row |= {"ms": milliseconds(step), "start": round(start, 4), "width": round(wide, 4)}
    return row | ({"values": values} if isinstance(step, Outgoing) and (values := _values(step)) else {})


def _values(step: Outgoing) -> list[tuple[str, str]]:
    """What went out and what came back, each with its name."""
    found = [(name, _shown(value)) for name, value in step.arguments.items()]
    if step.answer is not None:
        found.append(("answer", _shown(step.answer)))
    return found + ([("error", str(step.error))] if step.error is not None and found else [])


def _shown(value: Kept) -> str:
    return cut(str(value), SHOWN_CHARACTERS)


def milliseconds(step: Step) -> float | None:
    """How long a step took [ms]; None while it runs."""
    return None if step.seconds is None else round(step.seconds * 1000, 2)
