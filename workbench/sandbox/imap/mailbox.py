"""A mailbox to be read by IMAP: mails arrive by `arrive` or `put`, and are seen as a client leaves them."""

from __future__ import annotations

import asyncio
import hmac
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from itertools import count
from typing import Annotated, Any, ClassVar, Self, cast

from msgspec import Meta

from workbench.core.secret import given
from workbench.sandbox import certificates
from workbench.sandbox.faults import Faults
from workbench.sandbox.imap.dialects import DIALECTS, Dialect, DialectName
from workbench.sandbox.imap.store import Folder, Kept
from workbench.sandbox.imap.talk import Talk
from workbench.sandbox.mail import Mail
from workbench.sandbox.network.loop import PEERS
from workbench.sandbox.peer import Peer

LINE_BYTES = 64 << 10
SHOWN = 20


class IMAPFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with a mail server."""

    refuse_login: Annotated[bool, Meta(description="Refuse every user name and password.")] = False
    refuse_command: Annotated[str, Meta(description="A command that is answered NO, as FETCH or STORE.")] = ""
    wrong_certificate: Annotated[bool, Meta(description="Show a certificate of another name.")] = False
    quota: Annotated[bool, Meta(description="Have no room for another mail (APPEND, COPY).")] = False
    dialect: Annotated[
        DialectName | None,
        Meta(
            description="Speak as servers of this make do: Dovecot, Gmail (folders that only hold others), Gmail, "
            "Exchange (no letters beyond ASCII in quotes), Exchange (searches in ASCII alone, no AUTHENTICATE PLAIN)."
        ),
    ] = None


class IMAPMailbox(Peer):
    """Keeps mails in folders, the first of which is INBOX.

    Args:
        name: What it is called.
        users: Who may log in, as `{"user": "password"}`; None lets everybody in.
        is_ssl: Whether to encrypt from the first byte.
    """

    kind: ClassVar[str] = "imap"
    label: ClassVar[str] = "IMAP mailbox"
    fault_fields: ClassVar[type[Faults]] = IMAPFaults

    def __init__(self, name: str = "", *, users: dict[str, str] | None = None, is_ssl: bool = False) -> None:
        super().__init__(name)
        self.users, self.is_ssl = users, is_ssl
        self._validity = count(1)
        self._event: asyncio.Event | None = None
        self.folders: dict[str, Folder] = {}
        self.make_folder("INBOX")

    # For a person and a test
    def arrive(
        self,
        subject: str = "",
        text: str = "",
        *,
        from_: str = "somebody@example.com",
        to: str = "me@example.com",
        attachments: Mapping[str, bytes] | None = None,
        folder: str = "INBOX",
    ) -> Self:
        """Have a mail arrive."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = from_, to, subject
        message.set_content(text)
        for name, contents in (attachments or {}).items():
            message.add_attachment(contents, maintype="application", subtype="octet-stream", filename=name)
        return self.put(bytes(message), folder)

    def put(self, raw: bytes, folder: str = "INBOX", flags: tuple[str, ...] = ()) -> Self:
        """Have a mail arrive as it is, its lines ended as mails' are."""
        self.make_folder(folder).add(raw, set(flags))
        return self

    def make_folder(self, name: str) -> Folder:
        """The folder of that name, made if it is not there."""
        if name not in self.folders:
            self.folders[name] = Folder(next(self._validity), self._changed)
        return self.folders[name]

    def _fill_from(self, other: Self) -> None:
        self.folders = {name: each.copy(self._changed) for name, each in other.folders.items()}
        self._validity = count(max(each.validity for each in self.folders.values()) + 1)

    @property
    def messages(self) -> list[Mail]:
        """The mails in INBOX, oldest first."""
        return [each.mail for each in self.folders["INBOX"].mails]

    def flags(self, folder: str = "INBOX") -> list[list[str]]:
        """What each mail of a folder is marked with, as `["\\\\Seen"]`."""
        return [sorted(each.flags) for each in self.folders[folder].mails]

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "folder": name,
                "from": each.mail.from_,
                "subject": each.mail.subject,
                "attachments": ", ".join(each.mail.attachments),
                "seen": "yes" if "\\Seen" in each.flags else "no",
            }
            for name, each in self._all()
        ]

    def _all(self) -> list[tuple[str, Kept]]:
        return [(name, each) for name, folder in self.folders.items() for each in folder.mails]

    def summary(self) -> str:
        mails = self._all()
        lines = [
            f"{name} {each.uid}. {each.mail!r}{'' if chr(92) + 'Seen' in each.flags else ' (unseen)'}"
            for name, each in mails[:SHOWN]
        ]
        more = [f"and {len(mails) - SHOWN} more"] if len(mails) > SHOWN else []
        count_ = f"{len(mails) or 'no'} message{'' if len(mails) == 1 else 's'}"
        return "\n".join([f"{self}: {count_}{'.' if mails else ''}", *lines, *more])

    # As a peer
    def start(self) -> Self:
        certificates.loopback()
        return super().start()

    def tls(self) -> ssl.SSLContext | None:
        return self.certificate() if self.is_ssl else None

    def certificate(self) -> ssl.SSLContext:
        """What encrypts a connection."""
        wrong = cast(IMAPFaults, self.faults).wrong_certificate
        return certificates.elsewhere() if wrong else certificates.loopback()

    def pointed(self, definition: Any) -> dict[str, Any]:
        if self.is_ssl != (definition.mode == "ssl"):
            self.is_ssl = definition.mode == "ssl"
            self.stop()
            self.start()
        made_up = {}
        if definition.username:
            secret = self.credential(definition, "password")
            self.users = {**(self.users or {}), definition.username: given(secret.name) or ""}
            made_up = {} if definition.password is not None else {"password": secret}
        ca_file = None if definition.mode == "plain" else str(certificates.authority().file)
        return {"host": self.host, "port": self.port, "ca_file": ca_file, **made_up}

    def protocol(self) -> asyncio.BaseProtocol:
        reader = asyncio.StreamReader(limit=LINE_BYTES)

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await Talk(self, reader, writer).run()
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
                # Cancelled only when the loop ends, and a stream that was cancelled is reported as a failure.
                pass
            except ssl.SSLError:
                # The client did not like the certificate.
                pass
            finally:
                writer.close()

        return asyncio.StreamReaderProtocol(reader, converse)

    @property
    def dialect(self) -> Dialect:
        """How servers of the make that it plays say things."""
        return DIALECTS[cast(IMAPFaults, self.faults).dialect]

    def admits(self, user: str, password: str) -> bool:
        """Whether somebody may log in."""
        trouble = self.trouble
        if cast(IMAPFaults, trouble.faults).refuse_login and trouble.strikes():
            return False
        if self.users is None:
            return True
        expected = self.users.get(user, "")
        return bool(expected) and hmac.compare_digest(expected.encode(), password.encode("utf-8", "replace"))

    def refuses(self, command: str) -> str:
        """Why a command is not done, by the faults in force; '' if it is."""
        trouble = self.trouble
        faults = cast(IMAPFaults, trouble.faults)
        if faults.quota and command in ("APPEND", "COPY", "MOVE") and trouble.strikes():
            return "[OVERQUOTA] the mailbox is full"
        if faults.refuse_command.upper() == command and trouble.strikes():
            return f"{self} has the fault refuse_command={faults.refuse_command!r}"
        return ""

    def next_change(self) -> asyncio.Event:
        """Set when anything changes; on the peers' loop."""
        if self._event is None or self._event.is_set():
            self._event = asyncio.Event()
        return self._event

    def _changed(self) -> None:
        if (event := self._event) is not None:
            PEERS.loop.call_soon_threadsafe(event.set)
