"""The caches of one workbench, as `self.cache` and `wb.caches` give them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from workbench.caching.cached import Cached
from workbench.caching.definition import Cache
from workbench.caching.live import LiveCache
from workbench.caching.stored import StoredCache
from workbench.caching.table import Table
from workbench.core.collection import CollectionRow, Effect
from workbench.core.errors import InvalidDefinition, ServiceUsage, UnknownName
from workbench.core.forking import forgets_when_forked
from workbench.core.origin import Origin
from workbench.core.ports import Clock

DEFAULT = "default"
KIND = "builtin"


class Caches:
    """`self.cache`: `.default`, `.get_cache("builtin", "my.cache")`, or `["my.cache"]`.

    Attributes:
        opening: Opens the table of a cache that is in a store; None has all of them in this process.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.opening: Callable[[Cache], Table] | None = None
        self._by_name: dict[str, Cached] = {DEFAULT: LiveCache(Cache(DEFAULT), clock)}
        self.forget()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: whoever holds the lock is a thread of the parent."""
        self._lock = Lock()

    @property
    def default(self) -> Cached:
        """The cache that is there without a definition, or the one defined with `is_default=True`."""
        chosen = (each for each in list(self._by_name.values()) if each.definition.is_default)
        return next(chosen, None) or self._by_name[DEFAULT]

    def get_cache(self, kind: str, name: str) -> Cached:
        """A cache by the word for its kind, `builtin`, and its name, as in Zato.

        Raises:
            UnknownName: No cache has that name.
            ServiceUsage: There is no such kind.
        """
        if kind != KIND:
            raise ServiceUsage(
                f"There are no caches of kind {kind!r}. Fix: get_cache({KIND!r}, {name!r}); for Redis, self.kvdb.conn."
            )
        return self[name]

    def get_builtin_cache(self, name: str) -> Cached:
        """A cache by its name, as in Zato."""
        return self[name]

    def __getitem__(self, name: str) -> Cached:
        if name in self._by_name:
            return self._by_name[name]
        raise UnknownName("cache", name, list(self._by_name), fix=f"wb.define(Cache({name!r})).")

    @property
    def definitions(self) -> list[Cache]:
        """All that are in force, that of the default one included."""
        return [each.definition for each in list(self._by_name.values())]

    def take(self, others: Caches) -> None:
        """Have what other caches have, with what is in them: a copy in this process, by this one's clock."""
        for other in list(others._by_name.values()):
            copy = self._by_name[other.name] = LiveCache(other.definition.in_process(), self._clock)
            copy.take(other)

    def close_all(self) -> None:
        """Close what is open in stores; the next use opens it again."""
        for each in list(self._by_name.values()):
            each.close()

    def row(self) -> CollectionRow:
        """Its collection."""
        return CollectionRow(
            "caches",
            "cache",
            Effect(self._define, self._remove, self._remember, check=self._check),
            order=15,
            items=lambda: dict(self._by_name),
            definition_of=lambda live: live.definition,
            undefined=f"wb.caches[{DEFAULT!r}].clear() empties it.",
        )

    def _define(self, definition: Cache) -> None:
        with self._lock:
            there = self._by_name.get(definition.name)
            if there is not None and (there.definition.store, there.definition.password) == (
                definition.store,
                definition.password,
            ):
                there.redefine(definition)
                return
            self._by_name[definition.name] = self._made(definition)
        if there is not None:
            there.close()

    def _made(self, definition: Cache) -> Cached:
        if not definition.store or self.opening is None:
            return LiveCache(definition, self._clock)
        return StoredCache(definition, self._clock, self.opening)

    def _remove(self, definition: Cache) -> None:
        if definition.name == DEFAULT:
            self._define(Cache(DEFAULT))
        elif (gone := self._by_name.pop(definition.name, None)) is not None:
            gone.close()

    def _remember(self, name: str) -> Callable[[], None]:
        """The way back: what is in it stays, as far as it fitted."""
        before = self._by_name.get(name)
        definition = before.definition if before is not None else None

        def put_back() -> None:
            gone = self._by_name.get(name)
            if before is None or definition is None:
                self._by_name.pop(name, None)
            else:
                before.redefine(definition)
                self._by_name[name] = before
            if gone is not None and gone is not before:
                gone.close()

        return put_back

    def _check(self, definition: Cache, _: Origin) -> None:
        taken = self.default.definition
        if definition.is_default and taken.is_default and taken.name != definition.name:
            problem = f"is what cache {taken.name!r} is already. Fix: define that one with is_default=False first"
            raise InvalidDefinition("Cache", definition.name, {"is_default": problem})
