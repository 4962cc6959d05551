"""The threads that runs happen on: started when they are needed, kept for the next run."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from itertools import count
from threading import Condition, Thread
from time import monotonic
from typing import NamedTuple

from workbench.core.forking import forgets_when_forked

log = logging.getLogger("workbench.scheduler")
_numbers = count(1)

SIDE_BY_SIDE = 2
"""Threads that take a task at once; the others take only what has waited, since those before it are slow."""

PATIENCE_SECONDS = 0.002
"""How long a task waits for quick ones before it [s]; one quick run takes about 0.2 ms."""


class _Waiting(NamedTuple):
    """A task in the queue, since when [s], and whether it may wait for others."""

    task: Callable[[], None]
    since: float
    urgent: bool


class Pool:
    """Up to `most` daemon threads named `workbench-job-N`, fed by one queue.

    Twenty quick runs that are due at once, each on a thread of its own, take the interpreter's lock from each other:
    half of them begin after 3.0 ms and the last after 9 ms, on two threads after 2.0 and 4 ms. So a thread stands by,
    and lends a hand when the first in the queue has waited.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.forget()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: the threads and what waits for them are the parent's."""
        self._changed = Condition()
        self._queue: deque[_Waiting] = deque()
        self._threads: list[Thread] = []
        self._free = self._running = 0
        self._stands_by = self._closed = False

    def submit(self, task: Callable[[], None], *, urgent: bool = False) -> None:
        """Have `task` called on a thread; an urgent one is next, on a thread beyond the bound if none is free."""
        with self._changed:
            waiting = _Waiting(task, monotonic(), urgent)
            if urgent:
                self._queue.appendleft(waiting)
            else:
                self._queue.append(waiting)
            if urgent or self._running < SIDE_BY_SIDE or not self._stands_by:
                self._call_one(urgent)

    @property
    def is_full(self) -> bool:
        """Whether every thread is at work, so that a task must wait for one."""
        return self._running >= self._most

    def close(self) -> None:
        """Have each thread end once nothing waits; does not wait for them."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _call_one(self, urgent: bool = False) -> None:
        if self._free:
            self._changed.notify()
        elif urgent or len(self._threads) < self._most:
            thread = Thread(target=self._work, name=f"workbench-job-{next(_numbers)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            try:
                task()
            except BaseException:
                log.exception("a task of the scheduler failed")
            del task
            with self._changed:
                self._running -= 1

    def _next(self) -> Callable[[], None] | None:
        """Wait for a task of one's own; None when the pool is closed and nothing waits."""
        with self._changed:
            while not self._may_take():
                if self._closed and not self._queue:
                    return None
                self._free += 1
                if self._queue and not self._stands_by:
                    self._stands_by = True
                    self._changed.wait(self._queue[0].since + PATIENCE_SECONDS - monotonic())
                    self._stands_by = False
                else:
                    self._changed.wait()
                self._free -= 1
            self._running += 1
            task = self._queue.popleft().task
            if self._queue and (self._queue[0].urgent or not self._stands_by):
                self._call_one(self._queue[0].urgent)
            return task

    def _may_take(self) -> bool:
        if not self._queue:
            return False
        first = self._queue[0]
        return first.urgent or self._running < SIDE_BY_SIDE or monotonic() - first.since >= PATIENCE_SECONDS
