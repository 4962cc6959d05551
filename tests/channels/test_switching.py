"""Threads change places the more often the fewer are at work, and only while a server runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from tests.serving import until
from workbench.app.workbench import Workbench
from workbench.channels.http.switching import LONGEST_SWITCH_SECONDS, SWITCH_SECONDS, Switching
from workbench.core.service import Service
from workbench.scheduler.definitions import IntervalJob


@pytest.fixture
def former() -> Iterator[float]:
    """What the interpreter has of itself."""
    was = sys.getswitchinterval()
    yield was
    sys.setswitchinterval(was)


def now() -> object:
    # The interpreter keeps whole microseconds.
    return pytest.approx(sys.getswitchinterval(), abs=2e-6)


def test_time_grows_with_the_threads_at_work_up_to_the_longest(former: float) -> None:
    switching = Switching()
    switching.begin()
    found = []
    for _ in range(8):
        switching.busy(1)
        found.append(sys.getswitchinterval())
    assert found[0] == pytest.approx(SWITCH_SECONDS, abs=2e-6)
    assert found[2] == pytest.approx(3 * SWITCH_SECONDS, abs=2e-6)
    assert found[-1] == pytest.approx(LONGEST_SWITCH_SECONDS, abs=2e-6)
    assert found == sorted(found)
    switching.busy(-8)
    assert now() == SWITCH_SECONDS
    switching.end()
    assert sys.getswitchinterval() == former


def test_who_is_at_work_before_a_server_starts_counts_from_its_start(former: float) -> None:
    switching = Switching()
    with switching.at_work(), switching.at_work():
        assert sys.getswitchinterval() == former
        switching.begin()
        assert now() == 2 * SWITCH_SECONDS
    assert now() == SWITCH_SECONDS
    switching.end()
    assert sys.getswitchinterval() == former


def test_a_service_that_fails_is_no_longer_at_work(former: float) -> None:
    switching = Switching()
    switching.begin()
    with pytest.raises(RuntimeError), switching.at_work(), switching.at_work():
        raise RuntimeError
    assert now() == SWITCH_SECONDS
    switching.end()


def test_a_forked_child_has_the_former_time_and_nobody_at_work(former: float) -> None:
    switching = Switching()
    switching.begin()
    switching.busy(3)
    switching.forget()
    assert sys.getswitchinterval() == former
    switching.begin()
    assert now() == SWITCH_SECONDS
    switching.end()


class Waits(Service):
    name = "waits"
    go = threading.Event()

    def handle(self) -> None:
        self.go.wait(30)


def test_services_of_calls_and_of_jobs_count_while_they_run(wb: Workbench) -> None:
    Waits.go.clear()
    wb.deploy(Waits)
    wb.define(IntervalJob("waits", service="waits", hours=1))
    wb.start()
    for _ in range(2):
        wb.submit("waits", None, lambda *_: None)
    until(lambda: now() == 2 * SWITCH_SECONDS, "two calls count")
    wb.jobs["waits"].execute(wait=False)
    until(lambda: now() == 3 * SWITCH_SECONDS, "the job counts, too")
    Waits.go.set()
    until(lambda: now() == SWITCH_SECONDS, "nobody counts any more")
