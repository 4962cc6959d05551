"""A pool without threads: tasks wait until somebody runs them, one after another."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from threading import Lock, Thread, current_thread

log = logging.getLogger("workbench.scheduler")


class InTurn:
    """Takes the place of `Pool` where time stands still while runs are made, as on a trip through it.

    A thread that settles runs what waits, in order, so that nothing is handed from thread to thread: a run that does
    nothing costs 0.1 ms in place of 0.5.
    """

    is_full = False
    bound = 1
    room = 1_000

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._turn = Lock()
        self._runs_on: Thread | None = None

    @property
    def is_here(self) -> bool:
        """Whether this thread runs what waits, or may, since no other one does."""
        return self._runs_on in (None, current_thread())

    @property
    def has_waiting(self) -> bool:
        """Whether tasks wait."""
        return bool(self._waiting)

    def submit(self, *tasks: Callable[[], None], urgent: bool = False) -> None:
        """Have tasks run by the next who settles; an urgent one before all others."""
        if urgent:
            self._waiting.extendleft(tasks)
        else:
            self._waiting.extend(tasks)

    def run_waiting(self) -> None:
        """Run what waits, and what that brings, on this thread; nothing if this or another thread does so already."""
        if not self._waiting or not self._turn.acquire(blocking=False):
            return
        self._runs_on = current_thread()
        try:
            while self._waiting:
                try:
                    self._waiting.popleft()()
                except Exception:
                    log.exception("a task of the scheduler failed")
        finally:
            self._runs_on = None
            self._turn.release()

    def close(self) -> None:
        """Nothing to let go of."""
