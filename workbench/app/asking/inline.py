"""`wb.call`: a request through the real server, made by hand, with an answer to look at."""

from __future__ import annotations

import http.client
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from select import select
from ssl import SSLContext
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

import msgspec

from workbench.app.asking.curl import Sent, line_of
from workbench.core.errors import DeadlineExceeded, ServiceUsage
from workbench.core.masking import mask
from workbench.core.payload.plain import plain
from workbench.core.payload.request import Headers
from workbench.core.ports import Showable
from workbench.core.trace import Trace

SHOWN_CHARACTERS = 2000
BLOCK_BYTES = 1 << 18
CALL = re.compile(r"^\s*(?:([A-Za-z]+)\s+)?(/\S*)\s*$")
_encode = msgspec.json.Encoder(enc_hook=plain).encode


class Answer(Showable):
    """What came back: `.status`, `.headers`, `.body` (bytes), `.text`, `.json()`, `.cid`, `.trace`."""

    def __init__(
        self, status: int, headers: Mapping[str, str], body: bytes, sent: Sent, find: Callable[[str], Trace | None]
    ) -> None:
        self.status, self.headers, self.body = status, Headers(headers), body
        self._sent, self._find = sent, find

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

    def copy_as_curl(self) -> str:
        """The request as a line for a shell, where secrets are variables called like them.

        Raises:
            ServiceUsage: The body is too long for a line, or came from a stream without a name.
        """
        return line_of(self._sent)

    def __repr__(self) -> str:
        tree = repr(self.trace) if self.trace is not None and len(self.trace) > 2 else ""
        return "\n".join(part for part in (self.describe(), tree) if part)

    def describe(self) -> str:
        """Status, kind and body, without the trace."""
        if not self.body:
            return f"{self.status}, empty body"
        kind = str(self.headers.get("Content-Type", "")).partition(";")[0]
        if not kind.startswith("text/") and "json" not in kind:
            return f"{self.status}, {kind}, {len(self.body)} bytes"
        shown = mask(self.text.replace(self.cid, "...") if self.cid else self.text)
        tail = f" ... {len(shown) - SHOWN_CHARACTERS} more characters" if len(shown) > SHOWN_CHARACTERS else ""
        return f"{self.status}, {kind}\n{shown[:SHOWN_CHARACTERS].rstrip()}{tail}"


def read_call(call: str) -> tuple[str, str]:
    """Method and target of `"POST /api/x?y=1"`; a path alone means GET."""
    match = CALL.match(call)
    if match is None:
        raise ServiceUsage(
            f"wb.call takes a method and a path, as wb.call('POST /api/sample?x=1'), not {call!r}. "
            f"Fix: begin the path with a slash, without host and blanks."
        )
    return (match[1] or "GET").upper(), quote(match[2], safe="/?&=%:@!$'()*+,;~[]")


def body_of(data: Any, as_json: Any, headers: dict[str, str]) -> Any:
    """What goes out: text as UTF-8, bytes and files as they are, anything else as JSON, which `headers` then say."""
    if as_json is not None:
        if data is not None:
            raise ServiceUsage("wb.call takes data= or json=, not both. Fix: leave one of them out.")
        headers.setdefault("Content-Type", "application/json")
        return _encode(as_json)
    if data is None or isinstance(data, bytes | Path):
        return data
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, io.TextIOBase):
        raise ServiceUsage("wb.call sends files opened in mode 'rb', not text. Fix: give its Path.")
    if hasattr(data, "read"):
        return data
    headers.setdefault("Content-Type", "application/json")
    return _encode(data)


def send(
    sent: Sent,
    headers: Mapping[str, str],
    timeout_seconds: float,
    port: int | None = None,
    trust: SSLContext | None = None,
) -> tuple[int, Headers, bytes]:
    """Make the request on a connection of its own.

    Args:
        sent: The request.
        headers: What goes out besides, as what holds credentials.
        timeout_seconds: Longest wait [s].
        port: Where this very process answers, if others answer at the request's address, too.
        trust: What TLS is spoken by; None speaks plain HTTP.
    """
    address = urlsplit(sent.url)
    host, port = address.hostname or "localhost", port or address.port
    connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    if trust is not None:
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_seconds, context=trust)
    target = sent.url.removeprefix(f"{address.scheme}://{address.netloc}")
    all_headers, body = {**sent.headers, **headers}, sent.body
    try:
        with ExitStack() as files:
            if isinstance(body, Path):
                body = files.enter_context(body.open("rb"))
            if hasattr(body, "read"):
                if body.seekable():
                    all_headers["Content-Length"] = str(_left(body))
                body = _blocks(body, connection)
            connection.request(sent.method, target, body, all_headers)
        response = connection.getresponse()
        return response.status, Headers(response.getheaders()), response.read()
    except TimeoutError as exc:
        call = f"{sent.method} {target}"
        raise DeadlineExceeded(
            f"{call!r} had no answer within {timeout_seconds:g} s. Fix: wait longer with timeout_seconds=..."
        ) from exc
    finally:
        connection.close()


def _left(file: BinaryIO) -> int:
    at = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(at)
    return end - at


def _blocks(file: BinaryIO, connection: http.client.HTTPConnection) -> Iterator[bytes]:
    """A file in pieces, until the server answers: it has refused the rest."""
    while (block := file.read(BLOCK_BYTES)) and not select([connection.sock], [], [], 0)[0]:
        yield block
