"""The limits of an application go on from their counts when a cell defines them again."""

from __future__ import annotations

import pytest

from workbench.core.clock import VirtualClock
from workbench.limiting.definition import Limit
from workbench.limiting.registry import Limits


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def limits(clock: VirtualClock) -> Limits:
    return Limits(clock)


def passed(limits: Limits, on: str, name: str, times: int, address: str | None = "10.0.0.1") -> int:
    limiter = limits.limiter(on, name)
    assert limiter is not None
    return sum(limiter.check(address, "c").allowed for _ in range(times))


def test_channel_user_and_service_of_one_name_have_their_own_limits(limits: Limits) -> None:
    for rate, on in enumerate(("channel", "user", "service"), 1):
        limits.define(Limit("x", on=on, lines=f"{rate}/m"))
    assert [passed(limits, on, "x", 9) for on in ("channel", "user", "service")] == [1, 2, 3]
    assert limits.limiter("channel", "y") is None


@pytest.mark.parametrize(
    "fields",
    [
        {"tell_caller": True},
        {"deny_others": True},
        {"shadow": False, "match": "first"},
        {"lines": "# for all\n* = 10/m\n\n10.0.0.9 = 3/m"},
    ],
)
def test_redefining_another_field_keeps_the_counts(limits: Limits, fields: dict[str, object]) -> None:
    limit = Limit("x", on="channel", lines="10/m")
    limits.define(limit)
    assert passed(limits, "channel", "x", 7) == 7
    limits.define(limit.replace(**fields))
    assert passed(limits, "channel", "x", 7) == 3


@pytest.mark.parametrize("per", ["network", "address"])
@pytest.mark.parametrize("window", ["calendar", "sliding"])
def test_another_rate_goes_on_from_the_count(limits: Limits, clock: VirtualClock, per: str, window: str) -> None:
    limit = Limit("x", on="channel", lines="10/m", per=per, window=window)
    limits.define(limit)
    assert passed(limits, "channel", "x", 7) == 7
    limits.define(limit.replace(lines="12/m"))
    assert passed(limits, "channel", "x", 9) == 5
    limits.define(limit.replace(lines="3/m"))
    assert passed(limits, "channel", "x", 9) == 0
    clock.advance(60.5)
    assert passed(limits, "channel", "x", 9) == 3
    limits.define(limit.replace(lines="10/m"))
    assert passed(limits, "channel", "x", 9) == 7


def test_a_second_line_counts_from_now_and_the_first_goes_on(limits: Limits) -> None:
    limits.define(Limit("x", on="channel", lines="10/m"))
    assert passed(limits, "channel", "x", 4) == 4
    limits.define(Limit("x", on="channel", lines="* = 10/m\n* = 5/d"))
    assert passed(limits, "channel", "x", 9) == 5
    limits.define(Limit("x", on="channel", lines="10/m"))
    assert passed(limits, "channel", "x", 9) == 1


def test_a_limiter_held_by_a_call_in_flight_counts_on_the_same_counter(limits: Limits) -> None:
    limits.define(Limit("x", on="channel", lines="10/m"))
    held = limits.limiter("channel", "x")
    assert held is not None
    limits.define(Limit("x", on="channel", lines="* = 10/m\n10.9.9.9 = *"))
    assert sum(held.check("10.0.0.1", "c").allowed for _ in range(4)) == 4
    assert passed(limits, "channel", "x", 20) == 6
    assert not held.check("10.0.0.1", "c").allowed


def test_a_removed_limit_limits_nothing_and_forgets(limits: Limits) -> None:
    limits.define(Limit("x", on="channel", lines="2/m"))
    assert passed(limits, "channel", "x", 5) == 2
    assert limits.remove("channel", "x")
    assert not limits.remove("channel", "x")
    assert limits.limiter("channel", "x") is None
    limits.define(Limit("x", on="channel", lines="2/m"))
    assert passed(limits, "channel", "x", 5) == 2


@pytest.mark.parametrize(
    "fields", [{}, {"per": "address"}, {"window": "sliding"}, {"per": "address", "window": "sliding"}]
)
def test_reset_starts_all_one_level_or_one_object_anew(limits: Limits, fields: dict[str, object]) -> None:
    for on, name in (("channel", "x"), ("channel", "y"), ("user", "x")):
        limits.define(Limit(name, on=on, lines="2/m", **fields))
        assert passed(limits, on, name, 3) == 2
    assert limits.reset("channel", "x") == 1
    assert [use.refused for use in limits.use()] == [0, 1, 1]
    assert (passed(limits, "channel", "x", 3), passed(limits, "channel", "y", 3)) == (2, 0)
    assert limits.reset("channel") == 2
    assert (passed(limits, "channel", "y", 3), passed(limits, "user", "x", 3)) == (2, 0)
    assert limits.reset() == 3
    assert passed(limits, "user", "x", 3) == 2


def test_use_shows_each_line_that_counts(limits: Limits, clock: VirtualClock) -> None:
    limits.define(Limit("x", on="channel", lines="* = 2/m\n* = 9/d\n10.0.0.0/8 = 3/m\n10.0.0.7 = *\n* = 50/m"))
    limits.define(Limit("u", on="user", lines="5/h", per="address"))
    limits.define(Limit("s", on="service", lines="5/h", window="sliding"))
    assert passed(limits, "channel", "x", 4, "192.0.2.1") == 2
    assert passed(limits, "user", "u", 3, "192.0.2.1") + passed(limits, "user", "u", 1, "192.0.2.2") == 4
    assert passed(limits, "service", "s", 6) == 5
    rows = [tuple(row[:7]) for row in limits.use()]
    assert rows == [
        ("channel", "x", "* = 2/m", 2, 2, 2, 0),
        ("channel", "x", "* = 9/d", 2, 9, 0, 0),
        ("channel", "x", "10.0.0.0/8 = 3/m", 0, 3, 0, 0),
        ("user", "u", "* = 5/h", 3, 5, 0, 2),
        ("service", "s", "* = 5/h", 5, 5, 1, 0),
    ]
    assert [row.starts_anew_at and row.starts_anew_at.isoformat()[11:16] for row in limits.use()] == [
        "00:01",
        "00:00",
        "00:01",
        "01:00",
        None,
    ]
    clock.advance(60)
    assert limits.use()[0].used == 0


def test_the_limits_in_force_can_be_listed(limits: Limits) -> None:
    mine = [Limit("x", on="channel", lines="2/m"), Limit("x", on="user", lines="2/m")]
    for limit in mine:
        limits.define(limit)
        limits.define(limit)
    assert list(limits) == mine
