"""The rooms of one workbench, put together: who is given what."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from threading import RLock, local
from time import monotonic
from typing import Any

from workbench.app.book import Book
from workbench.app.deploy.draft import Draft
from workbench.app.jobs import CellScheduler, run_job
from workbench.app.limits import LimitsInForce, arrivals
from workbench.app.secrets import FoundSecrets
from workbench.app.serving.own import OwnListener
from workbench.app.serving.ports import Ports
from workbench.app.serving.runtime_file import RuntimeFile
from workbench.app.serving.views import ShortLimits, Views
from workbench.app.settings import Settings
from workbench.channels.definition import ChannelDefinition
from workbench.channels.guard import Guard
from workbench.channels.http.server import HTTPServer
from workbench.channels.live import LiveChannels
from workbench.channels.live import Opening as ChannelOpening
from workbench.channels.pipeline import Admin, Pipeline
from workbench.channels.turns import Turns
from workbench.connections.definition import Opening
from workbench.connections.kvdb.live import URL_VARIABLE, Kvdb
from workbench.connections.live import LiveConnections
from workbench.core.call import Call, Connections, Deployment
from workbench.core.collection import CollectionRow, Effect
from workbench.core.definition import Definition
from workbench.core.errors import NameTaken
from workbench.core.events import Events
from workbench.core.origin import Origin
from workbench.core.ports import Clock
from workbench.limiting.definition import Limit, On
from workbench.limiting.registry import Limits
from workbench.runtime.invoker import Invoker
from workbench.runtime.loop import LoopThread
from workbench.runtime.registry import Registry
from workbench.runtime.traffic import Log, Traffic
from workbench.runtime.watchdog import Watchdog
from workbench.runtime.workers import Workers
from workbench.sandbox.catalog import Sandbox
from workbench.scheduler.records import JobChanged
from workbench.stores.opening import open_store, sqlite_folder


class Around:
    """What a service reaches through `self`."""

    def __init__(
        self, connections: LiveConnections, clock: Clock, log: Log, traffic: Traffic, kvdb: Callable[[], Kvdb]
    ) -> None:
        self.connections: Connections = connections
        self.clock, self.log, self.traffic, self._kvdb = clock, log, traffic, kvdb
        self.invoker: Any = None
        self.watched: set[Call] = set()

    @property
    def kvdb(self) -> Kvdb:
        """Redis."""
        return self._kvdb()

    def inline(self, call: Call) -> bool:
        """Whether a person waits for this call in the cell that made it."""
        root = call
        while root.parent is not None:
            root = root.parent
        return root in self.watched


class Parts:
    """One of each room, wired.

    Args:
        admin: The workbench's own HTTP addresses, for callers that hold the token.
        See `Workbench` for the rest.
    """

    def __init__(self, settings: Settings, clock: Clock, admin: Mapping[tuple[str, str], Admin]) -> None:
        self._opening = RLock()
        self.token = secrets.token_urlsafe(24)
        self._of_thread = local()
        self.events, self.traffic, self.log = Events(), Traffic(), Log()
        self.registry, self.loop, self.workers = Registry(), LoopThread(), Workers(settings.threads)
        self.sandbox = Sandbox(lambda: self.live.definitions)
        self.secrets = FoundSecrets(settings.folder, lambda: self.sandbox.on)
        self.live = LiveConnections(Opening(self.secrets.reveal, clock), self.sandbox.stand_in)
        self.limits = Limits(clock, settings.shared_counters(clock))
        self.short = ShortLimits(self.limits)
        self.book = Book(self.known, self.events, self._rows())
        self.events.subscribe(JobChanged, self._follow_job)
        self.views = Views(
            lambda: self.book.of("security"),
            lambda: self.registry.services,
            self.limits,
            self.secrets.reveal,
            lambda: self.server.url,
        )
        store_folder = sqlite_folder(settings.store)
        self._kvdb = Kvdb(store_folder)
        # A sandbox leaves a Redis that somebody else runs alone.
        self._played_kvdb = Kvdb(store_folder, {key: os.environ[key] for key in os.environ if key != URL_VARIABLE})
        self.around = Around(self.live, clock, self.log, self.traffic, lambda: self.kvdb)
        self.invoker = self.around.invoker = Invoker(
            self.services_here,
            lambda name: self.limits.limiter("service", name),
            self.loop,
            self.workers,
            self.traffic,
            self.around,
        )
        self.channels = self._live_channels()
        self._settings, self._clock, self.runtime_file = settings, clock, RuntimeFile(settings.app)
        self._scheduler: CellScheduler | None = None
        self.pipeline = self._pipeline(admin)
        self.watchdog, self.own = Watchdog(), OwnListener(self.pipeline.guard, admin, self.traffic.record)
        self.ports = Ports(self.runtime_file, settings.folder, store_folder)
        self.server = HTTPServer(self.pipeline, self.loop.run, settings.port, preference=self.ports)

    def _pipeline(self, admin: Mapping[tuple[str, str], Admin]) -> Pipeline:
        guard = Guard(self.token, frozenset(self._settings.hosts), frozenset(self._settings.origins))
        return Pipeline(
            self.views.view,
            self.invoker,
            self.traffic.record,
            guard,
            admin,
            self._settings.caller_address(),
        )

    def _live_channels(self) -> LiveChannels:
        views, invoker = self.views, self.invoker
        return LiveChannels(ChannelOpening(views.live_channel, views.gate, invoker, Turns(invoker), self.loop.run))

    def _rows(self) -> tuple[CollectionRow, ...]:
        """The collections, in the order in which a person sees them."""
        return (
            self._channel_row(),
            self.live.row(),
            CollectionRow(
                "security",
                "security definition",
                Effect(
                    self._enter_user,
                    self._leave_user,
                    check=lambda each, _: self._check_short_limit("user", each),
                    again=lambda each: self.read_secret_again(each.name),
                ),
                order=10,
                shown_as="user",
            ),
            self._job_row(),
            CollectionRow(
                "limits",
                "limit",
                Effect(self._limit, self._lift, check=self._check_limit),
                order=40,
                # Those that stand on an object itself, too.
                items=lambda: {each.full_name: each for each in self.limits},
            ),
        )

    def _channel_row(self) -> CollectionRow:
        return CollectionRow(
            "channels",
            "channel",
            Effect(
                self._open_channel,
                self._close_channel,
                check=lambda each, _: self._check_short_limit("channel", each),
            ),
            order=30,
            waits=True,
            items=lambda: self.channels.by_name,
            definition_of=lambda channel: channel.definition,
        )

    def _job_row(self) -> CollectionRow:
        return CollectionRow(
            "jobs",
            "job",
            Effect(
                lambda each: self.scheduler.define(each),
                lambda each: self.scheduler.remove(each.name),
                self._remember_job,
            ),
            order=50,
            items=lambda: self.scheduler.jobs if self.job_count else {},
            definition_of=lambda job: job.definition,
            remove=lambda name: self.scheduler.remove(name),
        )

    @property
    def scheduler(self) -> CellScheduler:
        """The scheduler, and with it the store: opened when the first job is asked for."""
        with self._opening:
            if self._scheduler is None:
                scheduler = CellScheduler(
                    open_store(self._settings.store),
                    self._settings.app,
                    self._clock,
                    run_job(self.invoker),
                    self.events,
                    self.services_here,
                )
                scheduler.start()
                self._scheduler = scheduler
        return self._scheduler

    @property
    def job_count(self) -> int:
        """Jobs there are; 0 while nobody has asked for the scheduler."""
        return len(self._scheduler.jobs) if self._scheduler is not None else 0

    def _follow_job(self, event: JobChanged) -> None:
        if event.what == "removed":
            self.book.forget("jobs", event.job)

    def _remember_job(self, name: str) -> Callable[[], None]:
        stored = self.scheduler.stored(name)
        return lambda: self.scheduler.put_back(name, stored)

    def _enter_user(self, user: Any) -> None:
        self.short.put("user", user.name, _short_limit(user))
        self.views.verifier(user.name)
        self.views.rebuild()

    def _leave_user(self, user: Any) -> None:
        self.short.put("user", user.name, "")
        self.views.rebuild()

    def _open_channel(self, channel: ChannelDefinition) -> None:
        self.short.put("channel", channel.name, channel.limit)
        self.channels.define(channel)

    def _close_channel(self, channel: ChannelDefinition) -> None:
        self.short.put("channel", channel.name, "")
        self.channels.remove(channel.name)

    def limits_in_force(self) -> LimitsInForce:
        """What `wb.limits` is."""
        return LimitsInForce(
            self.limits,
            lambda name: self.book.remove("limits", name),
            lambda: self.book.of("channels"),
            self.known,
            lambda: arrivals(self.traffic),
            self.views.rebuild,
        )

    @property
    def draft(self) -> Draft | None:
        """What this thread's cell or file is about to change; each thread has its own."""
        return getattr(self._of_thread, "draft", None)

    @draft.setter
    def draft(self, draft: Draft | None) -> None:
        self._of_thread.draft = draft

    def limit_service(self, name: str, text: str) -> None:
        """Put the `limit =` of a service class into force.

        Raises:
            NameTaken: The service has a Limit of its own, too.
        """
        if text and f"service {name}" in self.book.of("limits"):
            raise _twice(name)
        self.short.put("service", name, text)

    def follow_service(self, name: str) -> None:
        """Have limit and requests follow the version that is live now, if any."""
        live = self.registry.services.get(name)
        self.short.put("service", name, live.cls.limit if live is not None else "")
        self.views.follow_services()

    def _check_limit(self, limit: Limit, origin: Origin) -> None:
        """`limit=` on an object and a Limit for the same object contradict each other."""
        if limit.on == "service":
            live = self.registry.services.get(limit.name)
            if live is not None and live.cls.limit:
                raise _twice(limit.name)
            return
        owner = self.book.of("channels" if limit.on == "channel" else "security").get(limit.name)
        if owner is not None and _short_limit(owner):
            raise NameTaken("The limit of", limit.name, f"{owner} limit=", f"Limit in {origin}", fix="keep one")

    def _check_short_limit(self, on: On, definition: Any) -> None:
        there = self.book.origin("limits", f"{on} {definition.name}")
        if there is not None and _short_limit(definition):
            raise NameTaken(
                "The limit of", definition.name, f"Limit in {there}", f"{definition} limit=", fix="keep one"
            )

    def _limit(self, limit: Limit) -> None:
        self.limits.define(limit)
        self.views.rebuild()

    def _lift(self, limit: Limit) -> None:
        self.limits.remove(limit.on, limit.name)
        self.views.rebuild()

    @property
    def kvdb(self) -> Kvdb:
        """Redis: the real one, or in the sandbox one that this workbench runs itself."""
        return self._played_kvdb if self.sandbox.on and URL_VARIABLE in os.environ else self._kvdb

    @property
    def uses_kvdb(self) -> bool:
        """Whether a live service speaks of Redis."""
        return any("kvdb" in version.source for version in self.registry.services.values())

    def switch_sandbox(self, on: bool) -> None:
        """Send connections to their peers or to their real addresses; what is open is closed."""
        self.sandbox.switch(on)
        self.live.close_all()
        self.views.forget_secrets()

    def start(self) -> None:
        """Start the server, and have the command line find it."""
        self.server.start()
        if self._settings.port is None:
            self.ports.settle(self.server.port)
        self.own.start()
        self.watchdog.start()
        self.runtime_file.write(self.server.url, self.token, self.own.url)

    def stop(self, drain_seconds: float) -> None:
        """Stop the server; calls, background calls and runs of jobs may take so long together [s]."""
        deadline = monotonic() + drain_seconds
        self.server.stop(drain_seconds)
        self.invoker.settle(max(0.0, deadline - monotonic()))
        if self._scheduler is not None:
            self._scheduler.settle(max(0.0, deadline - monotonic()))
        self.runtime_file.remove()
        self.own.stop()
        self.watchdog.stop()

    def close(self) -> None:
        """Stop everything."""
        self.server.stop()
        self.runtime_file.remove()
        self.own.stop()
        self.watchdog.stop()
        self.views.unmount_all()
        self.channels.close_all()
        if not self._settings.counters.startswith("memory:"):
            self.loop.run(self.limits.leave_loop(), timeout=2)
        self.limits.close()
        if self._scheduler is not None:
            self._scheduler.close()
        self.live.close_all()
        self.sandbox.close()
        self._kvdb.close()
        self._played_kvdb.close()
        self.workers.close()
        self.loop.close()

    def read_secret_again(self, user: str) -> None:
        """Take a user's secret as it is set now; a definition that was run again unchanged asks for that."""
        self.views.forget_secrets(user)
        self.views.verifier(user)
        self.views.rebuild()

    def known(self, collection: str) -> list[str]:
        """Names that a definition may refer to, those of the running cell's own classes included."""
        if collection == "services":
            return list(self.services_here())
        waiting = self.draft.waiting if self.draft is not None else []
        return [*self.book.of(collection), *(each.name for each in waiting if each.collection == collection)]

    def services_here(self) -> Mapping[str, Deployment]:
        """The snapshot for a call made by this thread: the cell that runs sees its own classes."""
        draft = self.draft
        return draft.services() if draft is not None and draft.is_mine else self.registry.services

    def must_wait(self, definition: Definition) -> bool:
        """Whether a way in leads to what only the running cell brings, and so may not open before it ends."""
        if not self.book.row_of(definition).waits or self.draft is None or not self.draft.is_mine:
            return False
        return any(
            each.name not in (self.registry.services if each.collection == "services" else self.known(each.collection))
            for each in definition.references()
        )


def _short_limit(definition: Definition) -> str:
    return str(getattr(definition, "limit", ""))


def _twice(service: str) -> NameTaken:
    return NameTaken("The limit of service", service, "its class's limit =", "a Limit", fix="keep one")
