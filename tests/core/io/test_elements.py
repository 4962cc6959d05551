"""Elements take the names, types and words that Zato's SimpleIO knows."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal as DecimalNumber
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.payload import elements
from workbench.core.payload.elements import (
    CSV,
    FALSE,
    TRUE,
    AsIs,
    BadParts,
    Bool,
    Date,
    DateTime,
    Decimal,
    Dict,
    DictList,
    Elem,
    Float,
    Int,
    List,
    Secret,
    Text,
    UTCDateTime,
    as_elem,
    taken,
)
from workbench.core.payload.rules import Names

CONVERTED = [
    (AsIs, {"a": 1}, {"a": 1}),
    (Text, 5, "5"),
    (Text, b"\xff", b"\xff"),
    (Text, None, None),
    (Bool, "Yes", True),
    (Bool, "off", False),
    (Bool, "", False),
    (Bool, None, False),
    (Bool, 1, True),
    (Int, "17", 17),
    (Int, 17.0, 17),
    (Int, "", ""),
    (Int, None, None),
    (Float, "1.5", 1.5),
    (Float, None, 0.0),
    (Decimal, "1.10", DecimalNumber("1.10")),
    (Date, "2026-12-31", date(2026, 12, 31)),
    (Date, "2026-12-31T23:59:00", date(2026, 12, 31)),
    (Date, datetime(2026, 1, 2, 3, tzinfo=UTC), date(2026, 1, 2)),
    (DateTime, "2026-12-31T23:59:00", datetime.fromisoformat("2026-12-31T23:59:00")),
    (UTCDateTime, "2026-12-31T23:59:00+02:00", datetime(2026, 12, 31, 21, 59, tzinfo=UTC)),
    (UTCDateTime, "2026-12-31T23:59:00", datetime(2026, 12, 31, 23, 59, tzinfo=UTC)),
    (elements.UUID, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")),
    (CSV, "a,b", ["a", "b"]),
    (CSV, "", []),
    (CSV, ("a", "b"), ["a", "b"]),
    (List, "a", ["a"]),
    (List, None, []),
    (List, (1, 2), [1, 2]),
    (Dict, {"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("kind", "given_value", "wanted"), CONVERTED)
def test_element_converts_what_its_type_allows(kind: type[Elem], given_value: Any, wanted: Any) -> None:
    converted = kind("x").convert(given_value)
    assert converted == wanted
    assert type(converted) is type(wanted)


REFUSED = [
    (Bool, "maybe"),
    (Int, "1.5"),
    (Int, 1.5),
    (Int, True),
    (Int, float("inf")),
    (Int, [1]),
    (Float, "x"),
    (Float, [1]),
    (Decimal, "x"),
    (Date, "2026-12-31 and more"),
    (Date, "2026-13-01"),
    (DateTime, "tomorrow"),
    (elements.UUID, "x"),
    (CSV, 5),
    (CSV, {"a": 1}),
    (Dict, [1]),
    (DictList, {"a": 1}),
]


@pytest.mark.parametrize(("kind", "given_value"), REFUSED)
def test_element_refuses_what_its_type_does_not_allow(kind: type[Elem], given_value: Any) -> None:
    found, problems = taken([kind("x")], {"x": given_value})
    assert problems == [("x", f"must be {kind.wanted}")]
    assert found == {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("is_active", Bool),
        ("by_name", Bool),
        ("should_run", Bool),
        ("id", Int),
        ("customer_id", Int),
        ("page_size_max", Int),
        ("timeout", Text),
        ("read_timeout", Int),
        ("password", Secret),
        ("apiKey", Secret),
        ("is_secret_key", Bool),
        ("identity", Text),
        ("name", Text),
    ],
)
def test_a_plain_name_suggests_its_type(name: str, kind: type[Elem]) -> None:
    for declared in (name, f"-{name}"):
        elem = as_elem(declared)
        assert type(elem) is kind
        assert elem.name == name
        assert elem.optional is (declared != name)


def test_an_exact_name_counts_before_a_prefix_and_that_before_a_suffix() -> None:
    rules = {
        "bool": Names(prefix=("is_",), suffix=("_x",)),
        "int": Names(exact=("is_id",), prefix=("n_",)),
        "secret": Names(exact=("n_token",)),
    }
    found = {name: type(as_elem(name, rules)) for name in ("is_id", "is_it", "n_token", "n_x", "a_x", "id")}
    assert found == {"is_id": Int, "is_it": Bool, "n_token": Secret, "n_x": Int, "a_x": Bool, "id": Text}


def test_names_within_an_element_follow_the_rules_of_its_service() -> None:
    elem, rules = DictList("lines", Dict("item", "nr")), {"int": Names(exact=("nr",))}
    assert elem.convert([{"item": {"nr": "1"}}]) == [{"item": {"nr": "1"}}]
    assert as_elem(elem, rules).convert([{"item": {"nr": "1"}}]) == [{"item": {"nr": 1}}]
    assert elem.convert([{"item": {"nr": "1"}}]) == [{"item": {"nr": "1"}}], "the class's own element stays as it is"


def test_dict_names_each_key_that_is_missing_or_wrong() -> None:
    elem = Dict("customer", "name", Int("age"), "-city", Bool("vip", default=True), Dict("home", "street"))
    assert elem.convert({"name": "A", "age": "3", "home": {"street": "S"}, "more": 1}) == {
        "name": "A",
        "age": 3,
        "city": "",
        "vip": True,
        "home": {"street": "S"},
    }
    with pytest.raises(BadParts) as failure:
        elem.convert({"age": "x", "home": {}})
    assert failure.value.problems == [
        ("name", "is missing"),
        ("age", "must be a whole number"),
        ("home.street", "is missing"),
    ]


def test_list_of_dicts_names_the_row_and_the_key() -> None:
    _, problems = taken([DictList("rows", Int("count"))], {"rows": [{"count": 1}, {}, {"count": "x"}, 5]})
    assert problems == [
        ("rows[1].count", "is missing"),
        ("rows[2].count", "must be a whole number"),
        ("rows[3]", "must be an object"),
    ]


def test_absent_optional_is_its_default_or_its_types_empty() -> None:
    elems = [as_elem("-a"), as_elem("-is_b"), Int("c", default=7), List("-d"), as_elem("e")]
    assert taken(elems, {}) == ({"a": "", "is_b": False, "c": 7, "d": ""}, [("e", "is missing")])


@pytest.mark.parametrize("empty", [None, ""])
def test_optional_sent_empty_is_absent_where_its_type_has_no_empty(empty: Any) -> None:
    assert taken([Date("-day"), Decimal("price", default=1)], {"day": empty, "price": empty}) == (
        {"day": "", "price": 1},
        [],
    )
    assert taken([Date("day")], {"day": empty})[1] == [("day", "must be a date as 2026-12-31")]


def test_a_default_list_is_not_shared_between_calls() -> None:
    elem = List("x", default=[])
    taken([elem], {})[0]["x"].append(1)
    assert taken([elem], {})[0]["x"] == []


@given(st.integers())
def test_int_reads_what_it_wrote(number: int) -> None:
    if abs(number) < 10**4000:
        assert Int("x").convert(str(number)) == number


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))])))
def test_utc_keeps_the_instant(instant: datetime) -> None:
    try:
        wanted = instant.astimezone(UTC)
    except OverflowError:
        return
    assert UTCDateTime("x").convert(instant.isoformat()) == wanted


@given(st.text(max_size=6))
def test_bool_knows_its_words_and_no_others(word: str) -> None:
    folded = word.strip().lower()
    found, problems = taken([Bool("x")], {"x": word})
    assert found.get("x") is (True if folded in TRUE else False if folded in FALSE else None)
    assert bool(problems) is (folded not in TRUE | FALSE)


@given(st.dictionaries(st.sampled_from(["a", "is_b", "c_id", "d"]), st.one_of(st.none(), st.text(), st.integers())))
def test_every_declared_name_is_either_found_or_a_problem(values: dict[str, Any]) -> None:
    elems = [as_elem(name) for name in ("a", "is_b", "-c_id", "d")]
    found, problems = taken(elems, values)
    wrong = {path for path, _ in problems}
    assert found.keys() | wrong == {"a", "is_b", "c_id", "d"}
    assert not found.keys() & wrong
    assert {name for name in ("a", "is_b", "d") if name not in values} <= wrong
