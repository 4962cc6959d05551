"""A collection of definitions, as its room describes it: one row says all that the rest of the workbench must know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, NamedTuple, TypeVar

from workbench.core.definition import Definition
from workbench.core.origin import Origin

S = TypeVar("S")
T = TypeVar("T")


class Each(Mapping[str, T], Generic[S, T]):
    """Things made of what a mapping holds, each when it is asked for: to find one costs no more than there."""

    __slots__ = ("_make", "_source")

    def __init__(self, source: Mapping[str, S], make: Callable[[S], T]) -> None:
        self._source, self._make = source, make

    def __getitem__(self, name: str) -> T:
        return self._make(self._source[name])

    def __contains__(self, name: object) -> bool:
        return name in self._source

    def __iter__(self) -> Iterator[str]:
        # Another thread may define something meanwhile.
        return iter(list(self._source))

    def __len__(self) -> int:
        return len(self._source)


class Effect(NamedTuple):
    """What gives one collection its effect: put a definition into force, and take it out.

    `apply` may answer the word for what it did. `withdraw` is also called for what took effect in part, or not at all,
    since `apply` has raised. `remember` gives the way back to how a name stands now; without it,
    the former definition is applied again. `check` raises before anything is touched. `again` is called with a
    definition that was defined anew and is the same.
    """

    apply: Callable[[Any], object]
    withdraw: Callable[[Any], object]
    remember: Callable[[str], Callable[[], None]] | None = None
    check: Callable[[Any, Origin], None] | None = None
    again: Callable[[Any], None] | None = None


class CollectionRow(NamedTuple):
    """One collection.

    Args:
        name: As in `Definition.collection`; also its attribute of a workbench, `wb.channels`.
        singular: The word for one of it, in sentences.
        shown_as: The same where a person looks, if it is another: `user`.
        effect: What puts a definition into force.
        order: Definitions made in one call take effect in this order, the lowest first: what is named before what
            names it.
        items: What `wb.<name>` holds, by name; the definitions themselves if it is not given.
        definition_of: The definition of one of these items.
        remove: Removes one by name; without it, the book of definitions does.
        undefined: What to do instead of removing one that is there without a definition of its own.
        together: What is applied within this block takes effect at its end, all or nothing; told the full names.
        waits: Whether a definition that names what only the running cell brings waits for the end of the cell.
    """

    name: str
    singular: str
    effect: Effect
    order: int = 25
    items: Callable[[], Mapping[str, Any]] | None = None
    definition_of: Callable[[Any], Definition] = lambda item: item
    remove: Callable[[str], object] | None = None
    undefined: str = "change what brings it."
    together: Callable[[Sequence[str]], AbstractContextManager[object]] = nullcontext
    waits: bool = False
    shown_as: str = ""

    @property
    def word(self) -> str:
        """The word for one of it where a person looks."""
        return self.shown_as or self.singular
