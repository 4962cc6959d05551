"""How a person calls services by code: here and now, on a worker, or through the real server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from workbench.app.asking import inline
from workbench.app.asking.curl import Sent
from workbench.app.asking.websocket import WebSocket, path_of_websocket
from workbench.app.cassettes.playing import own_headers
from workbench.app.cassettes.using import InUse, in_use
from workbench.app.parts import Parts
from workbench.app.rehearsal.fuzz import EXAMPLES, Findings, fuzz
from workbench.core.current import CURRENT
from workbench.core.errors import ServiceUsage, UnknownName
from workbench.core.service import Service, named
from workbench.core.trace import Trace
from workbench.runtime.traffic import Traffic

Done = Callable[[Any, BaseException | None, Trace], object]


class Calling:
    """The part of a `Workbench` that calls services."""

    _parts: Parts
    folder: Path
    start: Callable[..., str]

    @property
    def traffic(self) -> Traffic:
        """The last calls, each with all that it did: `wb.traffic[-1]`."""
        return self._parts.traffic

    def invoke(self, name: str | type[Service], payload: Any = "") -> Any:
        """Run a service here and now and return its answer; its errors come through as they are.

        Raises:
            ServiceUsage: An async service called this, which would hold the server's loop.
        """
        self._not_on_loop("wb.invoke", "await self.invoke.aio(...)")
        call = self._parts.invoker.new_root(named(name), payload)
        watched = self._parts.around.watched
        if CURRENT.get() is None:
            watched.add(call)
        try:
            return self._parts.invoker.run(call)
        finally:
            watched.discard(call)

    def submit(self, name: str | type[Service], payload: Any, done: Done) -> str:
        """Run a service on a worker and return its CID at once; its prints go to its trace alone.

        Args:
            name: The service.
            payload: What it is given.
            done: Told on the worker how it ended: the answer, the error or None, the trace.

        Raises:
            ServiceUnavailable: No worker is free and the queue is full.
        """
        invoker = self._parts.invoker
        call = invoker.new_root(named(name), payload)
        trace = self.traffic.find(call.cid)

        def run() -> None:
            try:
                answer = invoker.run(call)
            except BaseException as exc:
                call.step.fail(exc)
                done(None, exc, trace)
            else:
                done(answer, None, trace)

        invoker.background(run)
        return call.cid

    def background(self, work: Callable[[], None]) -> None:
        """Have a worker do what a click has started; raises ServiceUnavailable if none is free."""
        self._parts.invoker.background(work)

    def call(
        self,
        call: str,
        data: Any = None,
        *,
        json: Any = None,
        user: str = "",
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 60.0,
    ) -> inline.Answer:
        """Make a request through the real server: `wb.call("POST /api/sync?x=1", data=..., user="my.user")`.

        Text and bytes go as they are, a `Path` or a file opened in mode `rb` piece by piece, anything else, and
        whatever `json` is, as JSON; `user` adds a security definition's credentials.
        """
        self._not_on_loop("wb.call", "call from a service that is not async")
        method, target = inline.read_call(call)
        told = dict(headers or {})
        body = inline.body_of(data, json, told)
        definition: Any = self._user_named(user) if user else None
        more = definition.credentials(self._parts.secrets.reveal) if user else {}
        sent = Sent(method, f"{self.start()}{target}", told, body, definition)
        with own_headers(self._parts) as ours:
            server = self._parts.server
            came = inline.send(sent, more | ours, timeout_seconds, server.port, server.trust())
            return inline.Answer(*came, sent, self.traffic.kept)

    def websocket(
        self, path: str, *, user: str = "", headers: Mapping[str, str] | None = None, timeout_seconds: float = 10.0
    ) -> WebSocket:
        """Connect to a WebSocket channel through the real server: `with wb.websocket("/ws/echo") as client: ...`.

        `client.ask({"x": 1})` sends a message and waits for the next one; `client.send(...)` and `client.receive()` do
        one of both. `user` adds a security definition's credentials.

        Args:
            path: The channel's, with a query if there is one.
            headers: What goes out with the handshake besides.
            timeout_seconds: Longest wait for the handshake [s].

        Raises:
            NotConnected: The server refuses.
        """
        self._not_on_loop("wb.websocket", "connect from a service that is not async")
        target = path_of_websocket(path)
        more = self._user_named(user).credentials(self._parts.secrets.reveal) if user else {}
        self.start()
        port, trust = self._parts.server.port, self._parts.server.trust()
        url = f"{'ws' if trust is None else 'wss'}://localhost:{port}{target}"
        return WebSocket(url, {**(headers or {}), **more}, timeout_seconds, self.traffic.kept, trust)

    def cassette(self, name: str, *, raises: str = "") -> AbstractContextManager[InUse]:
        """Have the calls of a block answered by a cassette: `with wb.cassette("api-sample"): wb.call("GET /api/x")`.

        Nobody outside is called: peers of its own answer, with what the other sides had when it was recorded, or the
        record does. `workbench test --live` lets the outside answer, and compares.

        Args:
            name: A file in the folder `cassettes` beside the notebook, as `.make_test()` of a call writes it.
            raises: The error that the block is to raise, as `BadRequest: No such order`.

        Raises:
            NoCassette, DamagedCassette, NewerCassette: It cannot be read.
            StaleCassette: A connection's definition, or what the service asks, is not as it was.
            Drifted: The outside answers otherwise.
            ExpectationFailed: Another error was raised than `raises`, or none.
        """
        return in_use(self._parts, self.folder, name, raises)

    def fuzz(self, name: str | type[Service], examples: int = EXAMPLES) -> Findings:
        """Inputs that make a service fail with a 500, each as small as it gets: `wb.fuzz("api.sample")`.

        They are made of what the service declares as its input, and run in this process through the real pipeline, or
        by `invoke` where no REST channel leads to the service. No row comes of it, no limit counts, and stand-ins
        answer for connections. The same service gives the same findings; each has `.payload`, `.error`, `.again()` to
        run it for real, and `.test`, the text of a `%%test` cell.

        Args:
            name: The service.
            examples: How many inputs are tried for each finding, and to see that there is no further one.

        Raises:
            UnknownName: There is no such service.
            MissingDependency: Hypothesis is not installed.
            ServiceUsage: An async service called this, which would hold the server's loop.
        """
        self._not_on_loop("wb.fuzz", "call it from a cell")
        return fuzz(self._parts, named(name), examples, self.invoke)

    def _not_on_loop(self, what: str, fix: str) -> None:
        if self._parts.loop.is_here:
            raise ServiceUsage(f"{what} would hold the server, which waits for this very code. Fix: {fix}")

    def _user_named(self, name: str) -> Any:
        users = self._parts.book.of("security")
        if name not in users:
            raise UnknownName("security definition", name, users)
        return users[name]
