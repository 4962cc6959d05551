"""A form for any definition: its fields as plain data; the definition, or every error at once, from what was typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from workbench.core.definition import Definition
from workbench.core.errors import InvalidDefinition
from workbench.ui.forms.fields import Wrong, bare, fields_of, plain_value, typed

Problems = dict[str, str]


class Read(NamedTuple):
    """What a form holds: a definition, or what is wrong, by field."""

    definition: Definition | None
    problems: Problems


def form_of(cls: type[Definition], preset: Mapping[str, Any], first: Sequence[str] = ()) -> dict[str, Any]:
    """A form as plain data.

    Args:
        cls: The definition's class.
        preset: Values to fill in, by field.
        first: Fields to show at once; if none are named, those the class puts first.
    """
    fields: list[dict[str, Any]] = msgspec.to_builtins(list(fields_of(cls)))
    if first:
        fields.sort(key=lambda field: first.index(field["name"]) if field["name"] in first else len(first))
    for field in fields:
        field["more"] = field["name"] not in first if first else field["more"]
        field["value"] = preset.get(field["name"], None if field["required"] else field["default"])
    about = (cls.__doc__ or "").strip().partition("\n")[0]
    return {"kind": cls.__name__, "title": cls.kind, "about": about, "fields": fields}


def filled(definition: Definition) -> dict[str, Any]:
    """What a form shows of a definition there is, by field."""
    return {field: plain_value(getattr(definition, field)) for field in definition.__struct_fields__}


def read(cls: type[Definition], given: Mapping[str, Any]) -> Read:
    """Make the definition that a form describes, or say of every field what is wrong with it."""
    values: dict[str, Any] = {}
    problems: Problems = {}
    for field in fields_of(cls):
        try:
            value = typed(field, given.get(field.name))
        except Wrong as exc:
            problems[field.name] = str(exc)
            continue
        if value is not None:
            values[field.name] = value
    try:
        definition = cls(**values)
    except InvalidDefinition as exc:
        problems |= {
            field: said
            for field, said in exc.problems.items()
            if field not in problems and not _speaks_of(said, problems)
        }
        return Read(None, _in_order(cls, _between_fields(cls, values, problems) | problems))
    return Read(None, problems) if problems else Read(definition, {})


def _between_fields(cls: type[Definition], values: dict[str, Any], problems: Problems) -> Problems:
    """What a class says between fields, asked although some are wrong alone; those count as left to their default."""
    good = {field: value for field, value in values.items() if field not in problems}
    # What is wrong alone may be more than a class's own check can bear; its fields are named already.
    with suppress(Exception):
        found = bare(cls, good).problems()
        return {field: said for field, said in found.items() if field in good and not _speaks_of(said, problems)}
    return {}


def _speaks_of(said: str, fields: Problems) -> bool:
    """Whether a sentence is about a field that is wrong alone, and so may no longer hold once that is fixed."""
    return any(word in fields and word != "name" for word in re.findall(r"\w+", said))


def _in_order(cls: type[Definition], problems: Problems) -> Problems:
    order = [field.name for field in fields_of(cls)]
    place = {name: number for number, name in enumerate(order)}
    return {field: problems[field] for field in sorted(problems, key=lambda each: place.get(each, len(order)))}
