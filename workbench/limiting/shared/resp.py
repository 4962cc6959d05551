"""The little of Redis' protocol that counters speak: commands as arrays of bulk strings, RESP2 replies."""

from __future__ import annotations

from typing import Any


class ReplyError(Exception):
    """The server refused a command."""


class _Incomplete(Exception):
    pass


def command(*words: str | bytes | int) -> bytes:
    """One command on the wire."""
    return b"*%d\r\n" % len(words) + b"".join(map(bulk, words))


def bulk(word: str | bytes | int) -> bytes:
    """One word of a command on the wire."""
    raw = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogateescape")
    return b"$%d\r\n%s\r\n" % (len(raw), raw)


class Replies:
    """Takes bytes as they come, gives whole replies; a refusal comes as a ReplyError, not raised."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, received: bytes) -> list[Any]:
        """The replies that are complete now, in order."""
        self._bytes += received
        replies, at = [], 0
        try:
            while at < len(self._bytes):
                reply, at = _read(self._bytes, at)
                replies.append(reply)
        except _Incomplete:
            pass
        self._bytes = self._bytes[at:]
        return replies


def _read(received: bytes, at: int) -> tuple[Any, int]:
    end = received.find(b"\r\n", at)
    if end < 0:
        raise _Incomplete
    kind, text, after = received[at : at + 1], received[at + 1 : end], end + 2
    if kind == b":":
        return int(text), after
    if kind == b"+":
        return text.decode(), after
    if kind == b"-":
        return ReplyError(text.decode("utf-8", "replace")), after
    if kind == b"$":
        return _read_bulk(received, int(text), after)
    if kind == b"*":
        if text == b"-1":
            return None, after
        items = []
        for _ in range(int(text)):
            item, after = _read(received, after)
            items.append(item)
        return items, after
    raise ReplyError(f"the server sent {kind!r}, which is no reply of Redis")


def _read_bulk(received: bytes, length: int, at: int) -> tuple[bytes | None, int]:
    if length < 0:
        return None, at
    if len(received) < at + length + 2:
        raise _Incomplete
    return received[at : at + length], at + length + 2
