"""Bytes as clients send them, and as they should not: requests of every kind, in pipelines, damaged, cut and split.

Each case is made of a seed and a number alone, so that one that fails can be made again.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Literal, NamedTuple

from websockets.frames import Frame, Opcode

from tests.channels.wire.corpus import CASES

Chance = random.Random
End = Literal["half-closes", "closes", "resets"]

PIECES = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b":",
        b",",
        b";",
        b"\x00",
        b"\xff",
        b"0",
        b"9" * 20,
        b"-1",
        b'"',
    ),
    *(b"HTTP/1.1", b"HTTP/1.0", b"Host: localhost\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Upgrade: websocket\r\n", b"Content-Encoding: gzip\r\n"),
    *(b"Connection: keep-alive\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"--X\r\n", b"--X--\r\n", b"%00", b"\xc3\x28"),
    *(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"a" * 9_000, b"X: y\r\n" * 3_000),
)
TARGETS = (
    *("/canary", "/canary?a=1&b=%C5%82&a=2", "/nowhere", "/ping", "/ready", "/x/hello", "/x/parts", "/x/nowhere", "/"),
    *("/canary/", "//canary", "/canary?%", "/%63anary", "/canary#x", "*", "http://localhost/canary", "/ws", "/../ping"),
    *("/openapi.json", "/workbench/", "/workbench/status", "/\xe9", "/" + "a" * 300),
)
HEADERS = (
    *("Accept: */*", "Accept: text/html", "Accept-Encoding: gzip", "Origin: http://localhost", "Origin: null", "X-A:"),
    *("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Authorization: Basic !!", "Authorization: Basic dTpw"),
    *(
        "Cookie: a=1; b=2",
        "Content-Type: application/json",
        "Content-Type: text/xml",
        "If-None-Match: *",
        "Range: bytes=0-1",
    ),
    *("X-Forwarded-For: 1.2.3.4, x", "Access-Control-Request-Method: PUT", "Connection: keep-alive", "Upgrade: h2c"),
)
ENVELOPE = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><echo><a>1</a></echo></s:Body></s:Envelope>'

PACKED = [
    each
    for body in (b"", b"text" * 50, b"\x00" * 200_000)
    for packed in (gzip.compress(body, mtime=0),)
    for each in (packed, packed[:-3], packed * 2, zlib.compress(body), body[:500])
]
"""Right, cut off, two in one, another coding, and none."""


class Case(NamedTuple):
    """What one client does.

    Attributes:
        pieces: What it sends, one after another.
        end: What it does then.
    """

    pieces: tuple[bytes, ...]
    end: End

    @property
    def sent(self) -> bytes:
        """All that it sends."""
        return b"".join(self.pieces)


def case(seed: int, number: int) -> Case:
    """The case of that number."""
    chance = Chance(f"{seed} {number}")
    if chance.random() < 0.02:
        sent = chance.randbytes(chance.randrange(200))
    else:
        sent = b"".join(_request(chance) for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))))
        if chance.random() < 0.6:
            sent = damaged(chance, sent)
        if chance.random() < 0.1:
            sent = sent[: chance.randrange(len(sent) + 1)]
    end: End = chance.choices(("half-closes", "closes", "resets"), (90, 5, 5))[0]
    return Case(split(chance, sent), end)


def _request(chance: Chance) -> bytes:
    return chance.choices(KINDS, WEIGHTS)[0](chance)


def damaged(chance: Chance, sent: bytes) -> bytes:
    """With some of it taken out, put in, doubled or changed."""
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        # The beginning counts most: what is damaged in the middle of a long body damages nothing.
        at = chance.randrange(min(len(sent), chance.choice((60, 400, 1 << 20))) + 1)
        end = min(len(sent), at + chance.randrange(12))
        put = (b"", chance.choice(PIECES), sent[at:end] * 2, bytes([chance.randrange(256)]))
        sent = sent[:at] + chance.choice(put) + sent[end:]
    return sent


def split(chance: Chance, sent: bytes) -> tuple[bytes, ...]:
    """In one piece, in several, or byte by byte."""
    way = chance.random()
    if way < 0.6 or len(sent) < 2:
        return (sent,)
    if way < 0.62 and len(sent) < 300:
        return tuple(sent[at : at + 1] for at in range(len(sent)))
    cuts = sorted({0, len(sent), *(chance.randrange(len(sent)) for _ in range(chance.randint(1, 4)))})
    return tuple(sent[at:end] for at, end in pairwise(cuts))


# Requests, each right as it is made.
def _head(chance: Chance, method: str, target: str, *lines: str) -> bytes:
    headers = ["Host: localhost", *lines, *chance.sample(HEADERS, chance.choice((0, 0, 1, 3)))]
    chance.shuffle(headers)
    version = "1.0" if chance.random() < 0.05 else "1.1"
    if chance.random() < 0.03:
        headers.append("Connection: close")
    return "\r\n".join((f"{method} {target} HTTP/{version}", *headers, "", "")).encode("latin-1")


def _with_body(chance: Chance, method: str, target: str, body: bytes, *lines: str) -> bytes:
    """With its length, or in chunks."""
    lines = (*lines, *(("Expect: 100-continue",) if chance.random() < 0.1 else ()))
    if chance.random() < 0.5:
        return _head(chance, method, target, f"Content-Length: {len(body)}", *lines) + body
    return _head(chance, method, target, "Transfer-Encoding: chunked", *lines) + chunked(chance, body)


def chunked(chance: Chance, body: bytes) -> bytes:
    """In chunks of any size, with extensions and trailers."""
    made, at = [], 0
    most = max(chance.choice((1, 7, 100, 5_000)), len(body) // 16)
    while at < len(body):
        piece = body[at : at + chance.randint(1, most)]
        at += len(piece)
        size = f"{len(piece):{chance.choice(('x', 'X', '05x'))}}"
        extension = chance.choice(("", "", "", ";a", ";a=b", ';a="b;\\"c"', ";a=b;c"))
        made.append(f"{size}{extension}\r\n".encode() + piece + b"\r\n")
    trailers = chance.choice((b"", b"", b"X-T: 1\r\n", b"X-T: 1\r\nExpires: 0\r\n"))
    return b"".join((*made, chance.choice((b"0", b"00", b"0;last")), b"\r\n", trailers, b"\r\n"))


def _bodiless(chance: Chance) -> bytes:
    method = chance.choice(
        ("GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE", "POST", "PATCH", "TRACE", "CONNECT", "get")
    )
    return _head(chance, method, chance.choice(TARGETS))


def _plain(chance: Chance) -> bytes:
    size = chance.choice((0, 1, 10, 500, 3_000))
    target = chance.choice(("/echo", "/echo", "/sync", "/nowhere", "/x/counts", "/small"))
    return _with_body(chance, "POST", target, chance.randbytes(size))


def _big(chance: Chance) -> bytes:
    """Over what is kept in memory, or what is taken."""
    return _with_body(
        chance, "POST", chance.choice(("/echo", "/small", "/x/counts")), b"x" * chance.randint(60_000, 200_000)
    )


def _tiny_chunks(chance: Chance) -> bytes:
    """More chunks than are read at once."""
    chunks = b"1\r\nx\r\n" * chance.randint(900, 3_000) + b"0\r\n\r\n"
    return _head(chance, "POST", "/echo", "Transfer-Encoding: chunked") + chunks


def _packed(chance: Chance) -> bytes:
    packed = chance.choice(PACKED)
    coding = chance.choice(("gzip", "gzip", "x-gzip", "deflate", "br", "identity", "gzip, gzip"))
    return _with_body(chance, "POST", chance.choice(("/echo", "/small")), packed, f"Content-Encoding: {coding}")


def _form(chance: Chance) -> bytes:
    parts = [
        b'--X\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
        % (
            chance.choice((b"a", b"file", b"\xc5\x82")),
            chance.choice((b"", b'; filename="a.bin"')),
            chance.randbytes(50),
        )
        for _ in range(chance.randint(0, 4))
    ]
    body = b"".join(parts) + b"--X--\r\n"
    if chance.random() < 0.3:
        body = damaged(chance, body)
    return _with_body(chance, "POST", "/form", body, "Content-Type: multipart/form-data; boundary=X")


def _rpc(chance: Chance) -> bytes:
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": chance.choice(("echo", "nope", 1)),
        "params": chance.choice(([], {}, 1)),
    }
    body = json.dumps(chance.choice((call, [call] * 3, [], [1], "x", None))).encode()
    if chance.random() < 0.3:
        body = damaged(chance, body)
    return _with_body(chance, "POST", "/rpc", body, "Content-Type: application/json")


def _soap(chance: Chance) -> bytes:
    body = damaged(chance, ENVELOPE) if chance.random() < 0.5 else ENVELOPE
    return _with_body(chance, "POST", "/soap", body, "Content-Type: text/xml", 'SOAPAction: "echo"')


def _websocket(chance: Chance) -> bytes:
    lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    lines.append(f"Sec-WebSocket-Version: {13 if chance.random() < 0.95 else 8}")
    sent = _head(chance, "GET", "/ws", *lines)
    frames = b"".join(frame(chance) for _ in range(chance.randint(0, 6)))
    return sent + (damaged(chance, frames) if frames and chance.random() < 0.4 else frames)


def frame(chance: Chance) -> bytes:
    """One frame, mostly one that is right where it stands."""
    opcode = chance.choices(list(Opcode), (5, 50, 15, 5, 10, 5))[0]
    data = chance.choice(
        (b"", b"1", b'{"a": [1, "x"]}', b"\xff\xfe", b"\x03\xe8bye", b"x" * 126, b"x" * 70_000, b"[" * 300)
    )
    is_control = opcode in (Opcode.CLOSE, Opcode.PING, Opcode.PONG)
    if is_control:
        data = data[:125]
    made = Frame(opcode, data, fin=is_control or chance.random() < 0.9).serialize(mask=chance.random() < 0.97)
    if chance.random() < 0.03:
        made = bytes([made[0] | chance.choice((0x10, 0x40, 0x0B)), 0xFF]) + chance.randbytes(12)
    return made


def _known(chance: Chance) -> bytes:
    """A case of the corpus, right or wrong."""
    return chance.choice(CASES).sent


KINDS: tuple[Callable[[Chance], bytes], ...] = (
    *(_known, _bodiless, _plain, _packed, _form, _rpc, _soap, _websocket, _tiny_chunks, _big),
)
WEIGHTS = (25, 25, 20, 8, 6, 5, 4, 10, 0.5, 0.5)
