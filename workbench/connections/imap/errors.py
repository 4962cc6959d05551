"""What goes wrong with a mailbox, in the server's own words."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.connections.common.errors import AccessRefused, unreachable
from workbench.connections.imap.definition import IMAPConnection
from workbench.core.errors import ConnectionFailed
from workbench.core.masking import mask


def who(definition: IMAPConnection) -> str:
    """The connection and its address."""
    return f"{definition} at {definition.address}"


@contextmanager
def troubles(definition: IMAPConnection) -> Iterator[None]:
    """Raise what goes wrong within as errors of a connection."""
    from imap_tools.errors import ImapToolsError, MailboxLoginError

    try:
        yield
    except ConnectionFailed:
        raise
    except MailboxLoginError as exc:
        raise _no_login(definition, exc) from exc
    except ImapToolsError as exc:
        raise ConnectionFailed(f"{who(definition)} refused: {_words(exc)}") from exc
    except (imaplib.IMAP4.abort, OSError, EOFError) as exc:
        # The library says in its own class that the server hung up.
        cause = ConnectionResetError() if isinstance(exc, imaplib.IMAP4.abort) else exc
        raise unreachable(
            definition, definition.address, definition.timeout_seconds, cause, "host, port and mode"
        ) from exc
    except imaplib.IMAP4.error as exc:
        if "AUTHENTICATIONFAILED" in str(exc).upper():
            raise _no_login(definition, exc) from exc
        raise ConnectionFailed(f"{who(definition)} refused: {_words(exc)}") from exc


def _no_login(definition: IMAPConnection, exc: Exception) -> AccessRefused:
    said = _words(exc).rstrip(".")
    return AccessRefused(f"{who(definition)} refused the user name or password: {said}. {definition.credentials_fix}")


def _words(exc: Exception) -> str:
    result = getattr(exc, "command_result", None)
    parts = result[1] if isinstance(result, tuple) and len(result) > 1 else [str(exc)]
    words = (each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in parts)
    return mask(" ".join(" ".join(words).split()))[:300]
