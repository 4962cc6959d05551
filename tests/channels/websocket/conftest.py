"""A workbench with a WebSocket channel on a clock that stands still, and sockets that send it any frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State

from tests.serving import Wire, until
from tests.tls import Pair
from workbench import BasicAuth, Service, WebSocketChannel, Workbench, secret
from workbench.app.asking.websocket import WebSocket
from workbench.channels.websocket.live import LiveWebSocketChannel
from workbench.core.clock import VirtualClock

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
PASSWORD = "a-long-password-4711"
PATH = "/ws/echo"


class Bench:
    """A channel `echo`, what its service was given, and a clock that is moved by hand."""

    def __init__(self, folder: Path, patched: pytest.MonkeyPatch, certificate: Pair | None = None) -> None:
        self.clock, self._patched = VirtualClock(), patched
        self.got: list[Any] = []
        self.does: Callable[[Any], Any] = lambda service: service.request.payload
        bench = self

        class Echo(Service):
            name = "echo"

            def handle(self) -> Any:
                bench.got.append(self.request.payload)
                return bench.does(self)

        self.wb = Workbench(port=0, folder=folder, clock=self.clock, certificate=certificate)
        self.wb.deploy(Echo)

    def define(self, **fields: Any) -> LiveWebSocketChannel:
        self.wb.define(WebSocketChannel("echo", path=PATH, service="echo", **fields))
        self.wb.start()
        return self.live

    def user(self, password: str = PASSWORD) -> None:
        """A user that channels may name, whose password is this one from now on."""
        self._patched.setenv("ITS_PASSWORD", password)
        self.wb.define(BasicAuth("its.user", username="u", password=secret("ITS_PASSWORD")))

    @property
    def live(self) -> LiveWebSocketChannel:
        live = self.wb.channels["echo"]
        assert isinstance(live, LiveWebSocketChannel)
        return live

    def connect(self, path: str = PATH, **how: Any) -> WebSocket:
        return self.wb.websocket(path, **how)

    def raw(self, *headers: str) -> Raw:
        """A connection past its handshake, on which any bytes can be sent."""
        raw = Raw(self.wb)
        answer = raw.handshake(*headers)
        assert answer.status == 101, answer.line
        return raw

    def nobody_is_left(self) -> None:
        until(lambda: not self.live._clients, "the channel has no clients any more")


class Raw(Wire):
    """A raw connection that speaks WebSocket."""

    def handshake(self, *headers: str, line: str = f"GET {PATH}") -> Any:
        """Ask for a WebSocket; the answer."""
        usual = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")
        self.request(line, *usual, *headers)
        answer = self.answer()
        self.begin()
        return answer

    def begin(self) -> None:
        """Speak WebSocket from here on."""
        self._protocol = ClientProtocol(None, state=State.OPEN, max_size=None)  # type: ignore[arg-type]
        self._frames: list[Frame] = []
        self._protocol.receive_data(self._kept)
        self._kept = b""

    def frame(self, opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True) -> Self:
        """Send one frame."""
        self.send(Frame(opcode, data, fin).serialize(mask=mask))
        return self

    def next(self) -> Frame | None:
        """The next frame; None once the other side has ended the connection."""
        while not self._frames:
            self._frames += [each for each in self._protocol.events_received() if isinstance(each, Frame)]
            if self._frames:
                break
            if not (more := self.more()):
                return None
            self._protocol.receive_data(more)
        return self._frames.pop(0)

    def closed_with(self) -> tuple[int, str] | None:
        """The code and reason of the server's close frame, whatever comes before it; None if there is none."""
        while (frame := self.next()) is not None:
            if frame.opcode is Opcode.CLOSE:
                close = Close.parse(frame.data)
                return int(close.code), close.reason
        return None


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    made = Bench(tmp_path, monkeypatch)
    with made.wb:
        yield made
