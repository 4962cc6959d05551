"""What is deployed: one immutable snapshot of all services, replaced as a whole."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping
from http import HTTPMethod
from threading import Lock
from time import time
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

from workbench.core.call import Deployment
from workbench.core.errors import DeployRefused, NameTaken, UnknownName
from workbench.core.origin import Origin
from workbench.core.payload.rules import RULES, Rules
from workbench.core.payload.simpleio import declared_by, must_be_given
from workbench.core.service import NewVersion, Service, logger_of, service_name
from workbench.core.source import tree_of
from workbench.runtime.capture import deploying_to
from workbench.runtime.traffic import Log
from workbench.runtime.uses import globals_of, helpers_of, is_same, parts_of

KEPT_VERSIONS = 50
_VERBS = {str(method) for method in HTTPMethod}
_BEFORE = ("before_handle",)
_AFTER = ("after_handle",)


class Source(NamedTuple):
    """Where a class came from, and the text of that cell or file."""

    origin: Origin
    text: str


class Version:
    """One version of one service: its class, and all that can be read from the class once."""

    __slots__ = (
        "accepts",
        "after",
        "before",
        "cls",
        "finalizes",
        "has_handle",
        "helpers",
        "io",
        "is_async",
        "job_hooks",
        "name",
        "number",
        "origin",
        "parts",
        "source",
        "validates_input",
        "validates_output",
        "verbs",
    )

    def __init__(self, cls: type[Service], source: Source, number: int, rules: Rules = RULES) -> None:
        self.cls, self.name = cls, service_name(cls)
        self.origin, self.source, self.number = source.origin, source.text, number
        self.io = declared_by(cls, self.name, rules)
        self.verbs = {verb: name for verb in _VERBS if callable(getattr(cls, name := f"handle_{verb}", None))}
        self.is_async = _is_async(cls, self.name, list(self.verbs.values()))
        own = {name for name in dir(Service) if getattr(cls, name, None) is not getattr(Service, name)}
        if not self.is_async:
            _refuse_async_hooks(cls, self.name, own)
        self.accepts = "accept" in own
        self.before = tuple(name for name in _BEFORE if name in own)
        self.after = tuple(name for name in _AFTER if name in own)
        self.validates_input, self.validates_output = "validate_input" in own, "validate_output" in own
        self.finalizes = "finalize_handle" in own
        self.job_hooks = frozenset(name for name in own if name.endswith("_job"))
        self.has_handle = cls.handle is not Service.handle or bool(self.verbs)
        self.helpers = helpers_of(cls)
        self.parts = parts_of(cls, self.source)

    def __repr__(self) -> str:
        return f"{self.name} v{self.number}"

    def changed_helpers(self) -> list[str]:
        """Names of functions, classes and modules it uses that are not what they were when it went live."""
        namespace = globals_of(self.cls)
        return sorted(name for name, was in self.helpers.items() if not is_same(namespace.get(name), was))


def _refuse_what_no_call_survives(cls: type[Service], name: Any) -> None:
    """Say once, now, what every call would trip over."""
    if not (isinstance(name, str) and 0 < len(name) <= 200 and name.isprintable() and name == name.strip()):
        raise DeployRefused(
            f"Class {cls.__name__} has the name {name!r:.80}. Fix: name = 'api.sample', 1 to 200 printable characters."
        )
    if cls.new_version not in ("", *get_args(NewVersion)):
        raise DeployRefused(
            f"Service {name!r} has new_version = {cls.new_version!r:.80}. "
            f"Fix: one of {', '.join(get_args(NewVersion))}."
        )
    if not callable(cls.handle):
        raise DeployRefused(f"Service {name!r}: its handle is {cls.handle!r:.80}. Fix: write def handle(self).")
    try:
        inspect.signature(cls).bind()
    except TypeError:
        raise DeployRefused(
            f"Service {name!r}: its __init__ wants arguments, and every call makes an instance without any. "
            f"Fix: give them defaults, or read self.request in handle."
        ) from None


def _is_async(cls: type[Service], name: str, verbs: list[str]) -> bool:
    """The colour of a service's handle methods, which must be one."""
    methods = [*verbs, *(["handle"] if cls.handle is not Service.handle or not verbs else [])]
    colours = {inspect.iscoroutinefunction(getattr(cls, method)) for method in methods}
    if len(colours) > 1:
        raise DeployRefused(f"Service {name!r} mixes def and async def in its handle methods. Fix: use one.")
    for verb in verbs:
        if sum(map(must_be_given, inspect.signature(getattr(cls, verb)).parameters.values())) > 1:
            raise DeployRefused(
                f"Service {name!r}: {verb} takes (self) alone. Fix: declare input = TheModel on the class and read "
                f"self.request.input."
            )
    return colours.pop()


