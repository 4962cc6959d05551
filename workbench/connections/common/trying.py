"""A call that may be tried again: how often, how long, and what cuts it when its time is over."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

from msgspec import Meta

from workbench.connections.common.errors import Interrupted
from workbench.core.errors import ConnectionFailed, DeadlineExceeded

T = TypeVar("T")

BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 10.0
Deadline = Annotated[float, Meta(gt=0, le=86_400, description="Longest whole call, retries included [s].")]
Retries = Annotated[int, Meta(ge=0, le=20, description="Further tries after a failure that may pass.")]


class Due:
    """When a call must have ended; without `seconds` [s] it may take as long as its single steps do."""

    __slots__ = ("at", "seconds")

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        self.at = None if seconds is None else time.monotonic() + seconds

    def left(self, most: float) -> float:
        """How long the next step may take: `most` [s], or what is left if that is less; never 0 [s]."""
        return most if self.at is None else max(min(most, self.at - time.monotonic()), 0.001)

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return self.over_in(0.0)

    def over_in(self, seconds: float) -> bool:
        """Whether the time will be over then [s]."""
        return self.at is not None and time.monotonic() + seconds >= self.at

    @contextmanager
    def cutting(self, cut: Callable[[], object]) -> Iterator[None]:
        """Have `cut` called if the time ends within this block; it closes what the block waits for.

        A peer that sends drop by drop never keeps a socket silent for long enough to time out.
        """
        if self.at is None:
            yield
            return
        entry = _watch.add(self.at, cut)
        try:
            yield
        finally:
            entry.cut = None


class _Entry:
    __slots__ = ("at", "cut", "order")
    orders = itertools.count()

    def __init__(self, at: float, cut: Callable[[], object]) -> None:
        self.at, self.order = at, next(_Entry.orders)
        self.cut: Callable[[], object] | None = cut

    def __lt__(self, other: _Entry) -> bool:
        return (self.at, self.order) < (other.at, other.order)


class _Watch:
    """One thread for all deadlines, named `workbench-deadlines`; started by the first."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, at: float, cut: Callable[[], object]) -> _Entry:
        entry = _Entry(at, cut)
        with self._changed:
            while self._entries and self._entries[0].cut is None:
                heapq.heappop(self._entries)
            heapq.heappush(self._entries, entry)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._live, name="workbench-deadlines", daemon=True)
                self._thread.start()
            elif self._entries[0] is entry:
                self._changed.notify()
        return entry

    def _live(self) -> None:
        while True:
            with self._changed:
                while not self._entries or (wait := self._entries[0].at - time.monotonic()) > 0:
                    self._changed.wait(wait if self._entries else None)
                entry = heapq.heappop(self._entries)
                cut = entry.cut
            if cut is not None:
                try:
                    cut()
                except OSError:
                    continue


_watch = _Watch()


def backoff(attempt: int, first_seconds: float = BACKOFF_SECONDS) -> float:
    """How long to wait after a failed attempt, counted from 1 [s]: twice as long each time, at most 15 s."""
    # Some of it by chance, so that many who were cut at once do not come back at once.
    longest: float = min(first_seconds * 2 ** (attempt - 1), LONGEST_BACKOFF_SECONDS)
    return longest * random.uniform(1, 1.5)


def trying(who: object, work: Callable[[Due, int], T], due: Due, retries: int) -> T:
    """Call `work(due, attempt)` until it does not raise Interrupted; attempts count from 1.

    Raises:
        DeadlineExceeded: It did not end well in time.
        Interrupted: It was interrupted once more than there are `retries`.
    """
    for attempt in itertools.count(1):
        try:
            return work(due, attempt)
        except Interrupted as exc:
            wait = exc.after_seconds
            if wait is None:
                wait = backoff(attempt)
            if due.over or (attempt <= retries and due.over_in(wait)):
                raise late(who, due, attempt) from exc
            if attempt > retries:
                raise
            time.sleep(wait)
    raise AssertionError("every try returns or raises")


def surely(who: object, work: Callable[[Due, int], T], due: Due, retries: int) -> T:
    """The same for one step of many: raises ConnectionFailed, not Interrupted, so that outer code does not retry.

    Raises:
        DeadlineExceeded: It did not end well in time.
        ConnectionFailed: It was interrupted once more than there are `retries`.
    """
    try:
        return trying(who, work, due, retries)
    except Interrupted as exc:
        # A sentence ends with what to do.
        said, fix, what = str(exc).partition("Fix: ")
        raise ConnectionFailed(f"{said.rstrip()} {retries + 1} tries were made. {fix}{what}".rstrip()) from exc


def late(who: object, due: Due, attempt: int = 1) -> DeadlineExceeded:
    """The error of a call whose time is over."""
    tries = f"{attempt} {'try' if attempt == 1 else 'tries'}"
    return DeadlineExceeded(
        f"{who} did not do it within {due.seconds or 0:g} s ({tries}). "
        f"Fix: check that it is up and reachable, or raise deadline_seconds."
    )
