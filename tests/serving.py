"""A workbench for a test, and sockets that send it whatever a stranger might."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.tls import TLSSocket
from workbench.app.serving.runtime_file import running
from workbench.app.workbench import Workbench
from workbench.channels.http.server import HTTPServer
from workbench.core.clock import VirtualClock

WAIT_SECONDS = 30.0


@pytest.fixture
def wb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """A workbench on a free port, with a folder and a runtime folder of its own."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, folder=tmp_path) as made:
        yield made


@pytest.fixture
def still(wb: Workbench) -> Iterator[VirtualClock]:
    """Limits count on a clock that stands still: no minute, hour or day turns between two calls of a test."""
    with wb.limits.frozen() as clock:
        yield clock


def until(holds: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """Wait until something holds, at most so long [s]; what it answered."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        threading.Event().wait(0.005)
    return answer


def port_of(server: Workbench | HTTPServer) -> int:
    """The port that a running server answers on."""
    return int(server.url.rsplit(":", 1)[1])


def connected(server: Workbench | HTTPServer | int, seconds: float = WAIT_SECONDS) -> Any:
    """A socket that is connected to a server, by TLS where it speaks that; a port speaks none."""
    port = server if isinstance(server, int) else port_of(server)
    plain = socket.create_connection(("127.0.0.1", port), seconds)
    return TLSSocket(plain) if not isinstance(server, int) and server.url.startswith("https") else plain


def token_of(wb: Workbench) -> str:
    """The token of a workbench's own addresses, from the file in which its user's programs find it."""
    wb.start()
    return next(each.token for each in running() if each.url == wb.url)


class Wire:
    """A raw connection to a workbench's server, to one of a test's own, or to a port."""

    def __init__(self, server: Workbench | HTTPServer | int, *, seconds: float = WAIT_SECONDS) -> None:
        if not isinstance(server, int):
            server.start()
        port = server if isinstance(server, int) else port_of(server)
        self.host = f"localhost:{port}"
        self.socket: Any = connected(server, seconds)
        self._kept = b""

    def send(self, data: bytes | str) -> Wire:
        """Send bytes as they are."""
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def request(self, line: str, *headers: str, body: bytes = b"") -> Wire:
        """Send a request; Host is added, and Content-Length if there is a body."""
        version = line.rsplit(" ", 1)[-1]
        lines = [line if version.startswith("HTTP/") else f"{line} HTTP/1.1", f"Host: {self.host}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def more(self) -> bytes:
        """What comes next; empty when the other side has closed."""
        try:
            return self.socket.recv(65536)
        except ConnectionError:
            return b""

    def answer(self, *, bodiless: bool = False) -> Received:
        """The next answer."""
        while b"\r\n\r\n" not in self._kept:
            more = self.more()
            assert more, f"closed before an answer was complete: {self._kept!r}"
            self._kept += more
        head, _, rest = self._kept.partition(b"\r\n\r\n")
        received = Received(head)
        length = 0 if bodiless else int(received.headers.get("content-length", 0))
        while len(rest) < length:
            more = self.more()
            assert more, f"closed in the middle of a body: {rest!r}"
            rest += more
        received.body, self._kept = rest[:length], rest[length:]
        return received

    @property
    def is_closed(self) -> bool:
        """Whether the other side closes, and sends nothing more."""
        return not self._kept and not self.more()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()


class Received:
    """An answer as it came over the wire; header names in lower case."""

    def __init__(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.line, self.status = first, int(first.split(" ")[1])
        self.pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        self.headers = dict(self.pairs)
        self.body = b""

    def all(self, name: str) -> list[str]:
        """Every value of one header."""
        return [value for each, value in self.pairs if each == name]


def refusal(wire: Wire) -> Received | None:
    """The answer to one more request, if the server says that it takes none."""
    answer = wire.request("GET /ping").answer()
    return answer if answer.status == 503 else None
