"""The text of a test's cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from workbench.app.cassettes.call import Came, WrittenCall
from workbench.app.cassettes.cassette import Cassette
from workbench.app.deploy.notebooks import TEST_MAGIC
from workbench.core.masking import mask

LONGEST_ANSWER = 2000
"""Of an expected answer in the cell; a longer one is in the cassette [characters]."""

LINE = 100
"""From when on a value is written over several lines [characters]."""


class Expected(NamedTuple):
    """What a test expects, as arguments of `wb.expect`; of an error, the sentence."""

    arguments: tuple[str, ...]
    error: str = ""
    is_long: bool = False


def expectation(call: WrittenCall, came: Came) -> Expected:
    """What is expected of a call."""
    if came.error:
        return Expected((), came.error)
    if call.way == "job":
        return Expected(())
    status = (f"status={came.status}",) if came.status is not None else ()
    if (came.value is ... and call.way == "request") or (came.value == "" and not came.is_json):
        return Expected(status)
    word = "json" if came.is_json else "body"
    value = literal(came.value)
    is_long = len(value) > LONGEST_ANSWER
    return Expected((*status, f"{word}={'cassette.answer' if is_long else value}"), is_long=is_long)


def text(name: str, call: WrittenCall, expected: Expected, noise: Sequence[str], cassette: Cassette) -> str:
    """The cell: its name, what answers, the call, and what is expected of it."""
    raises = f", raises={expected.error!r}" if expected.error else ""
    opened = f"with wb.cassette({name!r}{raises})"
    lines = [f"{TEST_MAGIC} {call.service} answers as recorded", *_remarks(noise, cassette)]
    lines.append(f"{opened} as cassette:" if expected.is_long else f"{opened}:")
    result = {"job": "run = ", "request": "answer = "}.get(call.way, "answer = ")
    lines.append(f"    {'' if expected.error else result}{call.code()}")
    if call.way == "job" and not expected.error:
        lines.append('assert run.outcome == "ok"')
    elif expected.arguments:
        lines.append(f"wb.expect(answer, {', '.join(expected.arguments)})")
    return mask("\n".join(lines))


def _remarks(noise: Sequence[str], cassette: Cassette) -> list[str]:
    told = []
    for by, words in (("peer", "Answered by peers"), ("record", "from the record")):
        if names := sorted(each for each, side in cassette.sides.items() if side.by == by):
            told.append(f"{words}: {', '.join(names)}")
    who = "; ".join(told)
    lines = [f"# {who[0].upper()}{who[1:]}."] if who else []
    lines += [f"# Not compared, since it differs in each run: {', '.join(noise)}."] if noise else []
    return list(map(_in_one_line, lines))


def _in_one_line(remark: str) -> str:
    """A remark in which names stand as Python writes them: keys of an answer may be anybody's, and end its line."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in remark)


def literal(value: Any, indent: int = 0) -> str:
    """A value as Python writes it, `...` where anything will do; over several lines where it is long."""
    if value is ...:
        return "..."
    if not isinstance(value, dict | list) or not value:
        return repr(value)
    short = _parts(value, 0)
    opens, closes = "{}" if isinstance(value, dict) else "[]"
    if indent + sum(map(len, short)) + 2 * len(short) <= LINE and not any("\n" in each for each in short):
        return f"{opens}{', '.join(short)}{closes}"
    space = " " * (indent + 4)
    lines = [f"{space}{each}," for each in _parts(value, indent + 4)]
    return "\n".join([opens, *lines, " " * indent + closes])


def _parts(value: Any, indent: int) -> list[str]:
    if isinstance(value, dict):
        return [f"{key!r}: {literal(each, indent)}" for key, each in value.items()]
    return [literal(each, indent) for each in value]
