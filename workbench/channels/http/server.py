"""The HTTP server of a workbench: sockets on loopback, a port that comes back after a restart, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from workbench.channels.deadlines import Deadlines
from workbench.channels.http.certificate import Certificate
from workbench.channels.http.port_owner import owner_of
from workbench.channels.http.returned import share_arena
from workbench.channels.http.switching import SWITCHING
from workbench.channels.http.wire.bounds import Bounds
from workbench.channels.http.wire.connection import Connection
from workbench.channels.http.wire.listener import Listener
from workbench.channels.pipeline import Pipeline
from workbench.core.errors import WorkbenchError
from workbench.core.forking import forgets_when_forked

DEFAULT_PORT = 11223
RETRY_SECONDS = 3.0
BACKLOG = 128

STOPS = "The server stops"
"""What clients that stay connected are told at its end."""
CLOSING_SECONDS = 1.5
"""How long closing may take after the last call has ended, or its time is over [s]."""

log = logging.getLogger("workbench.http")


class RunOnLoop(Protocol):
    """Runs a coroutine on the loop's thread and waits for it, at most `timeout` [s]; raises TimeoutError after that."""

    def __call__(self, coroutine: Coroutine[Any, Any, Any], timeout: float | None = None) -> Any: ...


class Preference(Protocol):
    """Which ports a server would like."""

    def ports(self) -> Sequence[int]:
        """Ports to take if they are free, the best one first; any other after them."""
        ...

    def is_returning(self) -> bool:
        """Whether the best is held by this application's former process, and so worth 3 s of waiting."""
        ...

    def holder(self, port: int) -> str:
        """Who holds a port, in words."""
        ...


class DefaultPort:
    """11223, if it is free."""

    def ports(self) -> Sequence[int]:
        """The one port."""
        return (DEFAULT_PORT,)

    def is_returning(self) -> bool:
        """Nobody is known to have had it."""
        return False

    def holder(self, port: int) -> str:
        """The program, where the system tells."""
        return owner_of(port) or "another program"


class PortBusy(WorkbenchError):
    """A port that was asked for by hand belongs to somebody else."""

    def __init__(self, port: int, holder: str) -> None:
        self.port = port
        super().__init__(
            f"Port {port} is in use by {holder}. Fix: stop that program, or choose another port (0 takes any)."
        )


