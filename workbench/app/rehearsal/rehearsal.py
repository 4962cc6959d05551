"""One rehearsal: an invoker, a pipeline and stand-ins of its own; what runs there leaves no mark on the rest."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from workbench.app.around import Around
from workbench.app.parts import Parts
from workbench.app.rehearsal.played import Played, watch
from workbench.app.rehearsal.played_redis import PlayedRedis
from workbench.app.rehearsal.stand_ins import StandIns
from workbench.channels.answers import Answer
from workbench.channels.definition import HTTPChannel
from workbench.channels.endpoint import Endpoint, View, routes_of
from workbench.channels.exchange import Exchange
from workbench.channels.gate import Gate
from workbench.channels.guard import Guard
from workbench.channels.pipeline import Pipeline
from workbench.core.call import INVOKE, ChannelInfo, ChannelSecurity, Deployment
from workbench.core.clock import SystemClock, VirtualClock
from workbench.core.current import CURRENT
from workbench.core.errors import CallerError
from workbench.core.payload.copying import fresh
from workbench.core.trace import RequestStep, Trace
from workbench.runtime.compared import given_of
from workbench.runtime.invoker import Invoker
from workbench.runtime.traffic import Log, Traffic
from workbench.runtime.workers import Workers
from workbench.scheduler.runs.extra import parsed

THREADS = 4
_OF_PAGES = ("sec-fetch-", "origin", "referer")
"""Headers by which a browser says which page asks: that page was let in, and no page asks now."""

_BY_JOB = ChannelInfo("scheduler", "scheduler")


class Request(NamedTuple):
    """An HTTP request as it is rehearsed: the channel it comes by, and what it brings."""

    channel: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    user: str = ""


class Rehearsal:
    """Runs calls one after another: no row in Traffic or the log, no limit, no event, no connection to the outside.

    Their chain and, by HTTP, their pipeline are the real ones. Time stands: at the instant of a recorded call, else at
    the beginning of 2026. What a service keeps in Python's memory changes as by any call.

    Args:
        parts: The workbench's.
    """

    def __init__(self, parts: Parts) -> None:
        watch()
        self._parts = parts
        self._connections = StandIns(parts, SystemClock(), _refused)
        self._kvdb = PlayedRedis(parts.spare_redises)
        self.traffic = Traffic(1)
        self._around = Around(
            self._connections, VirtualClock(), Log(), self.traffic, lambda: self._kvdb, parts.around.encryption
        )
        self._around.caches.take(parts.around.caches)
        self._around.user_config, self._around.server_config = parts.around.user_config, parts.around.server_config
        self._workers = Workers(THREADS)
        self._invoker = self._around.invoker = Invoker(
            lambda: parts.registry.services, lambda name: None, parts.loop, self._workers, self.traffic, self._around
        )
        self._invoker.own = parts.invoker.own
        self._view = View(routes_of(()), {})
        self._pipeline = Pipeline(
            lambda headers: self._view, self._invoker, self.traffic.record, Guard(secrets.token_hex(16)), {}
        )
        self._pipeline.keep = self.traffic.keep

    def __enter__(self) -> Rehearsal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def copy_peers(self) -> None:
        """Have stand-ins answer as the workbench's own peers do, with copies of what is in those."""
        self._connections.peers.copy(self._parts.sandbox)

    def asked_in_vain(self) -> str:
        """Which stand-in was asked since the last look, where nobody has said what it answers, and how to; or ''."""
        peers = self._connections.peers.values()
        said = [f"{peer} has no reply to anything. Fix: {fix} of it" for peer in peers if (fix := peer.asked_in_vain())]
        return next(iter(said), "")

    def close(self) -> None:
        """Stop the stand-ins; a call that hangs keeps its thread."""
        self._connections.end()
        self._kvdb.close()
        self._workers.close(0.0)

    def again(self, trace: Trace, service: str, services: Mapping[str, Deployment], played: Played) -> Trace:
        """Run a recorded call of a service on other versions, at the instant it came, under its CID.

        Raises:
            LookupError: The channel it came by is gone.
        """
        self._set_clock(trace.at)
        came = given_of(trace)
        assert came is not None
        if not isinstance(trace.root, RequestStep):
            by = _BY_JOB if trace.root.kind == "job" else INVOKE
            return self.invoke(service, fresh(came.body, None), services, played, by=by, cid=trace.cid)
        root = trace.root
        method, _, path = root.name.partition(" ")
        target = f"{path}?{came.query}" if came.query else path
        request = Request(root.channel, method, target, came.headers, came.body or b"", root.user)
        return self.request(request, services, played, cid=trace.cid, address=root.address)

    def invoke(
        self,
        service: str,
        payload: Any,
        services: Mapping[str, Deployment],
        played: Played,
        *,
        by: ChannelInfo = INVOKE,
        cid: str = "",
    ) -> Trace:
        """Run a service, by `invoke` or as a job does; how it ended is in the trace."""
        call = self._invoker.new_call(service, payload, by, cid=cid, services=services)
        if by is _BY_JOB:
            call.payload = parsed(payload)
        call.replay = played
        self._invoker.record(call, call.step)
        try:
            self._invoker.run(call)
        except Exception as exc:
            call.step.fail(exc)
        return self.traffic[-1]

    def request(
        self,
        request: Request,
        services: Mapping[str, Deployment],
        played: Played,
        *,
        cid: str = "",
        address: str = "127.0.0.1",
    ) -> Trace:
        """Answer a request through the pipeline; who is let in is who the request says.

        Raises:
            LookupError: There is no such channel, or it is none of HTTP.
        """
        channel = self._parts.book.definition("channels", request.channel)
        if not isinstance(channel, HTTPChannel):
            raise LookupError(f"channel {request.channel!r} is gone")
        self._view = View(routes_of([Endpoint(channel, self._gate(request.user))]), services, played)
        headers = {name: each for name, each in request.headers.items() if not name.lower().startswith(_OF_PAGES)}
        self._parts.loop.run(self._answered(request._replace(headers={"Host": "localhost"} | headers), cid, address))
        return self.traffic[-1]

    async def _answered(self, request: Request, cid: str, address: str) -> None:
        # The loop's tasks begin with what the thread has that started it.
        CURRENT.set(None)
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        exchange = Exchange(request.method, request.target, request.headers, address, done.set_result)
        exchange.cid, exchange.body = cid or exchange.cid, request.body
        try:
            self._pipeline.check_head(exchange)
        except CallerError as exc:
            self._pipeline.refuse(exchange, exc)
        else:
            self._pipeline.handle(exchange)
        await done

    def _gate(self, user: str) -> Gate:
        known = self._parts.book.of("security")
        return Gate(verifier=_LetIn(self._parts.views.verifier(user).user)) if user in known else Gate()

    def _set_clock(self, at: float) -> None:
        """Have time stand at an instant of the machine's clock [s since the epoch], as the workbench's clock had it."""
        clock = self._parts.around.clock
        now = clock.time() if clock.is_virtual else clock.time() - (time.time() - at)
        self._around.clock = VirtualClock(datetime.fromtimestamp(now, UTC))


def _refused(name: str) -> Any:
    """Nothing stands for a connection of a kind without a peer."""
    call = CURRENT.get()
    assert call is not None
    assert isinstance(call.replay, Played)
    raise call.replay.refuse(f"open {name!r}, since nothing can stand in for it")


class _LetIn:
    """Takes a caller for the user who was let in."""

    def __init__(self, user: ChannelSecurity) -> None:
        self.user = user

    def verify(self, headers: Mapping[str, str]) -> None:
        """Let it in: what it came with was checked then, and is not kept."""
