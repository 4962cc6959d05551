"""Whatever head is taken says the same to Tornado's parser; what is not to the letter of RFC 9112 is not taken."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders, HTTPInputError

from workbench.channels.http.wire.head import CHUNKED, Fields, Malformed, fields_of, line_of, origin_form

PIECES = (
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


def we_read(raw: bytes) -> Fields | None:
    """What is read; None if it is refused."""
    try:
        return fields_of(raw)
    except Malformed:
        return None


def as_tornado(raw: bytes) -> dict[str, str] | None:
    """What Tornado reads; None if it refuses."""
    try:
        return dict(HTTPHeaders.parse(raw.decode("latin-1")).items())
    except HTTPInputError:
        return None


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_what_is_taken_of_what_attackers_send_tornado_reads_alike(raw: bytes) -> None:
    raw += b"\r\n\r\n"
    if (read := we_read(raw)) is not None:
        assert read.plain == as_tornado(raw)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read_as_tornado_reads_them(fields: bytes) -> None:
    raw = b"Host: x\r\n" + fields + b"\r\n\r\n"
    if (read := we_read(raw)) is not None:
        assert read.plain == as_tornado(raw)


def test_a_plain_head_is_read_once_for_all_that_say_the_same() -> None:
    raw = b"host: localhost:1\r\nX-A:  1 \r\nX-A: 2\r\nContent-Length: 12\r\n\r\n"
    fields = fields_of(raw)
    assert fields.plain == {"Host": "localhost:1", "X-A": "1,2", "Content-Length": "12"}
    assert (fields.length, fields.closes, fields.keeps, fields.expects) == (12, False, False, False)
    assert fields_of(bytes(bytearray(raw))) is fields


def test_a_long_head_is_not_kept() -> None:
    raw = b"X-A: %b\r\n\r\n" % (b"a" * 5000)
    assert fields_of(raw) is not fields_of(raw)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"Connection: close\r\n\r\n", (0, True, False, False)),
        (b"Connection: x, Close ,keep-alive\r\n\r\n", (0, True, True, False)),
        (b"Connection: keep-alive\r\nConnection: close\r\n\r\n", (0, True, True, False)),
        (b"Connection: closed\r\n\r\n", (0, False, False, False)),
        (b"Connection: Upgrade\r\nUpgrade: websocket\r\nX: y\r\n\r\n", (0, False, False, False)),
        (b"Transfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n", (CHUNKED, False, False, True)),
        (b"Content-Length: 007\r\n\r\n", (7, False, False, False)),
        (b"\r\n", (0, False, False, False)),
    ],
)
def test_what_becomes_of_the_connection_is_read(raw: bytes, said: tuple[int, bool, bool, bool]) -> None:
    fields = fields_of(raw)
    assert (fields.length, fields.closes, fields.keeps, fields.expects) == said


def test_cookies_in_several_lines_are_told_apart_by_semicolons() -> None:
    assert fields_of(b"Cookie: a=1,2\r\nCookie: b=3\r\n\r\n").plain == {"Cookie": "a=1,2; b=3"}


def test_headers_behind_an_upgrade_are_read() -> None:
    raw = b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\nX-Last: 1\r\n\r\n"
    assert fields_of(raw).plain["X-Last"] == "1"


@pytest.mark.parametrize(
    ("target", "host", "read"),
    [
        ("/a?b", "x", "/a?b"),
        ("//x/a", "x", "//x/a"),
        ("http://x/a?b", "x", "/a?b"),
        ("HTTPS://X:1/a", "x:2", "/a"),
        ("http://[::1]:8/a", "[::1]", "/a"),
        ("http://x", "x", "/"),
        ("http://x?b=1", "x", "/?b=1"),
        ("http://y/a", "x", None),
        ("http://x@y/a", "y", None),
        ("http://x@y/a", "x", None),
        ("http:///a", "x", None),
        ("ftp://x/a", "x", None),
        ("x:443", "x", None),
        ("*", "x", None),
        ("a", "x", None),
    ],
)
def test_a_target_of_another_form_is_read_if_it_is_for_this_host(target: str, host: str, read: str | None) -> None:
    line, fields = line_of(f"GET {target} HTTP/1.1".encode()), fields_of(f"Host: {host}\r\n\r\n".encode())
    if read is None:
        with pytest.raises(Malformed):
            origin_form(line, fields)
    else:
        assert origin_form(line, fields) == read


def test_a_server_as_a_whole_can_be_asked_for_its_options() -> None:
    assert origin_form(line_of(b"OPTIONS * HTTP/1.1"), fields_of(b"Host: x\r\n\r\n")) == "*"
