"""Wakes the scheduler when the next job is due. The only file that knows APScheduler."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from typing import Any

from apscheduler.events import EVENT_SCHEDULER_STARTED
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.base import BaseTrigger

LONGEST_SLEEP_SECONDS = 1.0
"""How long the alarm sleeps at most, so that a clock that was set is noticed."""

_ID = "workbench"

# One line per wake-up would bury whatever else an application logs at level INFO.
logging.getLogger(f"apscheduler.executors.{_ID}").setLevel(logging.WARNING)
_log = logging.getLogger("workbench.scheduler.alarm")
_log.setLevel(logging.WARNING)


class _Next(BaseTrigger):  # type: ignore[misc]
    """Fires at the scheduler's next planned time, or after one second, whichever is sooner."""

    def __init__(self, seconds_to_next: Callable[[], float]) -> None:
        self._seconds_to_next = seconds_to_next
        self._lock = Lock()
        self._at = datetime.max.replace(tzinfo=UTC)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        with self._lock:
            # APScheduler asks again and again for as long as the answer is not later than its `now`.
            self._at = max(self._next(), now + timedelta(microseconds=1))
            return self._at

    def sooner(self) -> datetime | None:
        """When to fire, if that is sooner than was said last; who has not asked yet will hear of it."""
        with self._lock:
            if (at := self._next()) >= self._at:
                return None
            self._at = at
            return at

    def _next(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=min(self._seconds_to_next(), LONGEST_SLEEP_SECONDS))


class _Waking(BlockingScheduler):  # type: ignore[misc]
    """Looks at the clock once a second, whatever it showed when the wait began."""

    def _process_jobs(self) -> float:
        # APScheduler waits for an instant; once the clock is set back that is far off.
        seconds: float = super()._process_jobs() or 0.0
        if seconds <= LONGEST_SLEEP_SECONDS:
            return seconds
        self.modify_job(_ID, next_run_time=datetime.now(UTC))
        return 0.0


class Alarm:
    """One job in APScheduler's memory, on a thread named `workbench-clock` which runs it itself."""

    def __init__(self, tick: Callable[[], Any], seconds_to_next: Callable[[], float]) -> None:
        """Make an alarm that is not yet set.

        Args:
            tick: Called when a job may be due; must not block.
            seconds_to_next: How long until the next planned time [s], 0 if it has come.
        """
        self._scheduler = _Waking(timezone=UTC, logger=_log)
        self._scheduler.add_executor(DebugExecutor(), _ID)
        self._trigger = _Next(seconds_to_next)
        self._scheduler.add_job(
            tick, self._trigger, id=_ID, executor=_ID, coalesce=True, misfire_grace_time=None, max_instances=1
        )
        self._started = Event()
        self._scheduler.add_listener(lambda event: self._started.set(), EVENT_SCHEDULER_STARTED)
        self._thread = Thread(target=self._scheduler.start, name="workbench-clock", daemon=True)

    def start(self) -> None:
        """Begin to wake."""
        self._thread.start()
        self._started.wait(10)

    def wake(self) -> None:
        """Look again when the next job is due, since that has changed; costs little if it is not sooner."""
        if (at := self._trigger.sooner()) is not None:
            self._scheduler.modify_job(_ID, next_run_time=at)

    def stop(self) -> None:
        """End the thread."""
        self._scheduler.shutdown(wait=False)
        self._thread.join(5)
