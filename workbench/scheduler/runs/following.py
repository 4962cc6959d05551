"""What runs after a job: another job, or a service that is told how the run went."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from workbench.core.errors import StoreUnavailable
from workbench.core.failure import sentence_of
from workbench.core.masking import mask
from workbench.scheduler.definitions import JobDefinition
from workbench.scheduler.history import History
from workbench.scheduler.ports import Invoke
from workbench.scheduler.records import Run

log = logging.getLogger("workbench.scheduler")


class Following:
    """Runs `on_success` and `on_error` of jobs, after the last attempt at a planned time; never after a run by hand."""

    def __init__(
        self,
        history: History,
        invoke: Invoke,
        by_hand: Callable[..., Run],
        aside: Callable[[Callable[[], None]], None],
    ) -> None:
        """Run nothing yet.

        Args:
            history: Knows the jobs.
            invoke: Runs a service.
            by_hand: Runs a job beside its schedule.
            aside: Has something done on another thread.
        """
        self._history, self._invoke, self._by_hand, self._aside = history, invoke, by_hand, aside

    def run_after(self, definition: JobDefinition, run: Run) -> None:
        """Run what comes after the run: the job of that name, or else the service, without waiting for it."""
        name = definition.on_success if run.ok else definition.on_error
        if name is None:
            return
        try:
            after = self._history.job(name)
        except StoreUnavailable as exc:
            log.warning("%r, which comes after job %r, does not run: %s", name, definition.name, exc)
            return
        if after is not None:
            self._by_hand(after, after.definition.extra, wait=False, timeout=None)
        else:
            self._aside(partial(self._tell_service, name, definition, run))

    def _tell_service(self, name: str, definition: JobDefinition, run: Run) -> None:
        facts: dict[str, Any] = {"job": run.job, "service": run.service, "planned": run.planned}
        facts |= {"outcome": run.outcome, "error": run.error, "attempt": run.attempt}
        try:
            result = self._invoke(
                name,
                msgspec.json.encode(facts).decode(),
                job_name=definition.name,
                job_type=definition.job_type,
                planned_at=run.planned,
                on_cancel=lambda tell: None,
            )
            error = "" if result.outcome == "ok" else result.error
        except Exception as exc:
            error = sentence_of(exc)
        if error:
            log.warning("service %r, which comes after job %r, failed: %s", name, definition.name, mask(error))
