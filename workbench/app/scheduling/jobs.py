"""Jobs meet services: a run is a call like any other, and one made by hand in a cell sees the cell's own classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from workbench.channels.http.switching import SWITCHING
from workbench.core.call import ChannelInfo, Deployment, Replay, Task
from workbench.core.current import PLAYING
from workbench.core.events import Events
from workbench.core.failure import sentence_of
from workbench.core.ports import Clock, Store
from workbench.core.service import log_failure
from workbench.core.trace import Line, Step
from workbench.runtime.invoker import Invoker
from workbench.scheduler.engine import Scheduler
from workbench.scheduler.ports import Invoke, JobResult
from workbench.scheduler.records import Run
from workbench.scheduler.runs.bounds import Bounds
from workbench.scheduler.runs.extra import Extra, as_request, parsed

Services = Mapping[str, Deployment]
_here: ContextVar[Services | None] = ContextVar("workbench_services", default=None)
_playing: ContextVar[Replay | None] = ContextVar("workbench_playing", default=None)


class CellScheduler(Scheduler):
    """The scheduler of a workbench: `execute` runs on what the thread that calls it sees."""

    def __init__(
        self,
        store: Store,
        app: str,
        clock: Clock,
        invoke: Invoke,
        events: Events,
        services_here: Callable[[], Services],
        bounds: Bounds,
    ) -> None:
        """Make a scheduler as `Scheduler` does; `services_here` says what the thread that asks sees."""
        super().__init__(store, app, clock, invoke, events, bounds=bounds)
        self._store, self._services_here = store, services_here

    def close(self, timeout: float = 2.0) -> bool:
        """Close as `Scheduler` does, and then the store, unless a run goes on that may still write how it ended."""
        settled = super().close(timeout)
        if settled:
            self._store.close()
        return settled

    def execute(self, name: str, extra: Extra | None = None, *, wait: bool = True, timeout: float | None = None) -> Run:
        """Run a job now, as `Scheduler.execute`; a running cell's own classes count."""
        token, playing = _here.set(self._services_here()), _playing.set(PLAYING.replay)
        try:
            return super().execute(name, extra, wait=wait, timeout=timeout)
        finally:
            _here.reset(token)
            _playing.reset(playing)


def run_job(invoker: Invoker, services_of: Callable[[str], Services | None]) -> Callable[..., JobResult]:
    """What the scheduler calls for each run: the service's chain, under a trace of its own.

    Args:
        invoker: Runs it.
        services_of: What else than the live services a run of that service sees; None if nothing else.
    """

    def run(
        service: str,
        extra: Extra,
        *,
        job_name: str,
        job_type: str,
        planned_at: datetime,
        on_cancel: Callable[[Callable[[], None]], None],
    ) -> JobResult:
        task = Task(
            service,
            as_request(extra),
            ChannelInfo(job_name, "scheduler"),
            services=_here.get() or services_of(service),
            key=f"{job_name}@{planned_at.isoformat()}",
            job_type=job_type,
        )
        call = invoker.call_of(task)
        call.play(_playing.get())
        call.payload = parsed(extra)
        on_cancel(lambda: setattr(call, "cancelled", True))
        root = Step("job", f"job {job_name!r}")
        root.steps.append(call.step)
        invoker.record(call, root)
        try:
            with SWITCHING.at_work():
                returned: Any = invoker.run(call)
        except Exception as exc:
            root.fail(exc)
            log_failure(call, exc)
            told = f"{type(exc).__name__}: {sentence_of(exc)}"
            return JobResult(call.cid, "failed", told, None, _lines(root))
        root.end("ok")
        return JobResult(call.cid, "ok", "", returned, _lines(root))

    return run


def _lines(root: Step) -> tuple[str, ...]:
    found: list[str] = []
    for step in root.steps:
        if isinstance(step, Line):
            found.append(step.describe())
        elif isinstance(step, Step) and step.steps:
            found += _lines(step)
    return tuple(found)
