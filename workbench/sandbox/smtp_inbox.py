"""A mail server that takes every mail and keeps it to be looked at."""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, cast

from msgspec import Meta

from workbench.connections.files.protocol import said_bytes
from workbench.core.secret import given
from workbench.sandbox import certificates
from workbench.sandbox.faults import Faults
from workbench.sandbox.journal import Journal
from workbench.sandbox.mail import Mail
from workbench.sandbox.peer import Peer

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

    from workbench.connections.smtp.definition import SMTPConnection

MOST_BYTES = 64 << 20
SHOWN = 20


class SMTPFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with a mail server."""

    greylist: Annotated[bool, Meta(description="Put off each sender and recipient once with 451.")] = False
    reject: Annotated[tuple[str, ...], Meta(description="Recipients that do not exist (550).")] = ()
    no_starttls: Annotated[bool, Meta(description="Offer no STARTTLS.")] = False
    wrong_certificate: Annotated[bool, Meta(description="Show a certificate of another name.")] = False
    refuse_login: Annotated[bool, Meta(description="Refuse every user name and password (535).")] = False
    refuse_mail: Annotated[bool, Meta(description="Take a mail's contents, then refuse it (552).")] = False
    hang_up_after_data: Annotated[
        bool, Meta(description="Hang up once the contents were sent, before they are confirmed.")
    ] = False
    dialect: Annotated[
        Literal["exchange"] | None,
        Meta(description="Speak as servers of this make do: Exchange takes a login by AUTH LOGIN alone."),
    ] = None


class SMTPInbox(Peer):
    """Takes mail in modes plain and starttls on one port, and with `is_ssl=True` in mode ssl.

    Args:
        name: What it is called.
        users: Who may send, as `{"user": "password"}`; None lets everybody in, whatever the password.
        is_ssl: Whether to encrypt from the first byte.
    """

    kind: ClassVar[str] = "smtp"
    label: ClassVar[str] = "SMTP inbox"
    fault_fields: ClassVar[type[Faults]] = SMTPFaults

    def __init__(self, name: str = "", *, users: dict[str, str] | None = None, is_ssl: bool = False) -> None:
        super().__init__(name)
        self.users, self.is_ssl = users, is_ssl
        self.messages: Journal[Mail] = Journal("mail")
        self._seen: set[tuple[str, str]] = set()

    def protocol(self) -> asyncio.BaseProtocol:
        SMTP = _server_class()

        faults = cast(SMTPFaults, self.faults)
        is_plain = faults.no_starttls or self.is_ssl
        context = certificates.elsewhere() if faults.wrong_certificate else certificates.loopback()
        return SMTP(
            _Desk(self),
            hostname="sandbox.invalid",
            ident="workbench",
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            tls_context=None if is_plain else context,
            authenticator=self._let_in,
            auth_require_tls=False,
            auth_exclude_mechanism=["PLAIN"] if faults.dialect == "exchange" else None,
            loop=asyncio.get_running_loop(),
        )

    def tls(self) -> ssl.SSLContext | None:
        return certificates.loopback() if self.is_ssl else None

    def pointed(self, definition: SMTPConnection) -> dict[str, Any]:
        if self.is_ssl != (definition.mode == "ssl"):
            self.is_ssl = definition.mode == "ssl"
            self.stop()
            self.start()
        if definition.username is not None:
            password = given(self.credential(definition, "password").name)
            self.users = {definition.username: password or ""}
        ca_file = None if definition.mode == "plain" else str(certificates.authority().file)
        return {"host": self.host, "port": self.port, "ca_file": ca_file}

    def start(self) -> Self:
        certificates.loopback()
        return super().start()

    def _fill_from(self, other: Self) -> None:
        self._seen = set(other._seen)

    def clear(self) -> None:
        """Throw every mail away."""
        self.messages.clear()
        self._seen.clear()

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "from": mail.from_,
                "to": ", ".join(mail.to),
                "cc": ", ".join(mail.cc),
                "subject": mail.subject,
                "attachments": ", ".join(
                    f"{name} ({said_bytes(len(each))})" for name, each in mail.attachments.items()
                ),
            }
            for mail in self.messages
        ]

    def summary(self) -> str:
        mails, total = self.messages[:], len(self.messages) + self.messages.dropped
        first = max(0, len(mails) - SHOWN)
        lines = [f"{total - len(mails) + number}. {mail!r}" for number, mail in enumerate(mails[first:], first + 1)]
        head = f"Inbox: {total} message{'' if total == 1 else 's'}{'.' if total else ''}"
        return (" " if total == 1 else "\n").join([head, *lines])

    def _let_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: LoginPassword
    ) -> AuthResult:
        from aiosmtpd.smtp import AuthResult

        trouble = self.trouble
        if cast(SMTPFaults, trouble.faults).refuse_login and trouble.strikes():
            return AuthResult(success=False, handled=False)
        if self.users is None:
            return AuthResult(success=True, auth_data=login)
        expected = self.users.get(login.login.decode(errors="replace"), "")
        right = bool(expected) and hmac.compare_digest(expected.encode(), login.password)
        return AuthResult(success=right, handled=False, auth_data=login)

    def put_off(self, sender: str, recipient: str) -> bool:
        """Whether this pair was never seen before."""
        pair = (sender, recipient)
        if pair in self._seen:
            return False
        self._seen.add(pair)
        return True


class _Desk:
    """What aiosmtpd asks at each step of a conversation."""

    def __init__(self, inbox: SMTPInbox) -> None:
        self._inbox = inbox

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._inbox.users is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        trouble = self._inbox.trouble
        faults = cast(SMTPFaults, trouble.faults)
        if address in faults.reject and trouble.strikes():
            return "550 5.1.1 No such user here"
        if faults.greylist and self._inbox.put_off(envelope.mail_from or "", address):
            trouble.strikes()
            return "451 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        trouble = self._inbox.trouble
        faults = cast(SMTPFaults, trouble.faults)
        if faults.hang_up_after_data and trouble.strikes():
            cast(asyncio.Transport, server.transport).abort()
            return "421 Bye"
        if faults.refuse_mail and trouble.strikes():
            return "552 5.3.4 This mail is refused"
        login: LoginPassword | None = session.auth_data
        user = "" if login is None else login.login.decode(errors="replace")
        raw = bytes(cast(bytes, envelope.original_content))
        mail = Mail(envelope.mail_from or "", list(envelope.rcpt_tos), raw, user)
        self._inbox.messages.add(mail, len(raw))
        return "250 OK"


@cache
def _server_class() -> type[SMTP]:
    from aiosmtpd.smtp import SMTP

    class Server(SMTP):
        def eof_received(self) -> bool:
            # aiosmtpd keeps the connection open for its own task to close, which forgets it if it had not begun.
            super().eof_received()
            return False

    logging.getLogger("mail.log").addFilter(_is_ours_to_fix)
    return Server


def _is_ours_to_fix(record: logging.LogRecord) -> bool:
    # aiosmtpd 1.4.6 warns at every login that it itself still sets a deprecated attribute.
    return "login_data is deprecated" not in str(record.msg)
