"""What goes wrong with a mailbox, in the server's own words."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.connections.common.errors import AccessRefused, unreachable
from workbench.connections.imap.definition import IMAPConnection
from workbench.core.errors import ConnectionFailed, listed
from workbench.core.masking import mask

if TYPE_CHECKING:
    from imap_tools import FolderInfo


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


def not_opened(
    definition: IMAPConnection, folder: str, there: Sequence[FolderInfo], exc: Exception
) -> ConnectionFailed:
    """The error of a folder that the server does not open; only one that it does not list is called missing."""
    said = _words(exc).rstrip(".")
    if not there:
        return ConnectionFailed(f"{who(definition)} does not open the folder {folder!r}: {said}.")
    names = [each.name for each in there]
    found = next(
        (each for each in there if each.name == folder or each.name.upper() == folder.upper() == "INBOX"), None
    )
    if found is None:
        return ConnectionFailed(
            f"{definition} has no folder {folder!r}; there are: {listed(names)}. The server said: {said}."
        )
    if "\\noselect" in map(str.lower, found.flags):
        below = [name for name in names if name.startswith(f"{folder}{found.delim}")]
        fix = f" Fix: name a folder in it, as {below[0]!r}" if below else ""
        return ConnectionFailed(f"{who(definition)}: the folder {folder!r} holds no mails, as it says: {said}.{fix}")
    kind = AccessRefused if "[NOPERM]" in said else ConnectionFailed
    return kind(f"{who(definition)} does not open the folder {folder!r}, which is there: {said}.")


def _no_login(definition: IMAPConnection, exc: Exception) -> AccessRefused:
    said = _words(exc).rstrip(".")
    return AccessRefused(f"{who(definition)} refused the user name or password: {said}. {definition.credentials_fix}")


def _words(exc: Exception) -> str:
    result = getattr(exc, "command_result", None)
    parts = result[1] if isinstance(result, tuple) and len(result) > 1 else [str(exc)]
    words = (each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in parts)
    return mask(" ".join(" ".join(words).split()))[:300]
