"""The open connections of one workbench: opened at first use, opened anew when their definition, a secret of theirs or
the sandbox has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from workbench.connections import catalog
from workbench.connections.coming import expect_built
from workbench.connections.definition import ConnectionDefinition, Item, Opening, tag
from workbench.core.collection import CollectionRow, Each, Effect
from workbench.core.errors import NotYetAttribute, UnknownName, WorkbenchError
from workbench.core.secret import Secret

log = logging.getLogger("workbench.connections")


class LiveConnections:
    """Definitions by name, and the one live object of each.

    `stand_in` is asked at each opening for the definition to open instead, which is how a sandbox points a
    connection at its peer while the definition keeps its real address. `check` raises for a definition that may not be
    opened at its real address. `override` gives what is in force in place of what was defined. `bring` is asked for a
    name that is not defined, and may define it.
    """

    def __init__(
        self,
        opening: Opening,
        stand_in: Callable[[ConnectionDefinition], ConnectionDefinition] = lambda definition: definition,
        check: Callable[[ConnectionDefinition], None] = lambda definition: None,
        override: Callable[[ConnectionDefinition], ConnectionDefinition] = lambda definition: definition,
    ) -> None:
        self._opening, self._stand_in, self.check, self._override = opening, stand_in, check, override
        self.bring: Callable[[str], object] = lambda name: None
        self._definitions: dict[str, ConnectionDefinition] = {}
        self._live: dict[str, Any] = {}
        self._seen: dict[str, dict[tuple[Secret, str], str]] = {}
        self._locks: dict[str, Lock] = {}

    def row(self) -> CollectionRow:
        """The collection of connections."""
        return CollectionRow(
            "connections",
            "connection",
            Effect(self.define, lambda each: self.remove(each.name), check=lambda each, _: self._refuse_override(each)),
            order=20,
            items=lambda: Each(self.definitions, lambda each: self.of(each.name)),
            definition_of=lambda item: item.definition,
        )

    @property
    def definitions(self) -> Mapping[str, ConnectionDefinition]:
        """Every definition by name."""
        return self._definitions

    def define(self, definition: ConnectionDefinition) -> None:
        """Take a new or changed definition; an open connection of that name is closed.

        A class that is not in the catalog, as one of a cell, is taken into it.
        """
        catalog.learn(type(definition))
        self._definitions[definition.name] = self._override(definition)
        self._locks.setdefault(definition.name, Lock())
        self.close(definition.name)

    def _refuse_override(self, definition: ConnectionDefinition) -> None:
        """Raise where what is to be in force in its place cannot be."""
        self._override(definition)

    def remove(self, name: str) -> None:
        """Forget a definition and close its connection."""
        self._definitions.pop(name, None)
        self.close(name)

    def item(self, kind: str, name: str) -> Any:
        """The object that a service finds under `name` of one kind; raises UnknownName."""
        if name not in self._definitions:
            self.bring(name)
        definition = self._definitions.get(name)
        if definition is None or tag(definition) not in catalog.members(kind):
            cls = catalog.definition_class(kind)
            raise UnknownName(
                f"{cls.kind} connection", name, self.names(kind), fix=f"wb.define({cls.__name__}({name!r}, ...))"
            )
        return self.of(name)

    def of(self, name: str) -> Item:
        """One connection by name, whatever its kind."""
        return Item(self._definitions[name], lambda: self.live(name))

    def names(self, kind: str) -> list[str]:
        """Names of the connections of one kind or family."""
        kinds = catalog.members(kind)
        return [name for name, definition in self._definitions.items() if tag(definition) in kinds]

    def expect_way(self, attribute: str) -> None:
        """Raise UnknownAttribute or NotYetAttribute unless a dotted attribute of a service leads to a kind."""
        if attribute not in self.ways():
            expect_built(attribute.rpartition(".")[2], NotYetAttribute)
            raise catalog.NoSuchWay(attribute)

    def ways(self) -> Mapping[str, str]:
        """The kind behind each dotted attribute of a service."""
        return catalog.kinds_by_attribute()

    def live(self, name: str) -> Any:
        """The live object, opened now if need be; one opening at a time per name.

        One whose secret has another value by now, as after a refusal, is opened anew.
        """
        if (live := self._live.get(name)) is not None and not self._has_changed(name):
            return live
        with self._locks[name]:
            if name in self._live and self._has_changed(name):
                self.close(name)
            if (live := self._live.get(name)) is None:
                seen: dict[tuple[Secret, str], str] = {}
                definition = self._definitions[name]
                if (opened := self._stand_in(definition)) is definition:
                    self.check(definition)
                live = opened.open(_Noting(self._opening, seen))
                self._seen[name], self._live[name] = seen, live
        return live

    def try_out(self, definition: ConnectionDefinition, values: Mapping[str, str]) -> str:
        """Open a definition of which nothing is kept, ping it and close it again.

        Args:
            definition: The definition; it is not in force, or is so otherwise.
            values: Values of secrets that are set nowhere yet, by name.
        """
        with self.opened(definition, values) as live:
            return Item(definition, lambda: live).ping()

    @contextmanager
    def opened(self, definition: ConnectionDefinition, values: Mapping[str, str] | None = None) -> Iterator[Any]:
        """The live object of a definition of which nothing is kept; closed at the end. `values` as in `try_out`."""
        if (opened := self._stand_in(definition)) is definition:
            self.check(definition)
        live = opened.open(_Typed(self._opening, values or {}))
        try:
            yield live
        finally:
            if (close := getattr(live, "close", None)) is not None:
                close()

    def _has_changed(self, name: str) -> bool:
        """Whether a secret that a connection was given has another value now; one that is set no more has not."""
        try:
            return any(
                self._opening.reveal(secret, owner) != value
                for (secret, owner), value in list(self._seen.get(name, {}).items())
            )
        except WorkbenchError:
            return False

    def close(self, name: str) -> None:
        """Close one connection if it is open; the next use opens it again."""
        live = self._live.pop(name, None)
        if (close := getattr(live, "close", None)) is not None:
            try:
                close()
            except Exception:
                log.warning("connection %r did not close cleanly", name, exc_info=True)

    def close_all(self) -> None:
        """Close every open connection."""
        for name in list(self._live):
            self.close(name)


class _Noting(Opening):
    """Notes which secrets a connection was given, and their values."""

    def __init__(self, opening: Opening, seen: dict[tuple[Secret, str], str]) -> None:
        self.clock, self._opening, self._seen = opening.clock, opening, seen

    def reveal(self, secret: Secret | str | None, owner: object) -> str | None:
        value = self._opening.reveal(secret, owner)
        if isinstance(secret, Secret) and value is not None:
            self._seen[secret, str(owner)] = value
        return value


class _Typed(Opening):
    """Knows the values of secrets that a person has just typed, before all others."""

    def __init__(self, opening: Opening, values: Mapping[str, str]) -> None:
        self.clock, self._opening, self._values = opening.clock, opening, values

    def reveal(self, secret: Secret | str | None, owner: object) -> str | None:
        if isinstance(secret, Secret) and (value := self._values.get(secret.name)):
            return secret.prefix + value
        return self._opening.reveal(secret, owner)
