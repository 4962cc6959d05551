"""One conversation with a mail server: smtplib, whose every wait can be cut, with TLS as servers want it."""

from __future__ import annotations

import smtplib
import socket
from contextlib import suppress
from typing import Any

from workbench.connections.common.tls import Sockets, Trust
from workbench.connections.common.trying import Due
from workbench.connections.smtp.definition import PORTS, SMTPConnection
from workbench.connections.smtp.errors import who
from workbench.core.errors import ConnectionFailed


class Coded(str):
    """Text that goes out in UTF-8 where smtplib has ASCII (RFC 4616; RFC 4954, 4)."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """It in UTF-8, whatever is asked for."""
        return super().encode()


class SMTPSession(smtplib.SMTP):
    """A conversation that is logged in, once `begin` has returned.

    Args:
        definition: Where the server is, and how it wants to be spoken to.
        password: The user's.
        trust: For TLS.
    """

    def __init__(self, definition: SMTPConnection, password: str | None, trust: Trust) -> None:
        self._definition, self._password, self._trust = definition, password, trust
        self.sockets = Sockets()
        super().__init__(local_hostname=_own_name(), timeout=definition.timeout_seconds)
        # smtplib checks a certificate against the name it keeps here, and keeps it only if given to its constructor.
        self._host = definition.host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = self.sockets.connect(host, port, timeout)
        if self._definition.mode != "ssl":
            return made
        return self.sockets.securing(self._trust).wrap_socket(made, host)  # type: ignore[no-any-return]

    def getreply(self) -> tuple[int, bytes]:
        """The server's next answer, whole."""
        reply = super().getreply()
        if self.sockets.is_cut:
            # smtplib takes the beginning of a line for all of it.
            raise TimeoutError("the time of the whole call is over")
        return reply

    def begin(self, due: Due) -> None:
        """Connect and log in, anew if it was connected before."""
        definition = self._definition
        self.close()
        self.within(due)
        self.ehlo_resp = self.helo_resp = None
        code, said = self.connect(definition.host, definition.port or PORTS[definition.mode])
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        self.ehlo_or_helo_if_needed()
        if definition.mode == "starttls":
            if not self.has_extn("starttls"):
                raise ConnectionFailed(
                    f"{who(definition)} does not offer STARTTLS, so nothing was sent. "
                    f"Fix: mode='ssl' if it has a port for that (465), or mode='plain' on a network you trust"
                )
            self.starttls(context=self.sockets.securing(self._trust))
            self.ehlo_or_helo_if_needed()
        if definition.username is not None and self._password is not None:
            if not self.has_extn("auth"):
                raise ConnectionFailed(
                    f"{who(definition)} takes no user name in mode {definition.mode!r}. "
                    f"Fix: mode='starttls' or 'ssl', or leave out username and password"
                )
            self.login(Coded(definition.username), Coded(self._password))

    def auth_plain(self, challenge: Any = None) -> Any:
        """What AUTH PLAIN sends."""
        return Coded(super().auth_plain(challenge))

    def auth_cram_md5(self, challenge: Any = None) -> Any:
        """What AUTH CRAM-MD5 answers."""
        answer = super().auth_cram_md5(challenge)
        return None if answer is None else Coded(answer)

    def within(self, due: Due) -> None:
        """Let no wait of the next steps be longer than what is left."""
        self.timeout = due.left(self._definition.timeout_seconds)
        if self.sock is not None:
            self.sock.settimeout(self.timeout)

    def leave(self) -> None:
        """Say goodbye, without waiting for long."""
        with suppress(smtplib.SMTPException, OSError):
            self.within(Due(1.0))
            self.quit()
        self.close()

    def close(self) -> None:
        """Let go of its sockets."""
        super().close()
        self.sockets.close()
        self.sockets.clear()


def _own_name() -> str:
    # Not socket.getfqdn(): without a name server it takes seconds.
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
