"""The call of a test: how it is made, as code and here and now, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from workbench.app.asking import inline
from workbench.app.asking.curl import Sent
from workbench.app.cassettes.errors import NotATest
from workbench.app.cassettes.noise import ANYTHING
from workbench.app.cassettes.playing import answering, own_headers
from workbench.app.cassettes.values import plain_of
from workbench.app.parts import Parts
from workbench.app.serving.again import service_of
from workbench.core.call import ChannelInfo, ServiceStep, Task
from workbench.core.failure import sentence_of
from workbench.core.masking import mask
from workbench.core.payload.copying import fresh
from workbench.core.source import value_in
from workbench.core.trace import KEPT_CHARACTERS, MARGIN, RequestStep, Trace, kept
from workbench.runtime.compared import given_of
from workbench.scheduler.runs.extra import as_request, parsed

LONGEST_SECONDS = 600.0
LONGEST_INPUT = 8192
"""Of an input, in a cell that a person reads [characters]."""

OF_CLIENTS = (
    "accept",
    "cache-control",
    "dnt",
    "origin",
    "pragma",
    "priority",
    "referer",
    "sec-",
    "upgrade",
    "user-agent",
)
OF_PROXIES = ("forwarded", "via", "x-forwarded-", "x-real-ip", "x-request-id", "traceparent", "x-zato-cid")
"""Beginnings of the names of headers that the client or what is between has sent, and no caller by intent."""


class Came(NamedTuple):
    """What came of a call: the status by HTTP, the value as JSON has it or as text, or the error in a sentence.

    `text` is how a trace keeps the value, and `is_whole` says whether that is all of it.
    """

    status: int | None = None
    value: Any = None
    is_json: bool = True
    error: str = ""
    text: str = ""
    is_whole: bool = True
    trace: Trace | None = None


class WrittenCall(NamedTuple):
    """A call as a test makes it.

    Attributes:
        way: `request`, `job` or `invoke`.
        target: Method and path with the query; the job; the service.
        service: The service that it goes to.
        body: The input: text, or what a service is invoked with; None if there is none.
        headers: Of a request.
        user: As whom.
    """

    way: str
    target: str
    service: str
    body: Any = None
    headers: Mapping[str, str] = {}
    user: str = ""

    def code(self) -> str:
        """The expression that makes it."""
        if self.way == "job":
            return f"wb.jobs[{self.target!r}].execute({'' if self.body is None else repr(self.body)})"
        if self.way == "invoke":
            return f"wb.invoke({self.target!r}{'' if self.body in ('', None) else f', {self.body!r}'})"
        told = [repr(self.target)]
        told += [f"data={self.body!r}"] if self.body not in (None, b"", "") else []
        told += [f"user={self.user!r}"] if self.user else []
        told += [f"headers={dict(self.headers)!r}"] if self.headers else []
        return f"wb.call({', '.join(told)})"

    def make(self, parts: Parts, address: str, replay: Any) -> Came:
        """Make it, answered by a replay; a request goes to the server at this address."""
        with answering(replay):
            if self.way == "request":
                return self._request(parts, address)
            task = Task(self.service, as_request(self._extra(parts)), ChannelInfo(self.target, "scheduler"))
            call = (
                parts.invoker.new_root(self.target, self.body if self.body is not None else "")
                if self.way == "invoke"
                else parts.invoker.call_of(task)
            )
            if self.way == "job":
                call.payload = parsed(self._extra(parts))
                parts.invoker.record(call, call.step)
                call.play(replay)
            trace = parts.traffic.find(call.cid)
            try:
                value = parts.invoker.run(call)
            except Exception as exc:
                return Came(error=said(exc), trace=trace)
            return Came(value=plain_of(value), text=str(kept(value)), trace=trace)

    def _extra(self, parts: Parts) -> Any:
        return self.body if self.body is not None else parts.scheduler.jobs[self.target].definition.extra

    def _request(self, parts: Parts, address: str) -> Came:
        method, target = inline.read_call(self.target)
        headers = dict(self.headers)
        body = inline.body_of(self.body, None, headers)
        definition: Any = parts.book.of("security")[self.user] if self.user else None
        more = definition.credentials(parts.secrets.reveal) if definition is not None else {}
        sent = Sent(method, f"{address}{target}", headers, body, definition)
        with own_headers(parts) as ours:
            status, received, contents = inline.send(sent, more | ours, LONGEST_SECONDS)
        answer = inline.Answer(status, received, contents, sent, lambda cid: None)
        trace = next((each for each in reversed(list(parts.traffic)) if each.cid == answer.cid), None)
        value, is_json = read_body(contents, str(received.get("Content-Type", "")))
        text = contents.decode("utf-8", "replace").replace(answer.cid, "...")
        return Came(status, without(value, answer.cid), is_json, text=text, trace=trace)


def said(error: Exception) -> str:
    """An error as a test names it."""
    return mask(f"{type(error).__name__}: {sentence_of(error)}".partition("\n")[0])


def without(value: Any, cid: str) -> Any:
    """A value in which `...` stands for its call's CID."""
    if isinstance(value, str):
        return ANYTHING if value == cid else value.replace(cid, "...") if cid else value
    if isinstance(value, dict):
        return {key: without(each, cid) for key, each in value.items()}
    return [without(each, cid) for each in value] if isinstance(value, list) else value


