"""The threads that run services: a queue, a bound, and a spare for each call that hangs.

Threads are woken one at a time. A thread that takes a task wakes one more if others wait; when done it takes the next.
So a burst of short calls runs on one or two threads, without a fight for the interpreter's
lock, and calls that block still have a thread each. A `ThreadPoolExecutor` costs 4 times as much.
"""

from __future__ import annotations

import contextvars
import logging
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread, current_thread
from time import monotonic

from workbench.core.errors import ServiceUnavailable
from workbench.core.forking import forgets_when_forked

log = logging.getLogger("workbench.workers")

Soon = Callable[[Callable[[], None]], object]

WORKERS = 32
WAITING = 1000
STUCK_SECONDS = 1.0
"""How long no thread took a task before those that wait are refused, if as many hang as may: a burst is queued [s]."""


class Workers:
    """Threads named `workbench-worker-N`, started as they are needed.

    Args:
        size: Most threads at once, spares not counted.
        waiting: Most tasks that wait for a thread; one more is refused with ServiceUnavailable.
        now: A clock that never goes back [s].
        busy: Told when a thread begins to look for tasks (1), and when it sleeps or ends (-1).
    """

    def __init__(
        self,
        size: int = WORKERS,
        waiting: int = WAITING,
        now: Callable[[], float] = monotonic,
        busy: Callable[[int], object] = lambda change: None,
    ) -> None:
        self.size, self.waiting_bound, self._now, self._busy = size, waiting, now, busy
        self.forget()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: the threads and what waits for them are the parent's."""
        self._tasks: deque[Callable[[], None]] = deque()
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._lock = Lock()
        self._threads = self._asleep = self._spares = self._named = 0
        self._alive: set[Thread] = set()
        self._taken_at = 0.0  # kept while as many hang as may; nobody else asks
        self._waking = self._deferred = self._closed = False

    @property
    def waiting(self) -> int:
        """Tasks without a thread."""
        return max(0, len(self._tasks) - self._free)

    @property
    def _free(self) -> int:
        """Threads without a task: asleep, just woken, or not even started."""
        return self._asleep + self._waking + max(0, self.size + self._spares - self._threads)

    @property
    def is_stuck(self) -> bool:
        """Whether every thread is busy, as many hang as may, and none has taken a task for a while."""
        return self._spares >= self.size and self._free == 0 and self._now() - self._taken_at > STUCK_SECONDS

    def submit(self, task: Callable[[], None], soon: Soon | None = None) -> None:
        """Run `task` on a worker; it must not raise.

        Args:
            soon: Has a thread woken once the caller is through with what it does now, as a loop's `call_soon` does:
                a thread that runs at once would fight the caller for the interpreter's lock.

        Raises:
            ServiceUnavailable: Every worker is busy and the queue is full or does not move, or the workers are closed.
        """
        with self._lock:
            if self._closed:
                raise ServiceUnavailable("Stopping")
            if len(self._tasks) >= self.waiting_bound + self._free or self.is_stuck:
                raise ServiceUnavailable("All workers are busy")
            self._tasks.append(task)
            if soon is None:
                self._wake_if_needed()
            elif not self._deferred:
                self._deferred = True
                soon(self._wake_deferred)

    def _wake_deferred(self) -> None:
        with self._lock:
            self._deferred = False
            self._wake_if_needed()

    def _wake_if_needed(self) -> None:
        """Have one thread more look for tasks, unless one is on its way; with the lock held."""
        if self._waking or not self._tasks:
            return
        if self._asleep:
            self._waking = True
            self._asleep -= 1
            self._wakes.put(None)
        elif self._threads < self.size + self._spares:
            self._waking = True
            self._threads += 1
            self._named += 1
            context, name = contextvars.Context(), f"workbench-worker-{self._named}"
            thread = Thread(target=context.run, args=(self._work,), name=name, daemon=True)
            self._alive.add(thread)
            thread.start()

    def _work(self) -> None:
        woken = True
        self._busy(1)
        while (task := self._next(woken)) is not None:
            try:
                task()
            except BaseException:
                log.exception("a task of the workers failed")
            del task
            woken = False

    def _next(self, woken: bool) -> Callable[[], None] | None:
        """The next task as soon as there is one; None if the thread that asks is one too many."""
        while True:
            with self._lock:
                if woken:
                    self._waking = False
                task, is_surplus = None, self._closed or self._threads > self.size + self._spares
                if is_surplus:
                    self._threads -= 1
                    self._alive.discard(current_thread())
                elif self._tasks:
                    task = self._tasks.popleft()
                    if self._spares >= self.size:
                        self._taken_at = self._now()
                else:
                    self._asleep += 1
                self._wake_if_needed()
            if is_surplus:
                self._busy(-1)
            if task is not None or is_surplus:
                return task
            self._busy(-1)
            self._wakes.get()
            self._busy(1)
            woken = True

    def lend_spare(self) -> bool:
        """Allow one thread more, since one hangs; whether the bound (as many spares as workers) let it."""
        with self._lock:
            if self._spares >= self.size:
                return False
            self._spares += 1
            self._taken_at = self._now()
            self._wake_if_needed()
            return True

    def return_spare(self) -> None:
        """The thread that hung came back."""
        with self._lock:
            self._spares -= 1

    def close(self, wait_seconds: float = 1.0) -> None:
        """Have every thread end with its task, and wait for that at most `wait_seconds` [s]; a hung one stays."""
        with self._lock:
            self._closed = True
            alive = self._alive - {current_thread()}
            for _ in range(self._threads):
                self._wakes.put(None)
        deadline = monotonic() + wait_seconds
        for thread in alive:
            thread.join(max(0.0, deadline - monotonic()))
