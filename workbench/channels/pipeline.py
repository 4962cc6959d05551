"""From a request to its answer: route, endpoint's limit, credentials, user's limit, service.

Everything here runs on the loop's thread; only the service's own `handle` may run elsewhere. A call that a local check
refuses costs no worker.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future, Task
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Protocol

from workbench.channels.answers import TOLD, answer_of, error_answer, preflight_answer
from workbench.channels.dialect import Dialect, Outcome
from workbench.channels.exchange import Answer, Exchange, declared_length
from workbench.channels.guard import Guard
from workbench.channels.routes import Routes
from workbench.channels.turns import Runner, Turns
from workbench.core.call import NOBODY, Call, ChannelInfo, ChannelSecurity, HTTPInput
from workbench.core.errors import (
    ContentTooLarge,
    NotFound,
    ServiceUnavailable,
    WorkbenchError,
    refusal,
)
from workbench.core.ports import Decision, Limiter
from workbench.core.response import JSON, encode_json

log = logging.getLogger("workbench.http")

Admin = Callable[[Exchange], Any]
CallerAddress = Callable[[str, str | None], str]
Checks = Generator[Future[Decision], Decision, None]


class Verifier(Protocol):
    """Checks the credentials of one security definition."""

    user: ChannelSecurity

    def verify(self, headers: Mapping[str, str]) -> None:
        """Raise Unauthorized unless the headers carry this user's credentials."""
        ...


class Endpoint:
    """A channel with all it needs to admit a call, looked up once."""

    __slots__ = ("channel", "dialect", "info", "limiter", "service", "user_limiter", "verifier")

    def __init__(
        self,
        channel: Any,
        verifier: Verifier | None = None,
        limiter: Limiter | None = None,
        user_limiter: Limiter | None = None,
    ) -> None:
        self.channel, self.verifier = channel, verifier
        self.limiter, self.user_limiter = limiter, user_limiter
        self.dialect: Dialect | None = channel.dialect()
        self.service = (*channel.leads_to, channel.name)[0]
        user = verifier.user if verifier else NOBODY
        self.info = ChannelInfo(channel.name, "http-soap", channel.data_format, user)


class View(NamedTuple):
    """What a request can reach: the routes, and the services behind them."""

    routes: Routes[Endpoint]
    services: Mapping[str, Any]


