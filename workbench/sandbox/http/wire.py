"""HTTP/1.1 as a server speaks it, for peers: requests in, answers out, every bound checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

LINE_BYTES = 32 << 10
MOST_HEADERS = 200
MOST_BODY_BYTES = 256 << 20
SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "x-api-key"}
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Headers(Mapping[str, str]):
    """Header fields by name, whatever its case; what proves who somebody is stays out of the repr."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.fields = fields
        self._by_name: dict[str, str] = {}
        for name, value in fields:
            key = name.lower()
            self._by_name[key] = f"{self._by_name[key]}, {value}" if key in self._by_name else value

    def __getitem__(self, name: str) -> str:
        return self._by_name[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self.fields))

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name

    def __repr__(self) -> str:
        return repr({name: "***" if name.lower() in SECRET_HEADERS else value for name, value in self.items()})


@dataclass(slots=True)
class Request:
    """One request that arrived; `status` is what was answered, 0 if the peer hung up instead."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes = b""
    status: int = 0

    @property
    def params(self) -> dict[str, str]:
        """The query, decoded; of several values of one name, the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        return json.loads(self.body)

    @property
    def target(self) -> str:
        """Path and query, as they were asked for."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __repr__(self) -> str:
        length = f", {len(self.body):,} bytes" if self.body else ""
        return f"{self.method} {self.target} -> {self.status or 'no answer'}{length}"


@dataclass(slots=True)
class HTTPAnswer:
    """What a peer says to a request; a long body comes as `blocks`, `length` bytes in all.

    Statuses of `interim` go out before it, and `surplus` after it; `hangs_up` ends the connection without saying so.
    """

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    cut_body_after_bytes: int | None = None
    raw: bytes | None = None
    blocks: Iterator[bytes] | None = None
    length: int = 0
    interim: tuple[int, ...] = ()
    surplus: bytes = b""
    hangs_up: bool = False


class BadRequest(Exception):
    """The client sent what is no HTTP, or more than the bounds allow."""

    def __init__(self, status: int, words: str) -> None:
        self.status, self.words = status, words
        super().__init__(words)


Responder = Callable[[Request], Awaitable[HTTPAnswer | None]]


def http_protocol(respond: Responder) -> asyncio.BaseProtocol:
    """What speaks HTTP on one connection; `respond` answers each request, or None to hang up."""
    reader = asyncio.StreamReader(limit=LINE_BYTES)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _exchange(reader, writer, respond):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Cancelled only when the loop ends, and a stream that was cancelled is reported as a failure.
            pass
        finally:
            writer.close()

    return asyncio.StreamReaderProtocol(reader, converse)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Responder) -> bool:
    """HTTPAnswer one request; whether another one may follow."""
    try:
        head = await _head(reader)
        if head is None:
            return False
        request, version = head
        if request.headers.get("Expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = await _body(reader, request.headers)
    except BadRequest as exc:
        words = exc.words.encode()
        writer.write(
            _head_of(HTTPAnswer(exc.status, headers=[("Content-Type", "text/plain")]), len(words), True) + words
        )
        await writer.drain()
        return False
    wanted = request.headers.get("Connection", "").lower()
    ends = "close" in wanted or (version == "HTTP/1.0" and "keep-alive" not in wanted)
    answer = await respond(request)
    if answer is None:
        return False
    for status in answer.interim:
        writer.write(_head_of(HTTPAnswer(status), 0, False))
    return await _send(writer, request, answer, ends) and not ends and not answer.hangs_up


async def _send(writer: asyncio.StreamWriter, request: Request, answer: HTTPAnswer, ends: bool) -> bool:
    if answer.raw is not None:
        writer.write(answer.raw)
        await writer.drain()
        return False
    bodiless = request.method == "HEAD" or answer.status in (204, 304) or answer.status < 200
    most = answer.cut_body_after_bytes
    if answer.blocks is not None and not bodiless:
        return await _send_blocks(writer, answer, answer.blocks, ends)
    body = b"" if bodiless else answer.body if most is None else answer.body[:most]
    head = _head_of(answer, max(len(answer.body), answer.length), ends)
    if answer.surplus and most is None:
        # At once, so that it is there when the answer is.
        head, body = b"".join((head, body, answer.surplus)), b""
    writer.write(head)
    writer.write(body)
    await writer.drain()
    return most is None


async def _send_blocks(writer: asyncio.StreamWriter, answer: HTTPAnswer, blocks: Iterator[bytes], ends: bool) -> bool:
    writer.write(_head_of(answer, answer.length, ends))
    most = answer.cut_body_after_bytes
    left = answer.length if most is None else most
    for block in blocks:
        left -= len(block)
        writer.write(block[: len(block) + min(left, 0)] + (answer.surplus if left <= 0 and most is None else b""))
        await writer.drain()
        if left <= 0:
            break
    return most is None


def _head_of(answer: HTTPAnswer, length: int, ends: bool) -> bytes:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in answer.headers)]
    if answer.status >= 200 and answer.status != 204:
        lines.append(f"Content-Length: {length}")
    if ends:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as exc:
        raise BadRequest(431, f"a line is longer than {LINE_BYTES:,} bytes") from exc
    return line.rstrip(b"\r\n")


async def _head(reader: asyncio.StreamReader) -> tuple[Request, str] | None:
    """The request line and the headers; None if the client is done."""
    try:
        line = await _line(reader) or await _line(reader)
    except asyncio.IncompleteReadError as exc:
        if exc.partial:
            raise
        return None
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or not words[0] or set(words[0]) - TOKEN or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(400, "the first line is not METHOD /path HTTP/1.1")
    method, target, version = words
    fields: list[tuple[str, str]] = []
    while line := await _line(reader):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name or set(name) - TOKEN:
            raise BadRequest(400, "a header is not 'Name: value'")
        fields.append((name, value.strip(" \t")))
        if len(fields) > MOST_HEADERS:
            raise BadRequest(431, f"there are more than {MOST_HEADERS} headers")
    if "://" in target.partition("?")[0]:
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    return Request(method, unquote(path), query, Headers(fields)), version


async def _body(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    coding, length = headers.get("Transfer-Encoding", ""), headers.get("Content-Length")
    if coding:
        if coding.lower() != "chunked" or length is not None:
            raise BadRequest(400, "Transfer-Encoding must be chunked, and alone")
        return await _chunks(reader)
    if length is None:
        return b""
    if not (length.isascii() and length.isdigit()):
        raise BadRequest(400, "Content-Length is not a number")
    if int(length) > MOST_BODY_BYTES:
        raise BadRequest(413, f"the body is longer than {MOST_BODY_BYTES:,} bytes")
    return await reader.readexactly(int(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size = (await _line(reader)).partition(b";")[0].strip()
        if not size or len(size) > 16 or set(size) - set(b"0123456789abcdefABCDEF"):
            raise BadRequest(400, "a chunk does not begin with its size")
        count = int(size, 16)
        if len(body) + count > MOST_BODY_BYTES:
            raise BadRequest(413, f"the body is longer than {MOST_BODY_BYTES:,} bytes")
        if count == 0:
            while await _line(reader):
                pass
            return bytes(body)
        body += await reader.readexactly(count)
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequest(400, "a chunk is longer than its size")
