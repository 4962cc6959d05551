"""Typed input and output: dataclasses, Structs, and models that look like pydantic's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec
import pytest

from tests.core.calls import request_of
from workbench import RESTChannel, Workbench
from workbench.core.errors import DeployRefused, InvalidInput
from workbench.core.payload.response import encoded
from workbench.core.payload.simpleio import declared_by
from workbench.core.payload.typed import Model
from workbench.core.service import Service


@dataclass
class Address:
    city: str
    zip: int = 0


@dataclass
class Order:
    id: int
    home: Address
    other: Address | None = None
    rows: list[Address] = field(default_factory=list)


class Item(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    item_id: int
    is_new: bool = False


class Reply(msgspec.Struct):
    total: int


class Looks:
    """Has what a pydantic model has, as far as anybody asks."""

    model_fields: ClassVar[dict[str, Any]] = {"n": None}

    def __init__(self, n: int) -> None:
        self.n = n

    @classmethod
    def model_validate(cls, given: dict[str, Any]) -> Looks:
        try:
            return cls(int(given["n"]))
        except (KeyError, ValueError) as exc:
            raise LooksInvalid from exc

    def model_dump(self) -> dict[str, Any]:
        return {"n": self.n}


class LooksInvalid(ValueError):
    def errors(self) -> list[dict[str, Any]]:
        return [{"loc": ("n",), "msg": "Input should be a valid integer"}]


class TakesOrder(Service):
    def handle(self, order: Order) -> Reply:
        return Reply(order.id)


class DeclaresItem(Service):
    input = Item


class DeclaresItems(Service):
    input = list[Item]


class DeclaresLooks(Service):
    class SimpleIO:
        input = Looks


class ManyLooks(Service):
    def handle(self, looks: list[Looks]) -> None: ...


def problems_of(cls: type[Service], raw: Any, **more: Any) -> list[str]:
    with pytest.raises(InvalidInput) as failure:
        _ = request_of(cls, raw, **more).input
    return failure.value.problems


GOOD = b'{"id": 5, "home": {"city": "X", "zip": 1}, "rows": [{"city": "Y"}]}'


@pytest.mark.parametrize("data_format", ["json", "raw"])
def test_an_annotated_argument_is_made_of_the_body(data_format: str) -> None:
    raw = GOOD if data_format == "json" else msgspec.json.decode(GOOD)
    assert request_of(TakesOrder, raw, data_format=data_format).input == Order(
        5, Address("X", 1), None, [Address("Y", 0)]
    )
    assert declared_by(TakesOrder, "x").argument == "order"


@dataclass(frozen=True)
class Parcel:
    to: Address
    fragile: bool = False


class Shipment(msgspec.Struct):
    parcels: dict[str, list[Parcel]]


class TakesShipment(Service):
    input = Shipment


@pytest.mark.parametrize("data_format", ["json", "dict"])
def test_what_came_is_answered_with_its_defaults(data_format: str) -> None:
    def sent_back(cls: type[Service], raw: bytes) -> Any:
        given = raw if data_format == "json" else msgspec.json.decode(raw)
        return msgspec.json.decode(encoded(request_of(cls, given, data_format=data_format).input)[0])

    assert sent_back(TakesOrder, b'{"id": 5, "home": {"city": "X"}, "rows": [{"city": "Y"}]}') == {
        "id": 5,
        "home": {"city": "X", "zip": 0},
        "other": None,
        "rows": [{"city": "Y", "zip": 0}],
    }
    assert sent_back(TakesShipment, b'{"parcels": {"today": [{"to": {"city": "X"}}]}}') == {
        "parcels": {"today": [{"to": {"city": "X", "zip": 0}, "fragile": False}]}
    }


def test_one_error_names_every_bad_field_with_its_path() -> None:
    raw = b'{"id": "x", "home": {"zip": "y"}, "other": {"city": 5}, "rows": [{"city": "a"}, {"zip": 1}]}'
    assert problems_of(TakesOrder, raw) == [
        "'id': expected `int`, got `str`",
        "'home.city' is missing",
        "'home.zip': expected `int`, got `str`",
        "'other.city': expected `str`, got `int`",
        "'rows[1].city' is missing",
    ]
    assert problems_of(TakesOrder, b"[]") == ["The body: expected `object`, got `array`"]
    assert problems_of(TakesOrder, b"") == ["'id' is missing", "'home' is missing"]


def test_parameters_are_converted_and_win() -> None:
    made = request_of(TakesOrder, b'{"id": 5, "home": {"city": "X"}}', query="id=7&unknown=1").input
    assert made.id == 7
    assert problems_of(TakesOrder, b'{"home": {"city": "X"}}', params={"id": "x"}) == [
        "'id': expected `int`, got `str`"
    ]


def test_a_parameter_of_another_name_does_not_make_the_body_lenient() -> None:
    assert problems_of(TakesOrder, b'{"id": "5", "home": {"city": "X"}}', query="trace=1") == [
        "'id': expected `int`, got `str`"
    ]


def test_a_struct_is_read_by_the_names_it_has_in_json() -> None:
    assert request_of(DeclaresItem, b'{"itemId": 1, "isNew": true}').input == Item(1, True)
    assert request_of(DeclaresItem, b"", query="itemId=4").input == Item(4)
    assert problems_of(DeclaresItem, b"{}") == ["'itemId' is missing"]
    assert problems_of(DeclaresItem, b'{"itemId": 1, "more": 2}') == ["The body: object contains unknown field `more`"]


def test_a_list_of_models_names_the_row() -> None:
    assert request_of(DeclaresItems, b'[{"itemId": 1}, {"itemId": 2}]').input == [Item(1), Item(2)]
    assert problems_of(DeclaresItems, b'[{"itemId": 1}, {}]') == ["'[1].itemId' is missing"]


def test_an_instance_given_by_another_service_is_taken_as_it_is() -> None:
    order = Order(1, Address("X"))
    assert request_of(TakesOrder, order, data_format="dict").input is order


def test_a_model_that_looks_like_pydantics_is_used_as_one() -> None:
    assert request_of(DeclaresLooks, b'{"n": "5"}').input.n == 5
    assert problems_of(DeclaresLooks, b'{"n": "x"}') == ["'n': Input should be a valid integer"]
    assert encoded(Looks(4)) == (b'{"n":4}', "application/json")


def test_a_list_of_models_that_look_like_pydantics_names_the_row() -> None:
    assert [each.n for each in request_of(ManyLooks, b'[{"n": "5"}, {"n": 6}]').input] == [5, 6]
    assert problems_of(ManyLooks, b'[{"n": 1}, {"n": "x"}, {}]') == [
        "'[1].n': Input should be a valid integer",
        "'[2].n': Input should be a valid integer",
    ]
    assert problems_of(ManyLooks, b'{"n": 1}') == ["The body: expected a list, got dict"]


def test_invalid_json_for_a_model_is_invalid_json() -> None:
    from workbench.core.errors import BadRequest

    for raw in (b"{", b'{"id": "\xff"}', b"[" * 100_000):
        with pytest.raises(BadRequest, match="Invalid JSON"):
            _ = request_of(TakesOrder, raw).input


def test_an_argument_without_a_model_is_refused_at_deployment() -> None:
    class Plain(Service):
        def handle(self, order: int) -> None: ...

    class Two(Service):
        def handle(self, order: Order, more: Order) -> None: ...

    for cls in (Plain, Two):
        with pytest.raises(DeployRefused, match="handle takes \\(self\\) or \\(self, one argument annotated"):
            declared_by(cls, "x")


def test_an_annotation_nobody_knows_is_refused_only_if_something_depends_on_it() -> None:
    class Takes(Service):
        def handle(self, order: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    class Gives(Service):
        def handle(self) -> Nowhere: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(DeployRefused, match="names 'Nowhere', unknown here"):
        declared_by(Takes, "x")
    assert declared_by(Gives, "x").output_model is None


def test_what_json_cannot_say_is_named() -> None:
    with pytest.raises(TypeError, match="A socket cannot be sent as JSON. Fix: return text"):
        encoded(__import__("socket").socket.__new__(__import__("socket").socket))


class Total(msgspec.Struct):
    """Of the same shape as Reply, as when a cell has run again."""

    total: int


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (Reply, Reply(5)),
        (Reply, {"total": 5, "more": 1}),
        (Reply, Total(5)),
        (list[Reply], [Reply(1), {"total": 2}]),
        (Address, Address("X")),
        (Looks, {"n": 5}),
        (list[Looks], [Looks(5)]),
    ],
)
def test_an_output_of_the_declared_shape_passes_as_it_is(declared: Any, value: Any) -> None:
    Model(declared).check(value)


@pytest.mark.parametrize(
    ("declared", "value", "said"),
    [
        (Reply, None, "not the declared Reply: a NoneType is returned: expected `object`, got `null`"),
        (Reply, "5", "a str is returned"),
        (Reply, {"total": "5"}, "'total': expected `int`, got `str`"),
        (Order, {"home": {"zip": 1}}, "'id' is missing; 'home.city' is missing"),
        (list[Reply], [{"total": 1}, {}], "'[1].total' is missing"),
        (Looks, {"n": "x"}, "'n': Input should be a valid integer"),
    ],
)
def test_an_output_of_another_shape_is_an_error_that_names_every_element(declared: Any, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Model(declared).check(value)


def test_an_output_that_is_not_as_declared_is_a_500_explained_in_the_log() -> None:
    class Wrong(Service):
        name = "wrong"

        def handle(self) -> Reply:
            if self.request.raw_request == b"redirect":
                self.response.status_code = 302
                return ""  # type: ignore[return-value]
            return {"totl": 5}  # type: ignore[return-value]

    with Workbench(port=0) as wb:
        wb.deploy(Wrong)
        wb.define(RESTChannel("wrong"))
        answer = wb.call("POST /wrong")
        assert (answer.status, "total" in answer.text) == (500, False)
        assert "'total' is missing" in wb.log.of(answer.cid)[0].text
        assert wb.call("POST /wrong", data="redirect").status == 302
