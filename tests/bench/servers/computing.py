"""What a cell does that computes: pure Python, in the main thread, for as long as the input says so."""

from __future__ import annotations

import sys
from threading import Event, Thread

COMPUTE, REST = "compute", "rest"


def compute_when_told() -> None:
    """Compute between the lines `compute` and `rest` of the input, until the process is ended."""
    wanted = Event()

    def listen() -> None:
        for line in sys.stdin:
            if line.strip() == COMPUTE:
                wanted.set()
            else:
                wanted.clear()

    Thread(target=listen, daemon=True).start()
    while wanted.wait():
        while wanted.is_set():
            sum_of_squares(1000)


def sum_of_squares(number: int) -> int:
    """So many steps of the interpreter."""
    total = 0
    for each in range(number):
        total += each * each
    return total
