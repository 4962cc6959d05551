"""Rings of instants in a bytearray: the newest `limit` calls of one caller, for sliding windows of a million callers.

A ring is the offset of its oldest stamp, then the stamps; it grows up to `limit`, then turns. A bytearray, since the
garbage collector walks through every `array` or `deque` there is, a million of them in 0.2 s, while all calls wait.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from struct import Struct

_OFFSET, _STAMP = Struct("q"), Struct("d")
_START = _OFFSET.pack(8)


def ring_of(stamps: Sequence[float]) -> bytearray:
    """A ring of stamps, the oldest first."""
    return bytearray(_START + array("d", stamps).tobytes())


def ring_full(ring: bytearray, limit: int, now: float, length: float) -> bool:
    """Whether the last `limit` stamps all lie within `length` before now, both ends included."""
    if len(ring) <= 8 * limit:
        return False
    return limit <= 0 or now - _STAMP.unpack_from(ring, _OFFSET.unpack_from(ring)[0])[0] <= length


def ring_take(ring: bytearray, limit: int, now: float) -> None:
    """Put a stamp in place of the oldest."""
    if len(ring) <= 8 * limit:
        ring += _STAMP.pack(now)
        return
    (oldest,) = _OFFSET.unpack_from(ring)
    _STAMP.pack_into(ring, oldest, now)
    _OFFSET.pack_into(ring, 0, oldest + 8 if oldest < 8 * limit else 8)


def ring_stamps(ring: bytearray) -> array[float]:
    """The stamps, the oldest first."""
    (oldest,) = _OFFSET.unpack_from(ring)
    stamps = array("d")
    stamps.frombytes(bytes(ring[oldest:] + ring[8:oldest]))
    return stamps


def used_in(stamps: Sequence[float], now: float, length: float) -> int:
    """How many of the stamps lie within `length` before now."""
    return len(stamps) - bisect_left(stamps, now - length)


def wait_of(stamps: Sequence[float], now: float, length: float) -> float:
    """Time until the oldest stamp of the span leaves it; all of it if there is none [s]."""
    oldest = bisect_left(stamps, now - length)
    return stamps[oldest] + length - now if oldest < len(stamps) else length
