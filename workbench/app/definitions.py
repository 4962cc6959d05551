"""The book of definitions: what was defined, by whom, and how to take it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from workbench.core.definition import Definition
from workbench.core.errors import DanglingReference, NameTaken, StillUsed
from workbench.core.events import Events
from workbench.limiting.definition import Limit


class Entry(NamedTuple):
    """A definition and where it came from."""

    definition: Definition
    origin: str


class Changed(NamedTuple):
    """An event: a definition is new, changed, or gone (`after` is None)."""

    before: Definition | None
    after: Definition | None


class Effect(NamedTuple):
    """What gives one collection its effect: put a definition into force, and take it out.

    `apply` may answer the word for what it did. `remember` gives the way back to how a name stands now; without it,
    the former definition is applied again. `check` raises before anything is touched.
    """

    apply: Callable[[Any], object]
    withdraw: Callable[[Any], object]
    remember: Callable[[str], Callable[[], None]] | None = None
    check: Callable[[Any], None] | None = None


SINGULAR = {
    "services": "service",
    "channels": "channel",
    "connections": "connection",
    "security": "security definition",
    "jobs": "job",
    "limits": "limit",
}


def key_of(definition: Definition) -> str:
    """The name within its collection; a limit's also says on what."""
    return f"{definition.on} {definition.name}" if isinstance(definition, Limit) else definition.name


class Book:
    """All definitions of an application, by collection and name.

    Args:
        effects: What gives each collection its effect.
        known: Names in a collection that definitions may refer to.
    """

    def __init__(self, effects: Mapping[str, Effect], known: Callable[[str], Iterable[str]], events: Events) -> None:
        self._effects, self._known, self._events = effects, known, events
        self._entries: dict[str, dict[str, Entry]] = {collection: {} for collection in effects}

    def of(self, collection: str) -> dict[str, Definition]:
        """The definitions of one collection, in order of definition."""
        return {name: entry.definition for name, entry in self._entries[collection].items()}

    def origin(self, collection: str, name: str) -> str:
        """Where a definition came from; '' when there is none."""
        entry = self._entries[collection].get(name)
        return entry.origin if entry else ""

    def dangling(self, definition: Definition) -> DanglingReference | None:
        """The error of a definition that names what does not exist."""
        for reference in definition.references():
            known = list(self._known(reference.collection))
            if reference.name not in known:
                return DanglingReference(str(definition), SINGULAR[reference.collection], reference.name, known)
        return None

    def put(self, definition: Definition, origin: str, *, replace: bool = False) -> tuple[str, Callable[[], None]]:
        """Put one definition into force; says `defined`, `changed` or `unchanged`, and gives the way back.

        Raises:
            NameTaken: The name is defined by another file.
        """
        entries, name = self._entries[definition.collection], key_of(definition)
        before = entries.get(name)
        if before is not None and before.definition == definition:
            return "unchanged", lambda: None
        if before is not None and before.origin != origin and not replace:
            raise NameTaken(str(definition), name, before.origin, origin, mend="rename one, or pass replace=True")
        self._check_short_limit(definition, origin)
        effect = self._effects[definition.collection]
        if effect.check is not None:
            effect.check(definition)
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

    def _restore(self, collection: str, name: str, before: Entry | None) -> None:
        if before is None:
            self._entries[collection].pop(name, None)
        else:
            self._entries[collection][name] = before

    def _set(self, definition: Definition, origin: str) -> str:
        entries, name = self._entries[definition.collection], key_of(definition)
        before = entries.get(name)
        entries[name] = Entry(definition, origin)
        effect = self._effects[definition.collection]
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
        """
        users = [
            str(each)
            for each in self
            if any((reference.collection, reference.name) == (collection, name) for reference in each.references())
        ]
        if users and name in self._entries[collection]:
            raise StillUsed(str(self._entries[collection][name].definition), users)
        return self._take_out(collection, name)

    def _take_out(self, collection: str, name: str) -> Definition | None:
        entry = self._entries[collection].pop(name, None)
        if entry is None:
            return None
        self._effects[collection].withdraw(entry.definition)
        self._events.emit(Changed(entry.definition, None))
        return entry.definition

    def forget(self, collection: str, name: str) -> None:
        """Note that something is gone which was taken out of force by other means."""
        self._entries[collection].pop(name, None)

    def _check_short_limit(self, definition: Definition, origin: str) -> None:
        """`limit=` on an object and a Limit for the same object contradict each other."""
        if isinstance(definition, Limit):
            owners = {"channel": "channels", "user": "security"}.get(definition.on, "")
            entry = self._entries[owners].get(definition.name) if owners else None
            if entry is not None and _short_limit(entry.definition):
                raise NameTaken(
                    "The limit of", definition.name, f"{entry.definition} limit=", f"Limit in {origin}", mend="keep one"
                )
        elif _short_limit(definition):
            on = "channel" if definition.collection == "channels" else "user"
            if (entry := self._entries["limits"].get(f"{on} {definition.name}")) is not None:
                raise NameTaken(
                    "The limit of", definition.name, f"Limit in {entry.origin}", f"{definition} limit=", mend="keep one"
                )

    def __iter__(self) -> Iterator[Definition]:
        return iter([entry.definition for entries in self._entries.values() for entry in entries.values()])


def _short_limit(definition: Definition) -> str:
    return str(getattr(definition, "limit", ""))
