"""Threads for runs: as many as needed, no more than allowed, kept for the next run."""

from __future__ import annotations

import threading
from time import monotonic

from workbench.scheduler.runs.pool import PATIENCE_SECONDS, SLOW_SECONDS, Pool


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("workbench-job-")}


def test_threads_are_started_when_needed_kept_and_bounded() -> None:
    before = _threads()
    pool, gate, done = Pool(2, spares=0), threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        gate.wait(30)
        done.release()

    for _ in range(5):
        pool.submit(wait)
    assert len(_threads() - before) == 2
    gate.set()
    assert all(done.acquire(timeout=30) for _ in range(5))
    pool.submit(done.release)
    assert done.acquire(timeout=30)
    assert len(_threads() - before) == 2
    pool.close()


def test_an_urgent_task_does_not_wait_for_busy_threads() -> None:
    pool, gate, ran = Pool(1), threading.Event(), threading.Event()
    pool.submit(lambda: gate.wait(30) and None)
    pool.submit(ran.set, urgent=True)
    assert ran.wait(30)
    gate.set()
    pool.close()


def test_tasks_that_wait_do_not_hold_up_those_behind_them() -> None:
    pool, together = Pool(8), threading.Barrier(7)
    for _ in range(6):
        pool.submit(lambda: together.wait(30) and None)
    together.wait(30)
    pool.close()


def test_urgent_tasks_get_a_thread_each() -> None:
    pool, gate, together = Pool(1), threading.Event(), threading.Barrier(4)
    pool.submit(lambda: gate.wait(30) and None)
    for _ in range(3):
        pool.submit(lambda: together.wait(30) and None, urgent=True)
    together.wait(30)
    gate.set()
    pool.close()


def test_tasks_that_hang_make_room_for_as_many_spares_as_there_are_and_those_end_afterwards() -> None:
    before = _threads()
    pool, gate, began = Pool(2, spares=3), threading.Event(), threading.Semaphore(0)

    def hang() -> None:
        began.release()
        gate.wait(30)

    for _ in range(7):
        pool.submit(hang)
    assert all(began.acquire(timeout=30) for _ in range(5))
    assert pool.is_full
    assert not began.acquire(timeout=1.2 * SLOW_SECONDS)
    assert len(_threads() - before) == 5
    hung = [thread for thread in threading.enumerate() if thread.name in _threads() - before]
    gate.set()
    assert all(began.acquire(timeout=30) for _ in range(2))
    pool.close()
    for thread in hung:
        thread.join(30)
    assert not any(thread.is_alive() for thread in hung)


def test_a_thread_that_is_one_too_many_ends_with_its_task() -> None:
    before = _threads()
    pool, gate, ran = Pool(1, spares=1), threading.Event(), threading.Event()
    spares: list[threading.Thread] = []

    def note() -> None:
        spares.append(threading.current_thread())
        ran.set()

    pool.submit(lambda: gate.wait(30) and None)
    pool.submit(note)
    assert ran.wait(30)
    spares[0].join(30)
    assert len(_threads() - before) == 1
    gate.set()
    pool.close()


def test_quick_tasks_run_on_no_spare_however_many_wait() -> None:
    pool, done, lock = Pool(2, spares=10), threading.Semaphore(0), threading.Lock()
    running, most, slowest = 0, 0, 0.0

    def task() -> None:
        nonlocal running, most, slowest
        began = monotonic()
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(2 * PATIENCE_SECONDS)
        with lock:
            running -= 1
            slowest = max(slowest, monotonic() - began)
        done.release()

    for _ in range(100):
        pool.submit(task)
    assert all(done.acquire(timeout=30) for _ in range(100))
    # On a machine so loaded that such a task takes long, a spare is right.
    assert most == 2 or slowest > SLOW_SECONDS / 2
    pool.close()


def test_a_task_that_raises_is_logged_and_its_thread_goes_on(caplog: object) -> None:
    pool, ran = Pool(1, spares=0), threading.Event()

    def boom() -> None:
        raise SystemExit

    pool.submit(boom)
    pool.submit(ran.set)
    assert ran.wait(30)
    assert "a task of the scheduler failed" in caplog.text  # type: ignore[attr-defined]
    pool.close()


def test_tasks_from_many_threads_all_run_once() -> None:
    pool, done, count = Pool(4), threading.Semaphore(0), [0]
    lock = threading.Lock()

    def task() -> None:
        with lock:
            count[0] += 1
        done.release()

    feeders = [threading.Thread(target=lambda: [pool.submit(task) for _ in range(500)]) for _ in range(4)]
    for feeder in feeders:
        feeder.start()
    assert all(done.acquire(timeout=30) for _ in range(2_000))
    assert count[0] == 2_000
    pool.close()
