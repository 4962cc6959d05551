"""Memory of big bodies goes back to the system soon, but not again and again while they come without a break."""

from __future__ import annotations

import asyncio
import time

from workbench.channels.http.returned import BIG_BYTES, KEPT_BYTES, Returned

APART_SECONDS = 0.3


class Given:
    """When memory was given back [s]."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def __call__(self) -> None:
        self.at.append(time.monotonic())

    async def wait(self, times: int = 1) -> None:
        """Until it was, so many times."""
        async with asyncio.timeout(30):
            while len(self.at) < times:
                await asyncio.sleep(0.001)


async def _first_comes_at_once() -> None:
    given = Given()
    returned = Returned(given, later_seconds=0.0, apart_seconds=10_000.0)
    returned.add(KEPT_BYTES)
    await given.wait()
    assert len(given.at) == 1


def test_a_burst_after_a_long_time_is_given_back_at_once() -> None:
    asyncio.run(_first_comes_at_once())


async def _without_a_break() -> tuple[float, list[float]]:
    began, given = time.monotonic(), Given()
    returned = Returned(given, later_seconds=0.0, apart_seconds=APART_SECONDS)
    for number in range(3):
        for _ in range(5):
            returned.add(KEPT_BYTES)
        await given.wait(number + 1)
    return began, given.at


def test_bodies_without_a_break_are_given_back_once_in_a_while() -> None:
    began, given = asyncio.run(_without_a_break())
    assert len(given) == 3
    assert given[-1] - began > 2 * APART_SECONDS - 0.001


async def _one_body(returned: Returned) -> None:
    returned.add(KEPT_BYTES)


async def _another_body(returned: Returned, given: Given) -> None:
    returned.add(BIG_BYTES)
    await given.wait()


def test_a_loop_that_ends_before_it_gives_back_leaves_that_to_the_next() -> None:
    given = Given()
    returned = Returned(given, later_seconds=0.5, apart_seconds=0.0)
    first = asyncio.new_event_loop()
    first.run_until_complete(_one_body(returned))
    first.close()
    assert given.at == []
    asyncio.run(_another_body(returned, given))
    assert len(given.at) == 1


async def _too_little() -> list[float]:
    given = Given()
    returned = Returned(given, later_seconds=0.0, apart_seconds=0.0)
    for _ in range(1_000):
        returned.add(BIG_BYTES - 1)
    returned.add(KEPT_BYTES - 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    early = list(given.at)
    returned.add(BIG_BYTES)
    await given.wait()
    return early


def test_small_bodies_do_not_count_and_few_wait_for_more() -> None:
    assert asyncio.run(_too_little()) == []
