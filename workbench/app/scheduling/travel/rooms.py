"""The rooms of a trip: those of a workbench made again, with copies of what is in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from math import inf
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from workbench.app.parts import Parts
from workbench.connections.common.hosts import host_of, is_outside
from workbench.connections.kvdb.live import URL_VARIABLE, Kvdb
from workbench.core.call import Deployment
from workbench.core.clock import VirtualClock
from workbench.core.errors import ServiceUsage
from workbench.core.ports import Store
from workbench.durable.attempts import RUNNING
from workbench.durable.presence import Presence
from workbench.runtime.registry import Version, unknown_service
from workbench.scheduler import plan
from workbench.scheduler.history import History
from workbench.scheduler.ports import JobResult
from workbench.scheduler.runs.bounds import Bounds
from workbench.scheduler.runs.extra import Extra
from workbench.stores.values import key_part

MOST_RUNS = 1_000_000
"""Planned times of one trip; each keeps about 1 kB of memory until the trip is let go of."""

_KINDS = ("job", "was", "paused", "past", "run", "fill", "old", "watch")
"""What the store keeps of jobs, see `History`."""


def outside_of(parts: Parts) -> dict[str, str]:
    """The hosts that services may call for real, each by its connection's name; none in a sandbox."""
    if parts.sandbox.on:
        return {}
    found = {name: host_of(each.called) for name, each in parts.live.definitions.items()}
    found = {name: host for name, host in found.items() if is_outside(host)}
    return found | ({"Redis": f"the server of {URL_VARIABLE}"} if os.environ.get(URL_VARIABLE) else {})


class _Row(msgspec.Struct):
    outcome: str


_row_from = msgspec.json.Decoder(_Row).decode


