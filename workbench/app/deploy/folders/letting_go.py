"""Takes out of force what files of a folder had and have no longer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from msgspec import structs

from workbench.app.deploy.drafting import Drafting
from workbench.app.origins import file_name
from workbench.app.parts import Parts
from workbench.core.errors import StillUsed
from workbench.core.origin import Origin

SERVICES = "services"
Key = tuple[str, str]
"""A collection, and a name in it."""


class Names(dict[Path, str]):
    """What files are called by what they define: as when they were seen first, whatever folder is current later."""

    def __missing__(self, path: Path) -> str:
        self[path] = name = file_name(path)
        return name


def leave(parts: Parts, drafting: Drafting, kept: Mapping[str, Collection[Key]]) -> set[Key]:
    """Note which services and definitions their files have no longer; they stay in force, and whoever says one has it.

    Args:
        parts: The workbench's rooms.
        drafting: Has the lock under which all that is in force changes.
        kept: What each file has now, by its name for origins.
    """

    def is_left(origin: Origin, key: Key) -> bool:
        return origin.loaded and not origin.is_kept and origin.file in kept and key not in kept[origin.file]

    found = set[Key]()
    with drafting.lock:
        for version in parts.registry.services.values():
            if is_left(version.origin, key := (SERVICES, version.name)):
                version.origin = structs.replace(version.origin, left=True)
                found.add(key)
        for definition, origin in list(parts.book.entries):
            if is_left(origin, key := (definition.collection, definition.full_name)):
                parts.book.leave(*key)
                found.add(key)
    return found


def let_go(parts: Parts, drafting: Drafting, left: Collection[Key]) -> list[str]:
    """Take services and definitions out of force that nobody has taken since they were left; a sentence for each.

    Jobs stay, since their runs and pauses are in the store: they wait for their services, as after a restart.

    Args:
        parts: The workbench's rooms.
        drafting: Has the lock under which all that is in force changes.
        left: What files have no longer.
    """
    with drafting.lock:
        services = [
            each for each in parts.registry.services.values() if each.origin.left and (SERVICES, each.name) in left
        ]
        for version in services:
            parts.registry.remove(version.name)
            parts.follow_service(version.name)
        said = [f"{each.name} is gone, since {each.origin.file} has it no longer." for each in services]
        return said + list(_definitions_let_go(parts, left))


def _definitions_let_go(parts: Parts, left: Collection[Key]) -> Iterator[str]:
    """What names others goes first."""
    rows = parts.book.rows
    for definition, origin in sorted(parts.book.entries, key=lambda each: -rows[each.definition.collection].order):
        collection, name = definition.collection, definition.full_name
        if not origin.left or (collection, name) not in left:
            continue
        if collection == "jobs":
            yield f"{definition} stays, though {origin.file} has it no longer. Fix: wb.jobs.remove({name!r})"
            continue
        try:
            parts.book.remove(collection, name)
        except StillUsed as exc:
            yield f"{definition} stays, though {origin.file} has it no longer. {exc}"
        else:
            yield f"{definition} is gone, since {origin.file} has it no longer."
