"""What Dropbox's refusals mean, as the errors of files."""

from __future__ import annotations

import re
from typing import Any

from workbench.connections.common.errors import unreachable, untrusted
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.files.errors import (
    AccessRefused,
    FileThere,
    Interrupted,
    IsAFolder,
    NoSuchFile,
    NotAFolder,
    StorageFull,
    UnsafeName,
)
from workbench.connections.files.protocol import said_bytes
from workbench.core.errors import ConnectionFailed
from workbench.core.masking import mask

FULL = ("insufficient_space", "insufficient_quota", "upload_traffic_limit_reached")
FORBIDDEN = ("no_write_permission", "access_restricted", "operation_suppressed", "restricted_content", "locked")
BUSY = ("too_many_write_operations", "internal_error")


class NoToken(AccessRefused):
    """The connection has no token yet."""

    def __init__(self, owner: object) -> None:
        super().__init__(
            f"{owner} has no token yet. Fix: token=secret('DROPBOX_TOKEN') in its definition, "
            f"or conn.change_token(secret('DROPBOX_TOKEN'))"
        )


class TokenRefused(AccessRefused):
    """The token has expired, was revoked, or lacks a permission."""


class RateLimited(ConnectionFailed):
    """Dropbox asked to come back later, more often or for longer than the connection allows."""


class NotAsSent(Interrupted):
    """What Dropbox keeps is not what was sent; it was taken away again."""

    def __init__(self, owner: object, path: str, size: int) -> None:
        super().__init__(
            f"{owner} keeps something else at {path!r} than the {said_bytes(size)} that were sent, as its content hash "
            f"shows."
        )


class WrongOffset(Exception):
    """An upload session stands elsewhere; `at` [bytes] is where, None if the session is no more."""

    def __init__(self, at: int | None) -> None:
        self.at = at


def tags_of(error: Any) -> list[str]:
    """The tags of an error of the SDK from the outside in, as `["path", "conflict", "file"]`."""
    tags = []
    while (tag := getattr(error, "_tag", None)) is not None:
        tags.append(str(tag))
        error = getattr(error, "_value", None)
        error = getattr(error, "reason", error)
    return tags


def translated(exc: Exception, owner: DropboxConnection, path: str, size: int = 0) -> Exception:
    """The error to raise in place of one of the SDK or of its HTTP library."""
    import requests
    from dropbox import exceptions as sdk

    if isinstance(exc, sdk.ApiError):
        return _of_tags(tags_of(exc.error), exc, owner, path, size)
    if isinstance(exc, sdk.AuthError):
        return _of_token(exc, owner)
    if isinstance(exc, sdk.RateLimitError):
        return RateLimited(
            f"{owner} is asked too often and wants {_waiting(exc.backoff)} before the next call, more often or longer "
            f"than the connection allows. Fix: call less often, or raise max_retries_on_rate_limit, deadline_seconds."
        )
    if isinstance(exc, sdk.InternalServerError):
        return ConnectionFailed(f"{owner} answered {exc.status_code} to every try. Fix: try again later")
    if isinstance(exc, sdk.HttpError):
        return ConnectionFailed(f"{owner} refused the call for {path or '/'!r}: {exc.status_code} {_short(exc.body)}")
    if isinstance(exc, requests.exceptions.SSLError):
        return untrusted(owner, exc, host="")
    if isinstance(exc, requests.RequestException | OSError):
        return unreachable(owner, owner.host, owner.timeout_seconds, exc, "api_url")
    return exc


def _of_tags(tags: list[str], exc: Any, owner: object, path: str, size: int) -> Exception:
    last = tags[-1] if tags else ""
    if "incorrect_offset" in tags:
        return WrongOffset(_offset(exc.error))
    if tags[:1] == ["lookup_failed"] or tags in (["not_found"], ["closed"]):
        return WrongOffset(None)
    if "conflict" in tags:
        if last == "folder":
            return IsAFolder(owner, path)
        return NotAFolder(owner, path) if last == "file_ancestor" else FileThere(owner, path)
    if last in FULL:
        return StorageFull(f"{owner} has no room for {path!r} ({said_bytes(size)}). Fix: make room, or a larger plan")
    if last == "not_found":
        return NoSuchFile(owner, path)
    if last in ("not_file", "not_folder"):
        return IsAFolder(owner, path) if last == "not_file" else NotAFolder(owner, path)
    if last in ("malformed_path", "disallowed_name"):
        return UnsafeName(owner, path, "is no name that Dropbox allows")
    if last in FORBIDDEN:
        return AccessRefused(f"{owner} does not allow that with {path or '/'!r}: {last}.")
    if last in BUSY or last == "content_hash_mismatch":
        return Interrupted(f"{owner} asks to try {path!r} again: {last}.")
    return ConnectionFailed(f"{owner} refused the call for {path or '/'!r}: {'/'.join(tags) or exc}.")


def _offset(error: Any) -> int | None:
    while error is not None:
        if (offset := getattr(error, "correct_offset", None)) is not None:
            return int(offset)
        error = getattr(error, "_value", None)
    return None


def _of_token(exc: Any, owner: DropboxConnection) -> TokenRefused:
    why = tags_of(exc.error)
    change = "conn.change_token(secret('...')), or a refresh_token, which does not expire"
    fix = f"{owner.credentials_fix}; or {change}" if owner.secret_names else f"Fix: {change}"
    if why[:1] == ["missing_scope"]:
        scope = getattr(exc.error.get_missing_scope(), "required_scope", "?")
        return TokenRefused(
            f"{owner}: its token lacks the permission {scope!r}. "
            f"Fix: tick it under Permissions of the Dropbox application, then make a new token"
        )
    if why[:1] == ["expired_access_token"]:
        return TokenRefused(f"{owner}: its token has expired. {fix}")
    return TokenRefused(f"{owner}: its token is not valid, or was revoked ({'/'.join(why) or 'unknown'}). {fix}")


def _waiting(seconds: float | None) -> str:
    return "some time" if seconds is None else f"{seconds:g} s"


def _short(said: object) -> str:
    text = re.sub(r"<[^>]*>[:,]?\s*", "", str(said)).strip("() \n")
    return mask(text)[:300] or type(said).__name__
