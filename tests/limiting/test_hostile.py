"""Threads that the interpreter switches as often as it can never get one call more than the limit."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from workbench.core.clock import SystemClock, VirtualClock
from workbench.limiting.definition import Limit
from workbench.limiting.registry import Limits

THREADS = 8


@pytest.fixture(autouse=True)
def hostile() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class TickingClock(SystemClock):
    """A clock of which every reading is later by a fixed step, so that window edges fall into the middle of checks."""

    def __init__(self, step: float) -> None:
        self._ticks, self._step = count(1), step

    def time(self) -> float:
        return 1_000_000_000.0 + next(self._ticks) * self._step

    def monotonic(self) -> float:
        return self.time()


def together(work: Callable[[], list[float]]) -> list[float]:
    """Run the same work in all threads at once; what they all returned, in a row."""
    start, results = threading.Barrier(THREADS), [list[float]() for _ in range(THREADS)]

    def run(place: int) -> None:
        start.wait(30)
        results[place] = work()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return [each for result in results for each in result]


KINDS = [
    {"lines": "{rate}/d"},
    {"lines": "* = {rate}/d\n10.0.0.7 = *"},
    {"lines": "* = 100000/d\n* = {rate}/h"},
    {"lines": "{rate}/d", "window": "sliding"},
    {"lines": "{rate}/d", "per": "address"},
    {"lines": "{rate}/d", "per": "address", "window": "sliding"},
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("rate", [1, 10, 100, 1000])
def test_never_one_over_and_never_one_under(kind: dict[str, str], rate: int) -> None:
    for repetition in range(5):
        limits = Limits(VirtualClock())
        limits.define(Limit("x", on="channel", **(kind | {"lines": kind["lines"].format(rate=rate)})))
        check = limits.limiter("channel", "x").check  # type: ignore[union-attr]
        each = rate // THREADS + 40
        admitted = together(lambda: [1.0 for _ in range(each) if check("10.0.0.1", "c").allowed])  # noqa: B023
        assert len(admitted) == rate, f"repetition {repetition}"


def test_the_last_tokens_of_every_chunk_are_handed_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.limiting.local.meters.CHUNK", 7)
    for _ in range(10):
        limits = Limits(VirtualClock())
        limits.define(Limit("x", on="channel", lines="1000/d"))
        check = limits.limiter("channel", "x").check  # type: ignore[union-attr]
        assert len(together(lambda: [1.0 for _ in range(200) if check(None, "c").allowed])) == 1000  # noqa: B023


@pytest.mark.parametrize("per", ["network", "address"])
def test_no_window_is_exceeded_while_windows_turn_in_the_middle_of_checks(per: str) -> None:
    """A token belongs to the window in which the clock was read: with 10 a window, n windows admit at most 10 n."""
    clock = TickingClock(0.01)
    limits = Limits(clock)
    limits.define(Limit("x", on="channel", lines="10/s", per=per))
    check = limits.limiter("channel", "x").check  # type: ignore[union-attr]
    before = clock.time()
    admitted = together(lambda: [1.0 for _ in range(3000) if check("10.0.0.1", "c").allowed])
    windows = int(clock.time()) - int(before) + 1
    assert windows > 200
    assert len(admitted) <= 10 * windows
    # Each window sees about 40 calls or more, so all its tokens go but those lost to the two windows at the ends.
    assert len(admitted) >= 10 * (windows - 2)


def test_no_span_is_exceeded_while_it_slides_in_the_middle_of_checks() -> None:
    clock = TickingClock(0.01)
    limits = Limits(clock)
    limits.define(Limit("x", on="channel", lines="10/s", window="sliding"))
    limiter = limits.limiter("channel", "x")
    assert limiter is not None
    before = clock.time()
    admitted = together(lambda: [1.0 for _ in range(3000) if limiter.check("10.0.0.1", "c").allowed])
    assert len(admitted) <= 10 * (clock.time() - before + 1)


@pytest.mark.parametrize("rounds", [8])
def test_redefinitions_in_the_middle_of_checks_give_nothing_away(rounds: int) -> None:
    """Rates go up and down between 40 and 60 while threads call; the last is 60, so 60 pass in all."""
    for _ in range(rounds):
        limits = Limits(VirtualClock())
        limits.define(Limit("x", on="channel", lines="60/d"))
        stop = threading.Event()

        def redefine(limits: Limits = limits, stop: threading.Event = stop) -> None:
            for lines in ("40/d", "* = 50/d\n* = 55/h", "60/d", "* = 60/d\n10.0.0.7 = *") * 8:
                limits.define(Limit("x", on="channel", lines=lines))
            stop.set()

        def call(limits: Limits = limits, stop: threading.Event = stop) -> list[float]:
            admitted: list[float] = []
            while not stop.is_set():
                limiter = limits.limiter("channel", "x")
                assert limiter is not None
                if limiter.check("10.0.0.1", "c").allowed:
                    admitted.append(1.0)
            return admitted

        redefining = threading.Thread(target=redefine)
        redefining.start()
        admitted = len(together(call))
        redefining.join(20)
        limiter = limits.limiter("channel", "x")
        assert limiter is not None
        assert admitted <= 60
        assert admitted + sum(limiter.check("10.0.0.1", "c").allowed for _ in range(99)) == 60
