"""Watched folders that configuration names: `[pickup.orders]` of `workbench.toml`, `[orders]` of Zato's `pickup.conf`.

    [pickup.orders]
    pickup_from = "incoming/orders"
    patterns = ["*.csv"]
    services = ["shop.orders"]

Each is a FileChannel of that name, open once all of its services are live. A table without `pickup_from` is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from workbench.channels.files.channel import FileChannel
from workbench.core.errors import InvalidDefinition
from workbench.core.payload.elements import Bool

FOLDER = "pickup_from"
FLAGS = ("delete_after_pickup", "active")
NOT_HERE = ("read_on_pickup", "topics")
"""Keys of Zato's file that say nothing here: a file is always read, and there are no topics."""
OF_ZATO = "zato."
"""How names of Zato's own services begin, to which its file leads out of the box."""


def channels(tables: Mapping[str, Any]) -> dict[str, FileChannel]:
    """The channels that tables name; those that cannot be are passed over."""
    return {name: made for name, made in _made(tables) if isinstance(made, FileChannel)}


def problems(tables: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with tables: the path in them, and the rest of a sentence about it."""
    for name, table in tables.items():
        if isinstance(table, Mapping) and FOLDER not in table and (close := get_close_matches(FOLDER, table, n=1)):
            yield (name, close[0]), f"is none of its keys; did you mean {FOLDER!r}"
    for name, made in _made(tables):
        if isinstance(made, InvalidDefinition):
            for field, problem in made.problems.items():
                yield (name, field), problem


def _made(tables: Mapping[str, Any]) -> Iterator[tuple[str, FileChannel | InvalidDefinition]]:
    for name, table in tables.items():
        if not isinstance(table, Mapping) or not table.get(FOLDER) or _leads_to_zato(table):
            continue
        try:
            yield name, FileChannel(name, **_fields(table))
        except InvalidDefinition as exc:
            yield name, exc


def _leads_to_zato(table: Mapping[str, Any]) -> bool:
    named = table.get("services")
    services = named.split(",") if isinstance(named, str) else named
    return (
        isinstance(services, list)
        and bool(services)
        and all(isinstance(each, str) and each.strip().startswith(OF_ZATO) for each in services)
    )


def _fields(table: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a channel that a table says; Zato's file has flags as words."""
    fields = {key: value for key, value in table.items() if key not in NOT_HERE}
    for flag in (*FLAGS, "parse_on_pickup"):
        if isinstance(value := fields.get(flag), str):
            with suppress(ValueError):
                fields[flag] = Bool(flag).convert(value)
    if fields.pop("parse_on_pickup", True) is False:
        fields["parse_with"] = "raw"
    return fields
