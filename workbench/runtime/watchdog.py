"""Looks beside the loop whether an async service blocks it, and says which one and where while it does."""

from __future__ import annotations

import sys
from threading import Event, Thread
from time import perf_counter

from workbench.core.call import Call
from workbench.core.current import CURRENT
from workbench.core.failure import place_of_frame
from workbench.core.forking import forgets_when_forked
from workbench.core.service import logger_of
from workbench.runtime.eager import STEPPING

LOOK_SECONDS = 0.2
BLOCKED_SECONDS = 0.5
"""From when on a step of an async service is told [s]; with the look in between, within 0.7 s."""


class Watchdog:
    """A thread that looks at the steps which loops are in; it wakes no loop and asks it nothing."""

    def __init__(self) -> None:
        self._over: Event | None = None
        self._told: set[tuple[int, float]] = set()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: the thread is the parent's."""
        self._over = None

    def start(self) -> None:
        """Begin to look; does nothing when it does already."""
        if self._over is None:
            self._over = over = Event()
            Thread(target=self._look_until, args=(over,), name="workbench-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        over, self._over = self._over, None
        if over is not None:
            over.set()

    def _look_until(self, over: Event) -> None:
        while not over.wait(LOOK_SECONDS):
            now = perf_counter()
            late = {
                (thread, began): call
                for thread, (call, began) in list(STEPPING.items())
                if now - began > BLOCKED_SECONDS
            }
            for step in late.keys() - self._told:
                _tell(late[step], *step)
            self._told = set(late)
            late.clear()


def _tell(call: Call, thread: int, began: float) -> None:
    frame = sys._current_frames().get(thread)
    where = f", at {place_of_frame(frame)}" if frame is not None else ""
    del frame
    token = CURRENT.set(call)
    try:
        logger_of(call.service).error(
            "%s is async and has blocked the server's loop for %.1f s%s; every other caller waits. "
            "Fix: await what it waits for, or make it a plain def handle.",
            call.service,
            perf_counter() - began,
            where,
        )
    finally:
        CURRENT.reset(token)
