"""The internal services of a workbench by name, which cost nothing until a name may mean one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from workbench.core.origin import Origin
from workbench.core.service import Service
from workbench.runtime.registry import Source, Version

PREFIXES = ("zato.", "workbench.")
"""What their names begin with."""


class InternalServices(Mapping[str, Version]):
    """The internal services of a workbench; their classes, and of each its version, are made when asked for."""

    def __init__(self, make: Callable[[], Mapping[str, type[Service]]]) -> None:
        self._make = make
        self._made: dict[str, Version] = {}

    @cached_property
    def classes(self) -> Mapping[str, type[Service]]:
        """Their classes, by name."""
        return self._make()

    def __getitem__(self, name: str) -> Version:
        if name not in self._made:
            self._made[name] = Version(self.classes[name], Source(Origin("command line"), ""), 1)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.classes)

    def __len__(self) -> int:
        return len(self.classes)

    def meant_by(self, name: str) -> Mapping[str, Version]:
        """All of them where a name may mean one, else none, which costs nothing."""
        return self if name.startswith(PREFIXES) else {}


class InternalService(NamedTuple):
    """One internal service: its name, what it does, and the fields it takes."""

    name: str
    doc: str
    takes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.doc}: {', '.join(self.takes)}" if self.takes else self.doc


def described(cls: Any) -> InternalService:
    """What a person is told of an internal service."""
    return InternalService(cls.name, cls.__doc__, cls.takes)
