"""What is kept under one key, and what a person is told of it."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

NEVER = -inf


class Kept:
    """One entry. Instants are readings of the monotonic clock [s], NEVER of what has not happened; `until` is inf for
    what never expires.
    """

    __slots__ = ("created", "expiry", "hits", "last_read", "last_write", "prev_read", "prev_write", "until", "value")

    def __init__(self, value: Any, now: float) -> None:
        self.value, self.created, self.last_write = value, now, now
        self.prev_write = self.last_read = self.prev_read = NEVER
        self.expiry, self.until, self.hits = 0.0, inf, 0

    def moved(self, seconds: float) -> Kept:
        """A copy by a monotonic clock that is so far ahead [s]."""
        copy = Kept(self.value, self.created + seconds)
        copy.last_write, copy.prev_write = self.last_write + seconds, self.prev_write + seconds
        copy.last_read, copy.prev_read = self.last_read + seconds, self.prev_read + seconds
        copy.expiry, copy.until, copy.hits = self.expiry, self.until + seconds, self.hits
        return copy

    def expire_in(self, seconds: float, now: float) -> None:
        """Have it expire so long from now [s]; never, if that is 0."""
        self.expiry, self.until = seconds, now + seconds if seconds else inf

    def entry(self, key: Any, position: int, epoch: float = 0.0) -> Entry:
        """What is told of it; `epoch` is the instant at which its clock read 0 [s since the epoch]."""

        def instant(reading: float) -> float:
            return epoch + reading if reading > NEVER else 0.0

        return Entry(
            key,
            self.value,
            position,
            created=instant(self.created),
            last_read=instant(self.last_read),
            prev_read=instant(self.prev_read),
            last_write=instant(self.last_write),
            prev_write=instant(self.prev_write),
            expiry=self.expiry,
            expires_at=epoch + self.until if self.expiry else 0.0,
            hits=self.hits,
        )

    def read(self, now: float, extends: bool) -> None:
        """Note that it was read; if that extends its time, it begins anew."""
        self.hits += 1
        self.prev_read, self.last_read = self.last_read, now
        if self.expiry and extends:
            self.until = now + self.expiry

    def write(self, value: Any, now: float) -> None:
        """Have another value."""
        self.value, self.prev_write, self.last_write = value, self.last_write, now


class Entry(NamedTuple):
    """An entry with all that is known of it, under Zato's names.

    Attributes:
        position: How many entries were used later; 0 is the last to go.
        created, last_read, prev_read, last_write, prev_write: Instants [s since the epoch]; 0.0 for never.
        expiry: For how long it is kept after it was set, or used where that extends it [s]; 0.0 is for ever.
        expires_at: When it goes [s since the epoch]; 0.0 is never.
        hits: How often it was read.
    """

    key: Any
    value: Any
    position: int
    created: float
    last_read: float
    prev_read: float
    last_write: float
    prev_write: float
    expiry: float
    expires_at: float
    hits: int

    @property
    def hash(self) -> int:
        """The hash of its key."""
        return hash(self.key)
