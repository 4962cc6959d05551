"""What came as text, in the types of a model's fields: alike for every kind of model."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType, NotRequired, TypedDict
from uuid import UUID

import msgspec
import pytest
import typing_extensions
from pydantic import BaseModel, Field, field_validator

from tests.core.calls import request_of
from workbench.core.errors import InvalidInput
from workbench.core.payload.typed import Model
from workbench.core.payload.words import loosened
from workbench.core.service import Service


@dataclass
class AsDataclass:
    n: int = 1
    share: float = 0.5
    flag: bool = False
    ids: list[int] = field(default_factory=list)
    tags: list[str] | None = None
    maybe: int | None = None
    day: date | None = None
    at: datetime | None = None
    amount: Decimal = Decimal(0)
    said: str = "-"


class AsStruct(msgspec.Struct):
    n: int = 1
    share: float = 0.5
    flag: bool = False
    ids: list[int] = []
    tags: list[str] | None = None
    maybe: int | None = None
    day: date | None = None
    at: datetime | None = None
    amount: Decimal = Decimal(0)
    said: str = "-"


class AsPydantic(BaseModel):
    n: int = 1
    share: float = 0.5
    flag: bool = False
    ids: list[int] = []
    tags: list[str] | None = None
    maybe: int | None = None
    day: date | None = None
    at: datetime | None = None
    amount: Decimal = Decimal(0)
    said: str = "-"


class AsTypedDict(TypedDict, total=False):
    n: int
    share: float
    flag: bool
    ids: list[int]
    tags: list[str] | None
    maybe: int | None
    day: date | None
    at: datetime | None
    amount: Decimal
    said: str


MODELS = (AsDataclass, AsStruct, AsPydantic, AsTypedDict)


def taking(model: Any) -> type[Service]:
    class Takes(Service):
        input = model

    return Takes


def read(model: Any, text: str, way: str) -> dict[str, Any]:
    """What a model's fields are, those that did not come left out."""
    cls = taking(model)
    request = request_of(cls, b"", query=text) if way == "query" else request_of(cls, text.encode(), data_format="form")
    made = request.input
    values = made if isinstance(made, dict) else {name: getattr(made, name) for name in AsDataclass.__annotations__}
    default = AsDataclass()
    return {name: value for name, value in values.items() if value != getattr(default, name)}


@pytest.mark.parametrize("way", ["query", "form"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("n=5&share=1.5&amount=1.10", {"n": 5, "share": 1.5, "amount": Decimal("1.10")}),
        ("n=05", {"n": 5}),
        ("n=%2B5&share=05", {"n": 5, "share": 5.0}),
        ("n=-7", {"n": -7}),
        ("flag=on", {"flag": True}),
        ("flag=true", {"flag": True}),
        ("flag=off&n=2", {"n": 2}),
        ("ids=1", {"ids": [1]}),
        ("ids=1&ids=02", {"ids": [1, 2]}),
        ("tags=x", {"tags": ["x"]}),
        (
            "at=2026-01-01T10:00&day=2026-01-02",
            {"at": datetime.fromisoformat("2026-01-01T10:00"), "day": date(2026, 1, 2)},
        ),
        ("at=2026-01-01T10:00:00Z", {"at": datetime(2026, 1, 1, 10, tzinfo=UTC)}),
        ("n=&share=&flag=&ids=&maybe=&day=&at=&amount=", {}),
        ("said=", {"said": ""}),
        ("said=null&n=3", {"said": "null", "n": 3}),
    ],
)
def test_text_is_read_in_its_fields_type(model: Any, text: str, right: dict[str, Any], way: str) -> None:
    assert read(model, text, way) == right


