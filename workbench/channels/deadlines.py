"""What must be over by a time: calls of services, senders of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Ends what is late. One pass every so often costs less than a timer each; all on the loop's thread.

    Args:
        late: Ends one thing that is late; its deadline is lifted before.
        sweep_seconds: Time between two passes, and so the most that a deadline is overrun [s].
        now: A clock that never goes back [s].
    """

    def __init__(self, late: Callable[[T], None], sweep_seconds: float, now: Callable[[], float] = monotonic) -> None:
        self._late, self._sweep_seconds, self._now = late, sweep_seconds, now
        self._deadline_by_thing: dict[T, float] = {}
        self._sweeping = False

    def __len__(self) -> int:
        return len(self._deadline_by_thing)

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._deadline_by_thing))

    @property
    def left_seconds(self) -> float:
        """How long the thing with the most time still has [s]; 0 if there is none."""
        return max(self._deadline_by_thing.values(), default=self._now()) - self._now()

    def put(self, thing: T, seconds: float) -> None:
        """Give a thing this long from now [s], instead of what it had."""
        self._deadline_by_thing[thing] = self._now() + seconds
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)

    def lift(self, thing: T) -> bool:
        """Let a thing be; whether it had a deadline and was in time."""
        return self._deadline_by_thing.pop(thing, None) is not None

    def _sweep(self) -> None:
        now = self._now()
        try:
            for thing in [each for each, deadline in self._deadline_by_thing.items() if deadline <= now]:
                if self.lift(thing):
                    self._late(thing)
        finally:  # the loop logs what ending one of them raised; the others are ended all the same
            self._sweeping = bool(self._deadline_by_thing)
            if self._sweeping:
                asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)
