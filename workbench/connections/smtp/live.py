"""Outgoing mail: SMTP connections kept open for a short while, and errors in the server's own words."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import Meta

from workbench.connections.definition import ConnectionDefinition, Opening, Timeout
from workbench.connections.smtp.message import Outgoing, SMTPMessage, one_address
from workbench.core.clock import SystemClock
from workbench.core.current import CURRENT, outgoing
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, ServiceUsage
from workbench.core.ports import Clock
from workbench.core.secret import Secret

if TYPE_CHECKING:
    import smtplib
    import ssl

__all__ = ["LiveSMTP", "SMTPConnection", "SMTPMessage"]

PORTS = {"plain": 25, "ssl": 465, "starttls": 587}
KEEP_SECONDS = 15.0
MOST_IDLE = 8


class SMTPConnection(ConnectionDefinition, tag="smtp", frozen=True, kw_only=True):
    """A mail server that takes outgoing mail."""

    kind: ClassVar[str] = "SMTP"
    attributes: ClassVar[dict[str, str]] = {"email.smtp": "item"}

    host: Annotated[str, Meta(min_length=1, max_length=255, description="Host name or address.")]
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="TCP port; by mode if left out: 25, 465 (ssl), 587 (starttls)."),
    ] = None
    mode: Annotated[
        Literal["plain", "ssl", "starttls"],
        Meta(description="No encryption, from the first byte, or agreed upon before anything is said."),
    ] = "plain"
    username: Annotated[str | None, Meta(description="User name, if the server asks for one.")] = None
    password: Annotated[Secret | str | None, Meta(description="Secret that holds the password.")] = None
    from_: Annotated[str | None, Meta(description="Sender of messages that name none.")] = None
    timeout_seconds: Timeout = 10.0
    ca_file: Annotated[
        str | None,
        Meta(description="File of the authorities to trust instead of the system's, for a private one."),
    ] = None

    def problems(self) -> dict[str, str]:
        problems: dict[str, str] = {}
        if (self.username is None) != (self.password is None):
            problems["username"] = "and password go together: give both or neither"
        if self.from_ is not None:
            try:
                one_address(self.from_, "from_")
            except ServiceUsage as exc:
                problems["from_"] = str(exc)
        if any(each.isspace() or each in "/@" for each in self.host):
            problems["host"] = "must be a host name or address alone, as smtp.example.com"
        return problems

    def open(self, opening: Opening) -> LiveSMTP:
        password = self.password if isinstance(self.password, Secret) else None
        return LiveSMTP(self, opening.reveal(password, str(self)), opening.clock)

    @property
    def address(self) -> str:
        """`host:port`, the mode's own port if none was given."""
        return f"{self.host}:{self.port or PORTS[self.mode]}"


