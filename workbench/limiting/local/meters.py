"""What counts calls for one line of a limit, in this process.

A meter is asked `full`, then told `take`, both under the lock of its object, so that the lines of one object count all
or none. Only a calendar meter may also be taken from without the lock: see `CalendarMeter`.
"""

from __future__ import annotations

from collections import deque
from itertools import repeat
from operator import length_hint
from typing import NamedTuple, Protocol

from workbench.limiting.local.rings import used_in, wait_of

CHUNK = 100_000


class Last(NamedTuple):
    """The last call a meter let through: when (on the meter's clock) [s], from where, under which CID."""

    at: float
    address: str | None
    cid: str


class Meter(Protocol):
    """The count of one line."""

    limit: int
    refused: int

    def full(self, now: float, key: str) -> bool:
        """Whether one more call of this caller would be one over."""
        ...

    def take(self, now: float, key: str, address: str | None, cid: str) -> bool:
        """Count one call, which `full` has just allowed at the same `now`; False if another thread was quicker."""
        ...

    def left(self, now: float, key: str) -> int:
        """Calls this caller may still make now."""
        ...

    def wait(self, now: float, key: str) -> float:
        """Time until a full count takes calls again, or a count starts anew [s]."""
        ...

    def last(self, key: str) -> Last | None:
        """The last call let through, as far as it is remembered."""
        ...

    def change(self, limit: int) -> None:
        """Go on from the same count with another rate."""
        ...

    def clear(self) -> None:
        """Forget all counts."""
        ...

    def used(self, now: float) -> tuple[int, int]:
        """Calls counted now: by the fullest caller that shares one count, and callers counted apart (else 0)."""
        ...


class CalendarMeter:
    """At most `limit` calls in each window that starts at a multiple of `length` since the epoch, UTC.

    Calls of a window are tokens, handed out by an `itertools.repeat`: one `next` is one C call, which the interpreter
    never splits between threads, so it is exact without a lock (a lock costs more than the whole check). A taker reads
    `window` BEFORE the clock: its token is then of a window that the clock was in after `window` was read. Tokens come
    in chunks; a new chunk and a new window are made under the lock only. A step of the clock back by less than a window
    keeps the window; a longer one starts anew. Proved by tests/limiting/test_hostile.py.
    """

    __slots__ = ("issued", "last_taken", "length", "limit", "refused", "window")

    def __init__(self, limit: int, length: float) -> None:
        self.limit, self.length = max(0, limit), length
        self.issued = self.refused = 0
        self.window: tuple[float, float, repeat[int]] = (0.0, 0.0, repeat(1, 0))
        self.last_taken: Last | tuple[float, str | None, str] | None = None

    def turn(self, now: float) -> None:
        """Start the window that `now` is in, unless it has started."""
        floor, end, _ = self.window
        if not floor <= now < end:
            start = now // self.length * self.length
            self.issued = min(self.limit, CHUNK)
            self.window = (start - self.length, start + self.length, repeat(1, self.issued))

    def more(self) -> bool:
        """Once the chunk is used up: hand out the next, if the window has more."""
        floor, end, tokens = self.window
        if length_hint(tokens):
            return True
        extra = min(self.limit - self.issued, CHUNK)
        if extra <= 0:
            return False
        self.issued += extra
        self.window = (floor, end, repeat(1, extra))
        return True

    def full(self, now: float, key: str) -> bool:
        self.turn(now)
        return not self.more()

    def take(self, now: float, key: str, address: str | None, cid: str) -> bool:
        if next(self.window[2], None) is None:
            return False
        self.last_taken = (now, address, cid)
        return True

    def give_back(self) -> None:
        """Undo one take: a further line of the object refused the call."""
        self.issued -= 1

    def left(self, now: float, key: str) -> int:
        floor, end, tokens = self.window
        used = self.issued - length_hint(tokens) if floor <= now < end else 0
        return max(0, self.limit - used)

    def wait(self, now: float, key: str) -> float:
        floor, end, _ = self.window
        return end - now if floor <= now < end else self.length - now % self.length

    def last(self, key: str) -> Last | None:
        taken = self.last_taken
        return None if taken is None else Last(*taken)

    def change(self, limit: int) -> None:
        floor, end, tokens = self.window
        self.issued -= sum(tokens)  # one C call: whoever still holds the old tokens finds none left
        self.limit = max(0, limit)
        self.window = (floor, end, repeat(1, 0))
        self.more()

    def clear(self) -> None:
        self.issued, self.last_taken = 0, None
        self.window = (0.0, 0.0, repeat(1, 0))

    def used(self, now: float) -> tuple[int, int]:
        floor, end, tokens = self.window
        return (self.issued - length_hint(tokens) if floor <= now < end else 0), 0


class SlidingMeter:
    """At most `limit` calls in any span of `length`, both ends included; remembers the instant of each."""

    __slots__ = ("last_taken", "length", "limit", "refused", "stamps")

    def __init__(self, limit: int, length: float) -> None:
        self.limit, self.length, self.refused = max(0, limit), length, 0
        self.stamps: deque[float] = deque()
        self.last_taken: Last | tuple[float, str | None, str] | None = None

    def full(self, now: float, key: str) -> bool:
        stamps = self.stamps
        return len(stamps) >= self.limit and (not stamps or now - stamps[0] <= self.length)

    def take(self, now: float, key: str, address: str | None, cid: str) -> bool:
        stamps = self.stamps
        stamps.append(now)
        if len(stamps) > self.limit:
            stamps.popleft()
        self.last_taken = (now, address, cid)
        return True

    def left(self, now: float, key: str) -> int:
        return max(0, self.limit - self.used(now)[0])

    def wait(self, now: float, key: str) -> float:
        return wait_of(self.stamps, now, self.length)

    def last(self, key: str) -> Last | None:
        return None if self.last_taken is None else Last(*self.last_taken)

    def change(self, limit: int) -> None:
        self.limit = max(0, limit)
        while len(self.stamps) > self.limit:
            self.stamps.popleft()

    def clear(self) -> None:
        self.stamps.clear()
        self.last_taken = None

    def used(self, now: float) -> tuple[int, int]:
        return used_in(self.stamps, now, self.length), 0
