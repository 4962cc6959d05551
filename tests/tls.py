"""Certificates for a test's own server, and a client's side of TLS that may close one direction alone."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.sandbox.certificates import authority

Pair = tuple[Path, Path]
AUTHORITY = authority().file
"""What a client trusts."""


def pair(folder: Path, *names: str, certificate: str = "shop.pem", key: str = "shop.key") -> Pair:
    """A new certificate for these names, `localhost` by default, and its key, in two files of a folder."""
    key_pem, pem = authority().issued(*names or ("localhost", "127.0.0.1", "::1"))
    (folder / certificate).write_bytes(pem)
    (folder / key).write_bytes(key_pem)
    (folder / key).chmod(0o600)
    return folder / certificate, folder / key


def client_context() -> ssl.SSLContext:
    """How a client speaks TLS that trusts these certificates."""
    return ssl.create_default_context(cafile=AUTHORITY)


def serial_at(url: str) -> int:
    """The number of the certificate that a new connection is shown."""
    plain = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 30)
    with client_context().wrap_socket(plain, server_hostname="localhost") as client:
        shown: Any = client.getpeercert()
        return int(shown["serialNumber"], 16)


class TLSSocket:
    """A socket by TLS, with the methods of a socket that tests use; what stays unread is never waited for."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext | None = None) -> None:
        self._socket, self._incoming, self._outgoing = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = (context or client_context()).wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._more()
        self._flush()

    def _flush(self) -> None:
        self._socket.sendall(self._outgoing.read())

    def _more(self, size: int = 65536) -> None:
        if more := self._socket.recv(size):
            self._incoming.write(more)
        else:
            self._incoming.write_eof()

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._tls.write(left) :]
            self._flush()

    def sendall_in_records(self, data: bytes, size: int) -> None:
        """Send all in one go, sealed by so many bytes [bytes]."""
        for start in range(0, len(data), size):
            self._tls.write(data[start : start + size])
        self._flush()

    def recv(self, size: int) -> bytes:
        """What has come, of several records together; empty once the other side has closed."""
        came = b""
        while len(came) < size:
            try:
                more = self._tls.read(size - len(came))
            except ssl.SSLWantReadError:
                if came:
                    break
                self._more(size)
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                break
            if not more:
                break
            came += more
        return came

    def shutdown(self, how: int) -> None:
        """Take leave of TLS; the socket itself stays open, as clients of TLS leave it."""
        assert how == socket.SHUT_WR
        came = self._incoming.read()
        with suppress(ssl.SSLError):  # the server has not taken leave
            self._tls.unwrap()
        self._incoming.write(came)
        self._flush()

    def settimeout(self, seconds: float | None) -> None:
        self._socket.settimeout(seconds)

    def setsockopt(self, *option: object) -> None:
        self._socket.setsockopt(*option)  # type: ignore[call-overload]

    def getsockname(self) -> object:
        return self._socket.getsockname()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> TLSSocket:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
