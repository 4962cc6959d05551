"""Rings of instants: the newest `limit` calls of one caller, for sliding windows.

A ring is its stamps after their oldest one's index; it grows up to `limit`, then turns.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left


def ring_full(ring: array[float], limit: int, now: float, length: float) -> bool:
    """Whether the last `limit` stamps all lie within `length` before now, both ends included."""
    return limit <= 0 or (len(ring) > limit and now - ring[int(ring[0])] <= length)


def ring_take(ring: array[float], limit: int, now: float) -> None:
    """Put a stamp in place of the oldest."""
    if len(ring) <= limit:
        ring.append(now)
    else:
        oldest = int(ring[0])
        ring[oldest] = now
        ring[0] = oldest + 1 if oldest < limit else 1


def ring_stamps(ring: array[float]) -> array[float]:
    """The stamps, the oldest first."""
    oldest = int(ring[0])
    return ring[oldest:] + ring[1:oldest]


def ring_of(stamps: array[float], limit: int) -> array[float]:
    """A ring of the newest `limit` stamps."""
    return array("d", [1.0]) + (stamps[-limit:] if limit > 0 else array("d"))


def ring_used(ring: array[float], now: float, length: float) -> int:
    stamps = ring_stamps(ring)
    return len(stamps) - bisect_left(stamps, now - length)


def ring_wait(ring: array[float], limit: int, now: float, length: float) -> float:
    if len(ring) > max(limit, 1):
        return max(0.0, ring[int(ring[0])] + length - now)
    return length if len(ring) == 1 else max(0.0, ring_stamps(ring)[0] + length - now)
