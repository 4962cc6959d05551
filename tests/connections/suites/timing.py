"""Whether a call ends in time, judged so that a busy machine cannot make it look late."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median_high
from threading import Event, Thread

LATE = 1.1
TRIES = 11
LEAST_TRIES = 3 if os.environ.get("WORKBENCH_SOAK") else 1


def ended_in_time(act: Callable[[], object], seconds: float) -> None:
    """Call `act` until it ends, at the median of its tries, within `seconds` [s] and a tenth more.

    A machine with other work to do wakes everybody late: beside each try runs a bare wait of `seconds`, and the tenth
    counts from the end of whichever of the two is later. A call that keeps its time badly is late beside it.
    """
    took = []
    while len(took) < TRIES:
        took.append(_beside_a_wait(act, seconds))
        if len(took) >= LEAST_TRIES and median_high(took) <= LATE:
            return
    shares = ", ".join(f"{each:.2f}" for each in took)
    raise AssertionError(f"{seconds:g} s were allowed, and at the median it took more; shares of the time: {shares}")


def _beside_a_wait(act: Callable[[], object], seconds: float) -> float:
    """How long `act` takes, as a share of the time allowed or of what a wait of that time takes, if that is longer."""
    waited = seconds

    def wait() -> None:
        nonlocal waited
        began = time.monotonic()
        Event().wait(seconds)
        waited = max(seconds, time.monotonic() - began)

    beside = Thread(target=wait, daemon=True)
    beside.start()
    began = time.monotonic()
    act()
    took = time.monotonic() - began
    if took > seconds:
        beside.join(10 * seconds)
    return took / waited
