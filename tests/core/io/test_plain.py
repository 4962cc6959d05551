"""Values that JSON has no word for, in answers."""

from __future__ import annotations

import enum
import json
from collections import ChainMap, OrderedDict, UserDict, UserList, deque
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from lxml import etree

from workbench import RESTChannel, Service, Workbench
from workbench.core.payload.response import encoded


class Word(str):
    def __str__(self) -> str:
        return "what it says of itself"


class Count(int): ...


class Share(float): ...


class Raw(bytes): ...


class Exact(Decimal): ...


class Key(UUID): ...


class Instant(datetime): ...


class Day(date): ...


class Hour(time): ...


class Span(timedelta): ...


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Scalar:
    """Has what a number or an array of numpy has, as far as anybody asks."""

    def __init__(self, value: Any, kind: str = "i", unit: str = "") -> None:
        self.value, self.dtype, self.unit = value, SimpleNamespace(kind=kind), unit

    def astype(self, unit: str) -> Scalar:
        return Scalar(self.value[unit], self.dtype.kind, unit)

    def tolist(self) -> Any:
        return self.value


class Labelled(Scalar):
    """As a Series of pandas, whose labels would be lost in a list."""

    def to_dict(self) -> dict[str, Any]:
        return {"label": self.value}


class NaTType(datetime):
    """Is what a missing instant of pandas is."""


class NAType:
    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


def a_range(lower: Any, upper: Any, bounds: str, **more: Any) -> Any:
    return SimpleNamespace(lower=lower, upper=upper, bounds=bounds, **more)


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (Word("a"), "a"),
        (etree.fromstring("<r><d>1.42</d></r>").xpath("string(//d)"), "1.42"),
        (Count(5), 5),
        (Share(1.5), 1.5),
        (Share("nan"), None),
        (Raw(b"a"), "YQ=="),
        (Exact("1.10"), "1.10"),
        (Decimal("1.10"), "1.10"),
        (Key(int=1), "00000000-0000-0000-0000-000000000001"),
        (Instant(2026, 1, 1, 10, tzinfo=UTC), "2026-01-01T10:00:00Z"),
        (Day(2026, 1, 1), "2026-01-01"),
        (Hour(10, 5), "10:05:00"),
        (Span(seconds=5), "PT5S"),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict(a=1), {"a": 1}),
        (ChainMap({"a": 1}), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (UserList([1]), [1]),
        (deque([1]), [1]),
        (range(2), [0, 1]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (Scalar(5), 5),
        (Scalar([1, 2]), [1, 2]),
        (Labelled(5), {"label": 5}),
        (Scalar({"datetime64[us]": date(2026, 1, 1)}, "M"), "2026-01-01"),
        (Scalar({"timedelta64[us]": timedelta(seconds=1)}, "m"), "PT1S"),
        (NaTType(2026, 1, 1), None),
        (NAType(), None),
        (ip_address("10.0.0.1"), "10.0.0.1"),
        (ip_interface("10.0.0.1/8"), "10.0.0.1/8"),
        (ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        (ip_address("::1"), "::1"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Fraction(1, 3), "1/3"),
        (a_range(1, 5, "[)"), "[1,5)"),
        (a_range(None, date(2026, 1, 1), "(]"), "(,2026-01-01]"),
        (a_range(None, None, "[)", isempty=True), "empty"),
        ({None: 1, True: 2, Word("k"): 3, Count(4): 5}, {"null": 1, "true": 2, "k": 3, "4": 5}),
    ],
)
def test_a_value_is_as_one_would_expect(value: Any, right: Any) -> None:
    assert json.loads(encoded([value])[0]) == [right]
    assert json.loads(encoded({"x": {"y": value}})[0]) == {"x": {"y": right}}


def test_an_answer_of_any_such_value_is_a_200_and_of_any_other_a_500_that_the_log_explains() -> None:
    values = {"xpath": etree.fromstring("<r><d>1</d></r>").xpath("//d/text()"), "nothing": object()}

    class Sample(Service):
        name = "sample"

        def handle(self) -> Any:
            return values[self.request.http.params.which]

    with Workbench(port=0) as wb:
        wb.deploy(Sample)
        wb.define(RESTChannel("sample"))
        answer = wb.call("GET /sample?which=xpath")
        assert (answer.status, answer.text) == (200, '["1"]')
        answer = wb.call("GET /sample?which=nothing")
        assert answer.status == 500
        assert "A object cannot be sent as JSON. Fix: return" in wb.log.of(answer.cid)[0].text
