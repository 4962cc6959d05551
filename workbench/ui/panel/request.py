"""Requests that a person sends to a channel from its row: through the real server, with the last ones kept."""

from __future__ import annotations

from contextlib import suppress
from http.client import responses
from typing import Any

import msgspec

from workbench.app.asking.curl import Sent, line_of
from workbench.app.asking.inline import Answer
from workbench.channels.live import LiveChannel
from workbench.core.errors import ServiceUsage, WorkbenchError
from workbench.core.masking import learn, masked
from workbench.core.mood import Mood
from workbench.core.payload.simpleio import Declared
from workbench.ui.calls import shown
from workbench.ui.desk import Content, Desk, Tell, Verb
from workbench.ui.forms.request import Request, code_of_request, opening, read_request
from workbench.ui.trace import COLOURS, rows_of


def _channel(desk: Desk, message: Content) -> LiveChannel:
    """The channel that is asked for; it must speak HTTP."""
    live: LiveChannel = desk.wb.channels[str(message["channel"])]
    if live.methods is None:
        raise WorkbenchError(f"{live} takes no HTTP requests. Fix: call it with a client of its kind.")
    return live


def open_request(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The form of a request, as the last one was typed."""
    live = _channel(desk, message)
    opened = opening(live, declared(desk, live))
    history = desk.requests.of(live.name)
    start = history[0]["given"] if history else opened["start"]
    return opened | {"start": start, "users": sorted(desk.wb.users), "history": history, "address": live.address}


def declared(desk: Desk, live: LiveChannel) -> Declared | None:
    """What the one service behind a channel declares."""
    service = desk.wb.services.get(live.leads_to[0]) if len(live.leads_to) == 1 else None
    return service.live.io if service is not None else None


def check_request(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """What is wrong with a request so far; the same as a cell and as a line for a shell when nothing is."""
    request, problems = _read(desk, message)
    if request is None:
        return {"problems": problems, "code": "", "curl": ""}
    return {"problems": {}, "code": code_of_request(request), "curl": _curl(desk, request)}


def _read(desk: Desk, message: Content) -> tuple[Request | None, dict[str, str]]:
    request, problems = read_request(_channel(desk, message), message["request"])
    if request is not None and request.user and request.user not in desk.wb.users:
        return None, {"user": f"{request.user!r} is no user here"}
    return request, problems


def _curl(desk: Desk, request: Request) -> str:
    """The line for a shell; '' where the body is too long for one."""
    data = request.body.encode() if isinstance(request.body, str) else request.body
    user = desk.wb.users[request.user] if request.user else None
    try:
        return line_of(Sent(request.method, f"{desk.wb.start()}{request.target}", request.headers, data, user))
    except ServiceUsage:
        return ""


def send_request(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Send a request through the real server, and tell all of the answer."""
    request, problems = _read(desk, message)
    if request is None:
        return {"problems": problems}
    for name in request.secret_headers:
        learn(request.headers[name])
    clock, began = desk.wb.clock, desk.wb.clock.monotonic()
    asked = f"{request.method} {request.target}"
    answer = desk.wb.call(asked, request.body, headers=request.headers, user=request.user)
    ms = round((clock.monotonic() - began) * 1000, 2)
    channel = str(message["channel"])
    given = {**message["request"], "headers": request.headers_without_secrets}
    entry = {"given": given, "said": asked, "status": answer.status, "at": clock.time()}
    desk.requests.add(channel, entry)
    desk.courier.refresh_all()
    return {"problems": {}, "answer": masked(answered(answer, ms)), "history": desk.requests.of(channel)}


def answered(answer: Answer, ms: float) -> dict[str, Any]:
    """An answer as plain data: its status, headers and body, and the trace of its call if that is kept."""
    trace = answer.trace
    return {
        "status": f"{answer.status} {responses.get(answer.status, '')}".rstrip(),
        "mood": colour_of(answer.status),
        "ms": ms,
        "bytes": len(answer.body),
        "headers": [[name, value] for name, value in answer.headers.items()],
        "cid": answer.cid,
        "trace": [] if trace is None else rows_of(trace),
        **_body(answer),
    }


def colour_of(status: int) -> str:
    """The colour of an answer with this status."""
    mood: Mood = "failed" if status >= 500 else "attention" if status >= 400 else "ok"
    return COLOURS[mood]


def _body(answer: Answer) -> dict[str, str]:
    """A body as a person reads it: JSON laid out."""
    if "json" in str(answer.headers.get("Content-Type", "")):
        with suppress(msgspec.DecodeError):
            return shown(msgspec.json.format(answer.body, indent=2))
    return shown(answer.body)


REQUEST: dict[str, Verb] = {
    "request": open_request,
    "request check": check_request,
    "request send": send_request,
}
"""What the request form of a channel asks for."""
