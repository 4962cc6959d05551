"""Commands that speak to a running workbench, found by its runtime file."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from typing import Any
from urllib.parse import urlsplit

from workbench.app.serving.runtime_file import Running, running
from workbench.channels.guard import TOKEN_HEADER
from workbench.core.errors import ConnectionFailed, UnknownName, WorkbenchError

TIMEOUT_SECONDS = 600.0
STATUS_SECONDS = 5.0


class NothingRuns(WorkbenchError):
    """No workbench runs on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "No workbench runs on this machine. Fix: run a notebook's first cells, or: workbench serve FILE"
        )


class Refused(WorkbenchError):
    """The running workbench said no."""


def status(args: argparse.Namespace) -> Any:
    """Each running workbench with its services; one that does not answer says so."""
    found = [status_of(each) | {"pid": each.pid} for each in running()]
    if args.json:
        return found
    if not found:
        raise NothingRuns
    return "\n".join(f"{each['app']} (pid {each['pid']}) {each['url']}: {_told(each)}" for each in found)


def status_of(target: Running) -> dict[str, Any]:
    """What a running workbench says of itself, or that it does not answer."""
    try:
        return dict(_ask(target, "GET", "/workbench/status", timeout_seconds=STATUS_SECONDS))
    except WorkbenchError as exc:
        return {"app": target.app, "url": target.url, "error": str(exc)}


def _told(status: dict[str, Any]) -> str:
    told = str(status.get("error") or ", ".join(status["services"]) or "no services yet")
    return told + stuck_of(status)


def stuck_of(status: dict[str, Any]) -> str:
    """The services that hold workers past their time, in words; '' if there are none."""
    held = [f"{service} ({count})" for service, count in (status.get("stuck") or {}).items()]
    return f"; past their time, each holding a worker: {', '.join(held)}" if held else ""


def invoke(args: argparse.Namespace) -> Any:
    """The service's answer."""
    payload = _standard_input() if args.payload == "-" else args.payload
    reply = _ask(chosen(args.app), "POST", "/workbench/invoke", {"service": args.service, "payload": _read(payload)})
    return reply if args.json else reply["answer"]


def jobs(args: argparse.Namespace) -> Any:
    """The jobs with their next times, or the outcome of one run; a failed run is an error."""
    target = chosen(args.app)
    if args.action == "execute":
        if not args.name:
            raise WorkbenchError("No job is named. Fix: workbench jobs execute NAME; workbench jobs list says which.")
        run = _ask(target, "POST", "/workbench/jobs/execute", {"job": args.name, "extra": args.extra})
        if run["outcome"] != "ok":
            raise Refused(f"Job {args.name!r} {run['outcome']}: {run['error'] or 'no reason given'}")
        return run if args.json else f"Job {args.name!r}: {run['outcome']}. {run['returned']}".rstrip()
    found = _ask(target, "GET", "/workbench/jobs")
    if args.json:
        return found
    return "\n".join(_job_line(each) for each in found) or "No jobs."


def _job_line(job: dict[str, Any]) -> str:
    running = f", running since {job['running_since']}" if job["running_since"] else ""
    return f"{job['name']}: {job['what']}, {job['state']}{running}, next {job['next'] or 'never'}"


def chosen(app: str) -> Running:
    """The workbench meant: the only one, or the one of this name."""
    found = running()
    if not found:
        raise NothingRuns
    if not app:
        if len({each.app for each in found}) == 1:
            return found[0]
        names = ", ".join(sorted({each.app for each in found}))
        raise WorkbenchError(f"Several workbenches run here: {names}. Fix: say which with --app NAME")
    for each in found:
        if each.app == app:
            return each
    raise UnknownName("running workbench", app, (each.app for each in found))


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as exc:
        raise WorkbenchError(f"Standard input is not UTF-8 text (byte {exc.start}). Fix: send text or JSON.") from exc


def _read(payload: str) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def _ask(target: Running, method: str, path: str, body: Any = None, timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
    address = urlsplit(target.own_url or target.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout_seconds)
    sent = None if body is None else json.dumps(body)
    try:
        connection.request(method, path, sent, {TOKEN_HEADER: target.token, "Content-Type": "application/json"})
        response = connection.getresponse()
        reply = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise ConnectionFailed(f"The workbench {target.app!r} at {target.url} does not answer: {exc}") from exc
    finally:
        connection.close()
    if response.status != 200:
        raise Refused(str(reply.get("error") or reply.get("details")))
    return reply
