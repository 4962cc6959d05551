"""Two calls side by side: what each was given, did and answered, how long it took, and where they first differ."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import NamedTuple

from workbench.core.call import ServiceStep
from workbench.core.masking import mask
from workbench.core.payload.asked import FROM_THE_RECORD, Given, given_by
from workbench.core.trace import Outgoing, RequestStep, Step, Trace, kept

WIDEST = 46
"""Of one step in the text of a comparison [characters]; the object has all of it."""


class Side(NamedTuple):
    """One step of one call: what it was, what was sent, what came of it, and how long it took [ms]."""

    depth: int
    name: str
    sent: str
    outcome: str
    answer: str
    milliseconds: float | None

    @property
    def words(self) -> str:
        """Name and outcome, below what caused it."""
        return f"{'  ' * self.depth}{self.name} {self.outcome}"


class Row(NamedTuple):
    """A step of both calls, or of one; `difference` is '' where they are the same."""

    left: Side | None
    right: Side | None
    difference: str


class Compared:
    """Two calls side by side.

    Attributes:
        rows: Their steps in order.
        first: The first difference in a sentence; '' if there is none.
        input, answer: What both were given and answered, as text.
        milliseconds: How long each took [ms]; None while it runs.
    """

    def __init__(self, left: Trace, right: Trace) -> None:
        self.cids = left.cid, right.cid
        self.input, self.answer = (given_text(left), given_text(right)), (answer_text(left), answer_text(right))
        self.milliseconds = _milliseconds(left.root), _milliseconds(right.root)
        self.rows = _rows(_sides(left), _sides(right))
        self.first = self._first()

    def _first(self) -> str:
        if self.input[0] != self.input[1]:
            return f"The input differs: {differing(*self.input)}."
        for row in self.rows:
            if row.difference:
                return row.difference
        return f"The answer differs: {differing(*self.answer)}." if self.answer[0] != self.answer[1] else ""

    def __repr__(self) -> str:
        lines = [self.first or "No difference."]
        for row in self.rows:
            left, right = ((side.words[:WIDEST] if side is not None else "") for side in (row.left, row.right))
            lines.append(f"{'|' if row.difference else ' '} {left:<{WIDEST}}  {right}".rstrip())
        taken = (f"{each:.1f} ms" if each is not None else "running" for each in self.milliseconds)
        return "\n".join([*lines, f"  {next(taken):<{WIDEST}}  {next(taken)}"])


def given_of(trace: Trace) -> Given | None:
    """What a call came with; None where that is not known."""
    if isinstance(trace.root, RequestStep):
        return given_by(trace.root.came) if trace.root.came is not None else None
    return next((step.given for _, step in trace.root.tree() if isinstance(step, ServiceStep) and step.given), None)


def given_text(trace: Trace) -> str:
    """What a call was given, as text: by HTTP its query before its body."""
    came = given_of(trace)
    if came is None:
        return ""
    return mask(f"?{came.query} {came.shown}".strip() if came.query else came.shown)


def answer_text(trace: Trace) -> str:
    """What a call answered, as text, cut."""
    root = trace.root
    if isinstance(root, RequestStep):
        return str(kept(root.answer)).replace(trace.cid, "...") if root.answer else ""
    step = next((each for _, each in root.tree() if isinstance(each, ServiceStep)), None)
    return str(step.answer) if step is not None and step.answer is not None else ""


def _sides(trace: Trace) -> list[Side]:
    return [_side(trace.cid, depth, step) for depth, step in trace.root.tree() if isinstance(step, Step)]


def _side(cid: str, depth: int, step: Step) -> Side:
    sent = answer = ""
    if isinstance(step, Outgoing):
        sent = ", ".join(f"{name}={value}" for name, value in step.arguments.items())
        answer = str(step.answer) if step.answer is not None else ""
    outcome = step.outcome.removesuffix(FROM_THE_RECORD)
    texts = (mask(text.replace(cid, "...")) for text in (step.name, sent, outcome, answer))
    name, sent, outcome, answer = texts
    return Side(depth, name, sent, outcome, answer, _milliseconds(step))


def _rows(left: list[Side], right: list[Side]) -> list[Row]:
    matcher = SequenceMatcher(None, [each[:2] for each in left], [each[:2] for each in right], autojunk=False)
    rows = []
    for _, start, end, other, other_end in matcher.get_opcodes():
        for place in range(max(end - start, other_end - other)):
            one = left[start + place] if start + place < end else None
            two = right[other + place] if other + place < other_end else None
            rows.append(Row(one, two, _difference(one, two)))
    return rows


def _difference(left: Side | None, right: Side | None) -> str:
    if left is None or right is None:
        there = left or right
        return f"Only the {'first' if left else 'second'} call has the step {there.name!r}." if there else ""
    if left[:2] != right[:2]:
        return f"The first call goes on with {left.name!r}, the second with {right.name!r}."
    for what, one, two in (
        ("sent something else", left.sent, right.sent),
        ("ended otherwise", left.outcome, right.outcome),
        ("got another answer", left.answer, right.answer),
    ):
        if one != two:
            return f"The step {left.name!r} {what}: {differing(one, two)}."
    return ""


def differing(one: str, two: str) -> str:
    """Both texts from a little before where they part."""
    at = next((place for place, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]), None)
    begin = max(0, (min(len(one), len(two)) if at is None else at) - 20)
    shown = (f"{'...' if begin else ''}{text[begin : begin + 60]}" for text in (one, two))
    return f"{next(shown)!r} and {next(shown)!r}"


def _milliseconds(step: Step) -> float | None:
    return None if step.seconds is None else round(step.seconds * 1000, 2)
