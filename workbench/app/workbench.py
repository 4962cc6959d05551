"""`Workbench`: the services and definitions of one application, live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from workbench.app.about import About
from workbench.app.asking.calling import Calling
from workbench.app.asking.expecting import ExpectedAnswer, expect
from workbench.app.cassettes.making import make_test
from workbench.app.cassettes.moving import transferred
from workbench.app.collections import Collection
from workbench.app.configuration.bounds import bounds_of
from workbench.app.configuration.settings import OpenAPIFor, Settings, SettingsInForce, pair_of, several
from workbench.app.configuration.startup.callables import PhaseCtx, Startup, StartupStopped
from workbench.app.configuration.toml_file import Configuration
from workbench.app.deploy import loading
from workbench.app.deploy.draft import Deployed
from workbench.app.deploy.drafting import Drafting
from workbench.app.deploy.files import Files
from workbench.app.deploy.service import LiveService
from workbench.app.limits import LimitsInForce
from workbench.app.origins import origin_here
from workbench.app.parts import Parts
from workbench.app.reports import Defined, Sandboxed
from workbench.app.scheduling.travel.here import TravelClock, TravelJobs
from workbench.app.serving.admin import admin_addresses
from workbench.app.serving.again import run_again
from workbench.app.serving.internal.by_name import InternalService, InternalServices, described
from workbench.channels.live import LiveChannel
from workbench.connections.definition import Item
from workbench.connections.kvdb.live import Kvdb
from workbench.core.clock import SystemClock
from workbench.core.collection import CollectionRow, Each
from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage
from workbench.core.ports import Clock
from workbench.core.service import Service
from workbench.runtime import capture
from workbench.runtime.registry import Source, Version
from workbench.runtime.traffic import Log
from workbench.sandbox.catalog import Sandbox
from workbench.transfer.copying import Progress
from workbench.transfer.transfer import Transferred

T = TypeVar("T", bound=Callable[[PhaseCtx], Any])


class Workbench(Calling, About, Files):
    """An application: services, definitions, and what makes them live.

    In a notebook there is one, `wb`. In a script or a test, make one and close it: `with Workbench(port=0) as wb: ...`

    Args:
        app: What this application is called; a notebook's path.
        folder: Where `.env` and the store are; the current folder by default.
        store: Where jobs and their runs are kept, by URL: `memory://`, `sqlite:///path`, `redis://...`.
        port: Port wanted by hand (0 takes any); None takes the one it had before, at first 11223 if it is free.
        certificate: The server's certificate and its key, two files in PEM; without them it speaks no TLS.
        clock: Where time comes from.
        hosts: Host names besides loopback under which the server may be asked.
        origins: Origins of web pages that may call it.
        proxies: Addresses or networks whose X-Forwarded-For is believed; nobody else's is.
        counters: Where limits count: `memory://` in this process, or shared: `sqlite:///path`, `redis://...`.
        sandbox: Whether peers play every connection, or none, whatever the code says; None leaves it to the code.
        openapi: Whom /openapi.json tells of a channel: `callers` who may call it, `all`, or `token` its token alone.
        configuration: What `workbench.toml` says beside settings: fields of connections, and the user's own.
        bounds: How much is taken at once and kept, each by name as in `Bounds`: `threads=64, trace_bytes=1 << 20`.

    Raises:
        ServiceUsage, CertificateRefused: A bound is below 1; the certificate or its key cannot be used.
    """

    def __init__(
        self,
        app: str = "notebook",
        *,
        folder: Path | str | None = None,
        store: str = "memory://",
        port: int | None = None,
        certificate: tuple[Path | str, Path | str] | None = None,
        clock: Clock | None = None,
        hosts: str | Iterable[str] = (),
        origins: str | Iterable[str] = (),
        proxies: str | Iterable[str] = (),
        counters: str = "memory://",
        sandbox: bool | None = None,
        openapi: OpenAPIFor = "callers",
        configuration: Configuration | None = None,
        **bounds: float,
    ) -> None:
        self.app, self.folder = app, Path(folder or ".").resolve()
        settings = Settings(
            app=app,
            folder=self.folder,
            store=store,
            counters=counters,
            port=port,
            **pair_of(certificate),
            hosts=several(hosts),
            origins=several(origins),
            proxies=several(proxies),
            bounds=bounds_of(bounds),
            sandbox=sandbox,
            openapi=openapi,
            configuration=configuration or Configuration(),
        )
        self.settings, self.startup = SettingsInForce(settings), Startup()
        parts = self._own = Parts(settings, clock or SystemClock(), admin_addresses(self, lambda: self._own))
        self.drafting, self.secrets, self.clicked = Drafting(parts), parts.secrets, parts.clicks
        self.events, self.outside, self.ports = parts.events, parts.outside, parts.ports
        self.mount, self.unmount = parts.pipeline.mounted.put, parts.pipeline.mounted.remove
        self.drafting.new_versions.preferred = lambda: self.settings.new_version
        parts.traffic.again = partial(run_again, self.start, parts)
        self.clock, self._internal = TravelClock(lambda: self._parts), InternalServices(self._make_internal)
        parts.pipeline.is_ready = lambda: self.startup.is_ready
        parts.invoker.own = self._internal.meant_by
        parts.traffic.make_test = partial(make_test, self.start, parts, self.folder)
        capture.install()

    def define(self, *definitions: Definition | LiveChannel, replace: bool = False) -> Defined:
        """Put definitions into force, all or none; of a live channel, its definition.

        A channel of the very cell's service opens when the cell has ended well.

        Raises:
            InvalidDefinition, DanglingReference, NameTaken, PathTaken, MissingSecret: Nothing was defined.
        """
        given = [each.definition if isinstance(each, LiveChannel) else each for each in definitions]
        return self.drafting.define(given, replace=replace)

    def deploy(self, *classes: type[Service], replace: bool = False) -> Deployed:
        """Make service classes live, all at once, from a script or a test; cells do this by themselves."""
        source = Source(origin_here(), loading.source_of(classes))
        with self.drafting.scope(source, lambda cls: cls in classes, replace=replace) as draft:
            draft.classes = list(classes)
        assert draft.deployed is not None
        return draft.deployed

    def expect(self, seen: Any, **answer: Any) -> Any:
        """Say what a test expects: `wb.expect(wb.call("GET /api/x"), status=200, json={...})`.

        `...` within `json` stands for anything.

        Of a peer it is `.has("a.txt", b"...")`, of a job `.fired(3)`, of a limit `.refused(1)`, of `wb.log`
        `.has(text)`, of a connection `.pings()`. Before each, `.eventually(within_seconds=5)` waits until it is so.

        Args:
            seen: An answer, or what is called to get one; what a service returned, of which `json` is expected; a
                peer, job, limit or connection; `wb.log`.
            answer: What is expected of an answer: `status`, `json`, `text`, `body`, `headers`, `schema`.

        Raises:
            ExpectationFailed: It is not so; an AssertionError.
            ServiceUsage: Nothing can be expected of it.
        """
        expected = expect(seen, self.limits.use, is_value=answer.keys() == {"json"})
        if not answer:
            return expected
        if not isinstance(expected, ExpectedAnswer):
            raise ServiceUsage(f"{', '.join(answer)} can be expected of an answer alone. Fix: leave it out.")
        return expected.answers(**answer)

    # Cached, since IPython completes `wb.services["` on attributes alone: a property might do anything.
    @cached_property
    def services(self) -> Collection[LiveService]:
        """What is deployed."""
        return Collection(
            "service",
            lambda: Each((parts := self._parts).registry.services, partial(self._live_service, parts)),
            self._remove_service,
            lambda service: f"v{service.live.number}  {service.doc.partition(chr(10))[0]}".rstrip(),
        )

    def _make_internal(self) -> Mapping[str, type[Service]]:
        from workbench.app.serving.internal.services import Side, internal_services

        return internal_services(
            Side(self.drafting.lock, self.define, self._own.book, self.services, lambda: self.jobs)
        )

    @cached_property
    def internal_services(self) -> Collection[InternalService]:
        """The workbench's own services, by Zato's names and its own: `wb.invoke("zato.cache.builtin.create", {...})`.

        They are called by `wb.invoke`, `self.invoke` and `workbench invoke`; no channel and no job leads to them.
        """
        return Collection("internal service", lambda: Each(self._internal.classes, described), _keep_internal, str)

    def _live_service(self, parts: Parts, version: Version) -> LiveService:
        return LiveService(version.name, parts.registry, parts.follow_service, self.invoke, self.drafting)

    def _remove_service(self, name: str) -> None:
        self._parts.registry.remove(name)
        self._parts.follow_service(name)

    def add_collection(self, row: CollectionRow) -> None:
        """Take definitions of a further room: `wb.define` puts them into force, `wb.<name>` shows them."""
        self._parts.book.add(row)
        vars(self)[row.name] = self._collection(row.name)

    def withdraw(self, definition: Definition) -> None:
        """Take the definition of that name out of force; nothing happens if it is gone.

        Raises:
            StillUsed: Other definitions name it.
        """
        if self.in_force(definition) is not None:
            self._parts.book.remove(definition.collection, definition.full_name)

    def _collection(self, name: str, row: Callable[[Any], str] = repr) -> Collection[Any]:
        return Collection(
            self._own.book.rows[name].word,
            lambda: self._parts.book.items(name),
            lambda each: self._parts.book.remove(name, each),
            row,
        )

    @cached_property
    def channels(self) -> Collection[LiveChannel]:
        """Ways in: `wb.channels["name"].state`, `.definition`, and `.close()` and `.open()` for a while."""
        return self._collection("channels")

    @cached_property
    def connections(self) -> Collection[Item]:
        """Ways out: `wb.connections["name"].ping()`."""
        return self._collection("connections", lambda item: f"{item} (sandbox)" if self.peers.on else repr(item))

    @cached_property
    def users(self) -> Collection[Definition]:
        """Who may call, by which credentials."""
        return self._collection("security")

    @cached_property
    def security(self) -> Collection[Definition]:
        """The same as `users`: the word of definitions, `security="my.user"`."""
        return self.users

    @property
    def limits(self) -> LimitsInForce:
        """Limits by object: `wb.limits["service api.sample"]`; `wb.limits.reset()` counts anew."""
        return self._parts.limits_in_force

    @cached_property
    def jobs(self) -> TravelJobs:
        """What runs by itself: `wb.jobs["name"].execute()`."""
        return TravelJobs(lambda: self._parts)

    @property
    def kvdb(self) -> Kvdb:
        """Redis, always there: `wb.kvdb.conn.get("key")`."""
        return self._parts.kvdb

    @property
    def peers(self) -> Sandbox:
        """Stand-ins by the name of the connection they stand for: `wb.peers["My SMTP"].messages`."""
        return self._parts.sandbox

    @property
    def log(self) -> Log:
        """The last lines that services logged and printed."""
        return self._parts.log

    def sandbox(self, on: bool = True) -> Sandboxed:
        """Send every connection to a peer in this process, or with False to its real address."""
        self._parts.switch_sandbox(on)
        kvdb = self.kvdb if self.peers.on and self._parts.uses_kvdb else None
        report = Sandboxed(self._parts.sandbox, self._parts.secrets.played, kvdb)
        self.events.emit(report)
        return report

    def transfer(
        self,
        source: str | tuple[str, str],
        target: str | tuple[str, str],
        *,
        pattern: str = "*",
        done: str | None = None,
        overwrite: bool = False,
        progress: bool | Callable[[Progress], object] = False,
    ) -> Transferred:
        """Move files from one connection to another and lose none: `wb.transfer("My FTP:in", "My Dropbox:invoices")`.

        Each is claimed by a rename, read to its end whatever size is told, confirmed at the target by size or hash,
        and only then removed at the source, if it has not grown meanwhile. A file that is at the target already with
        the same contents is not copied again.

        A connection that is cut is gone on with where it was. The files of a transfer that was killed, or gave up, are
        taken over by the next one: to FTP and SFTP it goes on where the file was, if the source tells its size and
        the last 64 KiB of both are equal; to a folder it reads the file again from its beginning, and writes what is
        missing; to Dropbox and S3 it begins that file again, as it does wherever no size is told.

        A REST connection may be the source of one file, which is read with GET and never removed there:
        `wb.transfer("My Data Source:/exports/big.csv", "My Dropbox:in")`.

        Args:
            source: Connection and folder, or a single file; as text or as a pair. Of a REST connection, a path below
                its host, without which it is the connection's own.
            target: Connection and folder.
            pattern: Names to take, as `*.csv`.
            done: Folder of the source that copied files go to, instead of being deleted.
            overwrite: Replace files of other contents.
            progress: True for a progress bar; or what is called with each Progress.

        Raises:
            TransferIncomplete: Some files stayed at the source; its `report` says which.
            ConnectionFailed: The source could not be listed.
        """
        how = {"pattern": pattern, "done": done, "overwrite": overwrite}
        return transferred(self._parts, source, target, progress, **how)

    @property
    def url(self) -> str:
        """Address of the server; '' while it is stopped."""
        return self._parts.server.url

    def start(self, port: int | None = None) -> str:
        """Start the HTTP server if it is stopped, from now on at `port` if one is given (0: any); gives its address."""
        self.startup.expect_going()
        with self.drafting.lock:
            if not self.url or port not in (None, self._parts.server.port):
                self._parts.start(port)
        self._tell_startup()
        return self.url

    def on_startup(self, function: T) -> T:
        """Have a function or class called once this workbench has started: `@wb.on_startup` above `def f(ctx): ...`.

        It is given a PhaseCtx: `ctx.phase` is `after-started`, `ctx.kwargs["server"].invoke(name, request)` runs a
        service. In a cell it is called at the end of the cell. What is to change settings is named in `workbench.toml`.
        """
        self.startup.add(function)
        if self.url:
            self._tell_startup()
        return function

    def _tell_startup(self) -> None:
        """Tell startup callables where no cells say when the workbench has started."""
        if not self.startup.waits:
            self.after_started()
            self.startup.say(self.log)

    def after_started(self) -> None:
        """Tell startup callables in which of several processes this is, and that the workbench has started; each once.

        Raises:
            StartupStopped: One failed, and that ends the start; the server is stopped.
        """
        is_first = self.member is None or self.member.number == 1
        before = self.defined
        try:
            self.startup.after_started(self, self._own.around.user_config, is_first)
        except StartupStopped:
            self.stop()
            raise
        finally:
            self.startup.brought += [each for each in self.defined if each not in before]

    def restart(self) -> None:
        """Start this workbench anew, with configuration read again; in a notebook, once the cell has ended well.

        Startup callables are called as at any start, those of cells too. Services and definitions come back as if
        their cells had run again, and peers stay; calls in flight are cut, log and counts begin anew. Where a file is
        wrong, that is told, and all stays as it was.

        Raises:
            ServiceUsage: Here it cannot: in a service, in a file that is loaded, in a workbench that a script made.
        """
        self.startup.restart()

    def become(self, other: Workbench) -> None:
        """Close this workbench, and be another one for all who hold it."""
        self.close()
        self.__dict__ = other.__dict__

    def stop(self, drain_seconds: float = 0.0, *, left: Callable[[], object] | None = None) -> None:
        """Stop the HTTP server, after calls in flight have ended or `drain_seconds` [s] have passed.

        What runs in the background and runs of jobs have the same time. They go on after it, and so do jobs. `left` is
        given where others go on at the same address, and called once nobody connects here any more: callers that are
        connected are answered within that time.
        """
        self._parts.stop(drain_seconds, left)

    def close(self) -> None:
        """Stop everything this workbench has started."""
        self._parts.close()

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _keep_internal(name: str) -> None:
    raise ServiceUsage(f"Service {name!r} is the workbench's own and stays. Fix: leave it; nobody outside reaches it.")