class HTTPServer:
    """Listens on 127.0.0.1 and ::1 once started.

    Args:
        run: Runs a coroutine on the loop's thread and waits for it, so long if it is told.
        port: Port wanted by hand (busy is an error; 0 takes any), or None for the first of the preferred ones.
        preference: Which ports those are; 11223 by default.
        bounds: How long clients may take, and how many there may be.
        deadlines: What watches clients; our own by default.
        certificate: What it speaks TLS by; None speaks plain HTTP.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        run: RunOnLoop,
        port: int | None = None,
        *,
        preference: Preference | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008
        deadlines: Deadlines[Connection] | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self._pipeline, self._run, self._bounds, self._deadlines = pipeline, run, bounds, deadlines
        self.certificate = certificate
        if certificate is not None:
            pipeline.scheme = "https"
        self._wanted, self._preference = port, preference or DefaultPort()
        self._server: Listener | None = None
        self.port = 0
        self._shared = 0
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: let go of the parent's sockets, which would stay open for as long as the child lives."""
        server, self._server = self._server, None
        if server is not None:
            for client in self._pipeline.clients:
                client.forget()
            self._pipeline.clients.clear()
            server.forget()

    @property
    def url(self) -> str:
        """Address on this machine; '' while stopped."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://localhost:{self._shared or self.port}" if self._server is not None else ""

    def trust(self) -> ssl.SSLContext | None:
        """What a client in this very process speaks TLS by; None speaks plain HTTP."""
        return self.certificate.trust() if self.certificate is not None else None

    @property
    def connection_count(self) -> int:
        """How many clients are connected."""
        return len(self._server.connections) + len(self._pipeline.clients) if self._server is not None else 0

    @property
    def held_bytes(self) -> int:
        """What bodies of requests that have no answer yet hold of memory [bytes]."""
        return self._server.memory.held if self._server is not None else 0

    def start(self, port: int | None = None) -> None:
        """Bind and serve; does nothing when it serves already.

        Args:
            port: Port wanted from now on (0 takes any); None leaves that as it was.

        Raises:
            PortBusy: The port given by hand is taken.
            WorkbenchError: It serves at another port, or that number is none.
        """
        if self._server is not None:
            if port not in (None, self.port):
                raise WorkbenchError(
                    f"The server is at port {self.port}. Fix: stop it first: wb.stop(); wb.start(port={port})"
                )
            return
        wanted = self._wanted if port is None else port
        if (certificate := self.certificate) is not None:
            certificate.warn(self._pipeline.guard.hosts)
        sockets = bound(wanted, self._preference)
        self._wanted = wanted
        self.port = sockets[0].getsockname()[1]
        self._pipeline.leaving = self._pipeline.draining = False

        async def serve() -> Listener:
            tls = certificate.context if certificate is not None else None
            server = Listener(self._pipeline, self._bounds, self._deadlines, tls)
            server.add(sockets)
            return server

        share_arena()
        self._server = self._run(serve())
        SWITCHING.begin()

    def join(self, listeners: Sequence[socket.socket]) -> None:
        """Answer on sockets on which other processes listen, too, from now on; `url` is theirs then."""
        assert self._server is not None
        server, joined = self._server, [SharedListener(fileno=each.detach()) for each in listeners]

        async def join() -> None:
            server.add(joined)

        self._run(join())
        self._shared = joined[0].getsockname()[1]

    def stop(self, drain_seconds: float = 0.0, left: Callable[[], object] | None = None) -> None:
        """Take no new calls, wait for those in flight at most `drain_seconds` [s], then close.

        Args:
            left: Called on the loop's thread once no connection is taken any more, where others go on to answer at the
                same address. Callers that are connected then have that time to send another request, whose answer
                tells them to connect anew: none of them is refused.
        """
        server, self._server = self._server, None
        self._shared = 0
        if server is None:
            return
        SWITCHING.end()

        async def down() -> None:
            server.stop()
            self._pipeline.leaving = True
            deadline = asyncio.get_running_loop().time() + drain_seconds
            if left is not None:
                left()
                while server.connections and asyncio.get_running_loop().time() < deadline:
                    _let_idle_go(self._pipeline)
                    await asyncio.sleep(0.02)
            self._pipeline.draining = True
            while self._pipeline.in_flight and asyncio.get_running_loop().time() < deadline:
                _let_idle_go(self._pipeline)
                await asyncio.sleep(0.02)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_ended(server, self._pipeline), 1)

        try:
            self._run(down(), drain_seconds + CLOSING_SECONDS)
        except TimeoutError:
            log.warning(
                "The server does not end in time: an async service blocks its loop. Callers that are connected are cut."
            )


def _let_idle_go(pipeline: Pipeline) -> None:
    """Take leave of clients that wait for no answer: they would be refused here, and others may go on elsewhere."""
    for client in list(pipeline.clients):
        if not client.is_busy:
            client.leave(STOPS)


async def _ended(server: Listener, pipeline: Pipeline) -> None:
    """Close every connection: of HTTP at once, of other protocols once their other side has taken leave."""
    for client in list(pipeline.clients):
        client.leave(STOPS)
    try:
        await server.close()
        while pipeline.clients:
            await asyncio.sleep(0.01)
    finally:
        for client in list(pipeline.clients):
            client.cut()


class SharedListener(socket.socket):
    """A socket on which several processes listen: one connection a turn of the loop, so that each gets its part.

    Tornado takes all that wait at once, and one process would have them all.
    """

    _has_taken = False

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection; every second time there is none."""
        self._has_taken = not self._has_taken
        if not self._has_taken:
            raise BlockingIOError
        try:
            return super().accept()
        except OSError:
            self._has_taken = False
            raise


def bound(wanted: int | None, preference: Preference) -> list[socket.socket]:
    """Sockets at the port wanted by hand, or at the first of the preferred ones that is free.

    Raises:
        PortBusy: The port given by hand is taken.
        WorkbenchError: It cannot be had for another reason.
    """
    if wanted is not None:
        try:
            return bind_loopback(wanted)
        except (OSError, OverflowError, TypeError) as exc:
            if isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE:
                raise PortBusy(wanted, preference.holder(wanted)) from exc
            fix = "choose another port (0 takes any)"
            raise WorkbenchError(f"Port {wanted} cannot be had ({exc}). Fix: {fix}.") from exc
    best, *others = preference.ports()
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            return bind_loopback(best)
        except OSError:
            if time.monotonic() > deadline or not preference.is_returning():
                break
        time.sleep(0.05)
    for each in others:
        with contextlib.suppress(OSError):
            return bind_loopback(each)
    return bind_loopback(0)


def bind_loopback(port: int) -> list[socket.socket]:
    """Sockets on 127.0.0.1 and, where the machine has it, ::1, on one port: `localhost` may mean either."""
    for tries_left in reversed(range(20)):
        first = _listen(socket.AF_INET, "127.0.0.1", port)
        try:
            return [first, _listen(socket.AF_INET6, "::1", first.getsockname()[1])]
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                return [first]
            first.close()
            if port or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