def read_body(contents: bytes, content_type: str) -> tuple[Any, bool]:
    """A body as JSON, if it is, else as text."""
    if "json" in content_type and contents:
        try:
            return msgspec.json.decode(contents), True
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    return contents.decode("utf-8", "replace"), False


def call_of(parts: Parts, trace: Trace) -> WrittenCall:
    """The call of a trace as a test makes it.

    Raises:
        NotATest: What it came with is not kept, or cannot stand in a cell.
    """
    came, what = given_of(trace), f"Call {trace.cid}"
    if trace.root.seconds is None:
        raise NotATest(what, "still runs", "wait for its end")
    if came is None or came.why:
        raise NotATest(what, f"has an input that {came.why if came else 'is not kept'}", "call it with a smaller one")
    if not (service := service_of(trace)):
        raise NotATest(what, "went to no service", "make a test of one that did")
    body = fresh(came.body, None)
    if isinstance(trace.root, RequestStep):
        made = _request_of(trace.root, came, body, service)
    elif trace.root.kind == "job" and (job := _job_of(trace)) in parts.book.of("jobs"):
        made = WrittenCall("job", job, service, None if _is_own_extra(parts, job, body) else body)
    else:
        made = WrittenCall("invoke", service, service, body)
    _expect_writable(made, what)
    return made


def _request_of(root: RequestStep, came: Any, body: Any, service: str) -> WrittenCall:
    target = f"{root.name}?{came.query}" if came.query else root.name
    if isinstance(body, bytes):
        with suppress(UnicodeDecodeError):
            body = body.decode() or None
    return WrittenCall("request", target, service, body, headers_of(came.headers), root.user)


def headers_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Those headers of a request that a caller has set by intent."""
    return {name: value for name, value in headers.items() if not name.lower().startswith((*OF_CLIENTS, *OF_PROXIES))}


def _job_of(trace: Trace) -> str:
    try:
        return str(value_in(trace.root.name.removeprefix("job ")))
    except (ValueError, SyntaxError):
        return ""


def _is_own_extra(parts: Parts, job: str, body: Any) -> bool:
    return bool(as_request(parts.scheduler.jobs[job].definition.extra) == body)


def _expect_writable(call: WrittenCall, what: str) -> None:
    code = call.code()
    if mask(code) != code:
        raise NotATest(what, "came with the value of a secret, which may not stand in a cell", "call it without")
    if len(code) > LONGEST_INPUT:
        raise NotATest(what, f"came with more than {LONGEST_INPUT:,} characters", "call it with a smaller input")
    try:
        same = call.body is None or value_in(repr(call.body)) == call.body
    except (ValueError, SyntaxError):
        same = False
    if not same:
        raise NotATest(what, f"came with a {type(call.body).__name__}, which a cell cannot write", "send plain values")


def recorded(trace: Trace) -> Came:
    """What came of the call when it was recorded, as far as it is kept."""
    root = trace.root
    if isinstance(root, RequestStep):
        contents = root.answer or b""
        text = contents.decode("utf-8", "replace").replace(trace.cid, "...")
        status = int(root.outcome) if root.outcome.isdigit() else None
        return _of_text(text, len(contents) < KEPT_CHARACTERS + MARGIN)._replace(status=status)
    step = next(each for _, each in root.tree() if isinstance(each, ServiceStep))
    if step.error is not None:
        return Came(error=mask(f"{step.error.kind}: {step.error.sentence}".partition("\n")[0]))
    return _of_text(str(step.answer), step.answer.is_whole) if step.answer is not None else Came(text="null")


def _of_text(text: str, is_whole: bool) -> Came:
    try:
        return Came(value=msgspec.json.decode(text), text=text, is_whole=is_whole)
    except msgspec.DecodeError:
        return Came(value=text, is_json=False, text=text, is_whole=is_whole)
