"""One conversation with an FTP server: `ftplib`, with names that may be anything, TLS as servers want it, and times."""

from __future__ import annotations

import ftplib
import select
import socket
import ssl
from contextlib import suppress
from typing import Any

from workbench.connections.common.errors import AccessRefused
from workbench.connections.common.trying import Due
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.ftp.errors import TLS_REFUSED, code_of, no_tls, who


def is_readable(sock: socket.socket) -> bool:
    """Whether something, or the end, has arrived."""
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(0))


class Control(ftplib.FTP):
    """The control connection; a name that is no UTF-8 comes through as surrogates, to be refused one by one."""

    def connect(self, host: str = "", port: int = 0, timeout: float = -999, source_address: Any = None) -> str:
        self.host, self.port = host, port
        self.sock = socket.create_connection((host, port), self.timeout)
        self.af = self.sock.family
        self._listen()
        self.welcome = self.getresp()
        return self.welcome

    def _listen(self) -> None:
        assert self.sock is not None
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("r", encoding=self.encoding, errors="surrogateescape")


class TLSControl(Control, ftplib.FTP_TLS):
    """The same under TLS, its data connections too."""

    def auth(self) -> str:
        assert self.sock is not None
        said = self.voidcmd("AUTH TLS")
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)
        self._listen()
        return said

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        try:
            # Servers may insist that a data connection continues the session of its control connection.
            session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
            return self.context.wrap_socket(connection, server_hostname=self.host, session=session), size
        except BaseException:
            connection.close()
            raise


class FTPSession:
    """A control connection that is logged in, in binary mode.

    Args:
        definition: Where the server is, and how it wants to be spoken to.
        login: User and password; None for the anonymous user.
        context: For explicit TLS; None for none.
        due: When it must be open.
    """

    def __init__(
        self, definition: FTPConnection, login: tuple[str, str] | None, context: ssl.SSLContext | None, due: Due
    ) -> None:
        self._timeout = definition.timeout_seconds
        self.data: socket.socket | None = None
        self.control: Control = TLSControl(context=context) if context is not None else Control()
        self.control.encoding = "utf-8"
        self.within(due)
        try:
            with due.cutting(self.cut):
                self.control.connect(definition.host, definition.port)
                self._log_in(definition, login)
        except BaseException:
            self.cut()
            self._release()
            raise

    def _log_in(self, definition: FTPConnection, login: tuple[str, str] | None) -> None:
        control = self.control
        if isinstance(control, TLSControl):
            try:
                control.auth()
            except (ftplib.error_perm, ftplib.error_temp) as exc:
                raise (no_tls(definition, exc) if code_of(exc) in TLS_REFUSED else exc) from exc
        try:
            # FTP_TLS.login would begin TLS in ftplib's own way.
            ftplib.FTP.login(control, *((*login, definition.account) if login else ()))
        except ValueError as exc:  # ftplib's, whose words name none
            raise AccessRefused(
                f"{who(definition)} cannot be told the password, which is more than one line. "
                f"Fix: set it without the end of its line."
            ) from exc
        if isinstance(control, TLSControl):
            control.prot_p()
        control.voidcmd("TYPE I")
        control.set_pasv(definition.passive)

    def within(self, due: Due) -> ftplib.FTP:
        """The control connection, whose next steps may take as long as is left."""
        seconds = due.left(self._timeout)
        self.control.timeout = seconds
        for sock in (self.control.sock, self.data):
            if sock is not None:
                sock.settimeout(seconds)
        return self.control

    def begin(self, command: str, offset: int, due: Due) -> socket.socket:
        """Open a data connection by a command, as RETR, from an offset on [bytes]."""
        self.data = self.within(due).transfercmd(command, offset or None)
        return self.data

    def finish(self, due: Due) -> None:
        """Close the data connection and hear whether all went well."""
        control = self.within(due)
        data, self.data = self.data, None
        if data is not None:
            with data:
                if isinstance(data, ssl.SSLSocket):
                    with suppress(OSError):
                        data.unwrap()
        control.voidresp()

    @property
    def is_dead(self) -> bool:
        sock = self.control.sock
        if sock is None or sock.fileno() < 0:
            return True
        # A server says nothing unasked but goodbye.
        return is_readable(sock)

    def cut(self) -> None:
        for sock in (self.control.sock, self.data):
            if sock is not None:
                with suppress(OSError):
                    # Not SSLSocket.shutdown, which takes the TLS state from under the thread that reads.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def leave(self) -> None:
        control = self.control
        if control.sock is not None:
            with suppress(OSError):
                control.sock.settimeout(0.1)
                control.putcmd("QUIT")
        self._release()

    def _release(self) -> None:
        if self.data is not None:
            self.data.close()
        self.control.close()
