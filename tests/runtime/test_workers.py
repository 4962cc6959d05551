"""Every task runs once, on as many threads as its waiting needs, and one too many is refused at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.serving import until
from workbench.core.errors import ServiceUnavailable
from workbench.runtime.workers import STUCK_SECONDS, Workers


@pytest.fixture
def hostile_switching() -> Iterator[None]:
    """Have threads change places as often as Python can."""
    was = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(was)


def test_every_task_of_many_threads_runs_once(hostile_switching: None) -> None:
    workers, ran, lock = Workers(8, 100_000), [0] * 20_000, threading.Lock()

    def task(number: int) -> None:
        with lock:
            ran[number] += 1

    def submit(first: int) -> None:
        for number in range(first, first + 5000):
            workers.submit(lambda number=number: task(number))

    threads = [threading.Thread(target=submit, args=(first,)) for first in range(0, 20_000, 5000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    until(lambda: sum(ran) >= 20_000, "every task has run")
    assert ran == [1] * 20_000
    assert workers.waiting == 0
    workers.close()


def test_no_wake_up_is_lost_between_bursts(hostile_switching: None) -> None:
    workers = Workers(4, 100)
    for round_number in range(1500):
        done = threading.Barrier(4)
        for _ in range(3):
            workers.submit(lambda done=done: done.wait(30))  # type: ignore[misc]
        try:
            done.wait(30)
        except threading.BrokenBarrierError:
            pytest.fail(f"round {round_number}: three tasks that wait for one another did not all get a thread")
    workers.close()


def test_tasks_that_block_each_have_a_thread_up_to_the_bound() -> None:
    workers, go, running = Workers(5, 3), threading.Event(), threading.Semaphore(0)

    def blocked() -> None:
        running.release()
        go.wait(30)

    for _ in range(5):
        workers.submit(blocked)
    for _ in range(5):
        assert running.acquire(timeout=30)
    for _ in range(3):
        workers.submit(blocked)
    with pytest.raises(ServiceUnavailable, match="All workers are busy") as refused:
        workers.submit(blocked)
    assert not running.acquire(blocking=False)
    assert refused.value.headers() == [("Retry-After", "1")]
    assert workers.waiting == 3
    go.set()
    for _ in range(3):
        assert running.acquire(timeout=30)
    workers.close()


def test_a_spare_takes_what_waits_behind_a_hung_task_and_goes_when_it_comes_back() -> None:
    workers, go, ran = Workers(1, 10), threading.Event(), threading.Event()
    workers.submit(lambda: go.wait(30))
    workers.submit(ran.set)
    assert not ran.wait(0.05)
    assert workers.lend_spare()
    assert ran.wait(30)
    assert not workers.lend_spare(), "as many spares as workers, no more"
    go.set()
    workers.return_spare()
    for _ in range(3):
        again = threading.Event()
        workers.submit(again.set)
        assert again.wait(30)
    until(lambda: len(workers_alive()) <= 1, "the surplus thread has gone")
    workers.close()


def test_once_as_many_hang_as_may_and_none_takes_a_task_callers_are_refused_at_once() -> None:
    now = [0.0]
    workers, go, ran = Workers(2, 10, lambda: now[0]), threading.Event(), threading.Event()
    for _ in range(2):
        assert workers.lend_spare()
    for _ in range(4):
        workers.submit(lambda: go.wait(30))
    until(lambda: workers.waiting == 0 and len(workers_alive()) == 4, "four threads hang")
    workers.submit(ran.set)  # a burst is queued, as long as the queue may still move
    now[0] = STUCK_SECONDS + 0.1
    with pytest.raises(ServiceUnavailable, match="All workers are busy") as refused:
        workers.submit(ran.set)
    assert refused.value.headers() == [("Retry-After", "1")]
    go.set()
    assert ran.wait(30)
    again = threading.Event()
    workers.submit(again.set)
    assert again.wait(30)
    workers.close()


def test_a_task_that_raises_does_not_take_its_thread_along(caplog: pytest.LogCaptureFixture) -> None:
    workers, ran = Workers(1), threading.Event()

    def fails() -> None:
        raise SystemExit(1)

    workers.submit(fails)
    workers.submit(ran.set)
    assert ran.wait(30)
    assert "a task of the workers failed" in caplog.text
    workers.close()


def test_closed_workers_take_nothing_and_leave_no_thread() -> None:
    before = workers_alive()
    workers, together = Workers(), threading.Barrier(4)
    for _ in range(3):
        workers.submit(lambda: together.wait(30))  # type: ignore[arg-type,return-value]
    together.wait(30)
    workers.close()
    with pytest.raises(ServiceUnavailable, match="Stopping"):
        workers.submit(lambda: None)
    assert workers_alive() == before


def workers_alive() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name.startswith("workbench-worker-")}


def test_a_caller_that_is_busy_has_its_tasks_begun_when_it_says_so() -> None:
    workers, soon, ran = Workers(4, 100), list[Callable[[], None]](), threading.Semaphore(0)
    for _ in range(3):
        workers.submit(ran.release, soon.append)
    assert len(soon) == 1, "one wake-up serves all tasks of one turn"
    assert not ran.acquire(timeout=0.05)
    soon.pop()()
    for _ in range(3):
        assert ran.acquire(timeout=30)
    workers.close()


def test_a_task_of_a_free_caller_does_not_wait_for_a_busy_one() -> None:
    workers, soon, ran = Workers(4, 100), list[Callable[[], None]](), threading.Semaphore(0)
    workers.submit(ran.release, soon.append)
    workers.submit(ran.release)
    for _ in range(2):
        assert ran.acquire(timeout=30)
    workers.close()


def test_each_thread_says_when_it_is_at_work_and_when_no_more() -> None:
    at_work, lock = [0], threading.Lock()

    def busy(change: int) -> None:
        with lock:
            at_work.append(at_work[-1] + change)

    workers, go = Workers(3, busy=busy), threading.Event()
    for _ in range(3):
        workers.submit(lambda: assert_set(go))
    until(lambda: at_work[-1] == 3, "three are at work")
    go.set()
    until(lambda: at_work[-1] == 0, "all three sleep")
    workers.submit(lambda: None)
    until(lambda: len(at_work) > 7 and at_work[-1] == 0, "one was woken, and sleeps again")
    workers.close()
    until(lambda: at_work[-1] == 0, "nobody is left")
    assert 0 <= min(at_work) <= max(at_work) <= 3


def assert_set(event: threading.Event) -> None:
    assert event.wait(30)
