"""How soon a thread gets the interpreter from one that computes, while a server runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from workbench.core.forking import forgets_when_forked

SWITCH_SECONDS = 0.0001
"""How long a thread waits before it asks for the interpreter, for each thread at work [s]."""

LONGEST_SWITCH_SECONDS = 0.0005
"""How long it waits at most [s]."""


class Switching:
    """Has threads change places often while a server runs; the first to begin and the last to end count.

    A call changes hands about five times, and waits each time for what computes beside it, a cell for instance: 5 ms
    if Python decides. But each thread that waits wakes up as often: beside 15 others one takes 13 % more CPU time at
    0.5 ms than at 5 ms, and 65 % more at 0.1 ms; beside 3 others 8 % more at either. So it is 0.1 ms for each thread
    at work, and 0.5 ms at most. Measured with pieces of work of 0.5 ms, each followed by 1 ms of rest.
    """

    def __init__(self) -> None:
        self._lock, self._running, self._at_work, self._former = Lock(), 0, 0, 0.0
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: servers, and threads at work, are the parent's."""
        if self._running:
            sys.setswitchinterval(self._former)
        self._lock, self._running, self._at_work = Lock(), 0, 0

    def begin(self) -> None:
        """A server starts."""
        with self._lock:
            if not self._running:
                self._former = sys.getswitchinterval()
            self._running += 1
            self._set()

    def end(self) -> None:
        """A server has stopped."""
        with self._lock:
            self._running -= 1
            if not self._running:
                sys.setswitchinterval(self._former)

    def busy(self, change: int) -> None:
        """So many more threads are at work, or fewer."""
        with self._lock:
            self._at_work += change
            if self._running:
                self._set()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """This thread is at work for as long as the block lasts."""
        self.busy(1)
        try:
            yield
        finally:
            self.busy(-1)

    def _set(self) -> None:
        sys.setswitchinterval(min(SWITCH_SECONDS * max(1, self._at_work), LONGEST_SWITCH_SECONDS))


SWITCHING = Switching()
"""The interpreter has one such time, for all workbenches of a process."""
