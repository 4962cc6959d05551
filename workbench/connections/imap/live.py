"""Incoming mail by IMAP: what has arrived, with its attachments, to be marked, moved or deleted."""

from __future__ import annotations

import asyncio
import imaplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta

from workbench.connections.common.trying import Deadline, Due, Retries, trying
from workbench.connections.definition import ConnectionDefinition, Opening, Timeout
from workbench.connections.files.errors import AccessRefused, Interrupted
from workbench.connections.imap.message import IMAPMessage
from workbench.core.current import CURRENT, outgoing
from workbench.core.errors import ConnectionFailed, MissingDependency, ServiceUsage, listed
from workbench.core.masking import mask
from workbench.core.secret import Secret

if TYPE_CHECKING:
    from imap_tools import BaseMailBox

PORTS = {"plain": 143, "starttls": 143, "ssl": 993}


class IMAPConnection(ConnectionDefinition, tag="imap", frozen=True, kw_only=True):
    """A mailbox to be read."""

    kind: ClassVar[str] = "IMAP"
    attributes: ClassVar[dict[str, str]] = {"email.imap": "item"}

    host: Annotated[str, Meta(min_length=1, max_length=255, description="Host name or address.")]
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="TCP port; by mode if left out: 993 (ssl), 143 (plain, starttls)."),
    ] = None
    mode: Annotated[
        Literal["ssl", "starttls", "plain"],
        Meta(description="Encryption from the first byte, agreed upon before the login, or none."),
    ] = "ssl"
    username: Annotated[str, Meta(min_length=1, description="User name.")]
    password: Annotated[Secret | str | None, Meta(description="Secret that holds the password.")] = None
    folder: Annotated[str, Meta(min_length=1, description="Folder that is read.")] = "INBOX"
    get_criteria: Annotated[
        str, Meta(min_length=1, description='Which mails `get` gives, as UNSEEN or FROM "x@example.com".')
    ] = "UNSEEN"
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 60.0
    retries: Retries = 3
    ca_file: Annotated[
        str | None, Meta(description="File of the authorities to trust instead of the system's, for a private one.")
    ] = None

    def problems(self) -> dict[str, str]:
        problems: dict[str, str] = {}
        if any(each.isspace() or each in "/@" for each in self.host):
            problems["host"] = "must be a host name or address alone, as imap.example.com"
        for field in ("folder", "get_criteria"):
            if any(each in getattr(self, field) for each in "\r\n\0"):
                problems[field] = "must be one line"
        return problems

    def open(self, opening: Opening) -> LiveIMAP:
        password = self.password if isinstance(self.password, Secret) else None
        return LiveIMAP(self, opening.reveal(password, str(self)))

    @property
    def address(self) -> str:
        """`host:port`, the mode's own port if none was given."""
        return f"{self.host}:{self.port or PORTS[self.mode]}"


