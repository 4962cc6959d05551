"""The book of definitions: what was defined, by whom, and how to take it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import structs

from workbench.core.collection import CollectionRow, Each
from workbench.core.definition import Definition
from workbench.core.errors import DanglingReference, NameTaken, ServiceUsage, StillUsed, listed
from workbench.core.events import Events
from workbench.core.origin import Origin


class Entry(NamedTuple):
    """A definition and where it came from."""

    definition: Definition
    origin: Origin


class Changed(NamedTuple):
    """An event: a definition is new, changed, or gone (`after` is None)."""

    before: Definition | None
    after: Definition | None


class Removed(NamedTuple):
    """An event: somebody has removed what has this name."""

    collection: str
    name: str


class Book:
    """All definitions of an application, by collection and name.

    Args:
        known: Names in a collection that definitions may refer to, to look one up without a look at the others.
        events: Told of each change.
        rows: The collections.
    """

    def __init__(
        self, known: Callable[[str], Collection[str]], events: Events, rows: Iterable[CollectionRow] = ()
    ) -> None:
        self._known, self._events = known, events
        self._entries: dict[str, dict[str, Entry]] = {}
        self.rows: dict[str, CollectionRow] = {}
        for row in rows:
            self.add(row)

    def add(self, row: CollectionRow) -> None:
        """Take a collection into the book."""
        self.rows[row.name] = row
        self._entries[row.name] = {}

    def row_of(self, definition: Definition) -> CollectionRow:
        """The collection that a definition is of.

        Raises:
            ServiceUsage: There is no such collection.
        """
        try:
            return self.rows[definition.collection]
        except KeyError:
            raise ServiceUsage(
                f"{definition} is of the collection {definition.collection!r}, which is none of {listed(self.rows)}. "
                f"Fix: set collection = ... on {type(definition).__name__}."
            ) from None

    def singular(self, collection: str) -> str:
        """The word for one of a collection; services are not defined but deployed, and have no row."""
        return "service" if collection == "services" else self.rows[collection].singular

    def of(self, collection: str) -> dict[str, Definition]:
        """The definitions of one collection, in order of definition."""
        return {name: entry.definition for name, entry in self._entries[collection].items()}

    def definition(self, collection: str, name: str) -> Definition | None:
        """The definition of that name; None when there is none."""
        entry = self._entries[collection].get(name)
        return entry.definition if entry else None

    def names(self, collection: str) -> Collection[str]:
        """The names that are defined, as they are now and later."""
        return self._entries[collection].keys()

    def items(self, collection: str) -> Mapping[str, Any]:
        """What a collection holds, by name: its definitions, or what its room makes of them."""
        items = self.rows[collection].items
        return Each(self._entries[collection], lambda entry: entry.definition) if items is None else items()

    def in_force(self, like: Definition) -> Definition | None:
        """The definition in force under the same name as `like`, if there is one."""
        item = self.items(like.collection).get(like.full_name)
        return None if item is None else self.rows[like.collection].definition_of(item)

    def origin(self, collection: str, name: str) -> Origin | None:
        """Where a definition came from; None when there is none."""
        entry = self._entries[collection].get(name)
        return entry.origin if entry else None

    def leave(self, collection: str, name: str) -> None:
        """Note that the file of a definition has it no longer: whoever says it next has it."""
        entry = self._entries[collection][name]
        self._entries[collection][name] = Entry(entry.definition, structs.replace(entry.origin, left=True))

    def dangling(self, definition: Definition) -> list[DanglingReference]:
        """An error for each object that a definition names and that does not exist."""
        found = []
        for each in definition.references():
            known = self._known(each.collection)
            if each.name not in known:
                what = self.singular(each.collection)
                found.append(DanglingReference(str(definition), what, each.name, known, field=each.field))
        return found

    def check(self, definition: Definition) -> None:
        """Raise DanglingReference for the first object that a definition names and that does not exist."""
        for error in self.dangling(definition):
            raise error

    def put(self, definition: Definition, origin: Origin, *, replace: bool = False) -> tuple[str, Callable[[], None]]:
        """Put one definition into force; says `defined`, `changed` or `unchanged`, and gives the way back.

        Raises:
            DanglingReference: It names what does not exist.
            NameTaken: The name is defined by another owner, as a file.
        """
        self.check(definition)
        effect, name = self.row_of(definition).effect, definition.full_name
        before = self._entries[definition.collection].get(name)
        if before is not None and before.definition == definition:
            if effect.again is not None:
                effect.again(definition)
            return "unchanged", self._seen_again(definition, name, before, origin)
        if before is not None and not before.origin.may_be_replaced_by(origin) and not replace:
            raise NameTaken(
                str(definition), name, str(before.origin), str(origin), fix="rename one, or pass replace=True"
            )
        if effect.check is not None:
            effect.check(definition, origin)
        put_back = effect.remember(name) if effect.remember is not None else None
        word = self._set(definition, origin)

        def undo() -> None:
            if put_back is not None:
                put_back()
                self._restore(definition.collection, name, before)
            elif before is None:
                self._take_out(definition.collection, name)
            else:
                self._set(before.definition, before.origin)

        return word or ("defined" if before is None else "changed"), undo

    def _seen_again(self, definition: Definition, name: str, before: Entry, origin: Origin) -> Callable[[], None]:
        """Note where its owner says it now, as in the next run of its cell; gives the way back."""
        # A form or file that changes nothing leaves a cell's definition the cell's.
        takes = not origin.is_kept or (origin.applied and before.origin.is_kept)
        if before.origin.may_be_replaced_by(origin) and takes:
            self._entries[definition.collection][name] = Entry(before.definition, origin)
        return lambda: self._restore(definition.collection, name, before)

    def _restore(self, collection: str, name: str, before: Entry | None) -> None:
        if before is None:
            self._entries[collection].pop(name, None)
        else:
            self._entries[collection][name] = before

    def _set(self, definition: Definition, origin: Origin) -> str:
        entries, name = self._entries[definition.collection], definition.full_name
        before = entries.get(name)
        entries[name] = Entry(definition, origin)
        effect = self.rows[definition.collection].effect
        try:
            word = effect.apply(definition)
        except BaseException:
            self._restore(definition.collection, name, before)
            # It may have taken effect in part, as its limit does before its path is found taken.
            if effect.remember is None:
                effect.withdraw(definition) if before is None else effect.apply(before.definition)
            raise
        self._events.emit(Changed(before.definition if before else None, definition))
        return word if isinstance(word, str) else ""

    def remove(self, collection: str, name: str) -> Definition | None:
        """Take a definition out of force; None if there was none.

        Raises:
            StillUsed: Other definitions name it.
            ServiceUsage: It is there without a definition of its own.
        """
        row = self.rows[collection]
        if row.remove is not None:
            row.remove(name)
            return None
        if name not in self._entries[collection] and name in self.items(collection):
            what = f"{row.word.capitalize()} {name!r}"
            raise ServiceUsage(f"{what} is not defined by itself, so it cannot be removed. Fix: {row.undefined}")
        users = [
            str(each)
            for each in self
            if any((reference.collection, reference.name) == (collection, name) for reference in each.references())
        ]
        if users and name in self._entries[collection]:
            raise StillUsed(str(self._entries[collection][name].definition), users)
        taken = self._take_out(collection, name)
        self._events.emit(Removed(collection, name))
        return taken

    def _take_out(self, collection: str, name: str) -> Definition | None:
        entry = self._entries[collection].pop(name, None)
        if entry is None:
            return None
        self.rows[collection].effect.withdraw(entry.definition)
        self._events.emit(Changed(entry.definition, None))
        return entry.definition

    def forget(self, collection: str, name: str) -> None:
        """Note that something is gone which was taken out of force by other means."""
        self._entries[collection].pop(name, None)
        self._events.emit(Removed(collection, name))

    @property
    def entries(self) -> list[Entry]:
        """Every definition with where it came from."""
        return [entry for entries in list(self._entries.values()) for entry in list(entries.values())]

    def __iter__(self) -> Iterator[Definition]:
        return iter([entry.definition for entry in self.entries])
