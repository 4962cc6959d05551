"""Says which service classes a cell has left out of what is live, and how to bring them in."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import get_ident
from types import FunctionType
from typing import Any

from workbench.core.service import Service, on_subclass, service_name
from workbench.runtime.registry import Version


def left_out(classes: Iterable[type[Service]], namespace: Mapping[str, Any], live: Mapping[str, Version]) -> list[str]:
    """A sentence for each place that left service classes out: a module beside the notebook, a function.

    Args:
        classes: Those that the cell has made or imported.
        namespace: The notebook's names.
        live: What is live, by name.
    """
    by_place: dict[tuple[str, str], list[str]] = {}
    for cls in dict.fromkeys(classes):
        version = live.get(service_name(cls))
        if (version is None or version.cls is not cls) and (place := _place(cls, namespace)) is not None:
            by_place.setdefault(place, []).append(str(service_name(cls)))
    return [
        f"{', '.join(dict.fromkeys(names))}, {where}, {'is' if len(names) == 1 else 'are'} not live. Fix: {fix}."
        for (where, fix), names in by_place.items()
    ]


def _place(cls: type[Service], namespace: Mapping[str, Any]) -> tuple[str, str] | None:
    """Where a class was made and how to deploy it; None for those that nobody expects to be live."""
    if cls.__module__ != "__main__":
        file = Path(getattr(sys.modules.get(cls.__module__), "__file__", None) or "")
        here = Path.cwd()
        if cls.handle is Service.handle or file.suffix != ".py" or not file.resolve().is_relative_to(here.resolve()):
            return None
        if "site-packages" in file.parts:
            return None
        name = str(file.resolve().relative_to(here.resolve()))
        return f"imported from {name}", f"wb.load({name!r})"
    outer, inside, _ = cls.__qualname__.partition(".<locals>.")
    if inside and isinstance(namespace.get(outer), FunctionType):
        return f"made in {outer}()", f"wb.deploy({cls.__name__}) with the class that it gives back"
    return None


class Beside:
    """Follows the cells of a subshell, which runs in a thread of its own: its services do not go live."""

    def __init__(self) -> None:
        self._made: dict[int, list[str]] = {}

    def begin(self) -> None:
        """A cell begins in this thread."""
        if not self._made:
            on_subclass.append(self._heard)
        self._made[get_ident()] = []

    def end(self) -> list[str]:
        """A cell has ended in this thread: a sentence on its services, if it had any."""
        made = self._made.pop(get_ident(), [])
        if not self._made and self._heard in on_subclass:
            on_subclass.remove(self._heard)
        if not made:
            return []
        return [
            f"This cell ran in a subshell, beside another cell, so that its services are not live: "
            f"{', '.join(dict.fromkeys(made))}. Fix: run it again when no other cell runs, or call wb.deploy."
        ]

    def _heard(self, cls: type[Service]) -> None:
        if (made := self._made.get(get_ident())) is not None and cls.__module__ == "__main__":
            made.append(str(service_name(cls)))
