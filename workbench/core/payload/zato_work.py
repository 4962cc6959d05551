"""`self.schedule` and `self.patterns`: work that is done later, or again, under Zato's names."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.core.errors import ServiceUsage
from workbench.core.payload.differences import LACKING

MOST_REPEATS = 1_000
SECOND = timedelta(seconds=1)


class Schedule:
    """`self.schedule`: jobs that a service makes; `named` gives a service's name, of its name or class."""

    def __init__(self, service: Any, named: Callable[[Any], str]) -> None:
        self._service, self._named = service, named

    def onetime(
        self,
        invoking_service: Any,
        target_service: Any,
        name: str = "",
        *,
        prefix: str = "",
        start_date: str | datetime = "",
        after_seconds: float = 0,
        after_minutes: float = 0,
        data: Any = "",
    ) -> str:
        """Have a service run once, by a job; the job's name, by which `wb.jobs[name]` has it.

        Args:
            invoking_service: The service that asks, `self`.
            target_service: The service that is to run: its name or class.
            name: Of the job; '' makes one of who asks, who is to run, and when.
            prefix: What a name that is made begins with.
            start_date: When; a time without a zone is UTC. '' is now, which is within two seconds.
            after_seconds: How much later [s].
            after_minutes: How much later [min].
            data: What the service gets as its payload.

        Raises:
            BadRequest, InvalidDefinition: There is such a job, or it cannot be so.
        """
        asks, now = self._service._call, self._service._call.surroundings.clock.now()
        if isinstance(start_date, str) and start_date:
            start_date = datetime.fromisoformat(start_date)
        start = start_date or now
        start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
        start += timedelta(seconds=after_seconds, minutes=after_minutes)
        if now - SECOND < start < now + SECOND:
            start = now + SECOND
        if start.microsecond:
            start = start.replace(microsecond=0) + SECOND  # jobs begin at whole seconds, and not in the past
        target = self._named(target_service)
        made = name or f"{prefix} {asks.service} -> {target} {now.isoformat()} {asks.cid}".strip()
        job = {"name": made, "service": target, "job_type": "one_time", "extra": data}
        begin = {"start_date": start.strftime("%Y-%m-%dT%H:%M:%S"), "timezone": "UTC"}
        return str(self._service.invoke("zato.scheduler.job.create", {**job, **begin})["id"])


class InvokeRetry:
    """`self.patterns.invoke_retry`: a service that is tried again until it answers."""

    def __init__(self, service: Any, sleep: Callable[[float], None] = time.sleep) -> None:
        self._service, self._sleep = service, sleep

    def invoke(self, name: Any, *args: Any, **more: Any) -> Any:
        """Run a service, again after a while where it raises; its first answer.

        Args:
            name: Of the service, or its class.
            args: The payload.
            more: `repeats`, how often it is tried (1 to 1,000, usually 5); `seconds` or `minutes` between two tries
                (usually 1 s); the rest is what `self.invoke` takes.

        Raises:
            ServiceUsage: It is to be tried in the background, or never.
            Exception: What its last try raised.
        """
        for key in ("async_fallback", "callback", "context"):
            if more.pop(key, None):
                raise ServiceUsage(
                    f"Service {self._service._call.service!r}: invoke_retry cannot obey {key}, as it waits until the "
                    f"last try. Fix: self.invoke_async of a service that has it, with callback=..."
                )
        repeats, seconds = more.pop("repeats", 5), more.pop("seconds", 0) + 60 * more.pop("minutes", 0) or 1
        if not isinstance(repeats, int) or not 1 <= repeats <= MOST_REPEATS:
            raise ServiceUsage(f"invoke_retry cannot try {repeats!r:.80} times. Fix: repeats=5, or 1 to 1,000.")
        for left in reversed(range(repeats)):
            try:
                return self._service.invoke(name, *args, **more)
            except ServiceUsage:
                raise
            except Exception as exc:
                if not left:
                    raise
                self._service.logger.warning("%s failed, and is tried %d times more: %s", name, left, exc)
            if self._service._call.replay is None:  # what answers from a record need not be waited for
                self._sleep(seconds)
        raise AssertionError("the last try has answered or raised")


class Patterns:
    """`self.patterns`: what there is of Zato's patterns."""

    def __init__(self, service: Any) -> None:
        self.invoke_retry = InvokeRetry(service)

    def __getattr__(self, name: str) -> Any:
        if (row := LACKING.get(f"self.patterns.{name}")) is not None:
            raise AttributeError(row.sentence)
        raise AttributeError(f"self.patterns has invoke_retry, and no {name!r}.")
