"""Puts the chunks of a body together, and says where it ends: RFC 9112, 7.1, to the letter.

llhttp is as strict, but goes on to the next request by itself and does not say where that begins; a connection would
have to keep as many requests as its client can send at once.
"""

from __future__ import annotations

import re

from workbench.channels.http.wire.head import TOKEN, Malformed

_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})((?:;%b(?:=(?:%b|%b))?)*)" % (TOKEN, TOKEN, _QUOTED))
TRAILER = re.compile(rb"(%b):[^\x00-\x08\x0a-\x1f\x7f]*" % TOKEN)
OF_FRAMING = (b"content-length", b"transfer-encoding", b"host")
LONGEST_LINE = 4096
AT_ONCE = 1000
"""Chunks of one client that are read before others have their turn."""


class Chunks:
    """One body in chunks, in whatever pieces it comes.

    Args:
        most_extra: Most bytes of all extensions and trailers [bytes].

    Attributes:
        is_whole: Whether its end has come.
        has_more: Whether chunks are left in the rest, for when others have had their turn.
    """

    def __init__(self, most_extra: int) -> None:
        self._left, self._extra = 0, most_extra
        self._reads = self._read_size
        self.is_whole = self.has_more = False

    def take(self, came: bytes) -> tuple[bytes, bytes]:
        """What of the body is in what came, and the rest, which belongs before what comes next.

        Once the body is whole the rest belongs to the next request.

        Raises:
            Malformed: These are no chunks.
        """
        pieces: list[bytes] = []
        at, self.has_more = 0, False
        for _ in range(AT_ONCE):
            if self._left:
                piece = came[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
            if self._left or (after := self._reads(came, at)) < 0:
                break
            at = after
            if self.is_whole:
                break
        else:
            self.has_more = at < len(came)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), came[at:]

    def _line(self, came: bytes, at: int) -> int:
        """Where the line ends that begins here; -1 if its end has not come yet."""
        end = came.find(b"\r\n", at)
        if (len(came) if end < 0 else end) - at > LONGEST_LINE:
            raise Malformed("A line between the chunks is too long")
        return end

    def _read_size(self, came: bytes, at: int) -> int:
        if (end := self._line(came, at)) < 0:
            return end
        if (found := SIZE.fullmatch(came, at, end)) is None:
            raise Malformed("The size of a chunk cannot be read")
        self._count(len(found[2]))
        self._left = int(found[1], 16)
        self._reads = self._read_end if self._left else self._read_trailer
        return end + 2

    def _read_end(self, came: bytes, at: int) -> int:
        """Read the line's end behind a chunk."""
        end = came[at : at + 2]
        if end == b"\r\n":
            self._reads = self._read_size
            return at + 2
        if b"\r\n".startswith(end):
            return -1
        raise Malformed("A chunk is longer than its size")

    def _read_trailer(self, came: bytes, at: int) -> int:
        if (end := self._line(came, at)) < 0:
            return end
        if end == at:
            self.is_whole = True
        elif (found := TRAILER.fullmatch(came, at, end)) is None or found[1].lower() in OF_FRAMING:
            raise Malformed("A line behind the chunks is no trailer")
        self._count(end - at)
        return end + 2

    def _count(self, size: int) -> None:
        self._extra -= size
        if self._extra < 0:
            raise Malformed("The extensions and trailers of the chunks are too long")
