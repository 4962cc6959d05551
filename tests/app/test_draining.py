"""A server that stops gives what runs its time, and no more than that, whatever a service does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from tests.serving import Wire, refusal, until
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.clock import VirtualClock
from workbench.core.service import Service
from workbench.scheduler.definitions import IntervalJob

Stop = Callable[[float], "Future[None]"]


class Waits(Service):
    name = "waits"
    began: ClassVar[threading.Event]
    go: ClassVar[threading.Event]
    ended: ClassVar[list[str]]

    def handle(self) -> str:
        self.began.set()
        self.go.wait(30)
        self.ended.append("ended")
        return "done"


class Starts(Service):
    name = "starts"

    def handle(self) -> None:
        self.invoke_async("waits")


class Blocks(Service):
    name = "blocks"

    async def handle(self) -> None:
        Waits.began.set()
        Waits.go.wait(30)
        Waits.ended.append("ended")


@pytest.fixture
def stop(wb: Workbench) -> Iterator[Stop]:
    """Stops the server on another thread."""
    Waits.began, Waits.go, Waits.ended = threading.Event(), threading.Event(), []
    wb.deploy(Waits, Starts, Blocks)
    wb.define(RESTChannel("waits"), RESTChannel("blocks"))
    wb.start()
    with ThreadPoolExecutor(1) as pool:
        yield lambda seconds: pool.submit(wb.stop, seconds)
        Waits.go.set()


@pytest.mark.parametrize("how", ["a call", "in the background", "a job"])
def test_what_runs_may_end_within_its_time(wb: Workbench, stop: Stop, how: str) -> None:
    with ThreadPoolExecutor(1) as callers:
        if how == "a call":
            callers.submit(wb.call, "GET /waits")
        elif how == "in the background":
            wb.invoke("starts")
        else:
            wb.define(IntervalJob("job", service="waits", hours=1))
            wb.jobs["job"].execute(wait=False)
        assert Waits.began.wait(30)
        stopping = stop(30)
        until(lambda: not wb.url, "it stops")
        with pytest.raises(TimeoutError):
            stopping.result(0.2)
        Waits.go.set()
        stopping.result(30)
        assert Waits.ended == ["ended"]


def test_what_does_not_end_in_the_background_is_not_waited_for_longer_than_asked(wb: Workbench, stop: Stop) -> None:
    wb.invoke("starts")
    assert Waits.began.wait(30)
    stop(0.1).result(20)
    assert Waits.ended == []


def test_a_connection_that_was_kept_ends_with_the_503_of_a_server_that_stops(wb: Workbench, stop: Stop) -> None:
    with Wire(wb) as busy, Wire(wb) as kept:
        assert kept.request("GET /ping").answer().status == 200
        busy.request("GET /waits")
        assert Waits.began.wait(30)
        stopping = stop(30)
        refused = until(lambda: refusal(kept), "it stops")
        assert (refused.status, refused.headers["connection"], refused.headers["retry-after"]) == (503, "close", "1")
        assert kept.is_closed
        Waits.go.set()
        done = busy.answer()
        assert (done.status, done.headers["connection"], done.body) == (200, "close", b"done")
        stopping.result(30)


def test_an_async_service_that_blocks_the_loop_does_not_hold_the_end(wb: Workbench, stop: Stop) -> None:
    with Wire(wb) as wire:
        wire.request("GET /blocks")
        assert Waits.began.wait(30)
        stop(0.1).result(20)
        assert Waits.ended == []
        Waits.go.set()


def test_a_job_that_comes_due_while_the_server_stops_runs_only_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    Waits.began, Waits.go, Waits.ended = threading.Event(), threading.Event(), []
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    with Workbench(port=0, folder=tmp_path, clock=clock) as wb, ThreadPoolExecutor(1) as pool:
        wb.deploy(Waits)
        wb.define(IntervalJob("job", service="waits", hours=1))
        wb.start()
        wb._parts.invoker.invoke_async("waits")
        assert Waits.began.wait(30)
        stopping = pool.submit(wb.stop, 30)
        until(lambda: not wb.url, "it stops")
        clock.advance(3600)
        scheduler = wb._parts.scheduler
        assert scheduler.tick() == 0
        Waits.go.set()
        stopping.result(30)
        assert wb.jobs["job"].runs == []
        clock.advance(1)
        assert scheduler.tick() == 1
        assert scheduler.settle(30)
        assert [run.outcome for run in wb.jobs["job"].runs] == ["ok"]
