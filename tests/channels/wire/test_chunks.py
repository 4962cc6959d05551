"""Chunks are put together however they come; llhttp has no other opinion of any that are taken."""

from __future__ import annotations

import contextlib

import pytest
from httptools import HttpParserError, HttpRequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.channels.http.wire.chunks import AT_ONCE, Chunks
from workbench.channels.http.wire.head import Malformed

MOST = 2000
NEXT = b"GET /next HTTP/1.1\r\n\r\n"
PIECES = (
    *(
        b"3\r\nabc\r\n",
        b"0\r\n",
        b"\r\n",
        b"0\r\n\r\n",
        b"A;x=y\r\n0123456789\r\n",
        b'1;x="a\\"b"\r\na\r\n',
        b"\n",
        b"\r",
    ),
    *(
        b"3 \r\n",
        b"0x1\r\na\r\n",
        b"-1\r\n",
        b"1;\r\na\r\n",
        b"1;x=\r\na\r\n",
        b"1;x\na\r\n",
        b"T: x\r\n",
        b"T : x\r\n",
    ),
    *(b"Content-Length: 3\r\n", b"fffffffffffffffff\r\n", b"0000000000000003\r\nabc\r\n", b" ", b";", b"a", b"\x00"),
)


def read(*pieces: bytes) -> tuple[bytes, bytes, bool]:
    """Body, what comes behind it, and whether it is whole, of chunks that come in these pieces."""
    chunks, body, rest = Chunks(MOST), b"", b""
    for piece in pieces:
        rest += piece
        while not chunks.is_whole:
            more, rest = chunks.take(rest)
            body += more
            if not chunks.has_more:
                break
    return body, rest, chunks.is_whole


class Told:
    """What llhttp tells of a request, with those behind it left out."""

    def __init__(self) -> None:
        self.body, self.is_whole = b"", False

    def on_body(self, piece: bytes) -> None:
        self.body += b"" if self.is_whole else piece

    def on_message_complete(self) -> None:
        self.is_whole = True


def as_llhttp(came: bytes) -> tuple[bytes, bool]:
    """Body and whether it is whole."""
    told = Told()
    with contextlib.suppress(HttpParserError):
        HttpRequestParser(told).feed_data(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + came)
    return told.body, told.is_whole


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join))
def test_what_is_taken_ends_where_llhttp_ends_it(came: bytes) -> None:
    try:
        body, rest, is_whole = read(came)
    except Malformed:
        return
    if is_whole:
        assert as_llhttp(came[: len(came) - len(rest)]) == (body, True)
        assert not as_llhttp(came[: len(came) - len(rest) - 1])[1], "it would have ended before"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(0, 300), max_size=8))
def test_chunks_may_come_in_any_pieces(chunks: list[bytes], cuts: list[int]) -> None:
    came = b"".join(b"%X;a=b\r\n%b\r\n" % (len(each), each) for each in chunks) + b"0\r\nTrailer: x\r\n\r\n" + NEXT
    places = sorted({min(each, len(came)) for each in cuts})
    pieces = [came[at:to] for at, to in zip([0, *places], [*places, len(came)], strict=True)]
    assert read(*pieces) == (b"".join(chunks), NEXT, True)
    assert read(*(came[at : at + 1] for at in range(len(came)))) == (b"".join(chunks), NEXT, True)


def test_many_small_chunks_are_read_in_turns() -> None:
    came = b"1\r\na\r\n" * (3 * AT_ONCE) + b"0\r\n\r\n"
    chunks = Chunks(MOST)
    body, rest = chunks.take(came)
    assert chunks.has_more
    assert 0 < len(body) <= AT_ONCE
    assert read(came) == (b"a" * (3 * AT_ONCE), b"", True)
    assert came.endswith(rest)


@pytest.mark.parametrize(
    "came",
    [
        b"1" * 5000,
        b"1;" + b"a" * 5000,
        b"1;%b\r\na\r\n" % (b"a" * 500) * 5,
        b"0\r\nT: " + b"a" * 5000,
        b"0\r\n" + b"T: %b\r\n" % (b"a" * 500) * 5,
    ],
)
def test_what_stands_between_the_chunks_is_bounded(came: bytes) -> None:
    with pytest.raises(Malformed, match="too long"):
        read(came)
