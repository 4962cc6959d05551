"""A scheduler on a virtual clock, with a service that does what the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from tests.redis_server import redis_program, redis_server
from tests.stores.conftest import shared_url, store, url
from workbench.core.clock import VirtualClock
from workbench.core.errors import UnknownName
from workbench.core.events import Events
from workbench.core.ports import Clock, Store
from workbench.scheduler.engine import Scheduler
from workbench.scheduler.ports import JobResult
from workbench.scheduler.records import JobChanged, RunEnded, RunLost

__all__ = ["redis_program", "redis_server", "shared_url", "store", "url"]

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Invoked(NamedTuple):
    service: str
    extra: str
    job_name: str
    job_type: str
    planned_at: datetime
    thread: str


class Services:
    """Stands where the application's invoker does: services by name, each a function of the text it is given."""

    def __init__(self) -> None:
        self.by_name: dict[str, Callable[[str], Any]] = {"ok": lambda extra: None}
        self.calls: list[Invoked] = []
        self.cancelled: list[datetime] = []
        self.gate = threading.Event()
        self.by_name["hang"] = lambda extra: self.gate.wait(30) and None
        self.by_name["echo"] = lambda extra: f"Hello {extra}!\n"

    def invoke(
        self,
        service: str,
        extra: str,
        *,
        job_name: str,
        job_type: str,
        planned_at: datetime,
        on_cancel: Callable[[Callable[[], None]], None],
    ) -> JobResult:
        on_cancel(lambda: self.cancelled.append(planned_at))
        thread = threading.current_thread().name
        self.calls.append(Invoked(service, extra, job_name, job_type, planned_at, thread))
        if service not in self.by_name:
            raise UnknownName("service", service, self.by_name, fix="run its cell.")
        answer = self.by_name[service](extra)
        return answer if isinstance(answer, JobResult) else JobResult("cid", returned=answer, lines=("INFO working",))


class Bench:
    """A scheduler with all it is given at hand."""

    def __init__(self, store: Store, clock: Clock | None = None, app: str = "nb.ipynb", **options: Any) -> None:
        self.store, self.clock = store, clock or VirtualClock(START)
        self.services, self.events, self.heard = Services(), Events(), list[Any]()
        for kind in (JobChanged, RunEnded, RunLost):
            self.events.subscribe(kind, self.heard.append)
        self.scheduler = Scheduler(store, app, self.clock, self.services.invoke, self.events, **options)
        self.jobs = self.scheduler.jobs

    def again(self, **options: Any) -> Bench:
        """Another process of the same application, as far as the store can tell."""
        return Bench(self.store, self.clock, **options)

    def advance(self, seconds: float) -> int:
        """Move the clock, fire what is due, and wait for it."""
        assert isinstance(self.clock, VirtualClock)
        self.clock.advance(seconds)
        fired = self.scheduler.tick()
        assert self.scheduler.settle(10)
        return fired

    def outcomes(self, name: str) -> list[str]:
        return [run.outcome for run in self.jobs[name].runs]

    def close(self) -> None:
        self.services.gate.set()
        self.scheduler.close()


@pytest.fixture
def bench(store: Store) -> Iterator[Bench]:
    made = Bench(store)
    yield made
    made.close()
