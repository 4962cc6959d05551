"""Sessions with another system: kept open between calls, one per thread in use, a bounded number of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import Generic, Protocol, TypeVar

from workbench.connections.common.errors import Refused
from workbench.connections.common.trying import Due
from workbench.core.errors import DeadlineExceeded

KEEP_SECONDS = 60.0


class Session(Protocol):
    """One conversation with the other side, used by one thread at a time."""

    @property
    def is_dead(self) -> bool:
        """Whether the other side has hung up, as far as can be told without asking it."""
        ...

    def cut(self) -> None:
        """End it at once, from any thread: whoever waits for it gets an error."""
        ...

    def leave(self) -> None:
        """End it politely, without waiting."""
        ...


S = TypeVar("S", bound=Session)


class Pool(Generic[S]):
    """Up to `size` sessions.

    Args:
        owner: Whose they are, for errors.
        new: Opens one more, within the time given.
        size: Most sessions at once.
        patience_seconds: Longest wait for one to become free [s].
    """

    def __init__(self, owner: object, new: Callable[[Due], S], size: int, patience_seconds: float) -> None:
        self._owner, self._new, self._size, self._patience = owner, new, size, patience_seconds
        self._free = BoundedSemaphore(size)
        self._idle: deque[tuple[S, float]] = deque()
        self._lock = Lock()
        self._generation = 0

    def take(self, due: Due) -> Taken[S]:
        """A session for this thread; give it back, or drop it after an error.

        Raises:
            DeadlineExceeded: All are in use, and none became free in time.
        """
        if not self._free.acquire(timeout=due.left(self._patience)):
            raise DeadlineExceeded(
                f"{self._owner}: all {self._size} sessions are in use, by calls or by streams that nobody closed. "
                f"Fix: close streams (with conn.open(...) as stream:), or raise pool_size."
            )
        generation = self._generation
        try:
            session = self._kept()
            return Taken(self, self._new(due) if session is None else session, generation, session is not None)
        except BaseException:
            self._free.release()
            raise

    @contextmanager
    def session(self, due: Due) -> Iterator[S]:
        """A session for one call, cut when the call's time is over; dropped if an error says nothing of its state."""
        taken = self.take(due)
        try:
            with due.cutting(taken.session.cut):
                yield taken.session
        except BaseException as exc:
            taken.end(keep=isinstance(exc, Refused))
            raise
        taken.end(keep=True)

    def close(self) -> None:
        """Leave every idle session; those in use end when they are given back."""
        with self._lock:
            self._generation += 1
            idle, self._idle = self._idle, deque()
        for session, _ in idle:
            session.leave()

    def _kept(self) -> S | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                session, since = self._idle.pop()
            if monotonic() - since < KEEP_SECONDS and not session.is_dead:
                return session
            session.leave()

    def _give_back(self, session: S, generation: int, keep: bool) -> None:
        try:
            if keep:
                with self._lock:
                    if generation == self._generation:
                        self._idle.append((session, monotonic()))
                        return
            else:
                session.cut()
            session.leave()
        finally:
            self._free.release()


class Taken(Generic[S]):
    """A session in use; `was_idle` if it had been open before."""

    __slots__ = ("_ended", "_generation", "_pool", "session", "was_idle")

    def __init__(self, pool: Pool[S], session: S, generation: int, was_idle: bool) -> None:
        self._pool, self.session, self._generation, self.was_idle = pool, session, generation, was_idle
        self._ended = False

    def end(self, keep: bool) -> None:
        """Give it back for others, or drop it."""
        if not self._ended:
            self._ended = True
            self._pool._give_back(self.session, self._generation, keep)
