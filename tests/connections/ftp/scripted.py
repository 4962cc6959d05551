"""A server that sends whatever listing it is told to, as no honest one would."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from workbench.connections.files.live import LiveFiles
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.live import LiveConnections


class ScriptedFTP:
    """Answers MLSD (or LIST, with `facts=False`) with the given lines, and every other command with a yes.

    Args:
        lines: What it lists.
        facts: Whether it offers MLST.
        answers: By command, what it says instead.
        done: What it says after a listing.
    """

    def __init__(
        self,
        lines: list[bytes],
        *,
        facts: bool = True,
        answers: dict[bytes, bytes] | None = None,
        done: bytes = b"226 Done",
    ) -> None:
        self.lines, self.facts, self.answers, self.done = lines, facts, answers or {}, done
        self.heard: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._live, daemon=True)

    def open(self, live: LiveConnections, **more: Any) -> LiveFiles:
        """A connection to it, with further fields."""
        host, port = self._server.getsockname()
        live._stand_in = lambda definition: definition
        live.define(FTPConnection("scripted", host=host, port=port, timeout_seconds=5, retries=0, **more))
        conn: LiveFiles = live.live("scripted")
        return conn

    def _live(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                with client, suppress(OSError):
                    self._speak(client)

    def _speak(self, client: socket.socket) -> None:
        client.sendall(b"220 scripted\r\n")
        with socket.create_server(("127.0.0.1", 0)) as data:
            self._answer_each(client, data)

    def _answer_each(self, client: socket.socket, data: socket.socket) -> None:
        for line in client.makefile("rb"):
            self.heard.append(line)
            command = line.split()[0].upper()
            if command in self.answers:
                if command in (b"MLSD", b"LIST"):
                    data.accept()[0].close()
                client.sendall(self.answers[command] + b"\r\n")
            elif command == b"FEAT":
                client.sendall(b"211-Features:\r\n MLST type*;size*;\r\n211 End\r\n" if self.facts else b"502 No\r\n")
            elif command in (b"PASV", b"EPSV"):
                port = data.getsockname()[1]
                client.sendall(b"227 (127,0,0,1,%d,%d)\r\n" % (port >> 8, port & 255))
            elif command in (b"MLSD", b"LIST"):
                client.sendall(b"150 Here it comes\r\n")
                with data.accept()[0] as connection:
                    connection.sendall(b"".join(each + b"\r\n" for each in self.lines))
                client.sendall(self.done + b"\r\n")
            else:
                client.sendall(b"200 Yes\r\n" if command != b"USER" else b"230 In\r\n")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
