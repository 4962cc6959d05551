"""JSON Components of what services declare; each model has one name in a document, whoever uses it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from workbench.core.payload import elements
from workbench.core.payload.elements import UNSET, Elem
from workbench.core.payload.plain import plain
from workbench.core.payload.simpleio import Declared

Schema = dict[str, Any]
REF = "#/components/schemas/{name}"
DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"


class Field(NamedTuple):
    """One named value of an input or output."""

    schema: Schema
    is_required: bool
    is_list_with_commas: bool = False
    is_secret: bool = False


class Side(NamedTuple):
    """What a service declares as its input, or as its output; `fields` are none of a list."""

    schema: Schema
    fields: dict[str, Field]


class Components:
    """What the operations of one document share: schemas, and answers, by name."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}
        self.responses: dict[str, dict[str, Any]] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of a type; models in it are put among the others, and referred to."""
        schema, models = _generated(kind)
        names = self._names_for(models)
        self.schemas |= {names[name]: _renamed(model, names) for name, model in models.items()}
        renamed: Schema = _renamed(schema, names)
        return renamed

    def put(self, name: str, schema: Schema) -> Schema:
        """Put one schema among the others under its name, or one like it; the reference to it."""
        named = self._names_for({name: schema})[name]
        self.schemas[named] = schema
        return {"$ref": REF.format(name=named)}

    def resolved(self, schema: Schema) -> Schema:
        """What a reference leads to; any other schema as it is."""
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _names_for(self, models: dict[str, Schema]) -> dict[str, str]:
        """A name for each, which is free or means the very same: a notebook has many classes called Order."""
        names = {name: name for name in models}
        counts = dict.fromkeys(models, 1)
        while taken := [
            name
            for name, model in models.items()
            if self.schemas.get(names[name], rewritten := _renamed(model, names)) != rewritten
            or (names[name] != name and names[name] in models)
        ]:
            for name in taken:
                counts[name] += 1
                names[name] = f"{name}{counts[name]}"
        return names

    def fits_query(self, schema: Schema, is_in_list: bool = False) -> bool:
        """Whether a parameter can say a value: text, a number, true or false, or a list of them."""
        for each in self._members(self.resolved(schema)):
            types = _types(each)
            if "object" in types or "properties" in each:
                return False
            if "array" in types and (is_in_list or not self.fits_query(each.get("items", {}), is_in_list=True)):
                return False
        return True

    def _members(self, schema: Schema) -> list[Schema]:
        """What a schema allows, one by one."""
        found = [self.resolved(each) for word in ("anyOf", "oneOf") for each in schema.get(word, ())]
        return [inner for each in found for inner in self._members(each)] or [schema]


def side_of(io: Declared, side: str, components: Components) -> Side | None:
    """What a service declares as its `input` or `output`; None if it declares nothing."""
    model, names = getattr(io, f"{side}_model"), getattr(io, f"{side}_names")
    if model is not None:
        schema = components.of(model.kind)
        whole = components.resolved(schema)
        required, properties = whole.get("required", ()), whole.get("properties", {})
        # The library sorts the keys of a TypedDict.
        order = dict.fromkeys([*(name for name in model.fields if name in properties), *properties])
        return Side(schema, {name: Field(properties[name], name in required) for name in order})
    if names is None:
        return None
    fields = {name: _field(elem, side == "input") for name, elem in names.items()}
    return Side(object_of(fields), fields)


def object_of(fields: dict[str, Field]) -> Schema:
    """The schema of an object of these fields."""
    required = [name for name, field in fields.items() if field.is_required]
    made: Schema = {"type": "object", "properties": {name: field.schema for name, field in fields.items()}}
    return made | ({"required": required} if required else {})


def _generated(kind: Any) -> tuple[Schema, dict[str, Schema]]:
    """The schema of a type, and the models that it refers to."""
    if get_origin(kind) is list and hasattr(get_args(kind)[0], "model_json_schema"):
        schema, models = _generated(get_args(kind)[0])
        return {"type": "array", "items": schema}, models
    if hasattr(kind, "model_json_schema"):
        schema = kind.model_json_schema(ref_template=REF.replace("{name}", "{model}"))
        models = schema.pop("$defs", {})
        if "$ref" in schema:  # of a model that holds itself
            return schema, models
        name = re.sub(r"[^\w.-]", "_", kind.__name__, flags=re.ASCII)
        return {"$ref": REF.format(name=name)}, {name: schema, **models}
    (schema,), models = msgspec.json.schema_components((kind,), schema_hook=_hook, ref_template=REF)
    return schema, models


def _hook(kind: Any) -> Schema:
    """The schema of a type that JSON Schema knows nothing of."""
    return {"description": f"Of the type {getattr(kind, '__name__', kind)}."}


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    """A schema whose references have other names."""
    if isinstance(schema, list | tuple):
        return [_renamed(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _reference(each, names) if key == "$ref" else _renamed(each, names) for key, each in schema.items()}


def _reference(given: Any, names: dict[str, str]) -> Any:
    if not isinstance(given, str):  # a property that is called so
        return _renamed(given, names)
    path, _, name = given.rpartition("/")
    return f"{path}/{names.get(name, name)}"


def _types(schema: Schema) -> set[str]:
    """The types that a schema allows by name."""
    given = schema.get("type", ())
    return {given} if isinstance(given, str) else set(given)


OF_ELEMENTS: dict[type[Elem], Schema] = {
    elements.AsIs: {},
    elements.Text: {"type": "string"},
    elements.Secret: {"type": "string", "format": "password"},
    elements.Bool: {"type": "boolean"},
    elements.Int: {"type": "integer"},
    elements.Float: {"type": "number"},
    elements.Decimal: {"type": "string", "pattern": DECIMAL},
    elements.Date: {"type": "string", "format": "date"},
    elements.DateTime: {"type": "string", "format": "date-time"},
    elements.UUID: {"type": "string", "format": "uuid"},
    elements.CSV: {"type": "array", "items": {"type": "string"}},
    elements.List: {"type": "array", "items": {}},
}
EMPTY = (elements.Text, elements.Int)
"""Elements that may be null in an answer: their conversion lets what is empty through."""


def _field(elem: Elem, is_input: bool) -> Field:
    schema = _of_element(elem, is_input)
    if not is_input and isinstance(elem, EMPTY):
        schema = {**schema, "type": [schema["type"], "null"]}
    elif is_input and elem.default is not UNSET and not isinstance(elem, elements.Secret):
        schema = schema | _default(elem)
    required = not elem.optional and elem.default is UNSET
    return Field(schema, required, isinstance(elem, elements.CSV), isinstance(elem, elements.Secret))


def _of_element(elem: Elem, is_input: bool) -> Schema:
    if isinstance(elem, elements.Dict):
        return _object(elem.keys, is_input) if elem.keys else {"type": "object"}
    if isinstance(elem, elements.DictList):
        return {"type": "array", "items": _of_element(elem.each, is_input)}
    if getattr(elem, "format", ""):
        return {"type": "string"}
    found = next((OF_ELEMENTS[each] for each in type(elem).__mro__ if each in OF_ELEMENTS), {})
    return dict(found)


def _object(keys: Iterable[Elem], is_input: bool) -> Schema:
    return object_of({key.name: _field(key, is_input) for key in keys})


def _default(elem: Elem) -> Schema:
    """What stands in for an element that is not sent, where JSON can say it."""
    try:
        return {"default": msgspec.to_builtins(elem.default, enc_hook=plain)}
    except (TypeError, ValueError):
        return {}
