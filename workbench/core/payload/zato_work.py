"""`self.schedule` and `self.patterns`: work that is done later, or again, under Zato's names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.core.call import Fan
from workbench.core.errors import ServiceUsage
from workbench.core.payload.differences import no_attribute

MOST_REPEATS = 1_000
MOST_SECONDS = 86_400
"""Longest wait between two tries, in seconds or in minutes as it is given."""
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
            ServiceUsage: It is to be tried in the background, never, or after a wait that is none.
            Exception: What its last try raised.
        """
        for key in ("async_fallback", "callback", "context"):
            if more.pop(key, None):
                raise ServiceUsage(
                    f"Service {self._service._call.service!r}: invoke_retry cannot obey {key}, as it waits until the "
                    f"last try. Fix: self.invoke_async of a service that has it, with callback=..."
                )
        repeats, seconds = more.pop("repeats", 5), _wait(more.pop("seconds", 0), more.pop("minutes", 0))
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


def _wait(seconds: Any, minutes: Any) -> float:
    """How long to wait between two tries [s]; raises ServiceUsage."""
    for name, given in (("seconds", seconds), ("minutes", minutes)):
        if not isinstance(given, int | float) or not 0 <= given <= MOST_SECONDS:
            fix = f"{name}=5, or 0 to {MOST_SECONDS:,}"
            raise ServiceUsage(f"invoke_retry cannot wait {name}={given!r:.80}. Fix: {fix}.")
    return float(seconds + 60 * minutes or 1)


class Parallel:
    """`self.patterns.parallel`: services that run at once in the background, of each of which others are told."""

    pattern = "parallel"

    def __init__(self, service: Any, named: Callable[[Any], str]) -> None:
        self._service, self._named = service, named

    def invoke(self, targets: Mapping[Any, Any], on_target: Any = None, cid: str | None = None) -> str:
        """Run services side by side, and have others told of each as it has ended; returns a CID at once.

        Args:
            targets: The payload of each service, by its name or class.
            on_target: One service or several that get, of each target, a dict with `source`, `target`, `response`,
                `ok`, `exception` (its traceback, as text), `req_ts_utc` and `resp_ts_utc` (ISO 8601), `cid` and
                `phase`, which is `on-target`.
            cid: What they get as `cid`, which is returned; the service's own by default.

        Raises:
            UnknownName: There is no such service; none has begun.
            ServiceUsage: There are no targets.
            ServiceUnavailable: Every worker is busy and the queue is full; none has begun.
        """
        return self._start(targets, cid, on_target=self._names(on_target))

    def _start(self, targets: Mapping[Any, Any], cid: str | None, **told: tuple[str, ...]) -> str:
        call = self._service._call
        if not isinstance(targets, Mapping) or not targets:
            raise ServiceUsage(
                f"Service {call.service!r}: {self.pattern} cannot run {targets!r:.80}, which names no service. "
                f"Fix: a dict with the payload of each, as {{'api.order': {{'id': 7}}}}."
            )
        to_run = tuple((self._named(each), payload) for each, payload in targets.items())
        fan = Fan(self.pattern, to_run, cid or call.cid, **told)
        return str(call.surroundings.invoker.fan_out(fan, call))

    def _names(self, told: Any) -> tuple[str, ...]:
        is_one = isinstance(told, str | type) or told is self._service
        several: tuple[Any, ...] = (told,) if is_one else tuple(told or ())
        return tuple(self._service._call.service if each is self._service else self._named(each) for each in several)


class FanOut(Parallel):
    """`self.patterns.fanout`: the same, and others are told once of all."""

    pattern = "fanout"

    def invoke(  # type: ignore[override]  # Zato's order
        self, targets: Mapping[Any, Any], on_final: Any = None, on_target: Any = None, cid: str | None = None
    ) -> str:
        """Run services side by side, and have others told once all have ended; returns a CID at once.

        Args:
            targets: The payload of each service, by its name or class.
            on_final: One service or several that get, once, a dict with `source`, `data`, which has of each target what
                `on_target` gets, in the order of targets, `req_ts_utc`, `on_target`, `on_final`, `cid` and `phase`,
                which is `on-final`.
            on_target: One service or several that are told of each target, as `parallel` has them told; here
                `exception` is the error itself.
            cid: What they get as `cid`, which is returned; the service's own by default.

        Raises:
            UnknownName: There is no such service; none has begun.
            ServiceUsage: There are no targets.
            ServiceUnavailable: Every worker is busy and the queue is full; none has begun.
        """
        return self._start(targets, cid, on_target=self._names(on_target), on_final=self._names(on_final))


class Patterns:
    """`self.patterns`: what there is of Zato's patterns."""

    def __init__(self, service: Any, named: Callable[[Any], str]) -> None:
        self.fanout, self.parallel = FanOut(service, named), Parallel(service, named)
        self.invoke_retry = InvokeRetry(service)

    def __getattr__(self, name: str) -> Any:
        raise no_attribute("self.patterns", name, vars(self))
