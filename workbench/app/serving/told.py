"""Calls and lines of the log as plain data, for those who look from outside the process; masked as everything."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from workbench.core.errors import BadRequest
from workbench.core.masking import masked
from workbench.core.trace import RequestStep, Step, Trace
from workbench.runtime.traffic import Log, LogLine, Traffic

LAST = 20
"""How many calls or lines are told where nobody asks for another number."""


def traffic_told(traffic: Traffic, log: Log, query: str) -> Any:
    """The call of `cid=`, with its tree and its lines; without one the `last=` calls, oldest first.

    Raises:
        NotRecorded: No call of that CID is kept.
        BadRequest: `last` is no number.
    """
    asked = _asked(query)
    if cid := asked.get("cid"):
        trace = traffic[cid]
        tree = [_step_told(depth, step) for depth, step in trace.root.tree()]
        return masked(call_told(trace) | {"tree": tree, "text": repr(trace), "log": [_line(each) for each in log[cid]]})
    return masked([call_told(each) for each in traffic[-_number(asked, "last", LAST) :]])


def log_told(log: Log, query: str) -> Any:
    """The lines of `cid=`, those `after=` a total, or the `last=` ones; and the total to go on from.

    Raises:
        BadRequest: `after` or `last` is no number.
    """
    asked = _asked(query)
    lines, total = log.after(_number(asked, "after", 0))
    if cid := asked.get("cid"):
        lines = [each for each in lines if each.cid == cid]
    elif "after" not in asked:
        lines = lines[-_number(asked, "last", LAST) :]
    return {"total": total, "lines": masked([_line(each) for each in lines])}


def _asked(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query).items()}


def _number(asked: dict[str, str], name: str, otherwise: int) -> int:
    given = asked.get(name, str(otherwise))
    if not given.isdecimal() or len(given) > 18:
        raise BadRequest(f"{name}={given!r} is no number")
    return int(given)


def call_told(trace: Trace) -> dict[str, Any]:
    """A call without what it caused, not yet masked."""
    root = trace.root
    services = (step.name for _, step in root.tree() if isinstance(step, Step) and step.kind == "service")
    told = {"cid": trace.cid, "at": trace.at, "name": root.name, "outcome": root.outcome, "mood": root.mood}
    told |= {"seconds": root.seconds, "service": next(services, "")}
    if isinstance(root, RequestStep):
        told |= {"address": root.address, "channel": root.channel, "user": root.user}
    return told


def _step_told(depth: int, step: Any) -> dict[str, Any]:
    told = {"depth": depth, "kind": step.kind, "text": step.describe()}
    if not isinstance(step, Step):
        return told
    told |= {"mood": step.mood, "seconds": step.seconds}
    return told | ({"error": _error(step)} if step.told else {})


def _error(step: Step) -> dict[str, Any]:
    assert step.error is not None
    place = step.error.place
    said = {"kind": step.error.kind, "sentence": step.error.sentence}
    return said | (place._asdict() if place is not None else {})


def _line(line: LogLine) -> dict[str, Any]:
    return {name: value for name, value in line._asdict().items() if name != "failure"}
