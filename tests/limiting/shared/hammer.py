"""A process of its own that calls shared limits from threads and reports every call that was let through.

    python -m tests.limiting.shared.hammer URL THREADS

Prints `ready`; then for each line on stdin, `NAME EXACT CALLS LINES`, a dot for each call let through, and `done`.
With 0 calls it calls until nothing has been let through for a while.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from workbench.core.clock import VirtualClock
from workbench.limiting.definition import Limit
from workbench.limiting.registry import Limits
from workbench.limiting.shared.limiter import SharedCounters
from workbench.limiting.shared.redis import RedisCounters
from workbench.limiting.shared.sqlite import SQLiteCounters

QUIET_SECONDS = 0.5


def counters_at(url: str) -> SharedCounters:
    """The counters of a file or a server, patient: the machine may be busy."""
    if "://" in url:
        return RedisCounters(url, app="hammer", patience_seconds=30.0)
    return SQLiteCounters(Path(url), VirtualClock(), patience_seconds=30.0)


def hammer(limits: Limits, limit: Limit, calls: int) -> None:
    """Call one limit from one thread."""
    done, last_at = 0, time.monotonic()
    while done < calls or (not calls and time.monotonic() - last_at < QUIET_SECONDS):
        done += 1
        limiter = limits.limiter("service", limit.name)
        assert limiter is not None
        if limiter.check_blocking("10.0.0.1", "c").allowed:
            os.write(1, b".")  # at once, unbuffered: a killed process has reported all but the call in flight
            last_at = time.monotonic()


def redefine(limits: Limits, limit: Limit) -> None:
    """Do what cells do meanwhile."""
    for turn in range(20):
        limits.define(limit.replace(deny_others=turn % 2 == 0))


def main(url: str, threads: str) -> None:
    """Serve the rounds that stdin asks for."""
    counters = counters_at(url)
    limits = Limits(VirtualClock(), counters)
    os.write(1, b"ready\n")
    for row in sys.stdin:
        name, exact, calls, lines = row.split(" ", 3)
        limit = Limit(name, on="service", lines=lines.replace(";", "\n"), exact=exact == "exact")
        limits.define(limit)
        work = [threading.Thread(target=hammer, args=(limits, limit, int(calls))) for _ in range(int(threads))]
        work.append(threading.Thread(target=redefine, args=(limits, limit)))
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
        os.write(1, b"done\n")
    limits.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
