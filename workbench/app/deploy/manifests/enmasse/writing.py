"""Definitions as an enmasse file; what Zato has no section for keeps the name that it has here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from workbench.app.deploy.manifests.enmasse.sections import SECTIONS, Section
from workbench.app.deploy.manifests.values import written
from workbench.core.definition import Definition

_SECRET = re.compile(r"\$\{(\w+)\}")


def sections_of(definitions: Iterable[Definition]) -> dict[str, list[dict[str, Any]]]:
    """The entries of each section, in the order of sections; kinds that Zato has not, by their own names, last."""
    where = {
        kind: (name, section, said)
        for name, section in reversed(list(SECTIONS.items()))
        for said, kind in section.kinds.items()
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SECTIONS}
    for each in definitions:
        kind = type(each).__name__
        fields = {"name": each.name, **each.changed()}
        if kind not in where:
            found.setdefault(kind, []).append({field: written(value) for field, value in fields.items()})
            continue
        name, section, said = where[kind]
        found[name].append(_entry(section, dict(zip(section.chosen_by, said, strict=True)), each, fields))
    return {name: entries for name, entries in found.items() if entries}


ALWAYS = ("active", "service", "path", "security")
"""Fields that Zato wants to be told, also where they are as by default."""


def _entry(section: Section, chosen: dict[str, str], definition: Definition, fields: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": None, **chosen}
    if "active" not in definition.__struct_fields__:
        entry["is_active"] = True
    elif definition.collection in ("channels", "jobs"):
        told = {each: getattr(definition, each) for each in ALWAYS if each in definition.__struct_fields__}
        fields = {**fields, **told}
    for field, value in fields.items():
        name, said = _told(section, field, written(value))
        entry[name] = _named(said)
    if "rate_limit_def" in entry:
        entry |= {"is_rate_limit_active": True, "rate_limit_type": "EXACT"}
    return entry


def _told(section: Section, field: str, value: Any) -> tuple[str, Any]:
    """What Zato calls a field, and its value there; as it is here where that would read back otherwise."""
    for name, each in section.fields.items():
        if each.own == field and each.read(each.write(value)) == value:
            return name, each.write(value)
    return field, value


def _named(value: Any) -> Any:
    """A whole secret by the placeholder that each version of Zato knows."""
    found = _SECRET.fullmatch(value) if isinstance(value, str) else None
    return f"Zato_Enmasse_Env.{found[1]}" if found else value
