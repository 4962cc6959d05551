"""From what a service gave, or what went wrong, to an HTTP answer."""

from __future__ import annotations

import gzip
from typing import Any

from workbench.channels.exchange import Answer
from workbench.core.errors import CallerError, ServiceUnavailable, TimedOut
from workbench.core.response import JSON, Response, encode_json, encoded

TOLD = (CallerError, ServiceUnavailable, TimedOut)


def answer_of(value: Any, response: Response, cid: str, content_type: str) -> Answer:
    """The answer of a service that ended well.

    Raises:
        TypeError: The value cannot be sent.
        ValueError: A header of the service holds a line break.
    """
    body, natural = encoded(value)
    headers = [
        ("X-Zato-CID", cid),
        ("Content-Type", response.content_type or (content_type if body else "") or natural),
    ]
    if response.headers:
        headers += own_headers(response.headers)
    if response.content_encoding == "gzip":
        body = gzip.compress(body)
        headers.append(("Content-Encoding", "gzip"))
    return Answer(int(response.status_code), headers, body)


def own_headers(headers: dict[str, Any]) -> list[tuple[str, str]]:
    """A service's headers, refused if they would break the message."""
    pairs = [(str(name), str(value)) for name, value in headers.items()]
    for name, value in pairs:
        if any(mark in name + value for mark in "\r\n\0") or not name.isascii() or ":" in name:
            raise ValueError(f"The response header {name!r} holds a line break or is no header name.")
    return [pair for pair in pairs if pair[0].lower() not in ("content-length", "transfer-encoding", "connection")]


def error_answer(error: BaseException, cid: str, envelope: str = "zato", extra: dict[str, Any] | None = None) -> Answer:
    """The envelope of an error: our own errors in their words, anything else a bare 500.

    Headers that the service had set before it raised are kept.
    """
    status, details, headers = 500, "Internal Server Error", []
    if isinstance(error, TOLD):
        status, details, headers = error.status, error.details, error.headers()
    body: dict[str, Any] = {"result": "Error", "cid": cid, "details": details}
    if envelope == "zato-3.1":
        body = {"zato_env": {"result": "ZATO_ERROR", "cid": cid, "details": details}}
    kept = []
    if extra:
        try:
            kept = own_headers(extra)
        except ValueError:
            kept = []
    return Answer(status, [("X-Zato-CID", cid), ("Content-Type", JSON), *headers, *kept], encode_json(body))