class LiveIMAP:
    """`self.email.imap["name"].conn`; each call is a conversation of its own, so many threads may use it."""

    def __init__(self, definition: IMAPConnection, password: str | None) -> None:
        self.definition, self._password = definition, password

    def get(self, folder: str = "", criteria: str = "") -> Iterator[tuple[str, IMAPMessage]]:
        """The mails that fit, oldest first, each with its UID; they are not marked as seen by that.

        Args:
            folder: Instead of the connection's.
            criteria: Instead of the connection's `get_criteria`, in IMAP's words, or built with imap_tools' `AND`.

        Raises:
            ConnectionFailed: The server refused the login or the folder, or hung up.
        """
        self._not_on_the_loop("get()")
        folder = folder or self.definition.folder
        count = 0
        with outgoing("imap", f"IMAP {self.definition.name} get {folder}") as step:
            with self.mailbox(folder) as mailbox:
                for mail in mailbox.fetch(criteria or self.definition.get_criteria, charset=None, mark_seen=False):
                    count += 1
                    yield str(mail.uid), IMAPMessage(mail, self, folder)
            step.end(f"{count} message{'' if count == 1 else 's'}")

    def delete(self, *uids: str, folder: str = "") -> None:
        """Delete mails by UID."""
        self._do("delete", uids, folder, lambda mailbox: mailbox.delete(list(uids)))

    def mark_seen(self, *uids: str, folder: str = "") -> None:
        """Mark mails as seen, by UID."""
        self._do("mark seen", uids, folder, lambda mailbox: mailbox.flag(list(uids), "\\Seen", True))

    def move(self, *uids: str, to: str, folder: str = "") -> None:
        """Move mails to another folder, by UID."""
        self._do(f"move to {to}", uids, folder, lambda mailbox: mailbox.move(list(uids), to))

    def append(self, message: EmailMessage | bytes, folder: str = "") -> None:
        """Put a mail into a folder, unseen."""
        raw = message if isinstance(message, bytes) else message.as_bytes()
        self._do("append", (), folder, lambda mailbox: mailbox.append(raw, folder or self.definition.folder))

    def folders(self) -> list[str]:
        """The names of all folders."""
        names: list[str] = []
        self._do("list folders", (), "", lambda mailbox: names.extend(each.name for each in mailbox.folder.list()))
        return names

    def _do(self, verb: str, uids: tuple[str, ...], folder: str, act: Any) -> None:
        self._not_on_the_loop(f"{verb.partition(' ')[0]}(...)")
        folder = folder or self.definition.folder
        with outgoing("imap", f"IMAP {self.definition.name} {verb} {folder}") as step, self.mailbox(folder) as mailbox:
            act(mailbox)
            step.end(f"{len(uids)} message{'' if len(uids) == 1 else 's'}" if uids else "ok")

    @contextmanager
    def mailbox(self, folder: str = "") -> Iterator[BaseMailBox]:
        """imap_tools' own mailbox, logged in with a folder selected; its errors become those of a connection."""
        due = Due(self.definition.deadline_seconds)
        mailbox = trying(self.definition, lambda due, _: self._opened(folder, due), due, self.definition.retries)
        try:
            with self._troubles(), due.cutting(lambda: _cut(mailbox)):
                yield mailbox
        finally:
            with suppress(Exception):
                mailbox.logout()
            _close(mailbox)

    def _opened(self, folder: str, due: Due) -> BaseMailBox:
        definition, made = self.definition, Sockets()
        make = _mailbox_class()
        mailbox: BaseMailBox | None = None
        with self._troubles(), due.cutting(made.cut):
            try:
                mailbox = make(lambda: self._client(made, due.left(definition.timeout_seconds)))
                assert mailbox is not None
                mailbox.login_utf8(definition.username, self._password or "", None)
                self._select(mailbox, folder or definition.folder)
            except BaseException:
                made.cut()
                if mailbox is not None:
                    _close(mailbox)
                made.close()
                raise
        return mailbox

    def _client(self, made: Sockets, timeout: float) -> imaplib.IMAP4:
        definition = self.definition
        port = definition.port or PORTS[definition.mode]
        if definition.mode == "ssl":
            return _SSLClient(made, definition.host, port, ssl_context=self._trusted(), timeout=timeout)
        client = _Client(made, definition.host, port, timeout=timeout)
        if definition.mode == "starttls":
            if "STARTTLS" not in client.capabilities:
                raise ConnectionFailed(
                    f"{definition} at {definition.address} does not offer STARTTLS, so nothing was sent. "
                    f"Fix: mode='ssl' if it has a port for that (993), or mode='plain' on a network you trust"
                )
            client.starttls(self._trusted())
            made.append(client.sock)
        return client

    def _select(self, mailbox: BaseMailBox, folder: str) -> None:
        from imap_tools.errors import MailboxFolderSelectError

        try:
            mailbox.folder.set(folder)
        except MailboxFolderSelectError as exc:
            names = [each.name for each in mailbox.folder.list()]
            raise ConnectionFailed(f"{self.definition} has no folder {folder!r}; there are: {listed(names)}.") from exc

    def _trusted(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.definition.ca_file)
        except OSError as exc:
            raise ConnectionFailed(f"{self.definition} cannot read ca_file={self.definition.ca_file!r}: {exc}") from exc

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        from imap_tools.errors import ImapToolsError, MailboxLoginError

        who = f"{self.definition} at {self.definition.address}"
        try:
            yield
        except MailboxLoginError as exc:
            raise AccessRefused(
                f"{who} refused the user name or password: {_said(exc)}. {self.definition.credentials_fix}"
            ) from exc
        except ImapToolsError as exc:
            raise ConnectionFailed(f"{who} refused: {_said(exc)}") from exc
        except ssl.SSLCertVerificationError as exc:
            raise ConnectionFailed(
                f"{who} has a certificate that cannot be trusted: {exc.verify_message}. "
                f"Fix: host= must be the name in the certificate; for a private authority set ca_file="
            ) from exc
        except (imaplib.IMAP4.abort, OSError, EOFError) as exc:
            said = getattr(exc, "strerror", None) or exc
            raise Interrupted(f"{who} cannot be reached, or hung up: {said}. Fix: check host, port and mode") from exc
        except imaplib.IMAP4.error as exc:
            refused = "AUTHENTICATIONFAILED" in str(exc).upper()
            kind = AccessRefused if refused else ConnectionFailed
            what, fix = (" the user name or password", f". {self.definition.credentials_fix}") if refused else ("", "")
            raise kind(f"{who} refused{what}: {_said(exc)}{fix}") from exc

    def ping(self, cid: str = "") -> str:
        """Log in and select the folder; says how many mails there are."""
        self._not_on_the_loop("ping()")
        with self.mailbox() as mailbox:
            status = mailbox.folder.status(self.definition.folder)
        return f"{status['MESSAGES']} in {self.definition.folder}, {status['UNSEEN']} unseen"

    @property
    def aio(self) -> LiveIMAPAio:
        """The same calls, for `async def handle`."""
        return LiveIMAPAio(self)

    def close(self) -> None:
        """Nothing: no conversation lasts longer than its call."""

    def _not_on_the_loop(self, what: str) -> None:
        call = CURRENT.get()
        if call is not None and call.on_loop and asyncio._get_running_loop() is not None:
            raise ServiceUsage(
                f"Service {call.service!r} is async, and {self.definition} would block the server. "
                f"Fix: await conn.aio.{what}"
            )

    def __repr__(self) -> str:
        return f"{self.definition}, open"


