"""Whether a call ends in time, judged so that a busy machine cannot make it look late."""

from __future__ import annotations

import time
from collections.abc import Callable

LATE = 1.1
TRIES = 12


def ended_in_time(act: Callable[[], object], seconds: float) -> None:
    """Call `act` until it ends within `seconds` [s] and a tenth more.

    A machine with other work to do may wake any one call late; a call that keeps its time badly is late at every try.
    """
    took = []
    for _ in range(TRIES):
        began = time.monotonic()
        act()
        took.append(time.monotonic() - began)
        if took[-1] <= seconds * LATE:
            return
    raise AssertionError(f"{seconds:g} s were allowed, and no try ended in time: {', '.join(f'{t:.3f}' for t in took)}")
