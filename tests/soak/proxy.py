"""A way to a server that is cut at random: TCP through a proxy, the data connections of FTP too."""

from __future__ import annotations

import re
import socket
import struct
import threading
from contextlib import suppress
from typing import Any

PASSIVE = re.compile(rb"^227 [^\r\n]*?\(\d+,\d+,\d+,\d+,(\d+),(\d+)\)")
AT_ONCE = struct.pack("ii", 1, 0)
WAIT_SECONDS = 20.0


class Proxy:
    """Leads to a port of loopback until it is told to cut; use `port` in place of the server's.

    Args:
        to: The server's port.
    """

    def __init__(self, to: int) -> None:
        self._to, self._lock, self._is_closed = to, threading.Lock(), False
        self._open: set[socket.socket] = set()
        self._left_bytes: int | None = None
        self.cuts = 0
        self._times, self._is_hard, self._refuses = 0, False, False
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def fail(self, *, after_bytes: int = 0, times: int = 1, hard: bool = False, refuse: bool = False) -> None:
        """Cut every connection each time that so many bytes went through; `hard` by a reset, else by an orderly end."""
        with self._lock:
            self._after_bytes = self._left_bytes = after_bytes
            self._times, self._is_hard, self._refuses = times, hard, refuse

    def heal(self) -> None:
        """Cut nothing any more."""
        with self._lock:
            self._left_bytes, self._refuses = None, False

    def close(self) -> None:
        """Let go of the port and cut everything."""
        self._is_closed = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._cut()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self._refuses:
                client.close()
            else:
                self._lead(client, self._to, is_control=True)

    def _lead(self, client: socket.socket, port: int, is_control: bool) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", port), WAIT_SECONDS)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        with self._lock:
            self._open |= {client, server}
        left = [2]
        for ends in ((client, server, False), (server, client, is_control)):
            threading.Thread(target=self._pump, args=(*ends, left), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_control: bool, left: list[int]) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                if is_control:
                    block = self._redirected(block)
                if not self._may_pass(len(block)):
                    break
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)
        with self._lock:
            left[0] -= 1
            is_last = not left[0]
            if is_last:
                self._open -= {source, target}
        if is_last:
            source.close()
            target.close()

    def _redirected(self, block: bytes) -> bytes:
        """A reply of FTP that names a port for data with a port of ours, which leads there."""
        found = PASSIVE.match(block)
        if found is None:
            return block
        there = int(found[1]) * 256 + int(found[2])
        listening = socket.create_server(("127.0.0.1", 0))
        listening.settimeout(WAIT_SECONDS)
        threading.Thread(target=self._take_one, args=(listening, there), daemon=True).start()
        here = listening.getsockname()[1]
        return b"227 Entering Passive Mode (127,0,0,1,%d,%d)." % divmod(here, 256) + block[found.end() :].lstrip(b".")

    def _take_one(self, listening: socket.socket, port: int) -> None:
        with listening, suppress(OSError):
            client, _ = listening.accept()
            client.settimeout(None)
            self._lead(client, port, is_control=False)

    def _may_pass(self, count: int) -> bool:
        with self._lock:
            if self._left_bytes is None:
                return True
            self._left_bytes -= count
            if self._left_bytes >= 0:
                return True
            self.cuts += 1
            self._times -= 1
            self._left_bytes = self._after_bytes if self._times > 0 else None
        self._cut()
        return False

    def _cut(self) -> None:
        with self._lock:
            cut: list[Any] = [*self._open]
        for each in cut:
            with suppress(OSError):
                if self._is_hard:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                each.shutdown(socket.SHUT_RDWR)