class LiveIMAPAio:
    """`conn.aio`: the same calls, to be awaited; `get` gives a list."""

    __slots__ = ("_live",)

    def __init__(self, live: LiveIMAP) -> None:
        self._live = live

    async def get(self, folder: str = "", criteria: str = "") -> list[tuple[str, IMAPMessage]]:
        """`get`, without blocking the loop."""
        return await asyncio.to_thread(lambda: list(self._live.get(folder, criteria)))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._live, name)

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(method, *args, **kwargs)

        return awaited


class Sockets(list[socket.socket]):
    """The sockets of one conversation, so that it can be ended from another thread, even while it begins."""

    def cut(self) -> None:
        """Close them at once: whoever waits for one gets an error."""
        for each in self:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of them; from the thread that uses them."""
        for each in self:
            each.close()


class _Client(imaplib.IMAP4):
    def __init__(self, made: Sockets, *args: Any, **kwargs: Any) -> None:
        self._made = made
        super().__init__(*args, **kwargs)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        made = socket.create_connection((self.host, self.port), timeout)
        self._made.append(made)
        return made


class _SSLClient(imaplib.IMAP4_SSL):
    def __init__(self, made: Sockets, *args: Any, **kwargs: Any) -> None:
        self._made = made
        super().__init__(*args, **kwargs)

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        plain = socket.create_connection((self.host, self.port), timeout)
        made: ssl.SSLSocket = self.ssl_context.wrap_socket(
            plain, server_hostname=self.host, do_handshake_on_connect=False
        )
        self._made.append(made)
        made.do_handshake()
        return made


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


def _cut(mailbox: BaseMailBox) -> None:
    """End the conversation at once, from any thread."""
    with suppress(OSError):
        mailbox.client.sock.shutdown(socket.SHUT_RDWR)


def _close(mailbox: BaseMailBox) -> None:
    with suppress(OSError):
        mailbox.client.shutdown()


def _said(exc: Exception) -> str:
    result = getattr(exc, "command_result", None)
    parts = result[1] if isinstance(result, tuple) and len(result) > 1 else [str(exc)]
    words = (each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in parts)
    return mask(" ".join(" ".join(words).split()))[:300]