class TripParts(Parts):
    """One of each room for a trip, with its own clock: nothing done in them reaches those that they were copied from.

    Services, definitions and secrets are the same; jobs, runs, caches, peers and an embedded Redis are copied;
    traffic, log and counts of limits begin empty. It has no server, and no channels.
    """

    _calls_alert_urls = False

    def __init__(
        self, home: Parts, clock: VirtualClock, *, dry: bool, real: bool, start: datetime | None = None
    ) -> None:
        """Make them and copy what there is.

        Args:
            home: The rooms of the workbench, which are only looked at.
            clock: The trip's; set to where it begins once all is copied.
            dry: Whether jobs run no service.
            real: Whether connections go where they go at home, instead of to copies of its peers.
            start: Where it begins (UTC); at the machine's instant by default.
        """
        settings = replace(
            home.settings, store="memory://", counters="memory://", port=0, sandbox=not real or home.sandbox.on
        )
        self._home, self._dry, self._start, self.departure = home, dry, start, clock
        self._stopped: list[str] | None = None
        self._seen = cast(Mapping[str, Version], home.services_here())
        super().__init__(settings, clock, {})
        self.registry.services = self._seen
        self.outside, self.live.check = home.outside, home.outside.check
        for definition in home.live.definitions.values():
            self.live.define(definition)
        for name, version in self._seen.items():
            self.short.put("service", name, version.cls.limit)
        for limit in home.limits:
            self.limits.define(limit)
        # Nothing that is done here reaches a store.
        self.around.caches.opening = None
        if not dry:
            self.around.caches.take(home.around.caches)
        home.trips[self.around] = self
        if self.sandbox.on and not dry:
            self.sandbox.copy(home.sandbox)
        if not dry:
            self._copy_redis()
        self._copy_jobs()

    def services_here(self) -> Mapping[str, Deployment]:
        """What was live, and what the running cell saw, when the trip began."""
        return self._seen

    def start(self, port: int | None) -> None:
        """Refuse: a second server would take the calls that are meant for the first.

        Raises:
            ServiceUsage: Always.
        """
        raise ServiceUsage("A trip has no server. Fix: self.invoke(...) in place of wb.call(...), or travel dry=True.")

    def switch_sandbox(self, on: bool) -> None:
        """Refuse: where a trip's connections go is settled before it begins.

        Raises:
            ServiceUsage: Always.
        """
        raise ServiceUsage("A service on a trip cannot switch the sandbox. Fix: wb.clock.travel(..., real=True).")

    def _invoke_job(self) -> Callable[..., JobResult]:
        return self._not_run if self._dry else super()._invoke_job()

    def _not_run(self, service: str, extra: Extra, **how: Any) -> JobResult:
        if service not in self._seen:
            raise unknown_service(service, self._seen)
        return JobResult("")

    def _bounds_of_jobs(self) -> Bounds:
        # All runs are kept, so that the trip's accounts have every one of them; they are looked at when they are asked.
        return Bounds(threads=0, runs=2 * MOST_RUNS, look_seconds=inf)

    @property
    def kvdb(self) -> Kvdb:
        """Redis: a copy of the embedded one; somebody else's only on a trip that calls outside."""
        return self._kvdb if not self.sandbox.on else self._played_kvdb

    def _copy_redis(self) -> None:
        source = self._home.kvdb
        if not self._home.uses_kvdb or (source is self._home._kvdb and os.environ.get(URL_VARIABLE)):
            return
        target = self.kvdb.conn
        for key in source.conn.scan_iter(count=1_000):
            if (value := source.conn.dump(key)) is not None:
                target.restore(key, max(0, source.conn.pttl(key)), value, replace=True)

    # Jobs

    def _copy_jobs(self) -> None:
        """Copy the jobs that are live at home, with all that is known of them, and have them fire here."""
        home = self._home
        names = [each for each in home.scheduler.names() if home.scheduler.state(each) != "waiting"]
        for name in names:
            self._copy(home.store, f"app/{key_part(self.settings.app)}", key_part(name))
        self.departure.set(self._start or home.clock.now())
        if not names:
            return
        now = self.departure.now()
        history = History(self.store, self.settings.app, self.departure, Presence(None, self.store), MOST_RUNS)
        for name in names:
            # What comes before the trip is the business of those at home.
            history.account(name, now)
        self.bring_jobs(names)

    def _copy(self, source: Store, prefix: str, name: str) -> None:
        for kind in _KINDS:
            key = f"{prefix}/{kind}/{name}"
            if kind in ("job", "paused"):
                if (value := source.get(key)) is not None:
                    self.store.put(key, value)
                continue
            for at, value in source.scan(f"{key}/"):
                # A run that goes on at home ends at home.
                if kind not in ("run", "fill") or _row_from(value).outcome != RUNNING:
                    self.store.put(at, value)

    def bring_jobs(self, names: list[str]) -> None:
        """Have the jobs of the trip's store fire, as their cells do."""
        for name in names:
            if (record := self.scheduler.stored(name)) is not None:
                self.scheduler.define(record.definition, record.source)

    @property
    def has_jobs(self) -> bool:
        """Whether a process runs the jobs now."""
        return self._stopped is None

    def look(self) -> None:
        """Have the jobs look at the clock, and run what is due."""
        if self.has_jobs:
            self.scheduler.tick()
            self.scheduler.settle()

    def stop_jobs(self) -> bool:
        """End the scheduler as the end of its process does; whether there was one."""
        if self._stopped is not None:
            return False
        self._stopped = self.scheduler.names()
        self.scheduler.close()
        if self._alerts is not None:
            # The next process has its own, and each alert is told once.
            self._alerts.close()
        self._scheduler = self._alerts = None
        return True

    def start_jobs(self) -> bool:
        """Begin another scheduler, with the jobs of the one that was stopped; whether it was."""
        names, self._stopped = self._stopped, None
        if names is not None:
            self.bring_jobs(names)
        return names is not None

    def planned(self, until: datetime) -> dict[str, int]:
        """How many planned times each job that is on has until then."""
        found = {}
        for name in self.scheduler.names():
            if self.scheduler.state(name) == "on":
                record = self.scheduler.record(name)
                found[name] = plan.how_many(record.definition, record.anchor, self.departure.now(), until)
        return found

    def close(self) -> None:
        """Let go of all that the trip had open; what it has recorded stays."""
        self._home.trips.pop(self.around, None)
        super().close()
