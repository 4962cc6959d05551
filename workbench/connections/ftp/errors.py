"""What goes wrong with an FTP server, in our words."""

from __future__ import annotations

import ftplib
import re
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.connections.common.errors import unreachable
from workbench.connections.files.errors import AccessRefused, Interrupted, StorageFull
from workbench.connections.ftp.definition import FTPConnection
from workbench.core.errors import ConnectionFailed

LOGIN_REFUSED = ("430", "530", "532")
TLS_REFUSED = ("431", "500", "502", "504", "533", "534")
OF_RIGHTS = re.compile(r"permission|denied|privilege|not allowed|not permitted|forbidden|read-only", re.IGNORECASE)
OF_NONE = re.compile(
    r"\bno (such |matching )?(file|member|data ?set|entr|match)"
    r"|(cannot|can't|could not|unable to) find|not found|empty",
    re.IGNORECASE,
)
"""How servers of several makes say of a folder that it has no files (450, 550)."""


def code_of(exc: Exception) -> str:
    """The three digits of a reply."""
    return str(exc)[:3]


def who(definition: FTPConnection) -> str:
    """The connection and its address."""
    return f"{definition} at {definition.address}"


@contextmanager
def troubles(definition: FTPConnection, path: str = "") -> Iterator[None]:
    """Raise what goes wrong within as errors of `files/errors.py`."""
    try:
        yield
    except ConnectionFailed:
        raise
    except ftplib.error_perm as exc:
        raise said_no(definition, exc, path) from exc
    except ftplib.error_temp as exc:
        if code_of(exc) == "452" or _is_about_room(exc):
            raise said_no(definition, exc, path) from exc
        raise Interrupted(f"{who(definition)} answered {exc}.") from exc
    except ftplib.Error as exc:
        raise Interrupted(f"{who(definition)} answered what is no FTP: {exc!s:.200}") from exc
    except (EOFError, OSError) as exc:
        raise unreachable(definition, definition.address, definition.timeout_seconds, exc) from exc


def said_no(definition: FTPConnection, exc: Exception, path: str = "") -> ConnectionFailed:
    """The error of a reply that says no."""
    about, words = f" {path!r}" if path else "", str(exc).rstrip(".")
    if code_of(exc) in ("452", "552") or _is_about_room(exc):
        return StorageFull(f"{who(definition)} has no room for{about or ' it'}: {words}. Fix: make room there.")
    if code_of(exc) in LOGIN_REFUSED:
        fix = definition.credentials_fix
        return AccessRefused(f"{who(definition)} refused the user name or password: {words}. {fix}")
    return AccessRefused(f"{who(definition)} refused{about}: {words}.")


def no_tls(definition: FTPConnection, exc: Exception) -> ConnectionFailed:
    """The error of a server that speaks no TLS."""
    return ConnectionFailed(
        f"{who(definition)} does not offer TLS ({exc}), so no password was sent. Fix: tls='off' on a network you trust."
    )


def _is_about_room(exc: Exception) -> bool:
    said = str(exc).lower()
    return "no space" in said or "disk full" in said or "quota" in said


def is_about_rights(exc: Exception) -> bool:
    """Whether a reply says that this user may not do it."""
    return OF_RIGHTS.search(str(exc)) is not None


def is_of_none(exc: Exception) -> bool:
    """Whether a reply to a listing says that there are no files, which not all servers say by an empty listing."""
    return code_of(exc) in ("450", "550") and OF_NONE.search(str(exc)) is not None
