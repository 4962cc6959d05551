"""No span of a sliding window's length ever holds more calls than its limit, and no call is refused for nothing."""

from __future__ import annotations

import os
import random
from bisect import bisect_left

import pytest

from workbench.core.clock import VirtualClock
from workbench.limiting.definition import Limit
from workbench.limiting.local.limiter import LocalLimiter

SEQUENCES = 100_000 if os.environ.get("WORKBENCH_SOAK") else 1_500
LENGTH = {"s": 1, "m": 60, "h": 3600}


def arrivals(choose: random.Random, seconds: float) -> list[float]:
    """Instants in order: bursts, drizzles and gaps; eighths, so that sums are exact and edges are often hit."""
    at, instants = 0.0, []
    for _ in range(choose.randint(5, 60)):
        at += choose.choice([0.0, 0.125, seconds / 8, seconds / 2, seconds, choose.randrange(16) * seconds / 8])
        instants.append(at)
    return instants


@pytest.mark.parametrize("per", ["network", "address"])
def test_every_decision_is_that_of_brute_force(per: str) -> None:
    choose, clock = random.Random(f"sliding {per}"), VirtualClock()
    limits = {
        (unit, rate): Limit("x", on="service", lines=f"{rate}/{unit}", window="sliding", per=per)
        for unit in LENGTH
        for rate in range(1, 9)
    }
    for sequence in range(SEQUENCES):
        (unit, _), limit = choose.choice(list(limits.items()))
        rate, length = int(limit.lines.split("/")[0]), LENGTH[unit]
        check, start = LocalLimiter(limit, clock).check, clock.monotonic()
        admitted: list[float] = []
        for at in arrivals(choose, length):
            clock.advance(start + at - clock.monotonic())
            expected = sum(at - earlier <= length for earlier in admitted) < rate
            assert check("10.0.0.1", "c").allowed == expected, f"sequence {sequence} at {at}"
            if expected:
                admitted.append(at)
        for first in admitted:
            assert sum(first <= at <= first + length for at in admitted) <= rate


def test_two_lines_slide_together_all_or_none() -> None:
    choose = random.Random(7)
    for _ in range(300):
        clock = VirtualClock()
        check = LocalLimiter(Limit("x", on="service", lines="* = 3/s\n* = 20/m", window="sliding"), clock).check
        admitted: list[float] = []
        for at in arrivals(choose, 4.0):
            clock.advance(at - clock.monotonic())
            short, long = (len(admitted) - bisect_left(admitted, at - length) for length in (1, 60))
            expected = short < 3 and long < 20
            assert check(None, "c").allowed == expected
            if expected:
                admitted.append(at)
