"""HTTP answers, made of what a service gave or of what went wrong."""

from __future__ import annotations

import contextlib
import gzip
from asyncio import Future
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from workbench.channels.http.own_headers import own_headers, without
from workbench.core.errors import CallerError, ServiceUnavailable, TimedOut
from workbench.core.payload.response import JSON, TEXT, Response, encode_json, encoded

SWITCHING_PROTOCOLS = 101
"""The status behind which a connection speaks another protocol. Source: RFC 9110, 15.2.2."""

FOR_CALLERS = (CallerError, ServiceUnavailable, TimedOut)
"""Errors whose words are for callers; of any other one they learn nothing."""


class Sink(Protocol):
    """Where an answer goes that is sent in parts."""

    def write_part(self, data: bytes) -> Future[None]:
        """Send more of it; done once the client has taken enough for more."""
        ...

    def end_parts(self) -> None:
        """It is complete."""
        ...

    def break_off(self) -> None:
        """It will never be complete: end it so that the client can tell."""
        ...


class Parts(Protocol):
    """The body of an answer that is sent in parts, as it comes.

    Attributes:
        length: How long it is [bytes]; None if that is not known before its end.
    """

    @property
    def length(self) -> int | None: ...

    def begin(self, sink: Sink) -> None:
        """The head is out; the body may follow."""
        ...

    def lost(self) -> None:
        """The client is gone."""
        ...

    def may_be_lost(self) -> None:
        """The client sends nothing more, and may be gone."""
        ...


class Answer(NamedTuple):
    """What goes back: status, headers besides the wire's own, body; `reason` replaces the status's own words.

    One that has `parts` has no `body`.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    reason: str = ""
    parts: Parts | None = None


def answer_of(value: Any, response: Response, cid: str, content_type: str, text_type: str = TEXT) -> Answer:
    """The answer of a service that ended well.

    Args:
        value: What it answers.
        response: What else it says of its answer.
        cid: Sent as X-Zato-CID.
        content_type: That of the channel's answers; '' goes by the value.
        text_type: That of a value that is text, where neither service nor channel name one.

    Raises:
        TypeError: The value cannot be sent.
        ValueError: The status is none, or a header of the service would break the message.
    """
    body, natural = encoded(value)
    natural = text_type if natural is TEXT and body else natural
    kind = response.content_type or (content_type if body else "") or natural
    coding = response.content_encoding
    if coding and coding.lower() == "gzip":
        body = gzip.compress(body)
    if not (
        response.headers or coding or response.content_type or response.status_message or response.status_code != 200
    ):
        return Answer(200, [("X-Zato-CID", cid), ("Content-Type", kind)], body)
    if not 200 <= (status := int(response.status_code)) <= 599:
        raise ValueError(f"The service's status_code is {status}. Fix: set one of 200 to 599.")
    given = {**dict(without(response.headers, "content-encoding")), "Content-Encoding": coding} if coding else None
    own = own_headers(response.headers if given is None else given, cid)
    if not any(name.lower() == "content-type" for name, _ in own):
        own += own_headers({"Content-Type": kind}, cid)
    return Answer(status, [("X-Zato-CID", cid), *own], body, reason=_reason(response.status_message))


def _reason(message: Any) -> str:
    """The words after the status; refused if they would break the message."""
    words = str(message)
    if any(mark in words for mark in "\r\n\0"):
        raise ValueError("The service's status_message holds a line break. Fix: one line of text.")
    try:
        words.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            "The service's status_message holds letters that HTTP cannot send. Fix: send them in the body."
        ) from None
    return words


def preflight_answer(headers: Mapping[str, str]) -> Answer:
    """What a browser asks before a page of another site calls: the method and headers it wants are allowed."""
    allowed = [("Access-Control-Allow-Methods", headers["Access-Control-Request-Method"])]
    if wanted := headers.get("Access-Control-Request-Headers"):
        allowed.append(("Access-Control-Allow-Headers", wanted))
    if headers.get("Access-Control-Request-Private-Network"):
        allowed.append(("Access-Control-Allow-Private-Network", "true"))
    return Answer(204, [*allowed, ("Access-Control-Max-Age", "600")], b"")


def readable_by(origin: str, answer: Answer) -> Answer:
    """The answer with what lets a page of that origin read it; what a service says of that itself stands."""
    if any(name.lower() == "access-control-allow-origin" for name, _ in answer.headers):
        return answer
    allowed = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin"), ("Access-Control-Expose-Headers", "*")]
    return answer._replace(headers=[*answer.headers, *allowed])


def told(error: BaseException) -> tuple[int, Any]:
    """The status of an error, and what its caller learns of it."""
    return (error.status, error.details) if isinstance(error, FOR_CALLERS) else (500, "Internal Server Error")


def error_answer(error: BaseException, cid: str, envelope: str = "zato", extra: dict[str, Any] | None = None) -> Answer:
    """The envelope of an error: our own errors in their words, anything else a bare 500.

    Headers that the service had set before it raised are kept.
    """
    status, details = told(error)
    headers = error.headers() if isinstance(error, FOR_CALLERS) else []
    body: dict[str, Any] = {"result": "Error", "cid": cid, "details": details}
    if envelope == "zato-3.1":
        body = {"zato_env": {"result": "ZATO_ERROR", "cid": cid, "details": details}}
    kept = []
    if extra:
        with contextlib.suppress(ValueError):
            kept = [pair for pair in own_headers(extra, cid) if pair[0].lower() != "content-type"]
    return Answer(status, [("X-Zato-CID", cid), ("Content-Type", JSON), *headers, *kept], encode_json(body))
