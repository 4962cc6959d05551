"""The form of a service's declared input: a field for each element, and the payload that what is typed makes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from workbench.core.payload import elements
from workbench.core.payload.simpleio import Declared
from workbench.ui.fields import Field, Kind, Wrong, shape_of, typed, words_in
from workbench.ui.forms import Problems

_PLAIN = (inspect.StrType, inspect.DateType, inspect.DateTimeType, inspect.TimeType, inspect.UUIDType)
_TEXTS = (*_PLAIN, inspect.DecimalType)
_KINDS: dict[type[elements.Elem], Kind] = {
    elements.Secret: "password",
    elements.Bool: "choice",
    elements.Int: "integer",
    elements.Float: "number",
    elements.AsIs: "json",
    elements.List: "json",
    elements.Dict: "json",
    elements.DictList: "json",
}
_JSON = "JSON; text that is none is sent as it is"
_YES_OR_NO = ("", "true", "false")


def input_fields(io: Declared) -> list[Field]:
    """A field for each element of an input; none where none is declared, or where a list of objects is."""
    if io.input_names is not None:
        return [_of_element(each) for each in io.input_names.values()]
    return list(_of_model(io.input_model.fields)) if io.input_model is not None else []


def _of_element(elem: elements.Elem) -> Field:
    kind: Kind = next((kind for cls, kind in _KINDS.items() if isinstance(elem, cls)), "text")
    default = None if elem.default is elements.UNSET else elem.default
    return Field(
        name=elem.name,
        label=elem.name,
        kind=kind,
        required=not elem.optional and default is None,
        default=default if isinstance(default, str | int | float) else None,
        description=_JSON if kind == "json" else "" if type(elem) is elements.Text else elem.wanted.capitalize(),
        choices=_YES_OR_NO if kind == "choice" else (),
    )


def _of_model(fields: Mapping[str, tuple[Any, bool]]) -> Iterator[Field]:
    for name, (declared, required) in fields.items():
        kind, choices, description = _kind_of(declared)
        said = ". ".join(filter(None, (description, _JSON if kind == "json" else "")))
        yield Field(name=name, label=name, kind=kind, required=required, choices=choices, description=said)


def _kind_of(declared: Any) -> tuple[Kind, tuple[str, ...], str]:
    """What a field of a model takes; what has no field of its own is written as JSON."""
    try:
        shape = shape_of(declared)
    except TypeError:
        return "json", (), ""
    if shape.is_union:
        return "json", (), shape.description
    if words := _words(declared, shape.info):
        return "choice", ("", *words), shape.description
    if shape.kind in ("integer", "number"):
        return shape.kind, (), shape.description
    return ("text" if isinstance(shape.info, _TEXTS) else "json"), (), shape.description


def _words(declared: Any, info: Any) -> dict[str, Any]:
    """The few values that a type has, by the word that a person chooses."""
    if isinstance(info, inspect.BoolType):
        return {"true": True, "false": False}
    values = [each.value for each in info.cls] if isinstance(info, inspect.EnumType) else words_in(declared)
    return {str(each): each for each in values}


def payload_from(io: Declared, given: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
    """The payload of what was typed, without what was left empty; or what is wrong, by field."""
    payload: dict[str, Any] = {}
    problems: Problems = {}
    for field in input_fields(io):
        try:
            value = _value(io, field, given.get(field.name))
        except Wrong as exc:
            problems[field.name] = str(exc)
            continue
        if value is not None:
            payload[field.name] = value
    return payload, problems


def _value(io: Declared, field: Field, given: Any) -> Any:
    text = str(given if given is not None else "")
    if not text.strip():
        if field.required:
            raise Wrong("is missing")
        return None
    if field.kind == "json":
        return _json(text)
    if field.kind == "choice" and io.input_model is not None:
        declared = io.input_model.fields[field.name][0]
        if text not in field.choices:
            raise Wrong(f"must be one of {', '.join(filter(None, field.choices))}")
        return _words(declared, shape_of(declared).info)[text]
    return text if field.kind in ("text", "password") else typed(field, text)


def _json(text: str) -> Any:
    """The JSON that a text is; text that does not begin as JSON does stands for itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        if text.lstrip()[0] not in '[{"':
            return text
        raise Wrong(f"is not JSON: {exc.msg.lower()}, line {exc.lineno}, column {exc.colno}") from None


def input_form(io: Declared) -> list[dict[str, Any]]:
    """The fields as plain data."""
    found: list[dict[str, Any]] = msgspec.to_builtins(input_fields(io))
    return found