class LiveSMTP:
    """`self.email.smtp["name"].conn`."""

    def __init__(self, definition: SMTPConnection, password: str | None, clock: Clock | None = None) -> None:
        self.definition = definition
        self._password, self._clock = password, clock or SystemClock()
        self._idle: deque[tuple[smtplib.SMTP, float]] = deque()
        self._context: ssl.SSLContext | None = None
        self.aio = LiveSMTPAio(self)

    def send(self, message: SMTPMessage, from_: str | None = None) -> bool:
        """Hand the mail to the server; True once the server has taken it for every recipient.

        Args:
            message: What to send.
            from_: The sender, instead of the message's own and the connection's.

        Raises:
            ConnectionFailed: The server refused the mail or a recipient (then nobody receives it), or hung up.
            DeadlineExceeded: One answer took longer than `timeout_seconds`.
            ServiceUsage: The message has no recipient, no sender, or a field that cannot be sent.
        """
        _not_on_the_loop("send(message)")
        return self.deliver(message, from_)

    def deliver(self, message: SMTPMessage, from_: str | None = None) -> bool:
        """`send`, for a thread that may wait."""
        sender = from_ or message.from_ or self.definition.from_ or ""
        mail = Outgoing(message, sender, self._clock.now())
        with outgoing("smtp", f"SMTP {self.definition.name}") as step:
            with self._server() as (server, reused):
                self._hand_over(server, mail, reused)
            step.end(mail.describe())
        return True

    def ping(self, cid: str = "") -> str:
        """Connect, log in, and ask for nothing (NOOP); no mail is sent. Says what the server answered."""
        _not_on_the_loop("ping()")
        return self.probe()

    def probe(self) -> str:
        """`ping`, for a thread that may wait."""
        with self._server() as (server, reused):
            try:
                code, words = server.noop()
            except OSError as exc:
                if not reused or _is_timeout(exc):
                    raise
                self._reconnect(server)
                code, words = server.noop()
        if code != 250:
            raise ConnectionFailed(f"{self._who} answered {_said(code, words)} to NOOP.")
        return _said(code, words)

    def close(self) -> None:
        """Say goodbye on every idle connection."""
        while self._idle:
            with suppress(IndexError):
                _leave(self._idle.pop()[0])

    @property
    def _who(self) -> str:
        return f"{self.definition} at {self.definition.address}"

    @contextmanager
    def _server(self) -> Iterator[tuple[smtplib.SMTP, bool]]:
        import smtplib

        server = self._kept()
        reused = server is not None
        try:
            if server is None:
                server = self._new()
                self._log_in(server)
            yield server, reused
        except (smtplib.SMTPException, OSError) as exc:
            _drop(server)
            if _is_timeout(exc):
                raise DeadlineExceeded(
                    f"{self._who} did not answer within {self.definition.timeout_seconds:g} s. "
                    f"Fix: check that it is up and reachable, or raise timeout_seconds"
                ) from exc
            fix = self.definition.credentials_fix if isinstance(exc, smtplib.SMTPAuthenticationError) else ""
            raise ConnectionFailed(f"{self._who} {_why(exc)} {fix}".rstrip()) from exc
        except BaseException:
            _drop(server)
            raise
        if len(self._idle) < MOST_IDLE:
            self._idle.append((server, monotonic()))
        else:
            _leave(server)

    def _kept(self) -> smtplib.SMTP | None:
        now = monotonic()
        while self._idle:
            try:
                server, since = self._idle.pop()
            except IndexError:
                break
            if now - since < KEEP_SECONDS:
                return server
            _leave(server)
        return None

    def _new(self) -> smtplib.SMTP:
        import smtplib

        definition = self.definition
        known_as = _own_name()
        if definition.mode == "ssl":
            return smtplib.SMTP_SSL(
                local_hostname=known_as, timeout=definition.timeout_seconds, context=self._trusted()
            )
        return smtplib.SMTP(local_hostname=known_as, timeout=definition.timeout_seconds)

    def _log_in(self, server: smtplib.SMTP) -> None:
        import smtplib

        definition = self.definition
        # smtplib checks a certificate against the name it keeps here, and keeps it only if given to its constructor.
        server._host = definition.host  # type: ignore[attr-defined]
        server.ehlo_resp = server.helo_resp = None
        code, words = server.connect(definition.host, definition.port or PORTS[definition.mode])
        if code != 220:
            raise smtplib.SMTPConnectError(code, words)
        server.ehlo_or_helo_if_needed()
        if definition.mode == "starttls":
            if not server.has_extn("starttls"):
                raise ConnectionFailed(
                    f"{self._who} does not offer STARTTLS, so nothing was sent. "
                    f"Fix: mode='ssl' if it has a port for that (465), or mode='plain' on a network you trust"
                )
            server.starttls(context=self._trusted())
            server.ehlo_or_helo_if_needed()
        if definition.username is not None and self._password is not None:
            if not server.has_extn("auth"):
                raise ConnectionFailed(
                    f"{self._who} takes no user name in mode {definition.mode!r}. "
                    f"Fix: mode='starttls' or 'ssl', or leave out username and password"
                )
            server.login(definition.username, self._password)

    def _reconnect(self, server: smtplib.SMTP) -> None:
        server.close()
        self._log_in(server)

    def _trusted(self) -> ssl.SSLContext:
        import ssl

        if self._context is None:
            try:
                self._context = ssl.create_default_context(cafile=self.definition.ca_file)
            except OSError as exc:
                file = self.definition.ca_file
                raise ConnectionFailed(f"{self.definition} cannot read ca_file={file!r}: {exc}") from exc
        return self._context

    def _hand_over(self, server: smtplib.SMTP, mail: Outgoing, reused: bool) -> None:
        contents = mail.as_bytes()
        answer = self._begin(server, mail, len(contents), may_be_stale=reused)
        if answer is None:
            self._reconnect(server)
            answer = self._begin(server, mail, len(contents), may_be_stale=False)
        if answer is None or answer[0] != 250:
            raise ConnectionFailed(f"{self._who} refused the sender {mail.sender.addr_spec}: {_said(*answer or ())}")
        refused: list[str] = []
        for recipient in mail.recipients:
            code, words = server.rcpt(recipient)
            if code not in (250, 251):
                refused.append(f"{recipient} ({_said(code, words)})")
        if refused:
            _leave(server)
            raise ConnectionFailed(
                f"{self._who} refused {len(refused)} of {len(mail.recipients)} recipients, so nobody got the mail: "
                f"{'; '.join(refused)}."
            )
        self._hand_over_contents(server, contents)

    def _begin(
        self, server: smtplib.SMTP, mail: Outgoing, size_bytes: int, *, may_be_stale: bool
    ) -> tuple[int, bytes] | None:
        import smtplib

        options = [f"size={size_bytes}"] if server.has_extn("size") else []
        if mail.is_international:
            if not server.has_extn("smtputf8"):
                raise ConnectionFailed(
                    f"{self._who} takes only ASCII addresses (no SMTPUTF8): {', '.join(mail.recipients)}."
                )
            options += ["SMTPUTF8", "BODY=8BITMIME"]
            server.command_encoding = "utf-8"
        try:
            answer = server.mail(mail.sender.addr_spec, options)
        except (smtplib.SMTPServerDisconnected, ConnectionError) as exc:
            if not may_be_stale or _is_timeout(exc):
                raise
            return None
        # 421: it said goodbye while the connection lay idle; nothing of this mail was sent yet.
        return None if answer[0] == 421 and may_be_stale else answer

    def _hand_over_contents(self, server: smtplib.SMTP, contents: bytes) -> None:
        import smtplib

        try:
            code, words = server.data(contents)
        except smtplib.SMTPResponseException:
            raise
        except OSError as exc:
            late = _is_timeout(exc)
            raise (DeadlineExceeded if late else ConnectionFailed)(
                f"{self._who} {'did not confirm the mail in time' if late else 'hung up before it confirmed the mail'},"
                f" which may or may not reach its recipients."
            ) from exc
        if code != 250:
            raise ConnectionFailed(f"{self._who} refused the mail: {_said(code, words)}")

    def __repr__(self) -> str:
        return f"{self.definition}, open"


