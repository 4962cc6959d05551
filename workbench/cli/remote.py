"""Commands that speak to a running workbench, found by its runtime file."""

from __future__ import annotations

import json
import sys
from typing import Any, Literal

from workbench.app.serving.asking import ask, page_of
from workbench.app.serving.choosing import NothingRuns, chosen
from workbench.app.serving.internal.by_name import PREFIXES
from workbench.app.serving.runtime_file import Running, running
from workbench.core.errors import WorkbenchError

STATUS_SECONDS = 5.0


def statuses() -> list[dict[str, Any]]:
    """What each running workbench says of itself; one that does not answer says so."""
    found = running()
    return [
        status_of(each)
        | {"pid": each.pid, "file": each.path}
        | {"shares_jobs_with": [other.pid for other in found if each.shares_jobs_with(other)]}
        for each in found
    ]


def statuses_said(found: list[dict[str, Any]]) -> str:
    """A line for each running workbench.

    Raises:
        NothingRuns: There is none.
    """
    if not found:
        raise NothingRuns
    return "\n".join(f"{each['app']} (pid {each['pid']}) {each['url']}: {_told(each)}" for each in found)


def status_of(target: Running) -> dict[str, Any]:
    """What a running workbench says of itself, or that it does not answer."""
    try:
        status = dict(ask(target, "GET", "/workbench/status", timeout_seconds=STATUS_SECONDS))
        return status | {"app": target.name}
    except WorkbenchError as exc:
        return {"app": target.name, "url": target.url, "error": str(exc)}


def _told(status: dict[str, Any]) -> str:
    told = str(status.get("error") or ", ".join(status["services"]) or "no services yet")
    return told + _jobs_told(status) + _workers_told(status) + stuck_of(status)


def _jobs_told(status: dict[str, Any]) -> str:
    """How many jobs it has, and who else may fire them."""
    jobs, others = status.get("jobs") or [], status.get("shares_jobs_with") or []
    if not jobs:
        return ""
    told = f"; {len(jobs)} job{'' if len(jobs) == 1 else 's'}"
    return f"{told}, each planned time here or in pid {', '.join(map(str, others))}" if others else told


def _workers_told(status: dict[str, Any]) -> str:
    """Which processes serve it, where several do."""
    told = [f"{each['number']} (pid {each['pid']}, {each['state']})" for each in status.get("workers", ())]
    return f"; worker processes {', '.join(told)}" if told else ""


def stuck_of(status: dict[str, Any]) -> str:
    """The services that hold workers past their time, in words; '' if there are none."""
    held = [f"{service} ({count})" for service, count in (status.get("stuck") or {}).items()]
    return f"; past their time, each holding a worker: {', '.join(held)}" if held else ""


def invoke(service: str, payload: str, app: str = "") -> dict[str, Any]:
    """The service's answer and its CID; a payload `-` is what standard input says."""
    given = standard_input() if payload == "-" else payload
    target = chosen(app, lambda each: service.startswith(PREFIXES) or service in status_of(each).get("services", ()))
    return dict(ask(target, "POST", "/workbench/invoke", {"service": service, "payload": payload_of(given)}))


def panel(app: str = "") -> dict[str, Any]:
    """The address of the panel, with a code that logs in once.

    Raises:
        Refused: It shows none, as one that a script made.
    """
    target = chosen(app)
    return {"app": target.name, **page_of(target)}


def panel_said(told: dict[str, Any]) -> str:
    """The address, and how long its code is good."""
    return (
        f"{told['url']}\nIt logs in once, within {told['seconds']:.0f} s. Another address of it takes what is after #."
    )


def known(what: Literal["services", "jobs"]) -> list[str]:
    """Names of what runs on this machine, for shells that complete them; nothing where nothing answers."""
    return sorted({name for each in running() for name in status_of(each).get(what, ())})


def apps() -> list[str]:
    """Names of the workbenches that run on this machine."""
    return sorted({each.name for each in running()})


def standard_input() -> str:
    """What standard input says, as text; raises WorkbenchError."""
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as exc:
        raise WorkbenchError(f"Standard input is not UTF-8 text (byte {exc.start}). Fix: send text or JSON.") from exc


def payload_of(payload: str) -> Any:
    """JSON where it is JSON, else the text; text that begins as JSON does is sent, too, and that is said."""
    try:
        return json.loads(payload)
    except json.JSONDecodeError as exc:
        if payload.lstrip()[:1] in ("{", "["):
            why = f"{exc.msg.lower()}, line {exc.lineno}, column {exc.colno}"
            print(f"The payload is sent as text, since it is no JSON: {why}.", file=sys.stderr)
        return payload
