"""`wb.services`, `wb.channels`, ...: what there is, by name, with an error that says so for a name there is not."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from contextlib import suppress
from inspect import cleandoc
from typing import Any, Generic, TypeVar

from workbench.core.errors import UnknownName
from workbench.core.ports import Showable
from workbench.runtime.registry import Registry, Version, unknown_service

T = TypeVar("T")


class Collection(Mapping[str, T], Generic[T]):
    """Things of one kind by name; Tab completes the names."""

    def __init__(
        self,
        what: str,
        items: Callable[[], Mapping[str, T]],
        remove: Callable[[str], object],
        row: Callable[[T], str] = repr,
    ) -> None:
        self._what, self._items, self._remove, self._row = what, items, remove, row

    def __getitem__(self, name: str) -> T:
        items = self._items()
        try:
            return items[name]
        except KeyError:
            raise UnknownName(self._what, name, items) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._items())

    def __len__(self) -> int:
        return len(self._items())

    # Of one look at what there is: Mapping's own would look anew for each name.
    def values(self) -> ValuesView[T]:
        """The things, as they are now."""
        return self._now().values()

    def items(self) -> ItemsView[str, T]:
        """Names and things, as they are now."""
        return self._now().items()

    def _now(self) -> dict[str, T]:
        items, found = self._items(), {}
        for name in items:
            # What another thread removes meanwhile is left out.
            with suppress(KeyError):
                found[name] = items[name]
        return found

    def remove(self, name: str) -> None:
        """Take it away; raises UnknownName."""
        self[name]
        self._remove(name)

    def rows(self) -> list[tuple[str, str]]:
        """Name and description, for a table."""
        return [(name, self._row(item)) for name, item in self._now().items()]

    def __repr__(self) -> str:
        rows = self.rows()
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join(f"{name:<{width}}  {what}".rstrip() for name, what in rows) or f"No {self._what} yet."

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._items())


class LiveService(Showable):
    """`wb.services["name"]`: what is live under that name, its source, and the way back."""

    def __init__(
        self, name: str, registry: Registry, changed: Callable[[str], None], invoke: Callable[..., Any]
    ) -> None:
        self.name, self._registry, self._changed, self._invoke = name, registry, changed, invoke

    @property
    def live(self) -> Version:
        """The version that answers now."""
        return self._registry.get(self.name)

    @property
    def since(self) -> float:
        """When the live version became live [s since the epoch]."""
        return self._registry.since[self.name]

    @property
    def versions(self) -> list[Version]:
        """Every kept version, oldest first."""
        if self.name not in self._registry.history:
            raise unknown_service(self.name, self._registry.services)
        return list(self._registry.history[self.name])

    @property
    def source(self) -> str:
        """The text of the live class."""
        return self.live.source

    @property
    def doc(self) -> str:
        """The class's docstring."""
        return cleandoc(self.live.cls.__doc__ or "")

    @property
    def before(self) -> int:
        """The number of the version that `rollback` brings back; 0 if there is none."""
        return self._registry.before(self.name)

    def rollback(self) -> RolledBack:
        """Bring back what was live before; the outcome names the helpers that have changed since."""
        was = self.live
        now = self._registry.rollback(self.name)
        self._changed(self.name)
        return RolledBack(was, now)

    def make_live(self, number: int) -> RolledBack:
        """Make the version of that number live, an earlier or a later one of `versions`.

        Raises:
            DeployRefused: No version of that number is kept.
        """
        was = self.live
        now = self._registry.make_live(self.name, number)
        self._changed(self.name)
        return RolledBack(was, now)

    def invoke(self, payload: Any = "") -> Any:
        """Run it here and return its answer."""
        return self._invoke(self.name, payload)

    def __repr__(self) -> str:
        return repr(self.live)


class RolledBack:
    """The outcome of a rollback, or of `make_live`."""

    def __init__(self, was: Version, now: Version) -> None:
        self.was, self.now, self.changed_helpers = was, now, now.changed_helpers()

    def __repr__(self) -> str:
        if self.now.number == self.was.number:
            return f"{self.now} is live already."
        text = f"{self.now} is live again (was v{self.was.number})."
        if self.changed_helpers:
            text += f" It uses what has changed since: {', '.join(self.changed_helpers)}."
        return text
