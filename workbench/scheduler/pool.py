"""The threads that runs happen on: started when they are needed, kept for the next run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from threading import Lock, Thread

from workbench.core.forking import forgets_when_forked

log = logging.getLogger("workbench.scheduler")
_numbers = count(1)


class Pool:
    """Up to `most` daemon threads named `workbench-job-N`, fed by one queue.

    A `SimpleQueue` hands over a task in about a quarter of an executor's time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.forget()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: the threads and what waits for them are the parent's."""
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._free = self._waiting = 0

    def submit(self, task: Callable[[], None], *, urgent: bool = False) -> None:
        """Have `task` called on a thread; an urgent one gets a thread beyond the bound if none is free."""
        with self._lock:
            if self._free:
                self._free -= 1
            elif urgent or len(self._threads) < self._most:
                self._start()
            else:
                self._waiting += 1
        self._tasks.put(task)

    def close(self) -> None:
        """Have each thread end after its task; does not wait."""
        with self._lock:
            for _ in self._threads:
                self._tasks.put(None)

    def _start(self) -> None:
        thread = Thread(target=self._work, name=f"workbench-job-{next(_numbers)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except BaseException:
                log.exception("a task of the scheduler failed")
            del task
            with self._lock:
                if self._waiting:
                    self._waiting -= 1
                else:
                    self._free += 1
