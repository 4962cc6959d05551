"""`workbench traffic` and `workbench log`: what the calls of a running workbench did."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from workbench.app.serving.asking import Refused, ask
from workbench.app.serving.choosing import chosen
from workbench.app.serving.runtime_file import Running, running

LOOK_SECONDS = 0.5
"""How often a log that is followed is looked at [s]."""


def call(cid: str, app: str = "") -> dict[str, Any]:
    """One call with its tree and its lines; of several workbenches, the one that has it.

    Raises:
        Refused: None of them has it.
    """
    return dict(_of_call("/workbench/traffic", cid, app)[1])


def call_said(call: dict[str, Any]) -> str:
    """When, how long, and the tree; then what its services logged, with tracebacks."""
    head = f"{_moment(call['at'])}  CID {call['cid']}{_took(call['seconds'])}"
    lines = [each["text"] for each in call["log"] if "\n" in each["text"]]
    return "\n".join([head, call["text"], *lines])


def calls(last: int, app: str = "") -> list[dict[str, Any]]:
    """The last so many calls, oldest first."""
    return list(ask(chosen(app), "GET", f"/workbench/traffic?{urlencode({'last': last})}"))


def calls_said(calls: list[dict[str, Any]]) -> str:
    """A line for each call: when, its CID, what came of it, how long it took."""
    lines = [f"{_moment(each['at'])}  {each['cid']}  {_outcome(each)}{_took(each['seconds'])}" for each in calls]
    return "\n".join(lines) or "No calls yet."


def log(cid: str, follow: bool, last: int, app: str, as_json: bool) -> None:
    """Print lines of the log, and go on as they come if `follow`; the end of the workbench ends it.

    Raises:
        ConnectionFailed: The workbench that is followed does not answer any more.
    """
    if cid:
        target, told = _of_call("/workbench/log", cid, app)
    else:
        target = chosen(app)
        told = ask(target, "GET", f"/workbench/log?{urlencode({'last': last})}")
    while True:
        for each in told["lines"]:
            print(json.dumps(each) if as_json else line_said(each), flush=True)
        if not follow:
            return
        time.sleep(LOOK_SECONDS)
        asked = {"after": told["total"]} | ({"cid": cid} if cid else {})
        told = ask(target, "GET", f"/workbench/log?{urlencode(asked)}")


def line_said(line: dict[str, Any]) -> str:
    """One line of the log; what has more lines, as a traceback, follows indented."""
    text = "\n  ".join(line["text"].splitlines())
    return f"{_moment(line['at'])} {line['level'] or 'PRINT':<7} {line['service']}: {text} cid:{line['cid']}"


def _of_call(address: str, cid: str, app: str) -> tuple[Running, Any]:
    """The workbench that has a call, and what it says of it."""
    targets = [chosen(app)] if app or len(running()) < 2 else running()
    refused: Refused | None = None
    asked = urlencode({"cid": cid})
    for each in targets:
        try:
            call = ask(each, "GET", f"/workbench/traffic?{asked}")
        except Refused as exc:
            refused = exc
        else:
            return each, call if address.endswith("traffic") else ask(each, "GET", f"{address}?{asked}")
    assert refused is not None
    raise refused


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _took(seconds: float | None) -> str:
    return "" if seconds is None else f"  {seconds * 1000:.1f} ms"


def _outcome(call: dict[str, Any]) -> str:
    """What was asked and what came of it; by which service, where the address does not say it, and as whom."""
    service = f"  {call['service']}" if call["service"] not in call["name"] else ""
    user = f" as {call['user']}" if call.get("user") else ""
    return f"{call['name']} {call['outcome']}{service}{user}"
