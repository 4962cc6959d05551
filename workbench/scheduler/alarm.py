"""Wakes the scheduler when the next job is due. The only file that knows APScheduler."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC
from math import inf
from threading import Event, Thread
from typing import Any

from apscheduler.events import EVENT_SCHEDULER_STARTED
from apscheduler.schedulers.blocking import BlockingScheduler

LONGEST_SLEEP_SECONDS = 1.0
"""How long the alarm sleeps at most, so that a clock that was set is noticed."""

_log = logging.getLogger("workbench.scheduler.alarm")
_log.setLevel(logging.WARNING)


class _Waking(BlockingScheduler):  # type: ignore[misc]
    """APScheduler's loop, its sleep and its end, without jobs of its own: one job there costs 0.2 ms each time."""

    def __init__(self, look: Callable[[], float]) -> None:
        super().__init__(timezone=UTC, logger=_log)
        self._look = look

    def _process_jobs(self) -> float:
        """Look what is due; how long to sleep then [s]."""
        return self._look()


class Alarm:
    """Looks at the clock when the next job is due and once a second at least, on a thread named `workbench-clock`."""

    def __init__(self, tick: Callable[[], Any], seconds_to_next: Callable[[], float]) -> None:
        """Make an alarm that is not yet set.

        Args:
            tick: Called when a job may be due; must neither block nor raise.
            seconds_to_next: How long until the next planned time [s], 0 if it has come.
        """
        self._tick, self._seconds_to_next = tick, seconds_to_next
        self._wakes_at = inf
        """When the thread wakes by itself [s of the monotonic clock]."""
        self._scheduler = _Waking(self._look)
        self._started = Event()
        self._scheduler.add_listener(lambda event: self._started.set(), EVENT_SCHEDULER_STARTED)
        self._thread = Thread(target=self._scheduler.start, name="workbench-clock", daemon=True)

    def start(self) -> None:
        """Begin to wake."""
        self._thread.start()
        self._started.wait(10)

    def wake(self) -> None:
        """Look again when the next job is due, since that has changed; costs little if it is not sooner."""
        # Once it has started it looks by itself.
        if self._started.is_set() and time.monotonic() + self._seconds_to_next() < self._wakes_at:
            self._scheduler.wakeup()

    def stop(self) -> None:
        """End the thread."""
        self._scheduler.shutdown(wait=False)
        self._thread.join(5)

    def _look(self) -> float:
        # Whoever changes what is due from here on wakes it again.
        self._wakes_at = inf
        self._tick()
        self._wakes_at = time.monotonic() + LONGEST_SLEEP_SECONDS
        seconds = min(self._seconds_to_next(), LONGEST_SLEEP_SECONDS)
        self._wakes_at = time.monotonic() + seconds
        return seconds
