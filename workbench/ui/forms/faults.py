"""The faults of a peer as a form: a switch, a slider or a text for each, from the schema of its kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs

from workbench.core.definition import field_types
from workbench.core.errors import InvalidDefinition
from workbench.sandbox.faults import NETWORK, Faults
from workbench.sandbox.peer import Peer
from workbench.ui.forms.fields import Field, field_of
from workbench.ui.forms.reading import Problems

STOPS: dict[str, tuple[float, ...]] = {
    "bytes_per_second": (1, 100, 1_000, 10_000, 100_000, 1_000_000),
    "_seconds": (0.1, 0.5, 1, 2, 5, 10, 30),
    "_bytes": (0, 1, 100, 1_000, 10_000, 100_000, 1_000_000),
}
"""Where a slider stops, by the unit that a fault's name ends in; any other number is typed beside it."""


def fault_fields(kind: type[Faults]) -> list[dict[str, Any]]:
    """A field for each fault, those of the kind itself before those that every peer can have."""
    types = field_types(kind)
    infos = {each.name: each for each in structs.fields(kind)}
    names = [name for name in kind.__struct_fields__ if kind.over_network or name not in NETWORK]
    names.sort(key=lambda name: name in Faults.__struct_fields__)
    return [_told(field_of(infos[name], types[name])) for name in names]


def _told(field: Field) -> dict[str, Any]:
    # A number, or one of a few words.
    kind = "text" if field.kind == "integer" and field.choices else field.kind
    told: dict[str, Any] = msgspec.to_builtins(structs.replace(field, kind=kind))
    return told | {"stops": _stops(field) if kind == field.kind else []}


def _stops(field: Field) -> list[float]:
    """Where the slider of a number stops; nowhere for one without a unit."""
    found = next((stops for unit, stops in STOPS.items() if field.name.endswith(unit)), ())
    return [each for each in found if field.kind == "number" or each == int(each)]


def in_force(peer: Peer) -> dict[str, Any]:
    """The faults that a peer has now, by name; only those that it would not have if it were well."""
    faults, well = peer.faults, type(peer.faults)()
    found = {name: getattr(faults, name) for name in faults.__struct_fields__}
    return {name: value for name, value in found.items() if value != getattr(well, name)}


def read_faults(kind: type[Faults], given: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
    """The faults that were chosen, by name, and what is wrong with any, by name; what is left empty is no fault."""
    types, knobs, problems = field_types(kind), dict[str, Any](), Problems()
    for field in fault_fields(kind):
        name, typed = field["name"], given.get(field["name"])
        if typed is None or typed is False or (isinstance(typed, str) and not typed.strip()):
            continue
        if field["kind"] == "names" and isinstance(typed, str):
            typed = [word for word in re.split(r"[,\s]+", typed) if word]
        try:
            value = msgspec.convert(typed, types[name], strict=False)
        except msgspec.ValidationError as exc:
            problems[name] = _words(str(exc))
            continue
        if value != field["default"]:
            knobs[name] = value
    return knobs, problems


def _words(said: str) -> str:
    """What msgspec says of a value, as the rest of a sentence about its field."""
    return re.sub(r"^(E)xpected", "is not what fits: expected", said).partition(" - at ")[0]


def have_faults(peer: Peer, knobs: Mapping[str, Any]) -> Problems:
    """Have a peer fail as chosen, or be well if nothing was; says by name what is wrong, and changes nothing then."""
    if not knobs:
        peer.heal()
        return {}
    try:
        peer.fail(**knobs)
    except InvalidDefinition as exc:
        return dict(exc.problems)
    return {}


def code_of_faults(name: str, knobs: Mapping[str, Any]) -> str:
    """The same as a cell."""
    if not knobs:
        return f"wb.peers[{name!r}].heal()"
    return f"wb.peers[{name!r}].fail({', '.join(f'{knob}={value!r}' for knob, value in knobs.items())})"
