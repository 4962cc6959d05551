"""Outgoing mail: conversations kept open for a short while, and errors in the server's own words."""

from __future__ import annotations

import smtplib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from workbench.connections.common.colours import expect_no_loop
from workbench.connections.common.tls import Trust
from workbench.connections.common.trying import Due
from workbench.connections.definition import Live, Opening
from workbench.connections.smtp.definition import SMTPConnection
from workbench.connections.smtp.errors import failure, is_timeout, who, words
from workbench.connections.smtp.message import Outgoing, SMTPMessage
from workbench.connections.smtp.session import SMTPSession
from workbench.core.current import outgoing
from workbench.core.errors import ConnectionFailed, DeadlineExceeded

KEEP_SECONDS = 15.0
MOST_IDLE = 8


class LiveSMTP(Live):
    """`self.email.smtp["name"].conn`."""

    def __init__(self, definition: SMTPConnection, opening: Opening) -> None:
        self.definition: SMTPConnection = definition
        self._password, self._clock = opening.reveal(definition.password, definition), opening.clock
        self._idle: deque[tuple[SMTPSession, float]] = deque()
        self._trust = Trust(definition, definition.ca_file)

    def send(self, message: SMTPMessage, from_: str | None = None) -> bool:
        """Hand the mail to the server; True once the server has taken it for every recipient.

        Args:
            message: What to send.
            from_: The sender, instead of the message's own and the connection's.

        Raises:
            AccessRefused: The server refused the user name or password.
            ConnectionFailed: It refused the mail or a recipient (then nobody receives it), or hung up.
            DeadlineExceeded: One answer took longer than `timeout_seconds`, or all of them than `deadline_seconds`.
            ServiceUsage: The message has no recipient, no sender, or a field that cannot be sent.
        """
        expect_no_loop(self.definition, "await conn.aio.send(message)")
        sender = from_ or message.from_ or self.definition.from_ or ""
        mail = Outgoing(message, sender, self._clock.now())
        name, contents = self.definition.name, mail.as_bytes()
        asked = {"to": mail.recipients, "mail": contents}
        with outgoing("smtp", f"SMTP {name}", asked, connection=name, operation="send") as step:
            due = Due(self.definition.deadline_seconds)
            with self._session(due) as (session, reused):
                step.answered(self._hand_over(session, mail, contents, due, reused))
            step.end(mail.describe())
        return True

    def ping(self, cid: str = "") -> str:
        """Connect, log in, and ask for nothing (NOOP); no mail is sent. Says what the server answered."""
        expect_no_loop(self.definition, "await conn.aio.ping()")
        due = Due(self.definition.deadline_seconds)
        with self._session(due) as (session, reused):
            try:
                code, said = session.noop()
            except OSError as exc:
                if not reused or is_timeout(exc):
                    raise
                session.begin(due)
                code, said = session.noop()
        if code != 250:
            raise ConnectionFailed(f"{self._who} answered {words(code, said)} to NOOP.")
        return words(code, said)

    def close(self) -> None:
        """Say goodbye in every idle conversation."""
        while self._idle:
            with suppress(IndexError):
                self._idle.pop()[0].leave()

    @property
    def _who(self) -> str:
        return who(self.definition)

    @contextmanager
    def _session(self, due: Due) -> Iterator[tuple[SMTPSession, bool]]:
        """A conversation for one call, which is cut when the call's time is over, and whether it was idle before."""
        session = self._kept()
        reused = session is not None
        session = session or SMTPSession(self.definition, self._password, self._trust)
        try:
            with due.cutting(session.sockets.cut):
                if reused:
                    session.within(due)
                else:
                    session.begin(due)
                yield session, reused
        except (smtplib.SMTPException, OSError) as exc:
            session.close()
            raise failure(self.definition, exc, due) from exc
        except BaseException:
            session.close()
            raise
        if len(self._idle) < MOST_IDLE:
            self._idle.append((session, monotonic()))
        else:
            session.leave()

    def _kept(self) -> SMTPSession | None:
        now = monotonic()
        while self._idle:
            try:
                session, since = self._idle.pop()
            except IndexError:
                break
            if now - since < KEEP_SECONDS:
                return session
            session.leave()
        return None

    def _hand_over(self, session: SMTPSession, mail: Outgoing, contents: bytes, due: Due, reused: bool) -> str:
        """Hand it over; what the server said in the end."""
        answer = self._begin(session, mail, len(contents), may_be_stale=reused)
        if answer is None:
            session.begin(due)
            answer = self._begin(session, mail, len(contents), may_be_stale=False)
        if answer is None or answer[0] != 250:
            raise ConnectionFailed(
                f"{self._who} refused the sender {mail.sender.addr_spec}: {words(*answer or ())}. "
                f"Fix: send from an address that this account may use."
            )
        refused: list[str] = []
        for recipient in mail.recipients:
            code, said = session.rcpt(recipient)
            if code not in (250, 251):
                refused.append(f"{recipient} ({words(code, said)})")
        if refused:
            session.leave()
            raise ConnectionFailed(
                f"{self._who} refused {len(refused)} of {len(mail.recipients)} recipients, so nobody got the mail: "
                f"{'; '.join(refused)}. Fix: correct or leave out these."
            )
        return self._hand_over_contents(session, contents, due)

    def _begin(
        self, session: SMTPSession, mail: Outgoing, size_bytes: int, *, may_be_stale: bool
    ) -> tuple[int, bytes] | None:
        options = [f"size={size_bytes}"] if session.has_extn("size") else []
        if mail.is_international:
            if not session.has_extn("smtputf8"):
                raise ConnectionFailed(
                    f"{self._who} takes only ASCII addresses (no SMTPUTF8): {', '.join(mail.recipients)}. "
                    f"Fix: write them in ASCII."
                )
            options += ["SMTPUTF8", "BODY=8BITMIME"]
            session.command_encoding = "utf-8"
        try:
            answer = session.mail(mail.sender.addr_spec, options)
        except (smtplib.SMTPServerDisconnected, ConnectionError) as exc:
            if not may_be_stale or is_timeout(exc):
                raise
            return None
        # 421: it said goodbye while the connection lay idle; nothing of this mail was sent yet.
        return None if answer[0] == 421 and may_be_stale else answer

    def _hand_over_contents(self, session: SMTPSession, contents: bytes, due: Due) -> str:
        try:
            code, said = session.data(contents)
        except smtplib.SMTPResponseException:
            raise
        except OSError as exc:
            is_late = due.over or is_timeout(exc)
            raise (DeadlineExceeded if is_late else ConnectionFailed)(
                f"{self._who} "
                f"{'did not confirm the mail in time' if is_late else 'hung up before it confirmed the mail'},"
                f" which may or may not reach its recipients. Fix: ask them before it is sent again."
            ) from exc
        if code != 250:
            raise ConnectionFailed(f"{self._who} refused the mail: {words(code, said)}")
        return words(code, said)
