"""Fields of connections that configuration sets in place of those of their definitions, as a person sees them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from workbench.connections.rest.credentials import SENSITIVE
from workbench.core.errors import listed, nearest
from workbench.core.masking import MARK
from workbench.stores.url import redacted

LONGEST = 200
"""Of a value that is shown [characters]."""
Places = Mapping[str, Mapping[str, str]]
"""Who has said each field, by the names of the connection and of the field."""


class Override(NamedTuple):
    """One field of one connection: what it is now, without a secret, and who said so."""

    name: str
    value: str
    where: str


def places_of(fields: Mapping[str, Mapping[str, Any]], where: str, below: Places | None = None) -> Places:
    """Who says each of these fields, and those that something below them has said already."""
    both = {name: dict(each) for name, each in (below or {}).items()}
    for name, each in fields.items():
        both.setdefault(name, {}).update(dict.fromkeys(each, where))
    return both


def overrides(fields: Mapping[str, Mapping[str, Any]], places: Places) -> Iterator[Override]:
    """Each field, in order."""
    for connection, each in fields.items():
        for field, value in each.items():
            where = places.get(connection, {}).get(field, "workbench.toml")
            yield Override(f"connection.{connection}.{field}", _shown(field, value), where)


def unused(fields: Mapping[str, Mapping[str, Any]], places: Places, known: Collection[str]) -> Iterator[str]:
    """A sentence for each connection that is given fields and that nobody defines."""
    for name, each in fields.items():
        if name not in known:
            where = " and ".join(dict.fromkeys(places.get(name, {}).values())) or "workbench.toml"
            close = nearest(name, known)
            fix = f"did you mean {close!r}?" if close else "define it, or take it out there."
            yield f"{where} gives fields to connection {name!r} ({listed(each)}), which nobody defines. Fix: {fix}"


def _shown(name: str, value: Any) -> str:
    """A value as text: a secret by its name, and of what may be a credential in plain text nothing."""
    if isinstance(value, Mapping):
        if value.keys() == {"secret"}:
            return f"secret {value['secret']!r}"
        return ", ".join(f"{key}: {_shown(str(key), each)}" for key, each in value.items()) or "none"
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return ", ".join(_shown(name, each) for each in value) or "none"
    return MARK if isinstance(value, str) and value and SENSITIVE.fullmatch(name) else redacted(str(value))[:LONGEST]
