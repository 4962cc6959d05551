"""One conversation with a mailbox: imap_tools over a client of the standard library whose every wait can be cut."""

from __future__ import annotations

import imaplib
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workbench.connections.common.errors import AnswerTooLarge
from workbench.connections.common.tls import Sockets, Trust
from workbench.connections.common.trying import Due
from workbench.connections.imap.definition import PORTS, IMAPConnection
from workbench.connections.imap.errors import troubles, who
from workbench.core.errors import ConnectionFailed, MissingDependency, listed

if TYPE_CHECKING:
    from imap_tools import BaseMailBox


class IMAPSession:
    """A conversation that is logged in, with a folder selected.

    Args:
        definition: Where the server is, and who logs in.
        password: The user's.
        trust: For TLS.
        folder: Which one.
        due: When it must be open.
    """

    def __init__(self, definition: IMAPConnection, password: str | None, trust: Trust, folder: str, due: Due) -> None:
        self._definition, self._trust, self.sockets = definition, trust, Sockets()
        make = _mailbox_class()
        try:
            with troubles(definition), due.cutting(self.sockets.cut):
                self.mailbox: BaseMailBox = make(lambda: self._client(due.left(definition.timeout_seconds)))
                self.mailbox.login_utf8(definition.username, password or "", None)
                self._select(folder)
        except BaseException:
            self._release()
            raise

    def _client(self, timeout: float) -> imaplib.IMAP4:
        definition = self._definition
        port = definition.port or PORTS[definition.mode]
        secure = (lambda: self.sockets.securing(self._trust)) if definition.mode == "ssl" else None
        client = _Client(definition, self.sockets, secure, port, timeout)
        if definition.mode == "starttls":
            if "STARTTLS" not in client.capabilities:
                raise ConnectionFailed(
                    f"{who(definition)} does not offer STARTTLS, so nothing was sent. "
                    f"Fix: mode='ssl' if it has a port for that (993), or mode='plain' on a network you trust"
                )
            client.starttls(self.sockets.securing(self._trust))
        return client

    def _select(self, folder: str) -> None:
        from imap_tools.errors import MailboxFolderSelectError

        try:
            self.mailbox.folder.set(folder)
        except MailboxFolderSelectError as exc:
            names = [each.name for each in self.mailbox.folder.list()]
            raise ConnectionFailed(f"{self._definition} has no folder {folder!r}; there are: {listed(names)}.") from exc

    def leave(self) -> None:
        """Log out."""
        with suppress(Exception):
            self.mailbox.logout()
        self._release()

    def _release(self) -> None:
        if (mailbox := getattr(self, "mailbox", None)) is not None:
            with suppress(OSError):
                mailbox.client.shutdown()
        self.sockets.cut()
        self.sockets.close()


class _Client(imaplib.IMAP4):
    def __init__(
        self,
        definition: IMAPConnection,
        sockets: Sockets,
        secure: Callable[[], Any] | None,
        port: int,
        timeout: float,
    ) -> None:
        self._definition, self._sockets, self._secure = definition, sockets, secure
        super().__init__(definition.host, port, timeout)

    def read(self, size: int) -> bytes:
        """One literal of an answer, as a mail is one."""
        if size > self._definition.max_answer_bytes:
            raise AnswerTooLarge(self._definition, self._definition.max_answer_bytes, "delete that mail, or")
        return super().read(size)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        made = self._sockets.connect(self.host, self.port, timeout or 0.001)
        if self._secure is None:
            return made
        return self._secure().wrap_socket(made, server_hostname=self.host)  # type: ignore[no-any-return]


def _mailbox_class() -> Any:
    try:
        from imap_tools import BaseMailBox
    except ImportError as exc:
        raise MissingDependency("IMAP", "imap-tools", extra="imap") from exc

    class Box(BaseMailBox):
        """imap_tools' mailbox over a client that is made here."""

        def __init__(self, make: Callable[[], imaplib.IMAP4]) -> None:
            self._make = make
            super().__init__()

        def _get_mailbox_client(self) -> imaplib.IMAP4:
            return self._make()

    return Box
