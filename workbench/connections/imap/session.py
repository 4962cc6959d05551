"""One conversation with a mailbox: imap_tools over the standard library's client, whose every command ends in time."""

from __future__ import annotations

import imaplib
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from workbench.connections.common.errors import AnswerTooLarge
from workbench.connections.common.tls import Sockets, Trust
from workbench.connections.common.trying import Due, late
from workbench.connections.imap.criteria import Pieces, quoted
from workbench.connections.imap.definition import PORTS, IMAPConnection
from workbench.connections.imap.errors import not_opened, troubles, who
from workbench.core.errors import ConnectionFailed, MissingDependency

if TYPE_CHECKING:
    from imap_tools import BaseMailBox

GOODBYE_SECONDS = 1.0


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
                self._log_in(password or "")
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

    def _log_in(self, password: str) -> None:
        from imap_tools.errors import MailboxLoginError

        user, client = self._definition.username, cast(_Client, self.mailbox.client)
        if "AUTH=PLAIN" in client.capabilities or "LOGINDISABLED" in client.capabilities:
            self.mailbox.login_utf8(user, password, None)
        elif (answer := client.by_login(user, password))[0] != "OK":
            raise MailboxLoginError(answer, "OK")

    def _select(self, folder: str) -> None:
        from imap_tools.errors import ImapToolsError, MailboxFolderSelectError

        try:
            self.mailbox.folder.set(folder)
        except MailboxFolderSelectError as exc:
            there = []
            with suppress(ImapToolsError, imaplib.IMAP4.error):
                there = self.mailbox.folder.list()
            raise not_opened(self._definition, folder, there, exc) from exc

    def leave(self) -> None:
        """Log out."""
        with suppress(Exception):
            cast(_Client, self.mailbox.client).longest_seconds = GOODBYE_SECONDS
            self.mailbox.logout()
        self._release()

    def _release(self) -> None:
        if (mailbox := getattr(self, "mailbox", None)) is not None:
            with suppress(OSError):
                mailbox.client.shutdown()
        self.sockets.cut()
        self.sockets.close()


class _Client(imaplib.IMAP4):
    """The standard library's client, of which each command has the deadline of the connection.

    What its user does between two commands costs no time of it, and a server that sends drop by drop gains none.
    """

    literal: Any

    def __init__(
        self,
        definition: IMAPConnection,
        sockets: Sockets,
        secure: Callable[[], Any] | None,
        port: int,
        timeout: float,
    ) -> None:
        self._definition, self._sockets, self._secure = definition, sockets, secure
        self.longest_seconds = definition.deadline_seconds
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

    def _simple_command(self, name: str, *args: Any) -> Any:
        due = Due(self.longest_seconds)
        try:
            with due.cutting(self._sockets.cut):
                return super()._simple_command(name, *args)  # type: ignore[misc]
        except (imaplib.IMAP4.abort, OSError) as exc:
            if due.over:
                raise late(self._definition, due) from exc
            raise

    def by_login(self, user: str, password: str) -> Any:
        """The answer to LOGIN, in UTF-8 (RFC 9051, 6.2.3); the library itself takes ASCII alone."""
        pieces = Pieces(f"{quoted(user)} {quoted(password)}")
        self.literal = pieces.literal
        answer = self._simple_command("LOGIN", pieces.first)
        if answer[0] == "OK":
            self.state = "AUTH"
        return answer


def _mailbox_class() -> Any:
    try:
        from imap_tools import BaseMailBox
    except ImportError as exc:
        raise MissingDependency("IMAP", "imap-tools", extra="imap") from exc

    class Box(BaseMailBox):
        """imap_tools' mailbox over a client that is made here; it searches for any letters."""

        def __init__(self, make: Callable[[], imaplib.IMAP4]) -> None:
            self._make = make
            super().__init__()

        def _get_mailbox_client(self) -> imaplib.IMAP4:
            return self._make()

        def uids(self, criteria: Any = "ALL", charset: str | None = None, sort: Any = None) -> list[str]:
            """The UIDs of the mails that fit; a charset is said only where letters need it."""
            if isinstance(criteria, bytes) or str(criteria).isascii():
                return super().uids(criteria, None if sort is None else charset, sort)
            pieces = Pieces(str(criteria))
            cast(_Client, self.client).literal = pieces.literal
            return super().uids(pieces.first, "UTF-8", sort)

    return Box
