"""From a request to its answer: route, gate (endpoint's limit, credentials, user's limit), service.

Everything here runs on the loop's thread; only the service's own `handle` may run elsewhere. A call that a local check
refuses costs no worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from asyncio import Task
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from threading import Thread
from typing import Any

from workbench.channels.answers import FOR_CALLERS, answer_of, error_answer, preflight_answer
from workbench.channels.bodies.aside import LARGE_BYTES, Aside
from workbench.channels.bodies.coding import unpacking_of
from workbench.channels.bodies.multipart import is_multipart, read_parts
from workbench.channels.dialect import Dialect, Reading
from workbench.channels.endpoint import Endpoint, View
from workbench.channels.exchange import Answered, Exchange, Keep, declared_length
from workbench.channels.gate import Gate
from workbench.channels.guard import Guard, UnaskedNavigation, is_own_path
from workbench.channels.http.mounted import Mounted
from workbench.channels.http.pages import asks_for_a_page, listing, question, trying
from workbench.channels.own import Admin, Page, check, own_address, own_answer, plain, readiness
from workbench.channels.turns import Turns
from workbench.channels.websocket.handshake import TakenOver, has_page, take_over, wants_upgrade
from workbench.core.call import Call, ChannelSecurity, HTTPInput, Invoker
from workbench.core.errors import ContentTooLarge, NotFound, ServiceUnavailable
from workbench.core.trace import Line

log = logging.getLogger("workbench.http")

CallerAddress = Callable[[str, str | None], str]


class Pipeline:
    """Answers exchanges.

    Args:
        view: Gives routes and services for a request; a cell's own calls see its draft.
        invoker: Makes and runs the calls of services.
        record: Keeps a request's trace from its beginning.
        admin: The workbench's own addresses below /workbench/, for callers that hold the token.
        caller_address: Gives the caller's address behind trusted proxies, of the peer's address and X-Forwarded-For.
    """

    def __init__(
        self,
        view: Callable[[Mapping[str, str]], View],
        invoker: Invoker,
        record: Callable[[str, Any], None],
        guard: Guard,
        admin: Mapping[tuple[str, str], Admin],
        caller_address: CallerAddress | None = None,
    ) -> None:
        self._view, self._invoker, self._record = view, invoker, record
        self.guard, self.admin, self._caller_address = guard, admin, caller_address
        self._turns, self._aside = Turns(invoker), Aside()
        self.scheme = "http"
        """What addresses at its server begin with."""
        self.leaving = False
        """Whether each answer ends its connection."""
        self.draining = False
        """Whether each new call is refused."""
        self.is_ready: Callable[[], bool] = lambda: True
        """Whether all that is to be served is there; told at `/ready`."""
        self.answered: Callable[[Answered], object] | None = None
        """Told of each answer; it must return at once."""
        self.clients: set[TakenOver] = set()
        """Whose connections speak another protocol by now."""
        self.mounted = Mounted(self.clients)
        """Applications that answer where no channel does."""
        self.keep: Keep | None = None
        """Told of each trace that holds a long body or answer."""

    @property
    def in_flight(self) -> int:
        """Calls that have not been answered."""
        calls = len(self._turns) + len(self._aside) + sum(client.is_busy for client in self.clients)
        return calls + len(self.mounted.talks)

    @property
    def stuck(self) -> dict[str, int]:
        """How many workers each service holds past its time."""
        return dict(self._turns.stuck)

    def check_head(self, exchange: Exchange) -> None:
        """Judge a request by its head; raises CallerError to refuse it before its body is read."""
        path = exchange.path
        is_own = is_own_path(path)
        own = own_address(self.admin, self.guard, exchange) if is_own else None
        if not isinstance(own, Page):
            self._record(exchange.cid, exchange.root)
            exchange.heard, exchange.keep = self.answered, self.keep
        if self.draining:
            raise ServiceUnavailable("Stopping")
        check(self.guard, own, exchange)
        if self.guard.origins:
            exchange.page = self.guard.page(exchange.headers)
        if is_own or (exchange.page and exchange.is_preflight):
            return
        view = exchange.view = self._view(exchange.headers)
        self._locate(exchange)
        if view.sockets is not None and wants_upgrade(exchange.headers) and take_over(exchange, view.sockets, self):
            return
        try:
            exchange.endpoint, exchange.params = endpoint, _ = view.routes.find(exchange.method, path)
        except NotFound:
            if self._is_no_channels(exchange, view):
                return
            raise
        exchange.call = self._invoker.new_call(
            endpoint.service, b"", endpoint.info, cid=exchange.cid, services=view.services
        )
        exchange.call.play(view.replay)
        root, channel = exchange.root, endpoint.channel
        root.channel, root.service, root.user = channel.name, endpoint.service, channel.security
        if "Content-Length" in exchange.headers and declared_length(exchange.headers) > channel.max_body_bytes:
            raise ContentTooLarge(f"The body is over {channel.max_body_bytes} bytes")
        if "Content-Encoding" in exchange.headers:
            exchange.unpacking = unpacking_of(exchange.headers, channel.max_body_bytes)
            # What the service gets is not packed any more.
            exchange.headers = {name: value for name, value in exchange.headers.items() if name != "Content-Encoding"}

    def _is_no_channels(self, exchange: Exchange, view: View) -> bool:
        """Whether a path at which no channel answers is our own, an application's, or a page to try a WebSocket."""
        if exchange.path == "/ready":
            return True
        if exchange.path == "/" and exchange.method == "GET" and asks_for_a_page(exchange.headers):
            return True
        exchange.talk = self.mounted.find(exchange)
        return exchange.talk is not None or (view.sockets is not None and has_page(exchange, view.sockets))

    def _locate(self, exchange: Exchange) -> None:
        """Have a caller behind a trusted proxy be known by its own address."""
        if self._caller_address is not None:
            exchange.address = exchange.root.address = self._caller_address(
                exchange.address, exchange.headers.get("X-Forwarded-For")
            )

    def body_bound(self, exchange: Exchange) -> int:
        """Largest body to take [bytes]."""
        return exchange.endpoint.channel.max_body_bytes if exchange.endpoint else 8 * 1024 * 1024

    async def admit(self, exchange: Exchange) -> None:
        """Ask the gate before the body is complete, so that nobody unknown fills the disk; raises what refuses."""
        exchange.is_admitted = True
        assert exchange.endpoint is not None
        if isinstance(admitted := exchange.endpoint.gate.admit(exchange), Awaitable):
            await admitted

    def handle(self, exchange: Exchange) -> None:
        """Answer an admitted request, whose body is complete; returns at once."""
        endpoint = exchange.endpoint
        if endpoint is None:
            self._handle_own(exchange)
        elif exchange.is_admitted:
            self._begin(exchange, endpoint)
        else:
            # Not by `_once_admitted`, whose two callbacks most requests can do without.
            try:
                admitted = endpoint.gate.admit(exchange)
            except Exception as exc:
                self.refuse(exchange, exc)
                return
            if isinstance(admitted, ChannelSecurity):
                self._begin(exchange, endpoint)
            else:
                begin, refuse = partial(self._begin, exchange, endpoint), partial(self.refuse, exchange)
                exchange.work = (asyncio.ensure_future(_when_admitted(admitted, begin, refuse)),)

    def _begin(self, exchange: Exchange, endpoint: Endpoint) -> None:
        if endpoint.dialect is not None:
            self._converse(exchange, endpoint, endpoint.dialect)
            return
        call = exchange.call
        assert call is not None
        call.raw = exchange.body
        if (spool := exchange.spool) is not None:
            spool.hold()
            call.raw, call.spool = None, spool
        self._place(exchange, call)
        if exchange.body or spool is not None:
            assert call.http is not None
            if is_multipart(content_type := exchange.headers.get("Content-Type", "")):
                call.http.read_parts = partial(read_parts, content_type)
        self._turns.run(call, endpoint.channel.timeout_seconds, partial(self._settle, exchange, endpoint, call))

    def _place(self, exchange: Exchange, call: Call) -> None:
        """Say where a call came from, and have it in the request's trace."""
        call.address = exchange.address
        call.http = HTTPInput(
            exchange.method, exchange.path, exchange.query, exchange.headers, exchange.address, exchange.params
        )
        exchange.root.steps.append(call.step)

    def _settle(
        self, exchange: Exchange, endpoint: Endpoint, call: Call, value: Any, error: BaseException | None
    ) -> None:
        """Answer a request that is one call."""
        if error is None:
            assert call.response is not None
            try:
                channel = endpoint.channel
                answer = answer_of(value, call.response, exchange.cid, channel.content_type, channel.text_type)
                exchange.answer(answer)
                return
            except Exception as exc:
                error = exc
        self._invoker.failed(call, error)
        headers = call.response.headers if call.response is not None else None
        exchange.answer(error_answer(error, exchange.cid, endpoint.channel.envelope, headers))

    def _converse(self, exchange: Exchange, endpoint: Endpoint, dialect: Dialect[Any]) -> None:
        """Answer a request whose body says which calls it is: any number of them, side by side."""
        read, begin = (
            partial(self._read, exchange, endpoint, dialect),
            partial(self._begin_all, exchange, endpoint, dialect),
        )
        if exchange.spool is not None or len(exchange.body) >= LARGE_BYTES:
            self._aside.do(read, begin)
            return
        try:
            reading = read()
        except Exception as exc:
            self.refuse(exchange, exc)
        else:
            begin(reading, None)

    def _read(self, exchange: Exchange, endpoint: Endpoint, dialect: Dialect[Any]) -> Reading:
        """Understand a body; on any thread."""
        view = exchange.view
        assert view is not None
        if exchange.is_lost:
            raise ServiceUnavailable("The caller is gone")
        if exchange.spool is not None:
            exchange.body = exchange.spool.read()

        def new_call(service: str, payload: Any) -> Call:
            made = self._invoker.new_call(service, payload, endpoint.info, cid=exchange.cid, services=view.services)
            made.play(view.replay)
            return made

        reading: Reading = dialect.read(exchange.body, new_call)
        return reading

    def _begin_all(
        self, exchange: Exchange, endpoint: Endpoint, dialect: Dialect[Any], reading: Reading, error: Exception | None
    ) -> None:
        """Run the calls of a body that was read, or refuse one that could not be."""
        if error is not None:
            self.refuse(exchange, error)
            return
        calls = reading.calls
        outcomes: dict[Call, tuple[Any, BaseException | None]] = {}

        def settle(call: Call, value: Any, error: BaseException | None) -> None:
            if error is not None:
                self._invoker.failed(call, error)
            outcomes[call] = (value, error)
            if len(outcomes) == len(calls):
                self._reply(exchange, dialect, reading, outcomes)

        waiting = []
        for number, call in enumerate(calls):
            self._place(exchange, call)
            run = partial(self._turns.run, call, endpoint.channel.timeout_seconds, partial(settle, call))
            if number == 0:  # the gate has let the request through, and this call with it
                run()
            elif (task := _once_admitted(endpoint.gate, exchange, run, partial(settle, call, None))) is not None:
                waiting.append(task)
        exchange.work = waiting
        if not calls:
            self._reply(exchange, dialect, reading, outcomes)

    def _reply(
        self,
        exchange: Exchange,
        dialect: Dialect[Any],
        reading: Reading,
        outcomes: dict[Call, tuple[Any, BaseException | None]],
    ) -> None:
        try:
            in_order = [(call, *outcomes[call]) for call in reading.calls]
            exchange.answer(dialect.answer(reading, in_order, exchange.cid))
        except Exception as exc:
            for call in outcomes:
                self._invoker.failed(call, exc)
            exchange.answer(dialect.refusal(exc, exchange.headers, exchange.cid, reading))

    def refuse(self, exchange: Exchange, error: Exception) -> None:
        """Answer a request that does not get as far as its service."""
        if not isinstance(error, FOR_CALLERS):
            log.error("a request failed (cid:%s)", exchange.cid, exc_info=error)
        if isinstance(error, UnaskedNavigation):
            target = f"{exchange.path}?{exchange.query}" if exchange.query else exchange.path
            exchange.answer(question(self._origin(exchange), target, exchange.cid))
            return
        endpoint = exchange.endpoint
        if endpoint is not None and isinstance(error, ContentTooLarge):
            exchange.root.steps.append(Line("log", _too_large(endpoint), "WARNING"))
        if endpoint is not None and endpoint.dialect is not None:
            exchange.answer(endpoint.dialect.refusal(error, exchange.headers, exchange.cid))
            return
        exchange.answer(error_answer(error, exchange.cid, endpoint.channel.envelope if endpoint else "zato"))

    def abandon(self, exchange: Exchange) -> None:
        """The caller is gone, or sends nothing more: tell the service that nobody may wait."""
        if exchange.call is not None and not exchange.answered:
            exchange.call.cancelled = True
        elif exchange.talk is not None:
            exchange.talk.lost() if exchange.is_lost else exchange.talk.may_be_lost()

    def _origin(self, exchange: Exchange) -> str:
        """Where a request came to, as an address of it begins."""
        return f"{self.scheme}://{exchange.headers['Host']}"

    def _handle_own(self, exchange: Exchange) -> None:
        if exchange.is_preflight:
            return exchange.answer(preflight_answer(exchange.headers))
        if exchange.path == "/ping":
            return exchange.answer(plain(exchange, {"pong": "workbench"}))
        if exchange.path == "/ready":
            return exchange.answer(readiness(exchange, self.is_ready()))
        if exchange.talk is not None:
            return exchange.talk.serve(exchange, self.scheme)
        if exchange.socket is not None:
            return exchange.answer(trying(*exchange.socket, exchange.cid))
        if (view := exchange.view) is not None:
            channels = [each.channel for each in view.routes] + [each.definition for each in view.sockets or ()]
            return exchange.answer(listing(self._origin(exchange), channels, exchange.cid))
        if (serve := own_address(self.admin, self.guard, exchange)) is None:
            self.refuse(exchange, NotFound("Not Found"))
            return
        if isinstance(serve, Page) and not serve.waits:
            exchange.answer(own_answer(serve, exchange))
            return
        loop = asyncio.get_running_loop()

        def work() -> None:
            answer = own_answer(serve, exchange)
            # A loop that has closed meanwhile has nobody left to answer.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(exchange.answer, answer)

        if isinstance(serve, Page):
            Thread(target=work, name="workbench-own-page", daemon=True).start()
            return
        try:
            self._invoker.background(work)
        except ServiceUnavailable as exc:
            self.refuse(exchange, exc)


def _once_admitted(
    gate: Gate, exchange: Exchange, then: Callable[[], None], otherwise: Callable[[Exception], None]
) -> Task[None] | None:
    """Go on once the gate has let a request through; the task, if the gate waits for a shared store."""
    try:
        admitted = gate.admit(exchange)
    except Exception as exc:
        otherwise(exc)
        return None
    if isinstance(admitted, ChannelSecurity):
        then()
        return None
    return asyncio.ensure_future(_when_admitted(admitted, then, otherwise))


async def _when_admitted(
    admitted: Awaitable[ChannelSecurity], then: Callable[[], None], otherwise: Callable[[Exception], None]
) -> None:
    try:
        await admitted
        then()
    except Exception as exc:
        otherwise(exc)


def _too_large(endpoint: Endpoint) -> str:
    """What the owner of a channel reads of a 413."""
    bound = endpoint.channel.max_body_bytes
    said = f"{bound / 1024**2:g} MiB" if bound >= 1024**2 else f"{bound:,} bytes"
    return (
        f"The body is over {said}, the most that {endpoint.channel} takes. "
        f"Fix: max_body_bytes={2 * bound} in the channel, or more."
    )