class LiveSMTPAio:
    """`conn.aio`: the same calls, for `async def handle`."""

    def __init__(self, live: LiveSMTP) -> None:
        self._live = live

    async def send(self, message: SMTPMessage, from_: str | None = None) -> bool:
        """`send`, without blocking the loop."""
        return await asyncio.to_thread(self._live.deliver, message, from_)

    async def ping(self, cid: str = "") -> str:
        """`ping`, without blocking the loop."""
        return await asyncio.to_thread(self._live.probe)


def _not_on_the_loop(what: str) -> None:
    if (call := CURRENT.get()) is not None and call.on_loop:
        raise ServiceUsage(
            f"Service {call.service!r} is async, and conn.{what} would block every other caller. "
            f"Fix: await conn.aio.{what}"
        )


def _own_name() -> str:
    # Not socket.getfqdn(): without a name server it takes seconds.
    import socket

    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _said(code: int = 0, words: bytes | str = b"") -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text.split())}".strip()


def _is_timeout(exc: BaseException) -> bool:
    # smtplib reports a timeout as a server that hung up.
    return isinstance(exc, TimeoutError) or isinstance(exc.__context__, TimeoutError)


def _why(exc: Exception) -> str:
    import smtplib
    import ssl

    if isinstance(exc, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that cannot be trusted: {exc.verify_message}. "
            f"Fix: host= must be the name in the certificate; for a private authority set ca_file="
        )
    if isinstance(exc, smtplib.SMTPAuthenticationError):
        return f"refused the user name or password: {_said(exc.smtp_code, exc.smtp_error)}"
    if isinstance(exc, smtplib.SMTPResponseException):
        return f"answered {_said(exc.smtp_code, exc.smtp_error)}"
    if isinstance(exc, smtplib.SMTPServerDisconnected | ConnectionResetError | BrokenPipeError):
        return "hung up in the middle of the conversation."
    if isinstance(exc, OSError) and not isinstance(exc, smtplib.SMTPException):
        return f"cannot be reached: {exc.strerror or exc}. Fix: check host, port and mode"
    return f"failed: {exc}"


def _leave(server: smtplib.SMTP) -> None:
    import smtplib

    with suppress(smtplib.SMTPException, OSError):
        server.quit()


def _drop(server: smtplib.SMTP | None) -> None:
    if server is not None:
        server.close()
