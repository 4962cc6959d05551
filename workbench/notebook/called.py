"""How calls look: the answer, and all that the call caused, each step with its share of the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.app.asking.inline import Answer
from workbench.core.mood import mood_of_status
from workbench.core.trace import Trace
from workbench.notebook.html import bar, chip, code, escape, folded, measure, muted, strong, table
from workbench.ui.trace import COLOURS, rows_of

Row = Mapping[str, Any]


def answer(answer: Answer) -> str:
    """What came back, and the trace if it is still kept."""
    kind = muted(escape(str(answer.headers.get("Content-Type", ""))))
    text = "\n".join(answer.describe().splitlines()[1:])
    cid = muted(f"&middot; CID {code(answer.cid)}") if answer.cid else ""
    status = chip(answer.status, COLOURS[mood_of_status(answer.status)])
    return f"{status} {kind} {cid}{_body(text)}{trace(answer.trace) if answer.trace else ''}"


def trace(trace: Trace) -> str:
    """A row for each step and line."""
    return rows(rows_of(trace))


def call(facts: Row) -> str:
    """A call as its card shows it."""
    cid = muted(f"CID {code(facts['cid'])}")
    head = f"{chip(facts['outcome'], facts['mood'])} {strong(facts['name'])} {cid}"
    return f"{head}{_body(facts.get('text', ''))}{rows(facts['trace'])}"


def _body(text: str) -> str:
    return f'<pre style="margin:4px 0 2px 0">{escape(text)}</pre>' if text else ""


def rows(rows: Sequence[Row]) -> str:
    """Rows of a trace as a table."""
    return table((), [_row(row) for row in rows])


def _row(row: Row) -> tuple[str, ...]:
    indent = f'<span style="display:inline-block;padding-left:{row["depth"] * 18}px">'
    if row["kind"] == "step":
        name = f"{indent}{strong(row['text'])} {escape(row['outcome'])}</span>"
        if values := row.get("values"):
            name = folded(name, values)
        return name, bar(row["start"], row["width"], row["mood"]), measure(f"{row['ms'] or 0.0:.1f} ms")
    if row["kind"] == "fold":
        more = rows(row["rows"])
        return (f"<details><summary>{indent}{muted(escape(row['text']))}</span></summary>{more}</details>",)
    mark = "" if row["kind"] == "note" else f"{row['kind']} "
    return (f"{indent}{muted(mark)}{code(row['text'])}</span>",)
