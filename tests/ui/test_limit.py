from __future__ import annotations

from typing import Any

import pytest

from tests.ui.conftest import Asking
from workbench import Limit, RESTChannel, Workbench
from workbench.core.errors import InvalidDefinition
from workbench.ui.forms import limit
from workbench.ui.forms.limit import short_problem

EVERYONE = {"source": "*", "rate": "100", "unit": "m", "unbounded": False}
OFFICE = {"source": "172.16.0.0/12", "rate": "500", "unit": "m", "unbounded": False}
TRY = {"address": "172.16.4.2", "calls": "600", "span": "1", "unit": "m", "service": "api.hello"}


def read(*rows: dict[str, Any], **values: Any) -> Any:
    return limit.read_limit("service", "api.hello", rows, values)


def test_the_form_opens_with_a_limit_that_can_be_saved() -> None:
    opened = limit.opening(None)
    assert opened["lines"] == [EVERYONE]
    assert read(*opened["lines"]).definition == Limit("api.hello", on="service", lines="* = 100/m")


def test_the_form_of_a_limit_in_force_gives_the_same_limit_back() -> None:
    kept = Limit("api.hello", on="service", lines="\n* = 100/m\n10.0.0.7/32 = *\n", shadow=True, per="address")
    opened = limit.opening(kept)
    values = {field["name"]: field["value"] for field in opened["more"]} | {"exact": opened["exact"]}
    assert read(*opened["lines"], **values).definition == kept


def test_the_try_line_says_what_the_server_would() -> None:
    shown = limit.preview(read(EVERYONE, OFFICE), TRY, [])
    assert shown["tried"]["text"] == "500 pass, 100 refused by line 2"
    assert limit.preview(read(EVERYONE, OFFICE), TRY | {"address": "9.9.9.9"}, [])["tried"]["refused"] == 500
    assert limit.preview(read(OFFICE), TRY | {"calls": "5"}, [])["tried"]["text"] == "5 pass, none refused"
    closed = limit.preview(read(OFFICE, deny_others=True), TRY | {"address": "9.9.9.9", "calls": "5"}, [])
    assert closed["tried"]["text"] == "0 pass, 5 refused by no line: the address is on none"


def test_the_try_line_meets_the_other_limits_too() -> None:
    other = Limit("me", on="user", lines="10/m")
    shown = limit.preview(read(OFFICE), TRY | {"user": "me"}, [other, Limit("api.hello", on="service", lines="1/m")])
    assert shown["tried"]["text"] == "10 pass, 590 refused by the limit on user me"


@pytest.mark.parametrize("calls", ["", "0", "many", "5001", "-1"])
def test_a_try_that_cannot_be_made_says_so(calls: str) -> None:
    assert limit.preview(read(OFFICE), TRY | {"calls": calls}, [])["tried"] == {
        "text": "calls must be a whole number from 1 to 5,000",
        "bad": True,
    }


def test_a_line_that_can_never_refuse_is_marked_with_the_reason() -> None:
    shown = limit.preview(read(EVERYONE, OFFICE, OFFICE | {"rate": "600"}), TRY, [])
    assert list(shown["never"]) == [3]
    assert "line" in shown["never"][3]


def test_every_wrong_line_and_field_is_named_at_once() -> None:
    rows = [EVERYONE | {"rate": ""}, OFFICE | {"source": "office"}, EVERYONE, OFFICE | {"rate": "lots"}]
    found = read(*rows, max_addresses="none", window="weekly")
    assert set(found.problems) == {"line 1", "line 2", "line 4", "max_addresses", "window"}
    assert "office is not *, an address or a network" in found.problems["line 2"]
    assert limit.preview(found, TRY, [])["code"] == ""


def test_a_limit_without_lines_asks_for_one() -> None:
    assert read().problems == {"lines": "needs a line; add one"}


def test_a_line_without_bound_needs_no_rate() -> None:
    assert read(EVERYONE, OFFICE | {"rate": "", "unbounded": True}).definition.lines == (
        "\n* = 100/m\n172.16.0.0/12 = *\n"
    )


@pytest.mark.parametrize(
    ("lines", "calls"),
    [("100/m", 101), ("\n10.0.0.0/8 = 7/s\n* = 20/h\n", 21), ("10.0.0.0/8 = 7/s", 8), ("* = *", 1), ("99999/m", 1001)],
)
def test_enough_calls_are_one_more_than_allowed(lines: str, calls: int) -> None:
    assert limit.enough_calls(Limit("x", on="service", lines=lines)) == calls


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("100/m", ""),
        ("* = 100/m\n10.0.0.0/8 = *", ""),
        ("5 per minute", "5 per minute names no unit; correct: 5/m"),
        ("abc/m", "abc is not a whole number; an example that is correct: 100/m"),
        (
            "* = 5\n10.0.0.0/8 = x/m",
            "line 1: 5 names no unit; correct: * = 5/m | "
            "line 2: x is not a whole number; an example that is correct: 10.0.0.0/8 = 100/m",
        ),
    ],
)
def test_a_limit_in_a_field_of_any_form_is_checked_as_it_is_typed(
    ask: Asking, wb: Workbench, text: str, said: str
) -> None:
    problems = {"limit": said} if said else {}
    publish = {"kind": "RESTChannel", "values": {"name": "x", "service": "api.hello", "path": "/x", "limit": text}}
    edit = {
        "edit": {"collection": "channels", "name": "api.hello"},
        "values": {"name": "api.hello", "path": "/api/hello", "limit": text},
    }
    for asked in (publish, edit):
        checked = ask("form check", **asked)
        assert (checked["problems"], bool(checked["code"])) == (problems, not said)
    if said:
        assert ask("form save", **publish)["problems"] == problems
        assert list(wb.channels) == ["api.hello"]


def test_the_words_of_the_field_are_those_of_the_limits_own_form(ask: Asking) -> None:
    line = {"source": "*", "rate": "abc", "unit": "m"}
    own = ask("limit check", on="service", name="api.hello", lines=[line], values={})["problems"]["line 1"]
    assert short_problem("abc/m").startswith(own.partition(";")[0])


def test_a_limit_that_is_wrong_in_code_is_named_by_its_field(wb: Workbench) -> None:
    with pytest.raises(InvalidDefinition, match=r"'x' is not valid: limit line 1 `abc`") as raised:
        wb.define(RESTChannel("x", service="api.hello", limit="abc"))
    assert list(raised.value.problems) == ["limit"]