@pytest.mark.parametrize("way", ["query", "form"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("text", ["n=x", "ids=1&ids=x", "flag=maybe", "at=today", "n=1.5"])
def test_text_of_another_type_is_refused_with_the_fields_name(model: Any, text: str, way: str) -> None:
    with pytest.raises(InvalidInput) as failure:
        read(model, text, way)
    (problem,) = failure.value.problems
    assert problem.startswith(f"'{text.partition('=')[0]}")


@pytest.mark.parametrize("model", MODELS[:2])
def test_json_is_taken_at_its_word_whatever_parameters_come_beside_it(model: Any) -> None:
    for query in ("", "flag=on"):
        with pytest.raises(InvalidInput, match="'n': expected `int`, got `str`"):
            _ = request_of(taking(model), b'{"n": "5"}', query=query).input


def test_empty_text_of_a_required_field_is_null_where_that_may_be_and_wrong_elsewhere() -> None:
    class Both(msgspec.Struct):
        maybe: int | None
        n: int

    assert request_of(taking(Both), query="maybe=&n=1").input == Both(None, 1)
    with pytest.raises(InvalidInput, match="'n': expected `int`, got `str`"):
        _ = request_of(taking(Both), query="maybe=&n=").input


def test_bounds_and_unknown_fields_are_told_as_for_json() -> None:
    class Bounded(msgspec.Struct, forbid_unknown_fields=True):
        n: Annotated[int, msgspec.Meta(ge=1)]

    with pytest.raises(InvalidInput, match="'n': expected `int` >= 1"):
        _ = request_of(taking(Bounded), b"n=00", data_format="form").input
    with pytest.raises(InvalidInput, match="unknown field `more`"):
        _ = request_of(taking(Bounded), b"n=1&more=2", data_format="form").input


def test_pydantic_is_given_what_came_and_reads_by_its_own_names_first() -> None:
    class Own(BaseModel):
        words: list[str] = Field(default=[], alias="w")

        @field_validator("words", mode="before")
        @classmethod
        def split(cls, given: Any) -> Any:
            return given.split(",") if isinstance(given, str) else given

    assert request_of(taking(Own), query="w=a,b").input.words == ["a", "b"]


def test_a_typed_dict_is_an_input_and_an_output_by_annotation_too() -> None:
    class Key(TypedDict):
        n: int
        more: NotRequired[list[int]]

    class Takes(Service):
        def handle(self, key: Key) -> Key:
            return key

    Takes.handle.__annotations__.update(key=Key, **{"return": Key})
    assert request_of(Takes, b'{"n": 1}', query="more=2").input == {"n": 1, "more": [2]}
    assert request_of(Takes, {"n": 1}, data_format="dict").input == {"n": 1}
    with pytest.raises(InvalidInput) as failure:
        _ = request_of(Takes, b'{"more": ["x"]}').input
    assert failure.value.problems == ["'n' is missing", "'more[0]': expected `int`, got `str`"]


class Marked(TypedDict):
    """Its annotations are text, as in every module that says `from __future__ import annotations`."""

    n: int
    more: NotRequired[int]


class Extended(typing_extensions.TypedDict):
    n: int
    more: typing_extensions.NotRequired[int]


@pytest.mark.parametrize("model", [Marked, Extended], ids=["typing", "typing_extensions"])
def test_a_typed_dict_of_either_module_is_a_model_whose_keys_may_be_left_out(model: Any) -> None:
    class Gives(Service):
        input = output = model

    assert request_of(Gives, b'{"n": 1}').input == {"n": 1}
    assert request_of(Gives, b"", query="n=1&more=").input == {"n": 1}
    with pytest.raises(InvalidInput) as failure:
        _ = request_of(Gives, b'{"n": "x"}').input
    assert failure.value.problems == ["'n': expected `int`, got `str`"]
    Model(model).check({"n": 1})
    with pytest.raises(ValueError, match="'n' is missing"):
        Model(model).check({"more": 1})


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_number_of_json_may_have_a_point_beside_a_parameter_as_without_one(model: Any) -> None:
    body = b'{"n": 3.0, "ids": [1.0, 2], "share": 2.0}'
    alone, beside = (request_of(taking(model), body, query=query).input for query in ("", "said=x"))
    for made in (alone, beside):
        values = made if isinstance(made, dict) else vars_of(made)
        assert [type(each) for each in (values["n"], *values["ids"], values["share"])] == [int, int, int, float]
    with pytest.raises(InvalidInput):
        _ = request_of(taking(model), b'{"n": 3.5}', query="said=x").input


def vars_of(made: Any) -> dict[str, Any]:
    return {name: getattr(made, name) for name in AsDataclass.__annotations__}


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("text", "kind", "right"),
    [
        ("x", set[str], ["x"]),
        ("5", tuple[int, ...], [5]),
        (["on", "off"], list[bool], [True, False]),
        ("10:00", time, time(10)),
        ("05", Annotated[int, msgspec.Meta(ge=1)], 5),
        ("05", NewType("Number", int), 5),
        ("05", Literal[5, 6], 5),
        ("on", bool | None, True),
        (".5", float, 0.5),
        ("red", Colour, "red"),
        ("05", int | str, "05"),
        ("05", Any, "05"),
        (" PT5S ", timedelta, "PT5S"),
        (" x", UUID, "x"),
        ({"a": "1"}, list[dict[str, int]], [{"a": "1"}]),
        ("9" * 5000, int, "9" * 5000),
    ],
)
def test_forms_write_it_so(text: Any, kind: Any, right: Any) -> None:
    assert loosened(text, kind) == right
    assert type(loosened(text, kind)) is type(right)
