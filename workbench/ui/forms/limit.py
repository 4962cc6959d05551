"""The form that limits a service, an endpoint or a user: its lines, and a try of them by the server's own code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from workbench.app.code import code_of
from workbench.core.definition import Definition
from workbench.limiting.definition import Limit
from workbench.limiting.explain import explain
from workbench.limiting.grammar import PERIODS, UNIT_NAMES, read
from workbench.limiting.simulate import Arrival, simulate
from workbench.ui.forms.fields import fields_of
from workbench.ui.forms.reading import Read
from workbench.ui.forms.reading import read as read_form

MOST_TRIED = 5_000
_PLACED = ("name", "on", "lines", "exact")
_EVERYONE = "*"


def opening(limit: Limit | None) -> dict[str, Any]:
    """The form as it opens: the limit in force, or 100 calls a minute for everyone."""
    kept = limit or Limit("?", on="service", lines="* = 100/m")
    rest = [field for field in fields_of(Limit) if field.name not in _PLACED]
    more: list[dict[str, Any]] = msgspec.to_builtins(rest)
    return {
        "lines": [
            {"source": line.network_text, "rate": "" if line.rate is None else str(line.rate), "unit": line.unit}
            | {"unbounded": line.rate is None}
            for line in kept.parsed()
        ],
        "exact": kept.exact,
        "units": [{"unit": unit, "name": UNIT_NAMES[unit]} for unit in PERIODS],
        "more": [field | {"value": getattr(kept, field["name"])} for field in more],
        "defined": limit is not None,
    }


def line_text(row: Mapping[str, Any]) -> str:
    """One line of the form as a limit writes it."""
    source = str(row.get("source") or "").strip()
    if row.get("unbounded"):
        return f"{source} = *"
    return f"{source} = {str(row.get('rate') or '').strip()}/{row.get('unit') or 'm'}"


def read_limit(on: str, name: str, rows: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> Read:
    """The limit that the form describes, or every error: those of line 2 under `line 2`."""
    problems = {f"line {number}": said for number, row in enumerate(rows, 1) if (said := _line_problem(row))}
    if not rows:
        problems["lines"] = "needs a line; add one"
    # A line that is wrong is named beside itself; the rest of the form is still read.
    texts = [line_text(row) for row in rows] if not problems else ["* = 1/m"]
    text = texts[0] if len(texts) == 1 else "\n" + "\n".join(texts) + "\n"
    found = read_form(Limit, {**values, "name": name, "on": on, "lines": text})
    problems |= found.problems
    return Read(None, problems) if problems else found


def _line_problem(row: Mapping[str, Any]) -> str:
    if not row.get("unbounded") and not str(row.get("rate") or "").strip():
        return "the rate is missing; give a number, or tick no limit"
    wrong = read(line_text(row))[1]
    return _words(wrong[0]) if wrong else ""


def _words(problem: str) -> str:
    """What is wrong with a line, without the line, which stands beside it."""
    return problem.partition("`: ")[2].partition("; correct:")[0].replace("`", "")


def short_problem(text: str) -> str:
    """What is wrong with a limit in one field, `100/m` or several lines, and what is right; '' if nothing is wrong.

    The words are those of the limit's own form.
    """
    rows = [row for row in text.splitlines() if row.strip()]
    alone = len(rows) == 1 and "=" not in text
    wrong = read(f"{_EVERYONE} = {text.strip()}" if alone else text)[1] if rows else []
    said = []
    for each in wrong:
        line, _, rest = each.replace("`", "").partition(" ")
        number, _, rest = rest.partition(" ")
        words, _, fix = rest.partition(": ")[2].rpartition("; ")
        everyone = "" if "lines" in fix else f"{_EVERYONE} = "
        said.append(f"{words}; {fix.replace(everyone, '')}" if alone else f"{line} {number}: {words}; {fix}")
    return " | ".join(said)


def as_field(limit: Limit, owner: Definition) -> Read:
    """A limit as the `limit=` of a channel or user, which has room for its lines alone."""
    if limit != Limit(limit.name, on=limit.on, lines=limit.lines):
        fix = "leave all but the lines as they were, or remove this limit first and make a new one"
        return Read(None, {"": f"{owner} says this limit in its limit=, which has lines alone. Fix: {fix}."})
    only = limit.parsed()[0] if len(limit.parsed()) == 1 else None
    short = only is not None and only.network_text == _EVERYONE and only.rate is not None
    text = limit.lines.partition("=")[2].strip() if short else limit.lines
    return Read(owner.replace(limit=text), {})


def preview(found: Read, tried: Mapping[str, Any], others: Iterable[Limit]) -> dict[str, Any]:
    """What the form shows beside its fields while a person types.

    Args:
        found: What `read_limit` gave.
        tried: The Try line: `address`, `calls`, `span`, `unit`, and its `way_in`.
        others: The limits in force on other objects, which the same calls meet.
    """
    limit = found.definition
    if not isinstance(limit, Limit):
        return {"problems": found.problems, "never": {}, "tried": {"text": ""}, "code": ""}
    never = {each.number - _first_row(limit) + 1: each.never for each in explain(limit, None) if each.never}
    return {"problems": {}, "never": never, "tried": _try(limit, tried, others), "code": code_of(limit)}


def _first_row(limit: Limit) -> int:
    """Number of the first line in the text: 2 where the text begins with an empty one."""
    return limit.parsed()[0].number


def way_in(channels: Iterable[Any], on: str, name: str, tried: Mapping[str, Any]) -> dict[str, str | None]:
    """By which channel, as whom and for which service the tried calls come: who a caller is depends on the channel.

    Args:
        channels: The live channels.
        on: What the limit is on: `channel`, `user` or `service`.
        name: The name of that object.
        tried: The Try line: the `service` of the card, '' if it is of none, and the `user` of a service's calls.
    """
    service = name if on == "service" else str(tried.get("service") or "")
    user = name if on == "user" else str(tried.get("user") or "")
    fits = [each for each in channels if (each.name == name if on == "channel" else each.security == user)]
    fits.sort(key=lambda each: service not in each.leads_to)
    if on == "service":
        fits = [each for each in fits if service in each.leads_to]
    if not fits:
        return {"channel": None, "user": user or None, "service": service or None}
    first = fits[0]
    reached = service if service in first.leads_to or not first.leads_to else first.leads_to[0]
    return {"channel": first.name, "user": first.security or None, "service": reached or None}


def _try(limit: Limit, tried: Mapping[str, Any], others: Iterable[Limit]) -> dict[str, Any]:
    try:
        traffic = list(_arrivals(limit, tried))
    except ValueError as exc:
        return {"text": str(exc), "bad": True}
    met = [each for each in others if each.identity != limit.identity]
    outcomes = simulate([*met, limit], traffic)
    refused: dict[str, int] = {}
    for outcome in outcomes:
        if (said := outcome.refused_by) is not None:
            by = _named(limit, said.on, said.name, said.network, said.limit)
            refused[by] = refused.get(by, 0) + 1
    text = f"{outcomes.passed:,} pass"
    text += "".join(f", {count:,} refused by {by}" for by, count in refused.items()) or ", none refused"
    who, way = tried.get("user") or "nobody", tried.get("channel")
    called = f"as {who} by {way}" if way else f"as {who}"
    return {"text": text, "called": called, "passed": outcomes.passed, "refused": outcomes.refused}


def _named(limit: Limit, on: str, name: str, network: str, rate: str) -> str:
    if (on, name) != limit.identity:
        return f"the limit on {on} {name}"
    for row, line in enumerate(limit.parsed(), 1):
        if (line.network_text, line.limit_text) == (network, rate):
            return f"line {row}"
    return "no line: the address is on none"


def _arrivals(limit: Limit, tried: Mapping[str, Any]) -> Iterable[Arrival]:
    calls = _whole(tried.get("calls"), "calls", MOST_TRIED)
    span = _whole(tried.get("span") or "1", "the span", 10_000) * PERIODS.get(str(tried.get("unit") or "m"), 60)
    names: dict[str, Any] = {on: tried.get(on) or None for on in ("channel", "user", "service")}
    names[limit.on] = limit.name
    # The start of a day is the start of every window.
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    address = str(tried.get("address") or "127.0.0.1").strip()
    return (Arrival(begin + timedelta(seconds=span * i / calls), address, **names) for i in range(calls))


def _whole(given: Any, what: str, most: int) -> int:
    text = str(given or "").strip()
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise ValueError(f"{what} must be a whole number from 1 to {most:,}")
    return int(text)


def enough_calls(limit: Limit, most: int = 1001) -> int:
    """Calls that show the limit refuse: one more than its line for everyone, or its first, allows."""
    lines = [line for line in limit.parsed() if line.rate is not None]
    everyone = [line for line in lines if line.network_text == _EVERYONE] or lines
    return max(1, min((everyone[0].rate or 0) + 1, most)) if everyone else 1
