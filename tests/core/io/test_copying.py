"""What is kept for a later run is a copy of its own: bounded, without secrets, equal to what it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.masking import learn
from workbench.core.payload.asked import Asked, NotInRecord, is_kept
from workbench.core.payload.copying import CannotKeep, Copying, Sending, fresh
from workbench.core.payload.simpleio import Input

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


class Point(NamedTuple):
    x: int
    names: list[str]


class Order(msgspec.Struct):
    number: int
    lines: list[str]


@dataclass
class Reply:
    seen: set[int]


@given(PLAIN)
def test_what_a_service_is_given_again_is_equal_and_nobody_elses(value: Any) -> None:
    copy = Copying(1 << 20).copy(value)
    again = fresh(copy, None)
    assert again == value == copy
    if isinstance(value, list | dict) and value:
        again.clear()
        assert copy == value


@pytest.mark.parametrize(
    "value",
    [
        Point(1, ["a"]),
        Order(1, ["a"]),
        Reply({1}),
        Input({"a": {"b": [1]}}),
        [Decimal("1.5"), UUID(int=5), Path("/x"), date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)],
        bytearray(b"abc"),
        frozenset({1}),
    ],
)
def test_values_of_other_types_keep_their_type(value: Any) -> None:
    again = fresh(Copying(1 << 20).copy(value), None)
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("x" * 1001, "is over 1,000 bytes, too large to be kept"),
        ([0] * 1000, "is over 1,000 bytes, too large to be kept"),
        (BytesIO(b"x"), "is a BytesIO, which cannot be kept"),
        ({"a": object()}, "is a object, which cannot be kept"),
        (["it is copying-secret-1"], "holds the value of a secret, which is not kept"),
        (b"it is copying-secret-1", "holds the value of a secret, which is not kept"),
    ],
)
def test_what_cannot_be_kept_says_why(value: Any, why: str) -> None:
    learn("copying-secret-1")
    with pytest.raises(CannotKeep, match=why):
        Copying(1000).copy(value)
    asked = Asked("My FTP", "read", ((), {}), "c1")
    asked.returned(value, 1000)
    with pytest.raises(NotInRecord, match=f"The answer of My FTP read {why}"):
        asked.give(None)


def test_a_circle_is_not_followed_for_ever() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(CannotKeep, match="nested too deeply"):
        Copying(1 << 20).copy(circle)


def test_what_is_sent_is_compared_without_the_cid_and_shown_without_secrets() -> None:
    learn("copying-secret-2")

    def sent(cid: str, secret: str, body: bytes) -> Asked:
        return Asked("Data", "post", ((cid, {"id": f"<{cid}>"}, body), {"token": secret, "file": BytesIO()}), cid)

    one, two = (sent(cid, "copying-secret-2", b"x" * 100_000) for cid in ("c" * 24, "d" * 24))
    assert one.arguments == two.arguments
    assert one.shown_arguments.startswith("'...', {'id': '<...>'}, <100,000 ")
    assert one.shown_arguments.endswith("token='***', file=<BytesIO>")
    assert sent("c" * 24, "copying-secret-2", b"y" * 100_000).arguments != one.arguments
    assert sent("c" * 24, "copying-secret-3", b"x" * 100_000).arguments != one.arguments


def test_what_is_sent_is_bounded() -> None:
    with pytest.raises(CannotKeep):
        Sending(1000, "c").copy(list(range(1000)))
    assert Asked("Data", "post", list(range(10**6)), "c").size < 300_000


def test_an_error_is_raised_again_with_its_words_and_facts_and_without_its_frames() -> None:
    class Refused(ValueError):
        def __init__(self, name: str, code: int) -> None:
            self.code = code
            super().__init__(f"{name} refused")

    asked = Asked("Data", "get", ((), {}), "c")
    try:
        raise Refused("it", 550)
    except Refused as exc:
        asked.raised(exc, 1000)
    with pytest.raises(Refused, match="it refused") as again:
        asked.give(None)
    assert again.value.code == 550
    assert again.value.__context__ is None
    with pytest.raises(Refused) as third:
        asked.give(None)
    assert third.value is not again.value


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("X-Shop", True),
        ("Content-Type", True),
        ("Accept-Language", True),
        ("Authorization", False),
        ("Cookie", False),
        ("X-API-Key", False),
        ("X-Auth-Token", False),
        ("Host", False),
        ("Content-Length", False),
        ("X-Workbench-Draft", False),
    ],
)
def test_headers_that_are_credentials_or_of_the_conversation_are_not_kept(header: str, kept: bool) -> None:
    assert is_kept(header) is kept


def test_a_secret_whose_name_is_known_is_kept_by_its_name_and_given_again_as_its_value() -> None:
    learn("copying-named-secret", "SHOP_TOKEN")
    for value in ("a copying-named-secret b", b"a copying-named-secret b", {"k": ["copying-named-secret"]}):
        copy = Copying(1000).copy(value)
        assert "copying-named-secret" not in repr(copy)
        assert "secret(SHOP_TOKEN)" in repr(copy)
        assert fresh(copy, None) == value
    with pytest.raises(CannotKeep, match="holds the value of a secret"):
        Copying(1000).copy("in base64: Y29weWluZy1uYW1lZC1zZWNyZXQ=")
