"""Bodies that their senders have compressed: unpacked as they arrive, under the same bound as any other body."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from workbench.core.errors import BadRequest, ContentTooLarge, UnsupportedMediaType

CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
TAKEN = ("gzip", "deflate")
GZIP, ZLIB, RAW = 31, 15, -15
"""What `zlib` calls the three frames (RFC 1952, 1950, 1951)."""


def unpacking_of(headers: Mapping[str, str], bound: int) -> Unpacking | None:
    """What unpacks a body, None if it came as it is.

    Args:
        headers: Those of the request.
        bound: Largest body, packed and unpacked [bytes].

    Raises:
        UnsupportedMediaType: It is coded in a way, or in several, that nobody here reads.
    """
    told = headers.get("Content-Encoding", "")
    names = [each for each in (part.strip().lower() for part in told.split(",")) if each not in ("", "identity")]
    if not names:
        return None
    if len(names) > 1 or names[0] not in CODINGS:
        raise UnsupportedMediaType(
            f"No Content-Encoding {told!r:.60} is read here, but {' and '.join(TAKEN)} are", accept_encoding=TAKEN
        )
    return Unpacking(CODINGS[names[0]], bound)


class Unpacking:
    """One body being unpacked. What it costs is bounded by the bound, whatever its sender has packed."""

    def __init__(self, coding: str, bound: int) -> None:
        self._coding, self._bound = coding, bound
        self._packed = self._unpacked = 0
        self._head = b""
        self._frame = zlib.decompressobj(GZIP) if coding == "gzip" else None

    def unpacked(self, chunk: bytes) -> bytes:
        """What a piece of the body is, unpacked.

        Raises:
            ContentTooLarge: The body is over the bound, packed or unpacked.
            BadRequest: It is not so coded.
        """
        self._packed += len(chunk)
        if self._packed > self._bound:
            raise self._too_large()
        if self._frame is None:
            self._head = chunk = self._head + chunk
            if len(chunk) < 2:
                return b""
            # RFC 9110, 8.4.1.2: "deflate" is zlib's frame; some clients send the bare stream.
            is_framed = chunk[0] & 0x0F == 8 and (chunk[0] << 8 | chunk[1]) % 31 == 0
            self._frame, self._head = zlib.decompressobj(ZLIB if is_framed else RAW), b""
        made = []
        while chunk:
            if self._frame.eof:
                if self._coding != "gzip":
                    raise self._broken("goes on after its end")
                self._frame = zlib.decompressobj(GZIP)  # RFC 1952, 2.2: a file is one or more members
            try:
                piece = self._frame.decompress(chunk, self._bound - self._unpacked + 1)
            except zlib.error:
                raise self._broken("is not so encoded") from None
            self._unpacked += len(piece)
            if self._unpacked > self._bound:
                raise self._too_large()
            made.append(piece)
            chunk = self._frame.unused_data if self._frame.eof else self._frame.unconsumed_tail
        return b"".join(made)

    def end(self) -> None:
        """Confirm that the body is whole; an empty one is.

        Raises:
            BadRequest: It ends too early.
        """
        if self._packed and (self._frame is None or not self._frame.eof):
            raise self._broken("is cut off")

    def _too_large(self) -> ContentTooLarge:
        return ContentTooLarge(f"The body is over {self._bound} bytes")

    def _broken(self, what: str) -> BadRequest:
        return BadRequest(f"The body says Content-Encoding: {self._coding}, but {what}")
