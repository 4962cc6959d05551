"""What can go wrong on the way to any other side, and the words for it.

ConnectionFailed
  Interrupted         it may work if it is tried again: the other side hung up, or is busy
  AnswerTooLarge      more came back than is read into memory
  Refused             the other side is well, and says no
    AccessRefused     wrong password, key or token, or no permission      (PermissionError)
"""

from __future__ import annotations

import re
import socket
import ssl
from types import FrameType

from workbench.core.errors import ConnectionFailed
from workbench.core.masking import mask

HUNG_UP = (
    EOFError,
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)


class Interrupted(ConnectionFailed):
    """The other side hung up, or asks to wait; `after_seconds` is its own word for how long [s]."""

    def __init__(self, said: str, after_seconds: float | None = None) -> None:
        self.after_seconds = after_seconds
        super().__init__(said)


class AnswerTooLarge(ConnectionFailed):
    """More came back than the connection reads into memory; nothing of it is kept, and it is not asked for again."""

    def __init__(self, owner: object, most_bytes: int, fix: str = "") -> None:
        super().__init__(
            f"The answer of {owner} is over {most_bytes:,} bytes, which would all be in memory. "
            f"Fix: {fix or 'ask for less, or'} raise max_answer_bytes in its definition"
        )


class Refused(ConnectionFailed):
    """The other side is well and says no; trying again changes nothing."""

    mood = "attention"


class AccessRefused(Refused, PermissionError):
    """A wrong user name, password or key, or no permission."""


def root_of(exc: BaseException) -> BaseException:
    """The first cause of an error that is being handled here.

    An error that was being handled before, as by a service that tries another system in an `except` block, is in the
    row of contexts too, but is no cause of it.
    """
    seen = {exc}
    outside = _callers_of(exc)
    while (inner := exc.__cause__ or exc.__context__) is not None and inner not in seen:
        # What is handled by one who waits for us was raised before we were called. An explicit cause is one.
        if exc.__cause__ is None and inner.__traceback__ is not None and inner.__traceback__.tb_frame in outside:
            break
        # An error that a library has kept and raises again may have itself among its causes.
        seen.add(exc := inner)
    return exc


def _callers_of(exc: BaseException) -> set[FrameType]:
    """The frames that wait for the one in which an error is handled."""
    frame = None if exc.__traceback__ is None else exc.__traceback__.tb_frame.f_back
    frames = set()
    while frame is not None:
        frames.add(frame)
        frame = frame.f_back
    return frames


def reason(exc: BaseException) -> str:
    """What went wrong, in the system's words, without addresses of objects."""
    exc = root_of(exc)
    said = re.sub(r"<[^>]*>[:,]?\s*", "", mask(str(exc))).strip("() \n")
    return said[:300] or type(exc).__name__


def untrusted(who: object, exc: BaseException, authority: str = "ca_file=", host: str = "host=") -> ConnectionFailed:
    """The error of a certificate that was not accepted.

    Args:
        who: Whose it is.
        exc: What TLS or a client library raised.
        authority: What to set for a private authority.
        host: The field that must be the name in the certificate; empty if none is.
    """
    root = root_of(exc)
    words = root.verify_message if isinstance(root, ssl.SSLCertVerificationError) else reason(root)
    fix = f"{host} must be the name in the certificate; for a private authority set {authority}"
    return ConnectionFailed(
        f"{who} has a certificate that cannot be trusted: {words.rstrip('.')}. "
        f"Fix: {fix if host else f'{authority} for a private authority'}"
    )


def silent(who: object, timeout_seconds: float) -> str:
    """The sentence about another side that gave no answer within its timeout [s]."""
    return (
        f"{who} did not answer within {timeout_seconds:g} s. "
        f"Fix: check that it is up and reachable, or raise timeout_seconds"
    )


def hung_up(who: object) -> Interrupted:
    """The error of another side that ended a conversation."""
    return Interrupted(f"{who} hung up in the middle of the conversation. Fix: check that it is up, and try again")


def unreachable(
    owner: object, host: str, timeout_seconds: float, exc: BaseException, fix: str = "host and port"
) -> ConnectionFailed:
    """The error of a network that did not carry: Interrupted, unless another try would end in the same way.

    Args:
        owner: Whose connection it is.
        host: Its address, for the sentence.
        timeout_seconds: Longest wait for one answer [s].
        exc: What the system or a client library raised.
        fix: The fields to check.
    """
    who, root = f"{owner} at {host}", root_of(exc)
    if isinstance(root, AnswerTooLarge):
        return root
    if isinstance(root, ssl.SSLCertVerificationError):
        return untrusted(who, root)
    if isinstance(root, socket.gaierror):
        kind = Interrupted if root.errno == socket.EAI_AGAIN else ConnectionFailed
        return kind(f"{who} cannot be reached: the name does not resolve ({root.strerror}). Fix: check {fix}")
    if isinstance(root, TimeoutError):
        return Interrupted(silent(who, timeout_seconds))
    if isinstance(root, HUNG_UP):
        return hung_up(who)
    said = root.strerror if isinstance(root, OSError) and root.strerror else reason(root)
    return Interrupted(f"{who} cannot be reached: {said}. Fix: check {fix}")