def _refuse_async_hooks(cls: type[Service], name: str, own: set[str]) -> None:
    """Nobody would await them: a service that is not async runs on a worker."""
    if found := sorted(hook for hook in own if inspect.iscoroutinefunction(getattr(cls, hook))):
        raise DeployRefused(
            f"Service {name!r} is not async, but its {', '.join(found)} is. Fix: write def, or make handle async def."
        )


_Was = tuple[Version | None, list[Version] | None, tuple[int, ...] | None, float | None]
"""What a deployment replaced: the live version, the versions kept, the numbers before, and since when."""


class Registry:
    """Every live service by name, and the versions each has had.

    Args:
        kept: Most versions of each.
        now: Says when [s since the epoch].
        rules: Which types plain names of their input and output suggest.
    """

    def __init__(self, kept: int = KEPT_VERSIONS, now: Callable[[], float] = time, rules: Rules = RULES) -> None:
        self._kept, self._now, self._rules = kept, now, rules
        self.services: Mapping[str, Version] = MappingProxyType({})
        self.history: dict[str, list[Version]] = {}
        self.since: dict[str, float] = {}
        """When the live version of each service became live [s since the epoch]."""
        self.log: Log | None = None
        """Where hooks of a deployment log to."""
        # Numbers that were live before the live one, the latest last.
        self._before: dict[str, tuple[int, ...]] = {}
        self._lock = Lock()

    def prepare(self, classes: Iterable[type[Service]], source: Source, *, replace: bool = False) -> list[Version]:
        """Read the classes as their next versions, without deploying them.

        Raises:
            DeployRefused: Two classes share a name, or a class contradicts itself.
            NameTaken: The name is live from another file.
        """
        versions: dict[str, Version] = {}
        for cls in classes:
            if inspect.isabstract(cls):  # a base of services to come
                continue
            _refuse_what_no_call_survives(cls, service_name(cls))
            with deploying_to(self.log):
                if cls.before_add_to_store(logger_of(service_name(cls))) is False:
                    continue
                version = self._next(cls, source)
            if (other := versions.get(version.name)) is not None:
                raise DeployRefused(
                    f"Classes {other.cls.__name__} and {cls.__name__} are both named {version.name!r}; nothing was "
                    f"deployed. Fix: give each class its own name."
                )
            live = self.services.get(version.name)
            if live is not None and not live.origin.may_be_replaced_by(version.origin) and not replace:
                raise NameTaken(
                    "Service",
                    version.name,
                    str(live.origin),
                    str(version.origin),
                    fix="rename one, or load with replace=True",
                )
            versions[version.name] = version
        return list(versions.values())

    def _next(self, cls: type[Service], source: Source) -> Version:
        name = service_name(cls)
        live, history = self.services.get(name), self.history.get(name, [])
        text = class_source(source.text, cls.__name__) or source.text
        same = (
            live is not None
            and live.origin.owner == source.origin.owner
            and (live.cls is cls or live.source == text != "")
        )
        number = live.number if live is not None and same else max((each.number for each in history), default=0) + 1
        return Version(cls, Source(source.origin, text), number, self._rules)

    def deploy(self, versions: Iterable[Version]) -> Callable[[], None]:
        """Make these versions live, all at once; calls in flight end on what they began with.

        The call that is given back puts what was live under their names back.
        """
        versions = list(versions)
        with self._lock:
            was = {
                name: (self.services.get(name), self.history.get(name), self._before.get(name), self.since.get(name))
                for name in (each.name for each in versions)
            }
            self.services = MappingProxyType({**self.services, **{each.name: each for each in versions}})
            for version in versions:
                if (former := was[version.name][0]) is not None:
                    self._remember(version.name, former.number, version.number)
                if former is None or former.number != version.number:
                    self.since[version.name] = self._now()
                kept = [each for each in self.history.get(version.name, []) if each.number != version.number]
                self.history[version.name] = sorted([*kept, version], key=lambda each: each.number)[-self._kept :]
        return lambda: self._put_back(was)

    def announce(self, versions: Iterable[Version]) -> None:
        """Run `after_add_to_store` of what went live; one that fails is logged, and its service stays live."""
        for version in versions:
            with deploying_to(self.log):
                try:
                    version.cls.after_add_to_store(logger_of(version.name))
                except Exception:
                    logger_of(version.name).exception("hook after_add_to_store failed")

    def _put_back(self, was: Mapping[str, _Was]) -> None:
        with self._lock:
            services = dict(self.services)
            for name, (live, history, before, since) in was.items():
                services.pop(name, None)
                for kept in (self.history, self._before, self.since):
                    kept.pop(name, None)
                if since is not None:
                    self.since[name] = since
                if before is not None:
                    self._before[name] = before
                if live is not None:
                    services[name] = live
                if history is not None:
                    self.history[name] = history
            self.services = MappingProxyType(services)

    def with_draft(self, versions: Iterable[Version]) -> Mapping[str, Version]:
        """The snapshot as it would be with these versions, for calls of the cell that defines them."""
        return {**self.services, **{each.name: each for each in versions}}

    def rollback(self, name: str) -> Version:
        """Bring back what was live before the live version, whatever its number.

        Raises:
            UnknownName: No such service.
            DeployRefused: There is nothing to go back to.
        """
        live = self.get(name)
        with self._lock:
            number = self._number_before(name)
            if number is None:
                raise DeployRefused(f"Service {name!r} has no version before v{live.number} to go back to.")
            before = self._before[name]
            self._before[name] = before[: len(before) - 1 - before[::-1].index(number)]
            return self._switch(name, number)

    def before(self, name: str) -> int:
        """The number of the version that a rollback brings back; 0 if there is none."""
        with self._lock:
            return self._number_before(name) or 0

    def make_live(self, name: str, number: int) -> Version:
        """Make a kept version live, an earlier or a later one; a rollback then brings back what is live now.

        Raises:
            UnknownName: No such service.
            DeployRefused: No version of that number is kept.
        """
        live = self.get(name)
        with self._lock:
            kept = [each.number for each in self.history[name]]
            if number not in kept:
                raise DeployRefused(
                    f"Service {name!r} keeps no version {number!r}. Fix: take one of {', '.join(map(str, kept))}."
                )
            self._remember(name, live.number, number)
            return self._switch(name, number)

    def _switch(self, name: str, number: int) -> Version:
        version = next(each for each in self.history[name] if each.number == number)
        if number != self.services[name].number:
            self.since[name] = self._now()
        self.services = MappingProxyType({**self.services, name: version})
        return version

    def _number_before(self, name: str) -> int | None:
        kept, live = {each.number for each in self.history[name]}, self.services[name].number
        return next((each for each in reversed(self._before.get(name, ())) if each in kept and each != live), None)

    def _remember(self, name: str, was: int, now: int) -> None:
        """Keep what was live, for a rollback; the same number again is no change."""
        if was != now:
            self._before[name] = (*self._before.get(name, ()), was)[-self._kept :]

    def remove(self, name: str) -> None:
        """Take a service down; its history goes too."""
        self.get(name)
        with self._lock:
            self.services = MappingProxyType({key: each for key, each in self.services.items() if key != name})
            self.history.pop(name, None)
            self._before.pop(name, None)
            self.since.pop(name, None)

    def get(self, name: str) -> Version:
        """The live version; raises UnknownName."""
        try:
            return self.services[name]
        except KeyError:
            raise unknown_service(name, self.services) from None


def found_service(
    name: str, services: Mapping[str, Deployment], own: Callable[[str], Mapping[str, Deployment]]
) -> Version:
    """The version of a service, of a snapshot or else of the workbench's own; raises UnknownName."""
    if (found := services.get(name)) is None and (found := (there := own(name)).get(name)) is None:
        raise unknown_service(name, [*services, *there])
    return found  # type: ignore[return-value]


def unknown_service(name: str, services: Iterable[str]) -> UnknownName:
    """The error for a service that is not deployed."""
    return UnknownName("service", name, services, fix="run the cell that defines it, or correct the name.")


def class_source(text: str, class_name: str) -> str:
    """The text of one class inside the text of a cell or file; '' when it is not there."""
    try:
        tree = tree_of(text)
    except SyntaxError:
        return ""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == class_name]
    return ast.get_source_segment(text, found[-1]) or "" if found else ""
