"""What goes wrong with a mail server, in its own words."""

from __future__ import annotations

import smtplib

from workbench.connections.common.errors import AccessRefused, silent, unreachable
from workbench.connections.common.trying import Due, late
from workbench.connections.smtp.definition import SMTPConnection
from workbench.core.errors import ConnectionFailed, DeadlineExceeded


def who(definition: SMTPConnection) -> str:
    """The connection and its address."""
    return f"{definition} at {definition.address}"


def words(code: int = 0, said: bytes | str = b"") -> str:
    """An answer of the server on one line."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}".strip()


def is_timeout(exc: BaseException) -> bool:
    """Whether a wait has ended without an answer; smtplib reports that as a server that hung up."""
    return isinstance(exc, TimeoutError) or isinstance(exc.__context__, TimeoutError)


def failure(definition: SMTPConnection, exc: Exception, due: Due) -> ConnectionFailed:
    """The error to raise in place of one of smtplib or of the network."""
    if due.over:
        return late(definition, due)
    if is_timeout(exc):
        return DeadlineExceeded(silent(who(definition), definition.timeout_seconds))
    if isinstance(exc, smtplib.SMTPAuthenticationError):
        said = words(exc.smtp_code, exc.smtp_error).rstrip(".")
        return AccessRefused(
            f"{who(definition)} refused the user name or password: {said}. {definition.credentials_fix}"
        )
    if isinstance(exc, smtplib.SMTPResponseException):
        return ConnectionFailed(f"{who(definition)} answered {words(exc.smtp_code, exc.smtp_error)}")
    if isinstance(exc, smtplib.SMTPException) and not isinstance(exc, smtplib.SMTPServerDisconnected):
        return ConnectionFailed(f"{who(definition)} failed: {exc}")
    cause = ConnectionResetError() if isinstance(exc, smtplib.SMTPServerDisconnected) else exc
    return unreachable(definition, definition.address, definition.timeout_seconds, cause, "host, port and mode")
