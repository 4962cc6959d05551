"""`wb.services`, `wb.channels`, ...: what there is, by name, with an error that says so for a name there is not."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from contextlib import suppress
from typing import Generic, TypeVar

from workbench.core.errors import UnknownName

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
