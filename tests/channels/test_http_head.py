"""The quick reader of heads says exactly what Tornado's parser says, of good heads and of hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPInputError

from workbench.channels.http.head import FIELDS, read_head

PIECES = (
    b"GET / HTTP/1.1",
    b"\r\n",
    b"\n",
    b"\r",
    b"Host: localhost",
    b"Content-Length: 3",
    b"Content-Length : 3",
    b"content-length:\t4 ",
    b"Transfer-Encoding: chunked",
    b" folded",
    b"\tfolded",
    b"X-Empty:",
    b": no name",
    b"no colon",
    b"X-Bad: a\x00b",
    b"X-Bad: a\x0bb",
    b"X-Del: \x7f",
    b"X-Latin: \xe9\x85\xa0",
    b"X(y): z",
    b"x-repeated: 1",
    b"X-Repeated: 2",
)


def tornado_reads(head: bytes) -> tuple[str, HTTPHeaders] | None:
    """What Tornado itself makes of it; None if it refuses."""
    connection: HTTP1Connection = object.__new__(HTTP1Connection)
    try:
        return connection._parse_headers(head)
    except HTTPInputError:
        return None


def we_read(head: bytes) -> tuple[str, HTTPHeaders] | None:
    """What the quick reader makes of it."""
    try:
        return read_head(head)
    except HTTPInputError:
        return None


def said(read: tuple[str, HTTPHeaders] | None) -> tuple[str, list[tuple[str, str]], list[tuple[str, str]]] | None:
    """All that can be asked of what was read."""
    return None if read is None else (read[0], list(read[1].get_all()), sorted(read[1].items()))


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_heads_made_of_what_attackers_send_are_read_as_tornado_reads_them(head: bytes) -> None:
    head += b"\r\n\r\n"
    assert said(we_read(head)) == said(tornado_reads(head))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_as_tornado_reads_them(fields: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n\r\n"
    assert said(we_read(head)) == said(tornado_reads(head))


@pytest.mark.parametrize("mark", [b"\x00", b"\x0b", b"\x0c", b"\x1f", b"\x7f"])
def test_a_control_character_in_a_value_is_refused(mark: bytes) -> None:
    with pytest.raises(HTTPInputError):
        read_head(b"GET / HTTP/1.1\r\nX-A: b" + mark + b"c\r\n\r\n")


def test_a_plain_head_takes_the_quick_way() -> None:
    line, headers = read_head(b"GET /a HTTP/1.1\r\nhost: localhost:1\r\nX-A:  1 \r\nX-A: 2\r\n\r\n")
    assert line == "GET /a HTTP/1.1"
    assert list(headers.get_all()) == [("Host", "localhost:1"), ("X-A", "1"), ("X-A", "2")]
    assert FIELDS.fullmatch("host: localhost:1\r\nX-A:  1 \r\n\r\n")
    assert not FIELDS.fullmatch("host: localhost\r\n folded\r\n\r\n")