class Pipeline:
    """Answers exchanges.

    Args:
        view: Gives routes and services for a request; a cell's own calls see its draft.
        new_call: Makes the call of a service.
        record: Keeps a request's trace from its beginning.
        admin: The workbench's own addresses below /workbench/, for callers that hold the token.
        caller_address: Gives the caller's address behind trusted proxies, of the peer's address and X-Forwarded-For.
    """

    def __init__(
        self,
        view: Callable[[Mapping[str, str]], View],
        runner: Runner,
        new_call: Callable[..., Call],
        record: Callable[[str, Any], None],
        guard: Guard,
        admin: Mapping[tuple[str, str], Admin],
        caller_address: CallerAddress | None = None,
    ) -> None:
        self._view, self._runner, self._new_call, self._record = view, runner, new_call, record
        self.guard, self._admin, self._caller_address = guard, admin, caller_address
        self._turns = Turns(runner)
        self.draining = False

    @property
    def in_flight(self) -> int:
        """Calls that have not been answered."""
        return len(self._turns)

    def admit(self, exchange: Exchange) -> None:
        """Judge a request by its head; raises CallerError to refuse it before its body is read."""
        self._record(exchange.cid, exchange.root)
        if self.draining:
            raise ServiceUnavailable("Stopping")
        self.guard.check(exchange.headers)
        if self.guard.origins:
            exchange.page = self.guard.page(exchange.headers)
        path = exchange.path
        if path == "/ping" or path.startswith("/workbench/") or (exchange.page and exchange.is_preflight):
            return
        view = exchange.view = self._view(exchange.headers)
        exchange.endpoint, exchange.params = endpoint, _ = view.routes.find(exchange.method, path)
        exchange.call = self._new_call(endpoint.service, b"", endpoint.info, cid=exchange.cid, services=view.services)
        root, channel = exchange.root, endpoint.channel
        root.channel, root.service, root.user = channel.name, endpoint.service, channel.security
        if self._caller_address is not None:
            exchange.address = root.address = self._caller_address(
                exchange.address, exchange.headers.get("X-Forwarded-For")
            )
        if "Content-Length" in exchange.headers and declared_length(exchange.headers) > channel.max_body_bytes:
            raise ContentTooLarge(f"The body is over {channel.max_body_bytes} bytes")

    def body_bound(self, exchange: Exchange) -> int:
        """Largest body to take [bytes]."""
        return exchange.endpoint.channel.max_body_bytes if exchange.endpoint else 8 * 1024 * 1024

    async def judge(self, exchange: Exchange) -> None:
        """Check limits and credentials before the body is complete, so that no stranger's body fills the disk."""
        exchange.judged = True
        await _to_the_end(self._check(exchange, exchange.endpoint))

    def handle(self, exchange: Exchange) -> None:
        """Answer an admitted request, whose body is complete; returns at once."""
        endpoint = exchange.endpoint
        if endpoint is None:
            self._handle_own(exchange)
            return
        if exchange.judged:
            self._begin(exchange, endpoint)
            return
        checks = self._check(exchange, endpoint)
        try:
            waits_for = next(checks)
        except StopIteration:
            self._begin(exchange, endpoint)
        except Exception as exc:
            self.refuse(exchange, exc)
        else:
            begin, refuse = partial(self._begin, exchange, endpoint), partial(self.refuse, exchange)
            exchange.task = asyncio.ensure_future(_check_on(checks, waits_for, begin, refuse))

    def _check(self, exchange: Exchange, endpoint: Endpoint) -> Checks:
        """Endpoint's limit, credentials, user's limit; yields only a limit in a shared store, to be awaited."""
        if endpoint.limiter is not None:
            yield from self._ask(exchange, endpoint.limiter)
        if endpoint.verifier is not None:
            endpoint.verifier.verify(exchange.headers)
        if endpoint.user_limiter is not None:
            yield from self._ask(exchange, endpoint.user_limiter)

    def _ask(self, exchange: Exchange, limiter: Limiter) -> Checks:
        said = limiter.check(exchange.address, exchange.cid)
        decision = (yield said) if isinstance(said, Future) else said
        exchange.root.steps.append(decision)
        if decision.denied:
            self._runner.refused(exchange.call, decision)
        if not decision.allowed:
            raise refusal(decision.denied, decision.headers)

    def _begin(self, exchange: Exchange, endpoint: Endpoint) -> None:
        if endpoint.dialect is not None:
            self._converse(exchange, endpoint, endpoint.dialect)
            return
        call: Call = exchange.call
        call.raw = exchange.body
        if (spool := exchange.spool) is not None:
            spool.hold()
            call.raw, call.spool = None, spool
        self._place(exchange, call)
        self._turns.run(call, endpoint.channel, partial(self._settle, exchange, endpoint, call))

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
                exchange.answer(answer_of(value, call.response, exchange.cid, endpoint.channel.content_type))
                return
            except Exception as exc:
                error = exc
        self._runner.failed(call, error)
        headers = call.response.headers if call.response is not None else None
        exchange.answer(error_answer(error, exchange.cid, endpoint.channel.envelope, headers))

    def _converse(self, exchange: Exchange, endpoint: Endpoint, dialect: Dialect) -> None:
        """Answer a request whose body says which calls it is: any number of them, side by side."""
        view = exchange.view
        if exchange.spool is not None:
            exchange.body = exchange.spool.read()

        def new_call(service: str, payload: Any) -> Call:
            return self._new_call(service, payload, endpoint.info, cid=exchange.cid, services=view.services)

        try:
            calls = dialect.calls(exchange, new_call)
        except Exception as exc:
            self.refuse(exchange, exc)
            return
        outcomes: dict[Call, tuple[Any, BaseException | None]] = {}

        def settle(call: Call, value: Any, error: BaseException | None) -> None:
            if error is not None:
                self._runner.failed(call, error)
            outcomes[call] = (value, error)
            if len(outcomes) == len(calls):
                self._reply(exchange, dialect, [(each, *outcomes[each]) for each in calls])

        waiting = []
        for number, call in enumerate(calls):
            self._place(exchange, call)
            run = partial(self._turns.run, call, endpoint.channel, partial(settle, call))
            if number == 0:  # the request's own checks were this call's
                run()
            else:
                waiting.append(_after(self._check(exchange, endpoint), run, partial(settle, call, None)))
        exchange.task = waiting
        if not calls:
            self._reply(exchange, dialect, [])

    def _reply(self, exchange: Exchange, dialect: Dialect, outcomes: list[Outcome]) -> None:
        try:
            exchange.answer(dialect.answer(exchange, outcomes))
        except Exception as exc:
            for call, _, _ in outcomes:
                self._runner.failed(call, exc)
            exchange.answer(dialect.refusal(exchange, exc))

    def refuse(self, exchange: Exchange, error: Exception) -> None:
        """Answer a request that does not get as far as its service."""
        if not isinstance(error, TOLD):
            log.error("a request failed (cid:%s)", exchange.cid, exc_info=error)
        endpoint = exchange.endpoint
        if endpoint is not None and endpoint.dialect is not None:
            exchange.answer(endpoint.dialect.refusal(exchange, error))
            return
        exchange.answer(error_answer(error, exchange.cid, endpoint.channel.envelope if endpoint else "zato"))

    def abandon(self, exchange: Exchange) -> None:
        """The caller is gone: tell the service that nobody waits."""
        if exchange.call is not None and not exchange.answered:
            exchange.call.cancelled = True

    def _handle_own(self, exchange: Exchange) -> None:
        if exchange.is_preflight:
            return exchange.answer(preflight_answer(exchange.headers))
        if exchange.path == "/ping":
            return exchange.answer(_plain(exchange, {"pong": "workbench"}))
        serve = self._admin.get((exchange.method, exchange.path))
        if serve is None or not self.guard.has_token(exchange.headers):
            self.refuse(exchange, NotFound("Not Found"))
            return
        loop = asyncio.get_running_loop()

        def work() -> None:
            try:
                answer = _plain(exchange, serve(exchange))
            except WorkbenchError as exc:
                answer = Answer(400, [("Content-Type", JSON)], encode_json({"error": str(exc)}))
            except Exception as exc:
                text = f"{type(exc).__name__}: {exc}"
                answer = Answer(500, [("Content-Type", JSON)], encode_json({"error": text}))
            loop.call_soon_threadsafe(exchange.answer, answer)

        try:
            self._runner.background(work)
        except ServiceUnavailable as exc:
            self.refuse(exchange, exc)


