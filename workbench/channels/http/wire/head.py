"""Reads the head of a request: llhttp takes it apart, and what RFC 9112 forbids and llhttp lets pass is refused here.

A client that keeps its connection sends the same lines again and again, so that what was read of them is kept.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from workbench.core.errors import BadRequest, HeadersTooLarge

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
TOKEN_BYTES = frozenset(each for each in range(256) if re.fullmatch(TOKEN, bytes([each])))
# RFC 9112, 3: one space between the parts. Bytes over 0x7F stand for themselves, as curl sends é.
LINE = re.compile(rb"(%b) ([!-~\x80-\xff]+) HTTP/1\.([01])" % TOKEN)
# RFC 9112, 5: whole lines that end in CR LF, a token before the colon, no control character behind, none folded.
FIELDS = re.compile(rb"(?:%b:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*\r\n" % TOKEN)
ABSOLUTE = re.compile(r"https?://([^/?#@]+)([/?].*|)", re.IGNORECASE)
LENGTH = re.compile(r"[0-9]{1,18}")
EMPTY_LINES = re.compile(rb"(?:\r\n)*")
"""What may stand before a request (RFC 9112, 2.2)."""
CHUNKED = -1
"""The length of a body that comes in chunks."""

KEPT_HEADS = 256
KEPT_BYTES = 4096
"""The longest lines that are kept for when they come again [bytes]."""
_LIKE_ANY = b"POST / HTTP/1.1\r\n"


class Malformed(BadRequest):
    """What came is no HTTP, or leaves open where it ends: the connection ends with it."""


class Line(NamedTuple):
    """A request line; `is_old` if it is of HTTP/1.0."""

    method: str
    target: str
    is_old: bool


class Fields:
    """The headers of a request; requests that say the same share one, so that nobody may change it.

    Attributes:
        plain: Value by name, as `Accept-Encoding`; several lines of one name are joined.
        size: Length of all names and values [bytes].
        length: Length of the body [bytes], CHUNKED if it comes in chunks.
        closes, keeps: Whether the connection is to end with the answer, or not to.
        expects: Whether the body comes only after 100 Continue.
    """

    __slots__ = ("closes", "expects", "keeps", "length", "plain", "size")

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self.plain = plain = _joined(pairs)
        self.size = sum(len(name) + len(value) for name, value in pairs)
        self.length = _length_of(plain)
        connection = {token.strip().lower() for token in plain.get("Connection", "").split(",")}
        self.closes, self.keeps = "close" in connection, "keep-alive" in connection
        self.expects = plain.get("Expect", "").lower() == "100-continue"


def head_of(came: bytes, most: int) -> tuple[Line, Fields, str, int] | None:
    """The head at the beginning of what came; None if its end has not come yet.

    Returns:
        The request line, the headers, path and query, and where the head ends in what came.

    Raises:
        Malformed: It is none.
        HeadersTooLarge: It is longer than `most` [bytes].
    """
    found = EMPTY_LINES.match(came) if came.startswith(b"\r") else None
    start = found.end() if found is not None else 0
    end = came.find(b"\r\n\r\n", start)
    if (len(came) if end < 0 else end) > most:  # with the empty lines before it, which may have no end either
        raise HeadersTooLarge(f"The head is over {most} bytes")
    if end < 0:
        if start < len(came) and not _may_become_head(came, start):
            raise Malformed("This is no HTTP")
        return None
    split = came.find(b"\r\n", start)
    line, fields = line_of(came[start:split]), fields_of(came[split + 2 : end + 4])
    target = line.target if line.target[0] == "/" else origin_form(line, fields)
    if line.is_old and fields.length == CHUNKED:
        raise Malformed("A request of HTTP/1.0 has no chunks")
    return line, fields, target, end + 4


def _may_become_head(came: bytes, start: int) -> bool:
    """Whether this may be the beginning of a head; for the end of what cannot nobody needs to wait.

    It is asked again whenever a byte has come, so that it must be quick.
    """
    if came[start] not in TOKEN_BYTES:
        return came[start:] == b"\r"
    return came.count(b"\n") == came.count(b"\r\n")


def line_of(raw: bytes) -> Line:
    """The request line, of what stands before its CR LF.

    Raises:
        Malformed: It is none, or of another protocol.
    """
    return _kept_line(raw) if len(raw) <= KEPT_BYTES else _line(raw)


def fields_of(raw: bytes) -> Fields:
    """The headers, of their lines and the empty one.

    Raises:
        Malformed: A line is no header, or they do not agree where the body ends.
    """
    return _kept_fields(raw) if len(raw) <= KEPT_BYTES else _fields(raw)


def origin_form(line: Line, fields: Fields) -> str:
    """Path and query of a request line that has more, or another form.

    Raises:
        Malformed: It is a proxy's, for another host than the Host header names; or no form for its method.
    """
    method, target, is_old = line
    if target.startswith("/") or (target == "*" and method == "OPTIONS"):
        return target
    if (found := ABSOLUTE.fullmatch(target)) is None:
        raise Malformed("The request line names no path")
    if "Host" in fields.plain or not is_old:
        # RFC 9112, 3.2.2: the target's host is the one that counts; two that differ are two opinions.
        host = fields.plain.get("Host", "")
        if _name_of(host) != _name_of(found[1]):
            raise Malformed("The request line names another host than the Host header")
    return found[2] if found[2].startswith("/") else f"/{found[2]}"


def _name_of(host: str) -> str:
    """A host without its port."""
    return (host if host.endswith("]") else host.rpartition(":")[0] or host).lower()


def _line(raw: bytes) -> Line:
    if (found := LINE.fullmatch(raw)) is None:
        raise Malformed("This is no request of HTTP/1.1")
    method, target, minor = found.groups()
    return Line(method.decode("ascii"), target.decode("latin-1"), minor == b"0")


def _fields(raw: bytes) -> Fields:
    if FIELDS.fullmatch(raw) is None:
        raise Malformed("A line of the head is no header")
    reader = _Reader()
    try:
        HttpRequestParser(reader).feed_data(_LIKE_ANY + raw)
    except HttpParserUpgrade:
        pass  # it has read the head, and leaves the rest to others, as we do
    except HttpParserError as exc:
        raise Malformed(f"The head cannot be read: {exc}") from None
    return Fields(reader.pairs)


_kept_line, _kept_fields = lru_cache(KEPT_HEADS)(_line), lru_cache(KEPT_HEADS)(_fields)


class _Reader:
    """What llhttp tells of a head."""

    def __init__(self) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes | None) -> None:
        """Take one header."""
        self.pairs.append((name, value or b""))


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Value by name.

    RFC 9110, 5.3: several lines are one list; RFC 6265, 5.4: of cookies the marks between them are semicolons.
    """
    plain: dict[str, str] = {}
    for raw, text in pairs:
        name, value = _name(raw), text.decode("latin-1").strip(" \t")
        if name not in plain:
            plain[name] = value
        elif name == "Host":
            raise Malformed("There is more than one Host header")
        else:
            plain[name] += f"{'; ' if name == 'Cookie' else ','}{value}"
    return plain


@lru_cache(KEPT_HEADS)
def _name(raw: bytes) -> str:
    """A header's name as Tornado writes it: `Accept-Encoding`."""
    return "-".join(word.capitalize() for word in raw.decode("ascii").split("-"))


def _length_of(plain: dict[str, str]) -> int:
    """Where the body ends, by the rules of RFC 9112, 6.3; nothing that two readers could take in two ways."""
    coding, length = plain.get("Transfer-Encoding"), plain.get("Content-Length")
    if coding is not None:
        if length is not None or coding.lower() != "chunked":
            raise Malformed("Transfer-Encoding is taken as chunked alone, and without Content-Length")
        return CHUNKED
    if length is None:
        return 0
    if LENGTH.fullmatch(length) is None:
        raise Malformed("Content-Length is no length")
    return int(length)
