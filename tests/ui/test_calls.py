"""The form of *Invoke*: a field for each element of a service's declared input, and what it makes of what is typed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import msgspec
import pydantic
import pytest

from tests.ui.conftest import Asking
from workbench import Service, Workbench
from workbench.zato.server.service import Bool, Int, List


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass
class Order:
    item: str
    count: int
    price: Decimal
    day: date
    size: Size
    gift: bool
    way: Literal["post", "van"] = "post"
    weight: float | None = None
    tags: list[str] = field(default_factory=list)


class Person(pydantic.BaseModel):
    name: str
    born: int = pydantic.Field(alias="yearOfBirth")


class Line(msgspec.Struct):
    item: str


class Orders(Service):
    name = "orders"

    def handle(self, order: Order) -> object:
        return repr(order)


class People(Service):
    name = "people"

    def handle(self, person: Person) -> object:
        return repr(person)


class Names(Service):
    name = "names"
    input = "user", Int("age"), Bool("-is_new"), List("-roles"), "-note"

    def handle(self) -> object:
        return dict(self.request.input)


class Lines(Service):
    name = "lines"

    def handle(self, lines: list[Line]) -> object:
        return len(lines)


@pytest.fixture
def wb(wb: Workbench) -> Workbench:
    wb.deploy(Orders, People, Names, Lines)
    return wb


def kinds(ask: Asking, service: str) -> dict[str, tuple[str, bool]]:
    return {each["name"]: (each["kind"], each["required"]) for each in ask("invoke form", service=service)["fields"]}


def test_each_declared_element_has_a_field_of_its_type(ask: Asking) -> None:
    assert kinds(ask, "orders") == {
        "item": ("text", True),
        "count": ("integer", True),
        "price": ("text", True),
        "day": ("text", True),
        "size": ("choice", True),
        "gift": ("choice", True),
        "way": ("choice", False),
        "weight": ("number", False),
        "tags": ("json", False),
    }
    assert kinds(ask, "people") == {"name": ("text", True), "yearOfBirth": ("integer", True)}
    assert kinds(ask, "names") == {
        "user": ("text", True),
        "age": ("integer", True),
        "is_new": ("choice", False),
        "roles": ("json", False),
        "note": ("text", False),
    }


@pytest.mark.parametrize("service", ["api.hello", "lines"])
def test_a_service_without_named_input_has_no_fields(ask: Asking, service: str) -> None:
    assert ask("invoke form", service=service) == {"fields": []}


def invoked(ask: Asking, service: str, **values: Any) -> dict[str, Any]:
    return ask("invoke", service=service, format="fields", values=values)


def test_what_is_typed_reaches_the_service_in_its_type(ask: Asking) -> None:
    required = {"item": "5", "count": "4", "price": "1.10", "day": "2026-12-31", "size": "2", "gift": "false"}
    wanted = Order("5", 4, Decimal("1.10"), date(2026, 12, 31), Size.LARGE, False)
    said = invoked(ask, "orders", **required, way="", weight="", tags="")
    assert (said["outcome"], said["text"]) == ("ok", repr(wanted))
    said = invoked(ask, "orders", **required, way="van", weight="2.5", tags='["a"]')
    wanted.way, wanted.weight, wanted.tags = "van", 2.5, ["a"]
    assert said["text"] == repr(wanted)
    assert invoked(ask, "people", name="Ada", yearOfBirth="1815")["text"] == repr(Person(name="Ada", yearOfBirth=1815))
    said = invoked(ask, "names", user="ada", age="36", is_new="true", roles='["admin"]', note="")
    assert '"age": 36' in said["text"]
    assert '"is_new": true' in said["text"]


def test_what_is_wrong_is_said_at_its_field_and_nothing_runs(ask: Asking, wb: Workbench) -> None:
    values = {"item": "", "count": "many", "price": "1", "day": "2026-12-31", "size": "9", "gift": "", "tags": "[1,"}
    assert invoked(ask, "orders", **values) == {
        "problems": {
            "item": "is missing",
            "count": "must be a whole number, not 'many'",
            "size": "must be one of 1, 2",
            "gift": "is missing",
            "tags": "is not JSON: expecting value, line 1, column 4",
        }
    }
    assert not wb.traffic


def test_text_that_does_not_begin_as_json_stands_for_itself(ask: Asking) -> None:
    said = invoked(ask, "names", user="ada", age="1", roles="admin")
    assert json.loads(said["text"])["roles"] == ["admin"]
