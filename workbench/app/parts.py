"""The rooms of one workbench, put together: who is given what."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from functools import partial
from threading import RLock, local
from time import monotonic

from workbench.app.around import Around
from workbench.app.book import Book, Removed
from workbench.app.configuration.loop import maker_of_loops
from workbench.app.configuration.secrets import FoundSecrets
from workbench.app.configuration.settings import Settings
from workbench.app.configuration.toml_file import overridden
from workbench.app.deploy.clicks import Clicks, KeptClicks
from workbench.app.deploy.draft import Draft
from workbench.app.limits import check_limit, check_short_limit
from workbench.app.outside import Calls, Outside
from workbench.app.rehearsal.played_redis import SpareRedises
from workbench.app.scheduling.alerts import Alerts
from workbench.app.scheduling.jobs import CellScheduler, run_job
from workbench.app.serving.effects import Effects
from workbench.app.serving.own import OwnListener
from workbench.app.serving.ports import Ports
from workbench.app.serving.runtime_file import RuntimeFile
from workbench.app.serving.views import ShortLimits, Views
from workbench.caching.definition import Cache
from workbench.caching.sqlite_table import SQLiteTable
from workbench.caching.table import Table
from workbench.caching.tables import open_table
from workbench.channels.guard import Guard
from workbench.channels.http.server import HTTPServer
from workbench.channels.http.switching import SWITCHING
from workbench.channels.live import LiveChannels
from workbench.channels.live import Opening as ChannelOpening
from workbench.channels.own import Admin
from workbench.channels.pipeline import Pipeline
from workbench.channels.turns import Turns
from workbench.channels.websocket.live import channel_named
from workbench.connections.definition import Opening
from workbench.connections.kvdb.live import URL_VARIABLE, Kvdb
from workbench.connections.live import LiveConnections
from workbench.core.call import Deployment
from workbench.core.collection import CollectionRow, Effect
from workbench.core.definition import Definition
from workbench.core.events import Closed, Events
from workbench.core.ports import Clock, Store
from workbench.limiting.registry import Limits
from workbench.runtime.invoker import Invoker
from workbench.runtime.loop import LoopThread
from workbench.runtime.registry import Registry
from workbench.runtime.traffic import Log, Traffic
from workbench.runtime.watchdog import Watchdog
from workbench.runtime.workers import Workers
from workbench.sandbox.catalog import Sandbox
from workbench.scheduler.ports import JobResult
from workbench.scheduler.records import JobChanged
from workbench.scheduler.runs.bounds import Bounds as JobBounds
from workbench.security.encryption import Encryption
from workbench.stores.opening import is_there, open_store, sqlite_folder


class Parts(Effects):
    """One of each room, wired.

    Args:
        admin: The workbench's own HTTP addresses, for callers that hold the token.
        See `Workbench` for the rest.
    """

    _store: Store | None = None
    _scheduler: CellScheduler | None = None
    _alerts: Alerts | None = None
    _calls_alert_urls = True

    def __init__(self, settings: Settings, clock: Clock, admin: dict[tuple[str, str], Admin]) -> None:
        self._opening, self._of_thread, self.admin = RLock(), local(), admin
        self.token, self.settings, self.clock = secrets.token_urlsafe(24), settings, clock
        self.events, self.loop, bounds = Events(), LoopThread(new_loop=maker_of_loops()), settings.bounds
        self.traffic = Traffic(bounds.traces, bounds.trace_bytes, bounds.record_bytes)
        self.log = Log(bounds.log_lines, bounds.log_bytes)
        self.registry = Registry(bounds.versions, clock.time, settings.configuration.rules)
        self.workers = Workers(bounds.threads, bounds.waiting, busy=SWITCHING.busy)
        self.traffic.told, self.registry.log = self.events.emit, self.log
        self.sandbox = Sandbox(lambda: self.live.definitions, settings.sandbox)
        self.secrets = FoundSecrets(settings.folder, lambda: self.sandbox.on)
        self.outside = Outside(self._calls, self.events)
        self.live = self._live_connections(settings, clock)
        self.limits = Limits(clock, settings.shared_counters(clock))
        self.short = ShortLimits(self.limits)
        self.book = Book(self.known, self.events, self._rows())
        self.clicks = Clicks(self._kept_clicks, clock, settings.folder)
        self._follow_removals()
        self.views = self._views()
        store_folder = sqlite_folder(settings.store)
        self._kvdb = Kvdb(store_folder)
        # A sandbox leaves a Redis that somebody else runs alone.
        self._played_kvdb = Kvdb(store_folder, {key: os.environ[key] for key in os.environ if key != URL_VARIABLE})
        self.spare_redises = SpareRedises()
        self.around = Around(
            self.live, clock, self.log, self.traffic, lambda: self.kvdb, Encryption(self.secrets.reveal)
        )
        self.around.configure(settings)
        self.around.caches.opening = self._open_cache
        self.book.add(self.around.caches.row())
        self.invoker = self.around.invoker = self._invoker()
        self.channels = self._live_channels()
        self.around.websocket, self.around.client = partial(channel_named, self.channels.by_name), None
        self.trips: dict[object, Parts] = {}
        self.runtime_file = RuntimeFile(settings.app, str(settings.folder), settings.shared_store)
        self.pipeline = self._pipeline(admin)
        self.watchdog, self.own = Watchdog(), OwnListener(self.pipeline.guard, admin, self.traffic.record)
        self.ports = Ports(self.runtime_file, settings.folder, store_folder)
        self.server = self._server()

    def _live_connections(self, settings: Settings, clock: Clock) -> LiveConnections:
        override = partial(overridden, settings.configuration)
        return LiveConnections(Opening(self.secrets.reveal, clock), self.sandbox.stand_in, self.outside.check, override)

    def _calls(self) -> list[Calls]:
        """What calls other systems."""
        return [*self.live.definitions.values(), *self.around.caches.definitions]

    def _open_cache(self, definition: Cache) -> Table:
        """Open the store of a cache; a sandbox has one in memory in place of a server."""
        if self.sandbox.on and definition.is_on_server:
            return SQLiteTable(None, definition.name)
        self.outside.check(definition)
        password = definition.password
        return open_table(definition, self.secrets.reveal(password, str(definition)) if password else "")

    def _views(self) -> Views:
        return Views(
            lambda: self.book.of("security"),
            lambda: self.registry.services,
            self.limits,
            self.secrets.reveal,
            lambda: self.server.url,
        )

    def _invoker(self) -> Invoker:
        limiter = partial(self.limits.limiter, "service")
        return Invoker(self.services_here, limiter, self.loop, self.workers, self.traffic, self.around)

    def _server(self) -> HTTPServer:
        return HTTPServer(
            self.pipeline,
            self.loop.run,
            self.settings.port,
            preference=self.ports,
            bounds=self.settings.bounds.of_clients(),
            certificate=self.settings.tls(),
        )

    def another_server(self) -> HTTPServer:
        """A server of the same channels at a port of its own, not started yet."""
        return HTTPServer(self._pipeline(self.admin), self.loop.run, 0, bounds=self.settings.bounds.of_clients())

    def _pipeline(self, admin: Mapping[tuple[str, str], Admin]) -> Pipeline:
        guard = Guard(self.token, frozenset(self.settings.hosts), frozenset(self.settings.origins))
        caller = self.settings.caller_address()
        pipeline = Pipeline(self.views.view, self.invoker, self.traffic.record, guard, admin, caller)
        pipeline.answered, pipeline.keep = self.events.emit, self.traffic.keep
        return pipeline

    def _live_channels(self) -> LiveChannels:
        views, invoker = self.views, self.invoker
        loop = self.loop
        return LiveChannels(
            ChannelOpening(views.live_channel, views.gate, invoker, Turns(invoker), loop.run, loop.land, self.clock)
        )

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
                    check=lambda each, _: check_short_limit("user", each, self.book),
                    again=lambda each: self.read_secret_again(each.name),
                ),
                order=10,
                shown_as="user",
            ),
            self._job_row(),
            CollectionRow(
                "limits",
                "limit",
                Effect(
                    self._limit,
                    self._lift,
                    check=lambda each, at: check_limit(each, at, self.book, self.registry.services),
                ),
                order=40,
                # Those that stand on an object itself, too.
                items=lambda: {each.full_name: each for each in self.limits},
                undefined="take limit= off what it stands on.",
            ),
        )

    def _channel_row(self) -> CollectionRow:
        return CollectionRow(
            "channels",
            "channel",
            Effect(
                self._open_channel,
                self._close_channel,
                check=lambda each, _: check_short_limit("channel", each, self.book),
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
                lambda name: self.scheduler.remember(name),
            ),
            order=50,
            together=lambda names: self.scheduler.together(names),
            items=lambda: self.scheduler.jobs if self.job_count else {},
            definition_of=lambda job: job.definition,
            remove=lambda name: self.scheduler.remove(name),
        )

    @property
    def store(self) -> Store:
        """Where jobs, runs and clicks are kept: opened, and made, when the first of them is asked for."""
        with self._opening:
            if self._store is None:
                self._store = open_store(self.settings.store)
        return self._store

    def _kept_clicks(self, make: bool) -> KeptClicks | None:
        """What was made by click; None if there is no store yet, and none is to be made."""
        if not make and self._store is None and not is_there(self.settings.store):
            return None
        return KeptClicks(self.store, self.settings.app, lambda collection: self.book.rows[collection].word)

    def _forget_click(self, event: Removed) -> None:
        self.clicks.drop(self.book.rows[event.collection].word, event.name)

    @property
    def scheduler(self) -> CellScheduler:
        """The scheduler, and with it the store: opened when the first job is asked for."""
        with self._opening:
            if self._scheduler is None:
                app, invoke = self.settings.app, self._invoke_job()
                scheduler = CellScheduler(
                    self.store,
                    app,
                    self.clock,
                    invoke,
                    self.events,
                    self.services_here,
                    self._bounds_of_jobs(),
                )
                self._alerts = Alerts(
                    self.events, lambda name: scheduler.record(name).definition, self.live, invoke, app
                )
                self._alerts.calls_urls = self._calls_alert_urls
                scheduler.start(self.settings.place)
                self._scheduler = scheduler
        return self._scheduler

    def _invoke_job(self) -> Callable[..., JobResult]:
        def services_of(name: str) -> Mapping[str, Deployment] | None:
            # A job that is due before the cell ends that brings its service, too, runs on what the cell has.
            return None if name in self.registry.services else self.views.bringing(name)

        return run_job(self.invoker, services_of)

    def _bounds_of_jobs(self) -> JobBounds:
        return self.settings.bounds.of_jobs()

    @property
    def job_count(self) -> int:
        """Jobs there are; 0 while nobody has asked for the scheduler."""
        return len(self._scheduler.jobs) if self._scheduler is not None else 0

    def _follow_removals(self) -> None:
        self.events.subscribe(JobChanged, self._follow_job)
        self.events.subscribe(Removed, self._forget_click)

    def _follow_job(self, event: JobChanged) -> None:
        if event.what == "removed":
            self.book.forget("jobs", event.job)

    @property
    def draft(self) -> Draft | None:
        """What this thread's cell or file is about to change; each thread has its own."""
        return getattr(self._of_thread, "draft", None)

    @draft.setter
    def draft(self, draft: Draft | None) -> None:
        self._of_thread.draft = draft

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
        self.around.caches.close_all()
        self.views.forget_secrets()

    def start(self, port: int | None) -> None:
        """Start the server, from now on at a port that is given, and have the command line find it."""
        self.server.start(port)
        if port is not None:
            self.ports.by_hand = True
        if self.settings.port is None and not self.ports.by_hand:
            self.ports.settle(self.server.port)
        self.own.start()
        self.watchdog.start()
        self.runtime_file.write(self.server.url, self.token, self.own.url)

    def stop(self, drain_seconds: float, left: Callable[[], object] | None = None) -> None:
        """Stop the server; calls, background calls and runs of jobs may take so long together [s]."""
        deadline, scheduler = monotonic() + drain_seconds, self._scheduler
        with scheduler.claiming_nothing() if scheduler is not None else nullcontext():
            self.server.stop(drain_seconds, left)
            self.invoker.settle(max(0.0, deadline - monotonic()))
            if scheduler is not None:
                scheduler.settle(max(0.0, deadline - monotonic()))
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
        if not self.settings.counters.startswith("memory:"):
            self.loop.run(self.limits.leave_loop(), timeout=2)
        self.limits.close()
        if self._scheduler is not None:
            self._scheduler.close()
        if self._alerts is not None:
            self._alerts.close()
        if self._scheduler is None and self._store is not None:
            self._store.close()
        self.live.close_all()
        self.around.caches.close_all()
        self.sandbox.close()
        self._kvdb.close()
        self._played_kvdb.close()
        self.spare_redises.close()
        self.workers.close()
        self.loop.close()
        self.events.emit(Closed())

    def known(self, collection: str) -> Collection[str]:
        """Names that a definition may refer to, those of the running cell's own classes included."""
        if collection == "services":
            return self.services_here()
        waiting = self.draft.waiting if self.draft is not None else []
        ours = {each.name for each in waiting if each.collection == collection}
        return ours.union(self.book.names(collection)) if ours else self.book.names(collection)

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
