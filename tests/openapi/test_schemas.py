"""What services declare, as JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, Any, TypedDict

import msgspec
import pytest
from msgspec import Meta
from pydantic import BaseModel, Field

from workbench import Service
from workbench.app.serving.openapi.schemas import Components, side_of
from workbench.core.payload import elements
from workbench.core.payload.simpleio import declared_by


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@dataclass
class AsDataclass:
    id: int
    day: date | None = None
    many: Annotated[int, Meta(ge=1)] = 1


class AsStruct(msgspec.Struct):
    id: int
    day: date | None = None
    many: Annotated[int, Meta(ge=1)] = 1


class AsPydantic(BaseModel):
    id: int
    day: date | None = None
    many: int = Field(1, ge=1)


class AsTypedDict(TypedDict, total=False):
    id: Annotated[int, Meta(ge=0)]
    day: date | None
    many: Annotated[int, Meta(ge=1)]


def taking(declared: Any) -> type[Service]:
    class Takes(Service):
        input = output = declared

    return Takes


def side(declared: Any, which: str = "input", components: Components | None = None) -> Any:
    return side_of(declared_by(taking(declared), "x"), which, components or Components())


@pytest.mark.parametrize("model", [AsDataclass, AsStruct, AsPydantic, AsTypedDict])
def test_every_kind_of_model_says_its_fields_their_bounds_and_which_must_be_sent(model: Any) -> None:
    found = side(model)
    assert list(found.fields) == ["id", "day", "many"]
    assert found.fields["many"].schema["minimum"] == 1
    assert found.fields["id"].schema["type"] == "integer"
    assert found.fields["id"].is_required == (model is not AsTypedDict)
    assert not found.fields["day"].is_required
    assert found.schema == {"$ref": f"#/components/schemas/{model.__name__}"}


@pytest.mark.parametrize("model", [AsDataclass, AsStruct, AsPydantic, AsTypedDict])
def test_a_list_of_models_is_an_array_and_has_no_fields(model: Any) -> None:
    found = side(list[model])
    assert found.schema == {"type": "array", "items": {"$ref": f"#/components/schemas/{model.__name__}"}}
    assert found.fields == {}


def test_plain_names_are_what_their_spelling_says() -> None:
    found = side(("id", "is_new", "name", "-user_count", "password"))
    types = {name: (each.schema["type"], each.is_required) for name, each in found.fields.items()}
    assert types == {
        "id": ("integer", True),
        "is_new": ("boolean", True),
        "name": ("string", True),
        "user_count": ("integer", False),
        "password": ("string", True),
    }
    assert found.fields["password"].schema["format"] == "password"
    assert found.schema["required"] == ["id", "is_new", "name", "password"]


@pytest.mark.parametrize(
    ("elem", "value"),
    [
        (elements.Text("x"), "a"),
        (elements.Bool("x"), True),
        (elements.Int("x"), 3),
        (elements.Float("x"), 1.5),
        (elements.Decimal("x"), "-12.50"),
        (elements.Date("x"), "2026-12-31"),
        (elements.DateTime("x"), "2026-12-31T23:59:00+01:00"),
        (elements.UTCDateTime("x"), "2026-12-31T23:59:00Z"),
        (elements.UUID("x"), "6f1f3b52-5b4a-4c0e-9d1c-1c3f3b0b7a10"),
        (elements.CSV("x"), ["a", "b"]),
        (elements.List("x"), [1, "b"]),
        (elements.AsIs("x"), {"any": ["thing"]}),
        (elements.Dict("x", "a", "-b_id"), {"a": "1", "b_id": 2}),
        (elements.Dict("x"), {"any": 1}),
        (elements.DictList("x", "a"), [{"a": "1"}]),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, elements.Elem) else "",
)
def test_what_an_element_takes_and_gives_is_of_its_schema(elem: Any, value: Any) -> None:
    import jsonschema

    took = elem.convert(value)
    for which, each in (("input", value), ("output", msgspec.to_builtins(took))):
        schema = side((elem,), which).fields["x"].schema
        jsonschema.Draft202012Validator(schema).validate(each)


def test_a_default_is_told_and_that_of_a_secret_is_not() -> None:
    found = side((elements.Int("n", default=7), elements.Secret("pin_code", default="1234")))
    assert found.fields["n"].schema == {"type": "integer", "default": 7}
    assert "default" not in found.fields["pin_code"].schema
    assert "required" not in found.schema


def test_models_of_one_name_have_names_of_their_own_and_the_same_one_has_one() -> None:
    def made(kind: Any) -> Any:
        @dataclass
        class Part:
            x: kind

        @dataclass
        class Order:
            parts: list[Part] = field(default_factory=list)

        Part.__annotations__.update(x=kind)
        Order.__annotations__.update(parts=list[Part])
        return Order

    components = Components()
    number, text = made(int), made(str)
    first, second, again = (components.of(each) for each in (number, text, number))
    assert (first["$ref"], second["$ref"]) == ("#/components/schemas/Order", "#/components/schemas/Order2")
    assert again == first
    assert components.schemas["Order2"]["properties"]["parts"]["items"] == {"$ref": "#/components/schemas/Part2"}
    assert components.schemas["Part2"]["properties"]["x"] == {"type": "string"}
    assert set(components.schemas) == {"Order", "Order2", "Part", "Part2"}


def test_a_name_that_is_made_is_none_that_a_model_beside_it_has() -> None:
    class Part2(msgspec.Struct):
        number: int

    def order(kind: Any) -> Any:
        part = msgspec.defstruct("Part", [("x", kind)])
        return msgspec.defstruct("Order", [("part", part), ("other", Part2)])

    components = Components()
    components.of(msgspec.defstruct("Part", [("x", int)]))
    of = components.resolved(components.of(order(str)))["properties"]
    assert components.resolved(of["part"])["properties"] == {"x": {"type": "string"}}
    assert components.resolved(of["other"])["properties"] == {"number": {"type": "integer"}}


class Node(msgspec.Struct):
    name: str
    below: list[Node] = []


class Tree(BaseModel):
    name: str
    below: list[Tree] = []


@pytest.mark.parametrize("model", [Node, Tree])
def test_a_model_that_holds_itself_is_described_once(model: Any) -> None:
    components = Components()
    found = side(model, components=components)
    assert list(components.schemas) == [model.__name__]
    assert found.fields["below"].schema["items"] == {"$ref": f"#/components/schemas/{model.__name__}"}


def test_a_type_that_json_schema_cannot_say_is_named() -> None:
    class Odd:
        pass

    @dataclass
    class Holds:
        it: Any

    Holds.__annotations__.update(it=Odd)
    assert side(Holds).fields["it"].schema == {"description": "Of the type Odd."}


@dataclass
class Fits:
    number: int | None
    texts: list[str]
    size: Size
    anything: Any


@dataclass
class DoesNot:
    order: AsDataclass
    maybe: AsDataclass | None
    orders: list[AsDataclass]
    lists: list[list[int]]
    table: dict[str, int]


@pytest.mark.parametrize(("model", "fits"), [(Fits, True), (DoesNot, False)])
def test_a_parameter_says_scalars_and_lists_of_them_alone(model: Any, fits: bool) -> None:
    components = Components()
    found = side(model, components=components)
    assert {name: components.fits_query(each.schema) for name, each in found.fields.items()} == dict.fromkeys(
        found.fields, fits
    )