def _after(checks: Checks, then: Callable[[], None], otherwise: Callable[[Exception], None]) -> Task[None] | None:
    """Go on once checks have passed, at once if none waits; else the task that waits."""
    try:
        waits_for = next(checks)
    except StopIteration:
        then()
    except Exception as exc:
        otherwise(exc)
    else:
        return asyncio.ensure_future(_check_on(checks, waits_for, then, otherwise))
    return None


async def _check_on(
    checks: Checks, waits_for: Future[Decision], then: Callable[[], None], otherwise: Callable[[Exception], None]
) -> None:
    try:
        await _to_the_end(checks, waits_for)
        then()
    except Exception as exc:
        otherwise(exc)


async def _to_the_end(checks: Checks, waits_for: Future[Decision] | None = None) -> None:
    """Go through checks from the first, or from where they wait; raises what refuses."""
    with suppress(StopIteration):
        waits_for = waits_for or next(checks)
        while True:
            waits_for = checks.send(await waits_for)


def _plain(exchange: Exchange, value: Any) -> Answer:
    return Answer(200, [("X-Zato-CID", exchange.cid), ("Content-Type", JSON)], encode_json(value))


def routes_of(endpoints: Iterable[Endpoint]) -> Routes[Endpoint]:
    """The table of active channels."""
    return Routes(endpoint for endpoint in endpoints if endpoint.channel.active)
