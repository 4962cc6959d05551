"""What came as text (a query, a path, a form, XML) in the types that a model's fields have.

The one place for it, whatever the model is: a dataclass, a Struct, a TypedDict, or a pydantic model. JSON says its
types itself and never comes here.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as ABCSequence
from collections.abc import Set as ABCSet
from datetime import date, datetime, time
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from workbench.core.payload.elements import FALSE, TRUE, UNSET

WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
ARRAYS = (list, tuple, set, frozenset, ABCSequence, ABCSet)

Fields = Mapping[str, tuple[Any, bool]]
"""Type and whether it is required, by a field's name."""


def converted(text: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Each value in its field's type, those left out that an optional field got empty.

    What the library takes is taken as it says. What it refuses is read as browsers write it (`loosened`); what is still
    wrong stays as it came, and the library says what is wrong with it.
    """
    found = {}
    for name, value in text.items():
        kind, required = fields.get(name, (None, True))
        if kind is None:
            found[name] = value
            continue
        try:
            found[name] = msgspec.convert(value, kind, strict=False)
        except (msgspec.ValidationError, TypeError):
            if (made := loosened(value, kind, required)) is not UNSET:
                found[name] = _settled(made, kind)
    return found


def _settled(value: Any, kind: Any) -> Any:
    """Elements of a list of models, say, converted at once; a wrong value as it is."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, TypeError):
        return value


def loosened(value: Any, kind: Any, required: bool = True) -> Any:
    """Text as HTML forms write it, in a type; UNSET for an empty optional field, text that fits nothing as it is.

    One value for a list is a list of one. A checkbox is `on`, a number may have zeros or a plus in front, a time needs
    no seconds and no zone (HTML Standard, "Local dates and times").
    """
    kinds = list(members(kind))
    if isinstance(value, list):
        each = element_of(kinds)
        return value if each is None else [loosened(one, each) for one in value]
    if isinstance(value, dict) and (each := element_of(kinds)) is not None:
        return [value]
    if not isinstance(value, str) or any(one in (str, bytes, Any, object) for one in kinds):
        return value
    if value == "" and not any(isinstance(one, type) and issubclass(one, enum.Enum) for one in kinds):
        if not required:
            return UNSET
        if NoneType in kinds:
            return None
    if (each := element_of(kinds)) is not None:
        return [loosened(value, each)]
    for one in kinds:
        if (made := _read(value.strip(), one)) is not UNSET:
            return made
    return value.strip()


def members(kind: Any) -> Iterator[Any]:
    """The types that a type allows, without their bounds and names."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from members(get_args(kind)[0])
    elif origin in (Union, UnionType):
        for each in get_args(kind):
            yield from members(each)
    elif origin is Literal:
        yield from {type(each) for each in get_args(kind)}
    elif (named := getattr(kind, "__supertype__", None) or getattr(kind, "__value__", None)) is not None:
        yield from members(named)
    else:
        yield kind


def element_of(kinds: list[Any]) -> Any:
    """The type of the elements, if a list is among the types; else None."""
    for kind in kinds:
        if kind in ARRAYS:
            return str
        if get_origin(kind) in ARRAYS:
            return (get_args(kind) or (str,))[0]
    return None


def _read(text: str, kind: Any) -> Any:
    """Text in one plain type; UNSET if it is none of that type."""
    if kind is bool:
        word = text.lower()
        return True if word in TRUE else False if word in FALSE and word else UNSET
    if kind is int:
        return int(text) if WHOLE.fullmatch(text) else UNSET
    if kind is float:
        return float(text) if NUMBER.fullmatch(text) else UNSET
    if kind in (datetime, date, time):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            return UNSET
    return UNSET
