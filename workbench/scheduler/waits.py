"""Let time pass until a job has made its runs: by waiting, or by moving a virtual clock on to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from workbench.core.ports import Clock
from workbench.scheduler.records import JobRecord, RunsMissing, Tally

LONGEST_SECONDS = 60.0
"""How long `play` waits for the runs of one planned time to end [s]."""

LOOK_SECONDS = 0.25
"""How often `wait` looks for runs of other processes."""


class Passing(Protocol):
    """What must be known of a scheduler to let its time pass."""

    clock: Clock

    def record(self, name: str) -> JobRecord:
        """The job."""
        ...

    def state(self, name: str) -> str:
        """How it stands."""
        ...

    def tally(self, name: str, runs: int) -> Tally:
        """How its last planned times went."""
        ...

    def next_at(self, name: str | None = None) -> datetime | None:
        """When it, or any job, is due next (UTC)."""
        ...

    def tick(self) -> int:
        """Fire what is due; how much that was."""
        ...

    def settle(self) -> bool:
        """Wait until nothing runs; whether that came in time."""
        ...

    def wait_for_change(self, timeout: float) -> None:
        """Wait until a run ends, `timeout` [s] at most."""
        ...


def wait(scheduler: Passing, name: str, runs: int, timeout: float) -> Tally:
    """Wait until the schedule of a job has made that many runs; a virtual clock is moved on to them.

    Raises:
        RunsMissing: They did not come within `timeout` [s], or cannot come any more.
    """
    deadline = scheduler.clock.monotonic() + timeout
    most = scheduler.record(name).repeats
    while True:
        tally = scheduler.tally(name, runs)
        if tally.total >= runs:
            return tally
        left = deadline - scheduler.clock.monotonic()
        if left <= 0 or (most is not None and most <= tally.total) or not _move_on(scheduler, name, left):
            raise RunsMissing(scheduler.tally(name, runs), runs, timeout, scheduler.state(name))


def play(scheduler: Passing, until: datetime, rest: Callable[[], object] = bool) -> int:
    """Move a virtual clock to `until` by way of every planned time; how many were fired.

    Args:
        scheduler: Whose time passes.
        until: Where it ends.
        rest: Called after the runs of each planned time, before the clock goes on.

    Raises:
        TypeError: The clock is the machine's.
    """
    fired = 0
    while (at := scheduler.next_at()) is not None and at <= until:
        _move_clock(scheduler.clock, at)
        fired += scheduler.tick()
        scheduler.settle()
        rest()
    _move_clock(scheduler.clock, until)
    return fired


def _move_on(scheduler: Passing, name: str, left: float) -> bool:
    """Let time pass until more runs may have ended; False if they cannot end."""
    if not scheduler.clock.is_virtual:
        scheduler.wait_for_change(min(left, LOOK_SECONDS))
        return True
    if not scheduler.settle():
        return False
    latest = scheduler.clock.now() + timedelta(seconds=left)
    at = scheduler.next_at(name)
    play(scheduler, latest if at is None or at > latest else at)
    return True


def _move_clock(clock: Any, instant: datetime) -> None:
    if not clock.is_virtual:
        raise TypeError("Only a virtual clock can be moved. Fix: under the machine's, wait() or start().")
    if instant > clock.now():
        clock.move_to(instant)
