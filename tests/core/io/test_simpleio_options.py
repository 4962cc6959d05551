"""What a declaration says beside its elements: required ones on the class, rows, formats, and what is empty."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.core.calls import request_of
from workbench.core.errors import DeployRefused, InvalidInput
from workbench.core.payload.elements import (
    CSV,
    AsIs,
    Bool,
    Date,
    DateTime,
    Dict,
    DictList,
    Int,
    List,
    Nested,
    Opaque,
)
from workbench.core.payload.response import Response
from workbench.core.payload.simpleio import declared_by
from workbench.core.service import Service

NOON = datetime(2026, 12, 31, 12, 30, tzinfo=UTC)


def answer(cls: type[Service], returned: Any = None, **values: Any) -> Any:
    response = Response(declared_by(cls, "x"))
    for name, value in values.items():
        setattr(response.payload, name, value)
    return response.answer(returned)


class OnTheClass(Service):
    input_required = "name", Int("age")
    input_optional = ("nick",)
    output_required = "id"
    output_optional = "note"


def test_required_and_optional_elements_may_stand_on_the_service() -> None:
    assert request_of(OnTheClass, {"name": "A", "age": "3"}, data_format="dict").input == {
        "name": "A",
        "age": 3,
        "nick": "",
    }
    with pytest.raises(InvalidInput, match="'age' is missing"):
        _ = request_of(OnTheClass, {"name": "A"}, data_format="dict").input
    assert answer(OnTheClass, {"id": "5", "other": 1}) == {"id": 5}


def test_both_ways_on_the_service_are_refused() -> None:
    class Both(Service):
        input = "a"
        input_required = "b"

    with pytest.raises(DeployRefused, match="declares input and input_required/input_optional. Fix: keep one"):
        declared_by(Both, "x")


class Rows(Service):
    class SimpleIO:
        output_required = "id"
        output_repeated = True


class RowsOnTheClass(Service):
    output = "id", "-name"
    output_repeated = True


@pytest.mark.parametrize("cls", [Rows, RowsOnTheClass])
def test_repeated_output_is_always_a_list(cls: type[Service]) -> None:
    assert answer(cls) == []
    assert answer(cls, id=1) == answer(cls, {"id": "1"}) == [{"id": 1}]
    assert answer(cls, [{"id": 1}, {"id": 2}]) == [{"id": 1}, {"id": 2}]
    assert answer(cls, []) == []
    response = Response(declared_by(cls, "x"))
    assert response.payload is response.payload
    assert response.answer(None) == []
    response.status_code = 404
    response.payload = None
    assert response.answer("") == ""


def test_repeated_output_stands_in_its_element() -> None:
    class Wrapped(Service):
        class SimpleIO:
            output = "id"
            output_repeated = True
            response_elem = "response"

    assert answer(Wrapped) == {"response": []}
    assert answer(Wrapped, id=1) == {"response": [{"id": 1}]}


def test_a_required_element_of_one_row_is_still_required() -> None:
    with pytest.raises(ValueError, match="The output misses id"):
        answer(RowsOnTheClass, name="a")


@pytest.mark.parametrize(
    ("elem", "given", "read", "written"),
    [
        (Date("d"), "2026-12-31", date(2026, 12, 31), date(2026, 12, 31)),
        (Date("d", "%d.%m.%Y"), "31.12.2026", date(2026, 12, 31), "31.12.2026"),
        (Date("d", format="%d.%m.%Y"), "2026-12-31", date(2026, 12, 31), "31.12.2026"),
        (Date("d", "%d.%m.%Y"), NOON, date(2026, 12, 31), "31.12.2026"),
        (DateTime("d", format="iso"), "2026-12-31T12:30:00Z", NOON, NOON),
        (DateTime("d", "%Y%m%d %H:%M %z"), "20261231 12:30 +0000", NOON, "20261231 12:30 +0000"),
        (Dict("d", Date("e", "%d.%m.%Y")), {"e": "31.12.2026"}, {"e": date(2026, 12, 31)}, {"e": "31.12.2026"}),
        (
            DictList("d", Date("e", "%d.%m.%Y")),
            [{"e": "31.12.2026"}],
            [{"e": date(2026, 12, 31)}],
            [{"e": "31.12.2026"}],
        ),
    ],
    ids=repr,
)
def test_a_moment_is_read_and_written_in_its_format(elem: Any, given: Any, read: Any, written: Any) -> None:
    assert elem.convert(given) == read
    assert elem.written(given) == elem.written(read) == written

    class Says(Service):
        output = elem

    assert answer(Says, d=given) == {"d": written}


def test_a_moment_in_no_format_is_refused() -> None:
    with pytest.raises(ValueError, match="month"):
        Date("d", "%d.%m.%Y").convert("2026-31-12")


@pytest.mark.parametrize("kind", [AsIs, Opaque, Nested])
def test_parts_of_an_element_that_is_taken_as_it_is_are_no_default(kind: Any) -> None:
    class Takes(Service):
        input = kind("customer", "id", Int("age"), Nested("address", "city"))

    given = {"customer": {"anything": [1]}}
    assert request_of(Takes, given, data_format="dict").input == given
    with pytest.raises(InvalidInput, match="'customer' is missing"):
        _ = request_of(Takes, {}, data_format="dict").input
    assert kind("-x", "part", default=7).stand_in == 7


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, {"a": "", "b": None, "c": "1"}),
        ({"skip_empty_keys": True}, {"c": "1"}),
        ({"skip_empty_keys": "a"}, {"b": None, "c": "1"}),
        ({"skip_empty_keys": ["a", "b"]}, {"c": "1"}),
        ({"force_empty_keys": True}, {"a": "", "b": None, "c": "1", "d": None}),
        ({"skip_empty_keys": True, "force_empty_keys": ("b", "d")}, {"b": None, "c": "1", "d": None}),
        ({"default_output_value": ""}, {"a": "", "b": None, "c": "1", "d": ""}),
    ],
    ids=str,
)
def test_what_is_empty_is_written_as_the_declaration_says(options: dict[str, Any], wanted: dict[str, Any]) -> None:
    sio = type("SimpleIO", (), {"output_optional": ("a", "b", "c", "d"), **options})
    cls = type("Says", (Service,), {"SimpleIO": sio})
    assert answer(cls, a="", b=None, c="1") == wanted


@pytest.mark.parametrize("kind", [Bool, CSV, Date, DateTime, Dict, DictList, Int, List])
@pytest.mark.parametrize("empty", ["", None])
def test_what_is_empty_is_left_out_whatever_its_type(kind: Any, empty: Any) -> None:
    class Says(Service):
        class SimpleIO:
            output = kind("a"), "b"
            skip_empty_keys = True

    assert answer(Says, a=empty, b="1") == {"b": "1"}


def test_an_element_that_two_services_share_is_empty_as_each_says() -> None:
    shared = Int("n")

    class Skips(Service):
        class SimpleIO:
            output_required = shared
            skip_empty_keys = True

    class Keeps(Service):
        output = shared

    assert answer(Skips, n="") == {}
    assert answer(Keeps, n="") == {"n": ""}


def test_a_service_may_call_anything_of_its_own_not_read(caplog: pytest.LogCaptureFixture) -> None:
    class Mail(Service):
        input = "id"

        def not_read(self) -> int:
            return 0

    assert declared_by(Mail, "x").has_input
    assert not caplog.messages


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("request_elem", "is not read: the input is read from the top of the body. Fix: leave it out"),
        ("SkipEmpty", "is not read: what is empty is told without a class. Fix: skip_empty_keys and force_empty_keys"),
        ("XML", "is not read: SimpleIO writes no XML. Fix: response.payload as text"),
        ("output_repeted", "is not read. Fix: output_repeated"),
    ],
)
def test_a_word_that_is_not_read_says_what_to_write(word: str, said: str, caplog: pytest.LogCaptureFixture) -> None:
    cls = type("Says", (Service,), {"SimpleIO": type("SimpleIO", (), {word: "x"})})
    with caplog.at_level(logging.WARNING):
        declared_by(cls, "x")
    (line,) = caplog.messages
    assert line.startswith(f"SimpleIO.{word} of Says {said}")
