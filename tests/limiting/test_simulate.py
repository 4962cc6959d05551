"""Traffic can be tried on limits before anybody calls; the article's sentences are tried so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workbench.core.clock import VirtualClock
from workbench.limiting.definition import Limit
from workbench.limiting.registry import Limits
from workbench.limiting.simulate import Arrival, simulate

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def calls(times: int, every_seconds: float, start: datetime = DAY, **fields: str) -> list[Arrival]:
    return [Arrival(start + timedelta(seconds=number * every_seconds), **fields) for number in range(times)]


def test_a_thousand_a_day_for_a_user_and_five_a_minute_for_each_endpoint_whoever_it_is() -> None:
    limits = [
        Limit("my.user", on="user", lines="1000/d"),
        Limit("api.a", on="channel", lines="5/m"),
        Limit("api.b", on="channel", lines="5/m"),
    ]
    minute = [call for channel in ("api.a", "api.b") for call in calls(8, 1, channel=channel, user="my.user")]
    assert simulate(limits, minute).passed == 10
    others = calls(8, 1, channel="api.a", user="other.user")
    assert simulate(limits, others).passed == 5
    day = [call for channel in ("api.a", "api.b") for call in calls(660, 10, channel=channel, user="my.user")]
    played = simulate(limits, day)
    assert played.passed == 1000
    refusing = {(said.on, said.limit) for said in (outcome.refused_by for outcome in played) if said is not None}
    assert refusing == {("channel", "5/m"), ("user", "1000/d")}


def test_ten_thousand_an_hour_for_a_service_with_its_users_and_kinds_of_endpoint_apart() -> None:
    limits = [
        Limit("orders", on="service", lines="10000/h"),
        Limit("partner", on="user", lines="500/m"),
        Limit("orders.rest", on="channel", lines="3000/m"),
        Limit("orders.soap", on="channel", lines="100/m"),
        Limit("orders.json-rpc", on="channel", lines="200/m"),
    ]
    minute = [
        call
        for channel, user in (("orders.rest", "own"), ("orders.rest", "partner"), ("orders.soap", "own"))
        for call in calls(1200, 0.05, channel=channel, user=user, service="orders")
    ]
    tallies = {(row.on, row.name): (row.passed, row.refused) for row in simulate(limits, minute).tallies()}
    assert tallies == {
        ("channel", "orders.rest"): (2400, 0),
        ("channel", "orders.soap"): (100, 1100),
        ("user", "partner"): (500, 700),
        ("service", "orders"): (1800, 0),
    }
    hour = calls(12_000, 0.25, channel="orders.rest", user="own", service="orders")
    assert simulate(limits, hour).passed == 10_000


@pytest.mark.parametrize(
    ("address", "passed"),
    [("198.51.100.7", 20), ("198.51.100.8", 5), ("172.16.9.9", 50), ("10.0.0.7", 60), ("192.0.2.1", 5)],
)
def test_external_applications_employees_and_chosen_hosts_have_their_own_limits(address: str, passed: int) -> None:
    lines = "* = 5/m\n198.51.100.7 = 20/m\n172.16.0.0/12 = 50/m\n10.0.0.7 = *"
    limit = Limit("api.sample", on="channel", lines=lines)
    assert simulate([limit], calls(60, 1, channel="api.sample", address=address)).passed == passed


def test_a_call_that_one_level_refuses_uses_nothing_below() -> None:
    limits = [
        Limit("c", on="channel", lines="2/m"),
        Limit("u", on="user", lines="5/h"),
        Limit("s", on="service", lines="9/h"),
    ]
    played = simulate(limits, calls(10, 1, channel="c", user="u", service="s"))
    assert [tuple(row) for row in played.tallies()] == [
        ("channel", "c", "*", "2/m", 2, 8),
        ("user", "u", "*", "5/h", 2, 0),
        ("service", "s", "*", "9/h", 2, 0),
    ]


def test_exact_and_approximate_may_be_mixed_in_one_call() -> None:
    limits = [Limit("c", on="channel", lines="7/m", exact=False), Limit("s", on="service", lines="3/m")]
    assert simulate(limits, calls(10, 1, channel="c", service="s")).passed == 3


@pytest.mark.parametrize("rate", [1, 7, 100, 1000])
@pytest.mark.parametrize("every_seconds", [0.0, 0.002, 0.03])
def test_exact_and_approximate_can_be_seen_side_by_side(rate: int, every_seconds: float) -> None:
    """Among 4 processes: never over, and at most 1 % (or one call) under, for steady traffic twice the rate."""
    limit = Limit("c", on="channel", lines=f"{rate}/d")
    traffic = calls(2 * rate + 60, every_seconds, channel="c")
    exact, approximate = simulate([limit], traffic, exact=True), simulate([limit], traffic, exact=False)
    assert exact.passed == rate
    assert rate - max(1, rate // 100) <= approximate.passed <= rate


def test_an_approximate_limit_gives_back_what_an_idle_process_holds() -> None:
    limit = Limit("c", on="channel", lines="10/d", exact=False)
    first = calls(6, 0, channel="c")  # all four processes have leased by now
    later = calls(20, 0.05, DAY + timedelta(seconds=5), channel="c")
    assert simulate([limit], first + later).passed == 10


def test_a_simulation_leaves_the_live_counts_alone() -> None:
    limits = Limits(VirtualClock())
    limits.define(Limit("c", on="channel", lines="3/m"))
    assert limits.simulate(calls(10, 1, channel="c")).passed == 3
    assert limits.simulate(calls(10, 1, channel="c")).refused == 7
    assert limits.use()[0].used == 0
    assert repr(limits.simulate([])) == "0 of 0 calls pass"
