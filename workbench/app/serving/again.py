"""A recorded call run again: on any kept version, with another input, whole or from one of its steps."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from workbench.app.asking import inline
from workbench.app.asking.curl import Sent
from workbench.app.parts import Parts
from workbench.app.serving.views import DRAFT_HEADER
from workbench.channels.endpoint import View
from workbench.connections.common.hosts import host_of, is_outside
from workbench.core.call import ServiceStep
from workbench.core.errors import DeployRefused, ServiceUsage, UnknownName, WorkbenchError
from workbench.core.masking import mask
from workbench.core.payload.asked import NotInRecord
from workbench.core.payload.copying import fresh
from workbench.core.trace import Outgoing, RequestStep, Trace, Traced
from workbench.runtime.compared import Compared, given_of
from workbench.runtime.replay import FromRecord, from_record

MOST_TIMES = 1000
LONGEST_SECONDS = 600.0
SAME: Any = object()
"""The input as it came."""


class CallsOutside(WorkbenchError):
    """A call that is to be run again would call real accounts, and nobody has said that it may.

    Attributes:
        hosts: The host of each connection, by its name.
    """

    mood = "attention"

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self.hosts = dict(hosts)
        named = ", ".join(f"{host} ({name})" for name, host in self.hosts.items())
        super().__init__(
            f"To run this call again is to call {named} for real. Fix: .again(outside=True) if that is meant, or "
            f"wb.sandbox() to call stand-ins."
        )


class Repeated:
    """A call that was run again.

    Attributes:
        trace: What it did this time; None if it is not kept any more.
        answer: By HTTP the `Answer`, otherwise what the service returned; None if it failed.
        error: What it raised, or where it left the record; None if it ended well.
        not_run: What was answered from the record, and so was not run.
        before: The call that it repeats.
    """

    def __init__(self, before: Trace, trace: Trace | None, answer: Any, error: Exception | None, replay: Any) -> None:
        self.before, self.trace, self.answer = before, trace, answer
        self.error: Exception | None = (replay.ended() if replay is not None else None) or error
        self.not_run: list[str] = list(replay.told()) if replay is not None else []

    @property
    def compared(self) -> Compared:
        """Both calls side by side; raises NotInRecord if the new one is not kept any more."""
        if self.trace is None:
            raise NotInRecord("What the call did this time", "is not kept any more", "run it again")
        return Compared(self.before, self.trace)

    def __repr__(self) -> str:
        shown = f"{self.error}" if self.error is not None else repr(self.answer)
        # The answer of a request shows its trace by itself.
        more = [] if isinstance(self.answer, inline.Answer) and self.error is None else [repr(self.trace)]
        if count := len(self.not_run):
            what = f"{count} step{'' if count == 1 else 's'} from the record"
            more.append(f"Not run, {what}: {', '.join(self.not_run)}.")
        return mask("\n".join([shown, *more]))


def run_again(
    start: Callable[[], str],
    parts: Parts,
    trace: Trace,
    *,
    version: int | None = None,
    data: Any = SAME,
    user: str | None = None,
    times: int = 1,
    since: Traced | int | None = None,
    outside: bool = False,
) -> Any:
    """What `Trace.again` does; `start` starts the server, if it does not run, and gives its address."""
    if not isinstance(times, int) or not 1 <= times <= MOST_TIMES:
        raise ServiceUsage(f"A call cannot be run {times!r} times at once. Fix: times=1 to {MOST_TIMES:,}.")
    if trace.root.seconds is None:
        raise NotInRecord(f"Call {trace.cid}", "still runs", "wait for its end")
    service, came = service_of(trace), given_of(trace)
    if came is None:
        raise NotInRecord(f"What call {trace.cid} came with", "is not kept", "call it anew")
    if data is SAME and came.why:
        raise NotInRecord(f"The input of call {trace.cid}", came.why, "give it with .again(data=...)")
    step = _step(trace, since) if since is not None else None
    if not outside and (hosts := called_outside(parts, trace, step)):
        raise CallsOutside(hosts)
    services = on_version(parts, service, version)
    repeated = []
    for _ in range(times):
        replay = from_record(trace, step) if step is not None else None
        if isinstance(trace.root, RequestStep):
            repeated.append(_requested(start, parts, trace, _Way(services, replay, data, user)))
        elif user is not None:
            raise ServiceUsage(f"Call {trace.cid} came by no channel, and so has no user. Fix: leave user= out.")
        else:
            payload = fresh(came.body, None) if data is SAME else data
            repeated.append(_invoked(parts, trace, service, payload, _Way(services, replay, data, user)))
    return repeated[0] if times == 1 else repeated


class _Way(NamedTuple):
    """How a call is run this time: on which services, what answers it first, with which input, as whom."""

    services: Mapping[str, Any] | None
    replay: FromRecord | None
    data: Any
    user: str | None


def service_of(trace: Trace) -> str:
    """The service that a call went to; '' where it went to none."""
    if isinstance(trace.root, RequestStep):
        return trace.root.service
    return next((step.name for _, step in trace.root.tree() if isinstance(step, ServiceStep)), "")


def on_version(parts: Parts, service: str, version: int | None) -> Mapping[str, Any] | None:
    """What is live, with one service on another version of those that are kept; None for what is live."""
    if version is None:
        return None
    kept = {each.number: each for each in parts.registry.history.get(service, ())}
    if version not in kept:
        numbers = ", ".join(map(str, kept)) or "none"
        raise DeployRefused(f"Service {service!r} keeps no version {version!r}. Fix: take one of {numbers}.")
    return {**parts.services_here(), service: kept[version]}


def called_outside(parts: Parts, trace: Trace, since: Traced | None = None) -> dict[str, str]:
    """The hosts that a call would call for real, by connection; none while stand-ins play them.

    Steps before `since`, which are answered from the record, do not count.
    """
    if parts.sandbox.on:
        return {}
    found: dict[str, str] = {}
    begun = since is None
    for _, step in trace.root.tree():
        begun = begun or step is since
        if not begun or not isinstance(step, Outgoing):
            continue
        definition = parts.live.definitions.get(step.connection)
        if definition is not None and is_outside(host := host_of(definition.called)):
            found[step.connection] = host
    return found


def _step(trace: Trace, since: Traced | int) -> Traced:
    steps = [step for _, step in trace.root.tree()]
    if isinstance(since, int):
        if not 0 <= since < len(steps):
            raise ServiceUsage(f"Call {trace.cid} has no step {since}. Fix: take one of 0 to {len(steps) - 1}.")
        return steps[since]
    if not any(step is since for step in steps):
        raise ServiceUsage(f"That is no step of call {trace.cid}. Fix: take one of its .steps(...).")
    return since


def _requested(start: Callable[[], str], parts: Parts, trace: Trace, way: _Way) -> Repeated:
    root, came = trace.root, given_of(trace)
    assert isinstance(root, RequestStep)
    assert came is not None
    method, _, path = root.name.partition(" ")
    headers = dict(came.headers)
    body = came.body or None
    if way.data is not SAME:
        body = inline.body_of(way.data, None, headers)
    user = root.user if way.user is None else way.user
    definition = _user(parts, user)
    more = definition.credentials(parts.secrets.reveal) if definition is not None else {}
    token = secrets.token_hex(16)
    view = _view(parts, way)
    if view is not None:
        parts.views.drafts[token] = lambda: view
        more[DRAFT_HEADER] = token
    target = f"{path}?{came.query}" if came.query else path
    sent = Sent(method, f"{start()}{target}", headers, body, definition)
    try:
        server = parts.server
        back = inline.send(sent, more, LONGEST_SECONDS, server.port, server.trust())
        answer = inline.Answer(*back, sent, partial(_kept, parts))
    finally:
        parts.views.drafts.pop(token, None)
    return Repeated(trace, answer.trace, answer, None, way.replay)


def _user(parts: Parts, name: str) -> Any:
    users = parts.book.of("security")
    if name and name not in users:
        raise UnknownName("user", name, users)
    return users[name] if name else None


def _view(parts: Parts, way: _Way) -> View | None:
    """What the request can reach, where that is not what is live."""
    draft = parts.draft
    mine = parts.views.drafts.get(draft.token) if draft is not None and draft.is_mine else None
    if way.services is None and way.replay is None and mine is None:
        return None
    view = mine() if mine is not None else parts.views.live
    return view._replace(services=way.services if way.services is not None else view.services, replay=way.replay)


def _invoked(parts: Parts, trace: Trace, service: str, payload: Any, way: _Way) -> Repeated:
    call = parts.invoker.new_root(service, payload, services=way.services)
    call.play(way.replay)
    parts.around.watched.add(call)
    answer, error = None, None
    try:
        answer = parts.invoker.run(call)
    except Exception as exc:
        error = exc
    finally:
        parts.around.watched.discard(call)
    return Repeated(trace, _kept(parts, call.cid), answer, error, way.replay)


def _kept(parts: Parts, cid: str) -> Trace | None:
    return next((trace for trace in reversed(list(parts.traffic)) if trace.cid == cid), None)
