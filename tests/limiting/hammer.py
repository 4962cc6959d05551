"""A process of its own that calls a shared limit from threads and reports every call that was let through.

    python -m tests.limiting.hammer URL LINES EXACT THREADS CALLS

Prints `ready`, waits for a line on stdin, then prints a dot for each call let through, and `done`.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from workbench.core.clock import VirtualClock
from workbench.limiting.definition import Limit
from workbench.limiting.registry import Limits
from workbench.limiting.shared import SharedCounters
from workbench.limiting.sqlite import SQLiteCounters


def counters_at(url: str) -> SharedCounters:
    """The counters of a file or a server, patient: the machine may be busy."""
    return SQLiteCounters(Path(url), VirtualClock(), patience_seconds=30.0)


def main(url: str, lines: str, exact: str, threads: str, calls: str) -> None:
    """Call as often as asked."""
    counters = counters_at(url)
    limits = Limits(VirtualClock(), counters)
    limit = Limit("hammered", on="service", lines=lines.replace(";", "\n"), exact=exact == "exact")
    limits.define(limit)
    print("ready", flush=True)
    sys.stdin.readline()

    def hammer() -> None:
        for _ in range(int(calls)):
            limiter = limits.limiter("service", "hammered")
            assert limiter is not None
            if limiter.check_blocking("10.0.0.1", "c").allowed:
                os.write(1, b".")  # at once, unbuffered: a killed process has reported all but the call in flight

    def redefine() -> None:
        for turn in range(20):
            limits.define(limit.replace(deny_others=turn % 2 == 0))

    hammering = [threading.Thread(target=hammer) for _ in range(int(threads))] + [threading.Thread(target=redefine)]
    for thread in hammering:
        thread.start()
    for thread in hammering:
        thread.join()
    counters.close()
    os.write(1, b"done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
