"""What is late is ended once, and nothing else is."""

from __future__ import annotations

import asyncio

import pytest

from workbench.channels.deadlines import Deadlines


class Hand:
    """A clock that is moved by hand."""

    at = 1000.0

    def __call__(self) -> float:
        return self.at


async def _sweeps(deadlines: Deadlines[str], left: int) -> None:
    async with asyncio.timeout(30):
        while len(deadlines) > left:
            await asyncio.sleep(0.001)


def test_what_is_late_is_ended_once_and_the_rest_goes_on() -> None:
    async def run() -> None:
        clock, ended = Hand(), list[str]()
        deadlines: Deadlines[str] = Deadlines(ended.append, 0.001, clock)
        assert (len(deadlines), deadlines.left_seconds) == (0, 0.0)
        for name, seconds in (("a", 5.0), ("b", 10.0), ("c", 5.0), ("d", 5.0)):
            deadlines.put(name, seconds)
        assert deadlines.left_seconds == 10.0
        assert deadlines.lift("c")
        assert not deadlines.lift("c")
        clock.at += 4.0
        deadlines.put("d", 10.0)
        clock.at += 1.0
        await _sweeps(deadlines, 2)
        assert (ended, len(deadlines), deadlines.left_seconds) == (["a"], 2, 9.0)
        assert not deadlines.lift("a"), "it was late"
        clock.at += 100.0
        await _sweeps(deadlines, 0)
        assert ended == ["a", "b", "d"]

    asyncio.run(run())


def test_what_one_end_lifts_is_not_ended_too() -> None:
    async def run() -> None:
        clock, ended = Hand(), list[str]()

        def end(name: str) -> None:
            ended.append(name)
            deadlines.lift("b")

        deadlines: Deadlines[str] = Deadlines(end, 0.001, clock)
        deadlines.put("a", 1.0)
        deadlines.put("b", 1.0)
        clock.at += 2.0
        await _sweeps(deadlines, 0)
        assert ended == ["a"]

    asyncio.run(run())


def test_a_sweep_that_has_stopped_begins_anew() -> None:
    async def run() -> None:
        clock, ended = Hand(), list[str]()
        deadlines: Deadlines[str] = Deadlines(ended.append, 0.001, clock)
        for name in ("a", "b"):
            deadlines.put(name, 1.0)
            clock.at += 2.0
            await _sweeps(deadlines, 0)
            await asyncio.sleep(0.005)
        assert ended == ["a", "b"]

    asyncio.run(run())


def test_one_that_cannot_be_ended_is_logged_and_the_next_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        clock, ended = Hand(), list[str]()

        def end(name: str) -> None:
            if name == "bad":
                raise OSError("cannot be ended")
            ended.append(name)

        deadlines: Deadlines[str] = Deadlines(end, 0.001, clock)
        for name in ("bad", "good"):
            deadlines.put(name, 1.0)
        clock.at += 2.0
        await _sweeps(deadlines, 0)
        assert ended == ["good"]

    asyncio.run(run())
    assert "cannot be ended" in caplog.text
