"""The workbench's own addresses on threads of their own: they answer while every worker hangs and the loop is blocked.

The command line asks here, by the runtime file. Who asks needs the token, on this machine, as on the server itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from typing import Any

from workbench.channels.answers import Answer, error_answer
from workbench.channels.exchange import Exchange, declared_length
from workbench.channels.guard import Guard
from workbench.channels.own import Admin, Page, check, own_address, own_answer
from workbench.core.errors import CallerError, ContentTooLarge, NotFound
from workbench.core.forking import forgets_when_forked
from workbench.core.payload.request import canonical

LARGEST_BODY_BYTES = 8 * 1024 * 1024
AT_ONCE = 16
SILENT_SECONDS = 10.0
"""Longest silence of a client that sends or reads [s]."""

Record = Callable[[str, Any], None]


class OwnListener:
    """A small listener on 127.0.0.1, on a port of its own; every request has a thread, 16 at once.

    Args:
        guard: Judges Host, Origin and token.
        admin: What each address does.
        record: Keeps a request's trace.
    """

    def __init__(self, guard: Guard, admin: Mapping[tuple[str, str], Admin], record: Record) -> None:
        self._guard, self.admin, self._record = guard, admin, record
        self._server: _Server | None = None
        self.ends: list[Callable[[], None]] = []
        """What to call when the server stops."""
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: the listener is the parent's."""
        server, self._server = self._server, None
        if server is not None:
            server.socket.close()

    @property
    def url(self) -> str:
        """Where it listens; '' while stopped."""
        return f"http://127.0.0.1:{self._server.server_address[1]}" if self._server is not None else ""

    def start(self) -> None:
        """Listen; does nothing when it does already."""
        if self._server is None:
            self._server = server = _Server(self.answer)
            Thread(target=server.serve_forever, args=(0.1,), name="workbench-own", daemon=True).start()

    def stop(self) -> None:
        """Listen no more; what is being answered goes on, and pages that wait for news are told that this was all."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        for end in self.ends:
            end()

    def answer(self, method: str, target: str, headers: Mapping[str, str], read: Callable[[int], bytes]) -> Answer:
        """Answer one request; `read` gives so many bytes of its body."""
        answers: list[Answer] = []
        exchange = Exchange(method, target, headers, "127.0.0.1", answers.append)
        serve = own_address(self.admin, self._guard, exchange)
        # Whoever only looks pushes nobody's call out of what is kept.
        if serve is None or (method != "GET" and not isinstance(serve, Page)):
            self._record(exchange.cid, exchange.root)
        try:
            check(self._guard, serve, exchange)
            if serve is None:
                raise NotFound("Not Found")
            if (length := declared_length(headers)) > LARGEST_BODY_BYTES:
                raise ContentTooLarge(f"The body is over {LARGEST_BODY_BYTES} bytes")
            exchange.body = read(length)
        except CallerError as exc:
            exchange.answer(error_answer(exc, exchange.cid))
        else:
            exchange.answer(own_answer(serve, exchange))
        return answers[0]


class _Server(ThreadingHTTPServer):
    """Runs a request on a thread, if one of its few is free."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[..., Answer]) -> None:
        self.answer, self._free = answer, BoundedSemaphore(AT_ONCE)
        super().__init__(("127.0.0.1", 0), _Request)

    def server_bind(self) -> None:
        # HTTPServer's own asks the resolver for the machine's name, which may take seconds.
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away concerns nobody."""


class _Request(BaseHTTPRequestHandler):
    """One request and its answer; the connection ends with it."""

    timeout = SILENT_SECONDS
    server: _Server

    def _serve(self) -> None:
        headers = {canonical(name): value for name, value in self.headers.items()}
        answer = self.server.answer(self.command, self.path, headers, self.rfile.read)
        with contextlib.suppress(OSError):
            self.send_response(answer.status, answer.reason or None)
            for name, value in [*answer.headers, ("Content-Length", str(len(answer.body))), ("Connection", "close")]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

    do_GET = do_POST = _serve

    def version_string(self) -> str:
        return "workbench"

    def log_message(self, format: str, *args: Any) -> None:
        """The trace tells it."""
