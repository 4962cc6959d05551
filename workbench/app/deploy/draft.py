"""A draft: what one cell or file is about to change, seen by its own calls alone until it ends well."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from threading import get_ident
from typing import Any, NamedTuple

from workbench.app.book import Entry
from workbench.core.definition import Definition
from workbench.core.origin import Origin
from workbench.core.service import Service, on_subclass, service_name
from workbench.runtime.registry import Registry, Source, Version

IsBound = Callable[[type[Service]], bool]


class Deployed(NamedTuple):
    """What a draft changed: versions with the number that was live before (0 for none), and late definitions."""

    versions: list[tuple[Version, int]]
    definitions: list[Definition]
    missing: dict[str, list[str]]
    said: Sequence[str] = ()
    """What became of clicks: what is back, and what a cell has now."""
    waiting: Sequence[Version] = ()
    """Versions that are not live yet, since they answer recorded calls otherwise than what is."""


class Draft:
    """Collects the service classes defined in one thread, and the definitions made meanwhile.

    Args:
        source: The text of the cell or file, and where it is.
        is_bound: Whether the namespace still binds a class under its name; only such classes deploy, since slots
            dataclasses, `%%timeit` and `%run` leave others behind, and those that a loop made before the bound one.
    """

    def __init__(self, registry: Registry, source: Source, is_bound: IsBound, *, replace: bool = False) -> None:
        self._registry, self.source, self._is_bound, self.replace = registry, source, is_bound, replace
        self.token = secrets.token_hex(8)
        self.thread = get_ident()
        self.classes: list[type[Service]] = []
        self._waiting: dict[tuple[str, str], Entry] = {}
        self.undo: list[Callable[[], None]] = []
        self.defined: list[Definition] = []
        self.is_inner = False
        self.deployed: Deployed | None = None
        self._prepared: tuple[list[type[Service]], list[Version]] = ([], [])
        on_subclass.append(self._defined)

    def _defined(self, cls: type[Service]) -> None:
        if get_ident() == self.thread:
            self.classes.append(cls)

    def retell(self, source: Source) -> None:
        """Take a source that became known only at the end."""
        self.source, self._prepared = source, ([], [])

    @property
    def is_mine(self) -> bool:
        """Whether this thread runs the cell."""
        return get_ident() == self.thread

    def versions(self) -> list[Version]:
        """The classes as their next versions; made once per set of classes."""
        bound = [cls for place, cls in enumerate(self.classes) if self._goes_live(cls, self.classes[place + 1 :])]
        if bound != self._prepared[0]:
            self._prepared = (bound, self._registry.prepare(bound, self.source, replace=self.replace))
        return self._prepared[1]

    def _goes_live(self, cls: type[Service], later: list[type[Service]]) -> bool:
        """Whether a class is bound, or was until a loop made one for a service of another name in its place."""
        if self._is_bound(cls):
            return True
        again = [each for each in later if (each.__module__, each.__qualname__) == (cls.__module__, cls.__qualname__)]
        return any(map(self._is_bound, again)) and service_name(cls) not in map(service_name, later)

    def names(self) -> list[str]:
        """Services that would go live."""
        return [version.name for version in self.versions()]

    def services(self) -> Mapping[str, Any]:
        """The snapshot that the cell's own calls see."""
        return self._registry.with_draft(self.versions())

    def wait(self, definition: Definition, origin: Origin) -> None:
        """Keep a definition for the end; one of the same name in this cell takes its place."""
        self._waiting[definition.collection, definition.full_name] = Entry(definition, origin)

    @property
    def waiting(self) -> list[Definition]:
        """Definitions that take effect at the end."""
        return [entry.definition for entry in self._waiting.values()]

    @property
    def entries(self) -> list[Entry]:
        """The same, each with its origin."""
        return list(self._waiting.values())

    def close(self) -> None:
        """Collect no more."""
        on_subclass.remove(self._defined)

    def abort(self) -> None:
        """Take back the definitions made meanwhile, last first."""
        self.close()
        for undo in reversed(self.undo):
            undo()
