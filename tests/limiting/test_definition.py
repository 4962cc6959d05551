"""A limit checks itself when it is written."""

from __future__ import annotations

import pytest

from workbench.core.errors import InvalidDefinition
from workbench.limiting.definition import Limit


def test_a_limit_is_known_by_its_level_and_name() -> None:
    limit = Limit("api.sample", on="service", lines="100/m")
    assert limit.identity == ("service", "api.sample")
    assert str(limit) == "limit on service 'api.sample'"


def test_its_code_writes_only_what_differs_from_the_defaults() -> None:
    limit = Limit("api.sample", on="user", lines="* = 5/m", exact=False, deny_others=True)
    assert limit.to_code() == 'Limit("api.sample", on="user", lines="* = 5/m", exact=False, deny_others=True)'


def test_every_bad_field_and_every_bad_line_is_in_one_error() -> None:
    with pytest.raises(InvalidDefinition) as wrong:
        Limit("x", on="endpoint", lines=5, per="user", exactt=True)
    assert set(wrong.value.problems) == {"on", "lines", "per", "exactt"}
    with pytest.raises(InvalidDefinition, match=r"line 2 `10 = x`") as wrong:
        Limit("x", on="channel", lines="* = 5/m\n10 = x\n* = 5\n")
    assert "line 3 `* = 5`" in str(wrong.value)


def test_of_many_bad_lines_the_first_are_shown() -> None:
    with pytest.raises(InvalidDefinition, match=r"line 20 `x`: .* \| and 2980 lines more\.$"):
        Limit("x", on="channel", lines="x\n" * 3000)


def test_level_and_lines_must_be_given() -> None:
    with pytest.raises(InvalidDefinition, match=r"on is missing; lines is missing"):
        Limit("x")


def test_a_sliding_window_has_a_highest_rate() -> None:
    with pytest.raises(InvalidDefinition, match=r"line 1 `\* = 1000001/d`: a sliding window remembers every call"):
        Limit("x", on="channel", lines="1000001/d", window="sliding")
    assert Limit("x", on="channel", lines="1000001/d")
