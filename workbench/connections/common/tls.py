"""TLS to another side: whom it trusts, and sockets that another thread can cut, even in the middle of a handshake."""

from __future__ import annotations

import errno
import socket
import ssl
from contextlib import suppress
from functools import cached_property
from typing import Annotated, Any

from msgspec import Meta

from workbench.core.errors import ConnectionFailed

CAFile = Annotated[
    str | None, Meta(description="File of the authorities to trust instead of the system's, for a private one.")
]


class Secured(ssl.SSLSocket):
    """A socket under TLS; one that was reset before the handshake is closed and refused.

    Python itself gives such a one back as if it were secured, or up to 3.12 raises and leaves it open.
    """

    def getpeername(self) -> Any:
        """The address of the other side; raises ConnectionResetError if there is none any more."""
        try:
            return super().getpeername()
        except OSError as exc:
            self.close()
            raise ConnectionResetError(errno.ECONNRESET, "the other side has hung up") from exc


class Trust:
    """Whom one connection trusts.

    Args:
        owner: Whose it is, for errors.
        ca_file: The authorities' certificates; None for the system's.
    """

    def __init__(self, owner: object, ca_file: str | None) -> None:
        self._owner, self._ca_file = owner, ca_file

    @cached_property
    def context(self) -> ssl.SSLContext:
        """What wraps a socket; made at first use. Raises ConnectionFailed if the file cannot be read."""
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as exc:
            raise ConnectionFailed(
                f"{self._owner} cannot read ca_file={self._ca_file!r}: {exc}. Fix: correct it."
            ) from exc
        context.sslsocket_class = Secured
        return context


def file_of(owner: object, ca_file: str | None) -> str | None:
    """The file of authorities, for a client library that opens it by itself; None for the system's.

    Raises:
        ConnectionFailed: It cannot be read, or holds no certificates.
    """
    if ca_file is not None:
        Trust(owner, ca_file).context  # noqa: B018 - read, so that what is wrong with it is said here
    return ca_file


class Sockets(list[socket.socket]):
    """The sockets of one conversation, so that it can be ended from another thread, even while it begins."""

    is_cut = False

    def connect(self, host: str, port: int, timeout_seconds: float) -> socket.socket:
        """A new connection, which is cut with the others."""
        made = socket.create_connection((host, port), timeout_seconds)
        self.take(made)
        return made

    def take(self, made: socket.socket) -> None:
        """Have one more socket cut with the others; raises TimeoutError if they are cut already."""
        self.append(made)
        if self.is_cut:
            raise TimeoutError("the time of the whole call is over")

    def securing(self, trust: Trust) -> Any:
        """What a client library takes for an SSLContext; it wraps sockets so that the handshake can be cut too."""
        return _Securing(self, trust.context)

    def cut(self) -> None:
        """End the conversation at once: whoever waits for one of them gets an error."""
        self.is_cut = True
        for each in self:
            with suppress(OSError):
                # Not SSLSocket.shutdown, which takes the TLS state from under the thread that reads.
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of them; from the thread that uses them."""
        for each in self:
            each.close()


class _Securing:
    def __init__(self, sockets: Sockets, context: ssl.SSLContext) -> None:
        self._sockets, self._context = sockets, context

    def wrap_socket(self, plain: socket.socket, server_hostname: str | None = None) -> ssl.SSLSocket:
        secured = self._context.wrap_socket(plain, server_hostname=server_hostname, do_handshake_on_connect=False)
        self._sockets.take(secured)
        secured.do_handshake()
        return secured
