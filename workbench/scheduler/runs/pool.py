"""The threads that runs happen on: started when needed, kept for the next run, with a spare for each slow one."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from itertools import count, islice
from math import inf
from threading import Condition, Thread, current_thread
from time import monotonic
from typing import NamedTuple

from workbench.core.forking import forgets_when_forked

log = logging.getLogger("workbench.scheduler")
_numbers = count(1)

SIDE_BY_SIDE = 2
"""Threads that take a task at once; the others take only what has waited, since those before it are slow."""

PATIENCE_SECONDS = 0.002
"""How long a task waits for quick ones before it [s]; one quick run takes about 0.2 ms."""


SLOW_SECONDS = 0.5
"""Length of a task from which it no longer counts among those that run side by side [s]."""

SPARES = 48
"""Threads beyond the bound that stand in for those whose task is slow."""


class _Waiting(NamedTuple):
    """A task in the queue, since when [s], and whether it may wait for others."""

    task: Callable[[], None]
    since: float
    urgent: bool


class Pool:
    """Up to `most` quick tasks side by side on daemon threads named `workbench-job-N`, fed by one queue.

    Twenty quick runs that are due at once, each on a thread of its own, take the interpreter's lock from each other:
    half of them begin after 3.0 ms and the last after 9 ms, on two threads after 2.0 and 4 ms. So a thread stands by,
    and lends a hand when the first in the queue has waited. Tasks that hang hold up nobody: whatever takes longer than
    SLOW_SECONDS makes room for another one, `spares` times at most; a thread that is one too many ends with its task.
    """

    def __init__(self, most: int, spares: int = SPARES) -> None:
        self._most, self._spares = most, spares
        self.forget()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: the threads and what waits for them are the parent's."""
        self._changed = Condition()
        self._queue: deque[_Waiting] = deque()
        self._began: dict[Thread, float] = {}
        self._threads = self._free = self._coming = 0
        self._closed = False
        self._looks_at = inf  # when the thread that stands by looks at the queue [s]

    def submit(self, *tasks: Callable[[], None], urgent: bool = False) -> None:
        """Have tasks called on threads; an urgent one is next, on a thread beyond the bound if none is free."""
        now = monotonic()
        with self._changed:
            for task in tasks:
                waiting = _Waiting(task, now, urgent)
                if urgent:
                    self._queue.appendleft(waiting)
                else:
                    self._queue.append(waiting)
            # Each of those that are called calls the next one, if there is more.
            if urgent or len(self._began) < SIDE_BY_SIDE or self._looks_at == inf:
                self._call_one(urgent)

    @property
    def is_here(self) -> bool:
        """Whether this thread is one of the pool's, at work."""
        return current_thread() in self._began

    @property
    def has_waiting(self) -> bool:
        """Whether tasks wait for a thread."""
        return bool(self._queue)

    @property
    def room(self) -> int:
        """How many more tasks are sure to get a thread, however long those before them take; 1 at least."""
        return max(1, self.bound - len(self._began) - len(self._queue))

    def run_waiting(self) -> None:
        """Nothing: what waits has threads of its own."""

    @property
    def is_full(self) -> bool:
        """Whether every thread is at work, so that a task must wait for one."""
        return len(self._began) >= self.bound

    @property
    def bound(self) -> int:
        """Most threads, those that stand in for slow tasks included."""
        return self._most + self._spares

    def close(self) -> None:
        """Have each thread end once nothing waits; does not wait for them."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _call_one(self, urgent: bool = False) -> None:
        is_wanted = self._coming < max(1, SIDE_BY_SIDE - len(self._began)) and self._threads < self._most + self._spares
        if self._free:
            self._changed.notify()
        elif urgent or is_wanted:
            self._threads += 1
            self._coming += 1
            Thread(target=self._work, name=f"workbench-job-{next(_numbers)}", daemon=True).start()

    def _work(self) -> None:
        me, is_new = current_thread(), True
        while (task := self._next(me, is_new)) is not None:
            is_new = False
            try:
                task()
            except BaseException:
                log.exception("a task of the scheduler failed")
            del task
            with self._changed:
                del self._began[me]

    def _next(self, me: Thread, is_new: bool) -> Callable[[], None] | None:
        """Wait for a task of one's own; None if the pool is closed and nothing waits, or the thread is one too many."""
        with self._changed:
            self._coming -= is_new
            while (seconds := self._seconds_to_wait()) is None or seconds > 0:
                if not self._queue and (self._closed or self._threads > self._most):
                    self._threads -= 1
                    return None
                self._free += 1
                if seconds is not None and (at := monotonic() + seconds) < self._looks_at:
                    self._looks_at = at
                    self._changed.wait(seconds)
                    self._looks_at = inf
                else:
                    self._changed.wait()
                self._free -= 1
            self._began[me] = monotonic()
            task = self._queue.popleft().task
            if self._queue and (self._queue[0].urgent or self._looks_at == inf):
                self._call_one(self._queue[0].urgent)
            return task

    def _seconds_to_wait(self) -> float | None:
        """How long the first in the queue must still wait; None if the queue is empty."""
        if not self._queue:
            return None
        first, running = self._queue[0], len(self._began)
        if first.urgent or running < SIDE_BY_SIDE:
            return 0
        at = first.since + PATIENCE_SECONDS
        if running >= self._most:
            # One task more than may run beyond the bound must have become slow; the oldest come first.
            oldest = next(islice(self._began.values(), running - self._most, None))
            at = max(at, oldest + SLOW_SECONDS)
        return at - monotonic()
