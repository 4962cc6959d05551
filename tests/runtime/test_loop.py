"""Whatever lands is run, once, on the loop's thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.serving import until
from workbench.runtime.loop import LoopThread


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    made = LoopThread("workbench-test-loop")
    assert made.loop.is_running()
    yield made
    made.close()


@pytest.fixture
def hostile_switching() -> Iterator[None]:
    was = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(was)


def test_nothing_that_lands_is_lost(loop: LoopThread, hostile_switching: None) -> None:
    landed: list[int] = []

    def land(first: int) -> None:
        for number in range(first, first + 5000):
            loop.land(landed.append, number)

    threads = [threading.Thread(target=land, args=(first,)) for first in range(0, 20_000, 5000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    until(lambda: len(landed) >= 20_000, "everything has landed")
    assert sorted(landed) == list(range(20_000))


def test_each_landing_wakes_a_loop_that_sleeps(loop: LoopThread, hostile_switching: None) -> None:
    for number in range(2000):
        done = threading.Event()
        loop.land(done.set)
        assert done.wait(30), f"landing {number} was lost"


def test_a_landing_that_fails_does_not_keep_the_next_from_running(
    loop: LoopThread, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()
    loop.land(lambda: 1 / 0)
    loop.land(done.set)
    assert done.wait(30)
    assert "failed on the loop" in caplog.text


def test_run_waits_for_the_result_and_passes_errors_on(loop: LoopThread) -> None:
    async def here() -> bool:
        await asyncio.sleep(0)
        return loop.is_here

    async def fails() -> None:
        raise ValueError("boom")

    assert loop.run(here()) is True
    assert loop.is_here is False
    with pytest.raises(ValueError, match="boom"):
        loop.run(fails())


def test_a_closed_loop_leaves_no_thread_and_takes_no_late_landing() -> None:
    loop = LoopThread("workbench-late")
    ended = threading.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    asyncio.run_coroutine_threadsafe(waits(), loop.loop)
    loop.run(asyncio.sleep(0))
    loop.close()
    assert ended.is_set()
    loop.land(lambda: None)
    assert not [each for each in threading.enumerate() if each.name == "workbench-late"]


def test_a_closed_loop_starts_anew_and_lands_again() -> None:
    loop = LoopThread("workbench-again")
    loop.run(asyncio.sleep(0))
    loop.close()
    loop.run(asyncio.sleep(0))
    done = threading.Event()
    loop.land(done.set)
    assert done.wait(30)
    loop.close()


def test_a_wait_is_bounded(loop: LoopThread) -> None:
    with pytest.raises(TimeoutError):
        loop.run(asyncio.sleep(60), 0.05)


def test_a_loop_that_ended_by_itself_is_replaced_at_the_next_use() -> None:
    loop, threads = LoopThread("workbench-ends"), list[threading.Thread]()

    async def note() -> None:
        threads.append(threading.current_thread())

    loop.run(note())
    loop.loop.call_soon_threadsafe(loop.loop.stop)
    threads[0].join(30)
    loop.run(note())
    loop.close()
    assert threads[0] is not threads[1]
    assert not any(thread.is_alive() for thread in threads)


def test_what_is_to_be_closed_at_the_end_is_closed_on_the_loop_even_if_one_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop, ended = LoopThread("workbench-closing"), list[int]()

    async def close() -> None:
        await asyncio.sleep(0)
        ended.append(threading.get_ident())

    async def fail() -> None:
        raise OSError("cannot close")

    async def another() -> None:
        await close()

    loop.run(asyncio.sleep(0))
    loop.at_end |= {close, fail, another}
    loop.close()
    assert len(ended) == 2
    assert threading.get_ident() not in ended
    assert "failed at the end of workbench-closing" in caplog.text
    assert loop.at_end == set()
