"""Input and output declared by names."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from tests.core.calls import request_of
from workbench.core.errors import BadRequest, DeployRefused, InvalidInput
from workbench.core.payload.elements import Bool, Date, Dict, DictList, Int, List
from workbench.core.payload.response import Response
from workbench.core.payload.simpleio import Input, MissingParameter, declared_by
from workbench.core.service import Service


class ClassStyle(Service):
    class SimpleIO:
        input_required = ("name", Int("age"), "is_vip")
        input_optional = ("nick", "order_id", Date("born"), List("tags", default=["new"]))
        output_required = ("id", "greeting")
        output_optional = "note"


class ListStyle(Service):
    input = "name", Int("age"), "-nick", Bool("-loud", default=True)
    output: ClassVar[Any] = ("greeting", "-note")


def problems_of(cls: type[Service], raw: Any, **more: Any) -> list[str]:
    with pytest.raises(InvalidInput) as failure:
        _ = request_of(cls, raw, **more).input
    return failure.value.problems


def test_class_style_converts_and_fills_in() -> None:
    found = request_of(ClassStyle, b'{"name": "A", "age": "30", "is_vip": "yes", "order_id": "7"}').input
    assert found == {
        "name": "A",
        "age": 30,
        "is_vip": True,
        "order_id": 7,
        "nick": "",
        "born": "",
        "tags": ["new"],
    }
    assert found.age == 30
    assert found.is_vip is True


def test_list_style_takes_a_minus_as_optional() -> None:
    found = request_of(ListStyle, {"name": "A", "age": 3}, data_format="dict").input
    assert found == {"name": "A", "age": 3, "nick": "", "loud": True}


def test_one_error_names_every_bad_element() -> None:
    assert problems_of(ClassStyle, b'{"age": "x", "is_vip": "perhaps", "born": "1.1.2000"}') == [
        "'name' is missing",
        "'age' must be a whole number",
        "'is_vip' must be true or false",
        "'born' must be a date as 2026-12-31",
    ]
    assert problems_of(ListStyle, b"5") == ["'name' is missing", "'age' is missing"]


def test_an_error_never_repeats_the_value() -> None:
    with pytest.raises(InvalidInput) as failure:
        _ = request_of(ClassStyle, b'{"name": "A", "is_vip": "hunter2", "age": "hunter2"}').input
    assert "hunter2" not in str(failure.value)


def test_parameters_win_over_the_body_and_are_converted() -> None:
    found = request_of(ListStyle, b'{"name": "A", "age": 1}', query="age=2&extra=x", params={"name": "B"}).input
    assert (found.name, found.age, found.extra) == ("B", 2, "x")


def test_a_list_body_is_a_list_of_inputs() -> None:
    rows = request_of(ListStyle, b'[{"name": "A", "age": "1"}, {"name": "B", "age": 2}]').input
    assert [(row.name, row.age, row.loud) for row in rows] == [("A", 1, True), ("B", 2, True)]
    assert problems_of(ListStyle, b'[{"name": "A"}, 5]') == ["'[0].age' is missing", "'[1]' must be an object"]


def test_a_list_where_one_object_is_wanted_is_the_callers_error() -> None:
    for rows in (request_of(ListStyle, b"[]").input, request_of(Service, b"[1]").input):
        with pytest.raises(
            BadRequest, match="^Invalid input: a list was given, where one object with 'name' is wanted$"
        ):
            rows.name  # noqa: B018
        with pytest.raises(AttributeError):
            rows.__nothing__  # noqa: B018


def test_undeclared_input_is_everything_that_came() -> None:
    assert request_of(Service, b'{"a": 1, "b": 1}', query="b=2").input == {"a": 1, "b": "2"}
    assert request_of(Service, b"[1, 2]").input == [1, 2]
    assert request_of(Service, b"[]").input == []
    assert request_of(Service, b"0").input == 0
    assert request_of(Service, b"", query="a=1").input == {"a": "1"}


def test_a_missing_attribute_says_which_there_are() -> None:
    with pytest.raises(MissingParameter, match="'c' is missing; given: a, b"):
        _ = Input(b=1, a=2).c
    assert not hasattr(Input(), "c")


def test_require_any_gives_the_first_that_is_there() -> None:
    assert Input(a="", b=2).require_any("a", "b") == 2
    with pytest.raises(ValueError, match="None of a, c was given"):
        Input(a="").require_any("a", "c")


def test_a_secret_element_does_not_show_in_the_inputs_text() -> None:
    class Login(Service):
        input = "user", "password"

    found = request_of(Login, b'{"user": "me", "password": "hunter2"}').input
    assert found.password == "hunter2"
    assert repr(found) == str(found) == "{'user': 'me', 'password': ...}"


def test_default_input_value_stands_in_for_absent_optional_ones() -> None:
    class Defaulted(Service):
        class SimpleIO:
            input_optional = "a", Int("b", default=5)
            default_input_value = None

    assert request_of(Defaulted, b"{}").input == {"a": None, "b": 5}


def test_required_wins_over_optional() -> None:
    class Both(Service):
        class SimpleIO:
            input_required = "a"
            input_optional = "a", "b"

    assert problems_of(Both, b"{}") == ["'a' is missing"]


def test_an_element_shared_by_two_services_keeps_what_each_says() -> None:
    shared = Int("n")

    class Wants(Service):
        class SimpleIO:
            input_required = (shared,)

    class MayHave(Service):
        class SimpleIO:
            input_optional = (shared,)

    assert request_of(MayHave, b"{}").input == {"n": ""}
    assert problems_of(Wants, b"{}") == ["'n' is missing"]


def test_two_ways_of_declaring_one_side_are_refused() -> None:
    class Twice(Service):
        class SimpleIO:
            input = "a"
            input_required = "b"

    with pytest.raises(DeployRefused, match="declares input and input_required/input_optional. Fix: keep one"):
        declared_by(Twice, "twice")


def test_nested_elements_are_named_by_their_path() -> None:
    class Nested(Service):
        input = Dict("customer", "name", Int("age")), DictList("rows", "sku")

    assert problems_of(Nested, b'{"customer": {"age": "x"}, "rows": [{}]}') == [
        "'customer.name' is missing",
        "'customer.age' must be a whole number",
        "'rows[0].sku' is missing",
    ]


def answer(cls: type[Service], returned: Any = None, **attributes: Any) -> Any:
    response = Response(declared_by(cls, "x"))
    for name, value in attributes.items():
        setattr(response.payload, name, value)
    return response.answer(returned)


def test_output_names_filter_and_convert() -> None:
    assert answer(ClassStyle, {"id": "5", "greeting": "Hi", "internal": 1}) == {"id": 5, "greeting": "Hi"}
    assert answer(ListStyle, greeting="Hi", note=1) == {"greeting": "Hi", "note": "1"}
    assert answer(ListStyle, [{"greeting": 1, "x": 2}]) == [{"greeting": "1"}]


def test_output_rows_are_collected() -> None:
    response = Response(declared_by(ListStyle, "x"))
    response.payload.append({"greeting": "a", "other": 1})
    response.payload.append(type("Row", (), {"greeting": "b"})())
    assert response.answer(None) == [{"greeting": "a"}, {"greeting": "b"}]
    response.payload[:] = [{"greeting": "c"}]
    assert response.answer(None) == [{"greeting": "c"}]


def test_output_that_misses_or_misnames_an_element_is_the_services_error() -> None:
    with pytest.raises(ValueError, match=r"The output misses greeting\. Fix: set it"):
        answer(ListStyle, note="n")
    with pytest.raises(ValueError, match=r"The output misses greeting\. Fix: set it"):
        answer(ListStyle)
    with pytest.raises(AttributeError, match="'greting' is not declared; declared: greeting, note"):
        answer(ListStyle, greting="x")
    with pytest.raises(ValueError, match="not as declared: 'id' must be a whole number"):
        answer(ClassStyle, {"id": "x", "greeting": "y"})


def test_an_answer_with_another_status_need_not_have_the_declared_output() -> None:
    response = Response(declared_by(ListStyle, "x"))
    response.status_code = 404
    assert response.answer(None) == ""


def test_response_elem_wraps_the_answer() -> None:
    class Wrapped(Service):
        class SimpleIO:
            output = "a"
            response_elem = "response"

    assert answer(Wrapped, {"a": "1"}) == {"response": {"a": "1"}}
