"""`wb.call`: a request through the real server, made by hand, with an answer to look at."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from workbench.core.errors import DeadlineExceeded, ServiceUsage
from workbench.core.request import Headers
from workbench.core.trace import Trace
from workbench.core.typed import plain

SHOWN_CHARACTERS = 2000
CALL = re.compile(r"^\s*(?:([A-Za-z]+)\s+)?(/\S*)\s*$")
_encode = msgspec.json.Encoder(enc_hook=plain).encode


class Answer:
    """What came back: `.status`, `.headers`, `.body` (bytes), `.text`, `.json()`, `.cid`, `.trace`."""

    def __init__(
        self, status: int, headers: Mapping[str, str], body: bytes, find: Callable[[str], Trace | None]
    ) -> None:
        self.status, self.headers, self.body = status, Headers(headers), body
        self._find = find

    @property
    def cid(self) -> str:
        """The CID under which the call is found in traces and logs."""
        return str(self.headers.get("X-Zato-CID", ""))

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def data(self) -> Any:
        """The body, parsed if it is JSON, else as text."""
        return self.json() if "json" in str(self.headers.get("Content-Type", "")) else self.text

    def json(self) -> Any:
        """The body parsed as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def trace(self) -> Trace | None:
        """What the call did, if it is still kept."""
        return self._find(self.cid)

    def __repr__(self) -> str:
        tree = repr(self.trace) if self.trace is not None and len(self.trace) > 2 else ""
        return "\n".join(part for part in (self.said(), tree) if part)

    def said(self) -> str:
        """Status, kind and body, without the trace."""
        if not self.body:
            return f"{self.status}, empty body"
        kind = str(self.headers.get("Content-Type", "")).partition(";")[0]
        if not kind.startswith("text/") and "json" not in kind:
            return f"{self.status}, {kind}, {len(self.body)} bytes"
        shown = self.text.replace(self.cid, "...") if self.cid else self.text
        tail = f" ... {len(shown) - SHOWN_CHARACTERS} more characters" if len(shown) > SHOWN_CHARACTERS else ""
        return f"{self.status}, {kind}\n{shown[:SHOWN_CHARACTERS].rstrip()}{tail}"


def read_call(call: str) -> tuple[str, str]:
    """Method and target of `"POST /api/x?y=1"`; a path alone means GET."""
    match = CALL.match(call)
    if match is None:
        raise ServiceUsage(f"wb.call takes a method and a path, as wb.call('POST /api/sample?x=1'), not {call!r}.")
    return (match[1] or "GET").upper(), quote(match[2], safe="/?&=%:@!$'()*+,;~[]")


def send(url: str, call: str, data: Any, headers: dict[str, str], timeout_seconds: float) -> tuple[int, Headers, bytes]:
    """Make the request on a connection of its own."""
    method, target = read_call(call)
    body: bytes | None
    if data is None:
        body = None
    elif isinstance(data, str | bytes):
        body = data.encode() if isinstance(data, str) else data
    else:
        body = _encode(data)
        headers.setdefault("Content-Type", "application/json")
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "localhost", address.port, timeout=timeout_seconds)
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response.status, Headers(response.getheaders()), response.read()
    except TimeoutError as exc:
        raise DeadlineExceeded(
            f"{call!r} had no answer within {timeout_seconds:g} s. Mend: wait longer with timeout_seconds=..."
        ) from exc
    finally:
        connection.close()
