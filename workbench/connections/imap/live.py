"""Incoming mail by IMAP: what has arrived, with its attachments, to be marked, moved or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from workbench.connections.common.colours import expect_no_loop
from workbench.connections.common.tls import Trust
from workbench.connections.common.trying import Due, trying
from workbench.connections.definition import Live, Opening
from workbench.connections.imap.definition import IMAPConnection
from workbench.connections.imap.errors import troubles
from workbench.connections.imap.message import IMAPMessage
from workbench.connections.imap.session import IMAPSession
from workbench.core.current import outgoing
from workbench.core.errors import ServiceUsage

if TYPE_CHECKING:
    from imap_tools import BaseMailBox

SHOWN_MAILS = 100
"""Mails of one answer whose subjects the trace keeps."""

METHODS = {"mark": "mark_seen(...)", "list": "folders()"}
"""The methods behind the verbs in a trace, where they differ."""


class LiveIMAP(Live):
    """`self.email.imap["name"].conn`; each call is a conversation of its own, so many threads may use it."""

    def __init__(self, definition: IMAPConnection, opening: Opening) -> None:
        self.definition: IMAPConnection = definition
        self._password = opening.reveal(definition.password, definition)
        self._trust = Trust(definition, definition.ca_file)

    def get(self, folder: str = "", criteria: str = "") -> Iterator[tuple[str, IMAPMessage]]:
        """The mails that fit, oldest first, each with its UID; they are not marked as seen by that.

        The connection's deadline is that of the search, and of each mail; a service may take its time over one.

        Args:
            folder: Instead of the connection's.
            criteria: Instead of the connection's `get_criteria`, in IMAP's words, or built with imap_tools' `AND`; with
                any letters.

        Raises:
            ConnectionFailed: The server refused the login, the folder or the criteria, or hung up.
            DeadlineExceeded: It did not do one of these steps in time.
            ServiceUsage: The criteria are more than a line.
        """
        self._expect_no_loop("get()")
        folder, criteria = folder or self.definition.folder, str(criteria or self.definition.get_criteria)
        if any(each in criteria for each in "\r\n\0"):
            raise ServiceUsage(
                f"{self.definition}: criteria must be one line, and are {criteria!r:.60}. Fix: leave line breaks out."
            )
        name, count, subjects = self.definition.name, 0, []
        asked = {"folder": folder, "criteria": criteria}
        with outgoing("imap", f"IMAP {name} get {folder}", asked, connection=name, operation="get") as step:
            with self.mailbox(folder) as mailbox:
                for mail in mailbox.fetch(criteria, charset=None, mark_seen=False):
                    count += 1
                    if count <= SHOWN_MAILS:
                        subjects.append({"uid": mail.uid, "from": mail.from_, "subject": mail.subject})
                    yield str(mail.uid), IMAPMessage(mail, self, folder)
            step.answered(subjects)
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
        self._expect_no_loop(METHODS.get(word := verb.partition(" ")[0], f"{word}(...)"))
        folder = folder or self.definition.folder
        name, asked = self.definition.name, {"folder": folder, **({"uids": uids} if uids else {})}
        with (
            outgoing("imap", f"IMAP {name} {verb} {folder}", asked, connection=name, operation=word) as step,
            self.mailbox(folder) as mailbox,
        ):
            act(mailbox)
            step.end(f"{len(uids)} message{'' if len(uids) == 1 else 's'}" if uids else "ok")

    @contextmanager
    def mailbox(self, folder: str = "") -> Iterator[BaseMailBox]:
        """imap_tools' own mailbox, logged in with a folder selected; its errors become those of a connection.

        To open it, and each of its commands, may take the connection's deadline.
        """
        definition, due = self.definition, Due(self.definition.deadline_seconds)
        where = folder or definition.folder

        def opened(due: Due, attempt: int) -> IMAPSession:
            return IMAPSession(definition, self._password, self._trust, where, due)

        session = trying(definition, opened, due, definition.retries)
        try:
            with troubles(definition):
                yield session.mailbox
        finally:
            session.leave()

    def ping(self, cid: str = "") -> str:
        """Log in and select the folder; says how many mails there are."""
        self._expect_no_loop("ping()")
        with self.mailbox() as mailbox:
            status = mailbox.folder.status(self.definition.folder)
        return f"{status['MESSAGES']} in {self.definition.folder}, {status['UNSEEN']} unseen"

    def _expect_no_loop(self, call: str) -> None:
        expect_no_loop(self.definition, f"await conn.aio.{call}")
