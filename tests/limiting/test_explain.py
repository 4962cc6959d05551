"""A person is told which lines count for a caller, why, and which can never refuse anybody."""

from __future__ import annotations

import random

import pytest

from workbench.core.clock import VirtualClock
from workbench.limiting.definition import Limit
from workbench.limiting.explain import explain, never_refusing
from workbench.limiting.local.limiter import LocalLimiter
from workbench.limiting.plan import Plan
from workbench.limiting.registry import Limits

LINES = "* = 100/m\n* = 1000/d\n172.16.0.0/12 = 500/m\n10.0.0.7 = *"
TWINS = "10.0.0.0 = 1/m\n10.0.0.1 = 1/m"


@pytest.mark.parametrize(
    ("address", "counting"),
    [
        ("192.0.2.1", ["* = 100/m", "* = 1000/d"]),
        ("172.16.3.4", ["172.16.0.0/12 = 500/m"]),
        ("10.0.0.7", ["10.0.0.7/32 = *"]),
        (None, ["* = 100/m", "* = 1000/d"]),
    ],
)
def test_the_lines_of_the_narrowest_network_count(address: str | None, counting: list[str]) -> None:
    assert explain(Limit("x", on="channel", lines=LINES), address).applying == counting


def test_every_line_says_why() -> None:
    said = str(explain(Limit("x", on="channel", lines=LINES), "172.16.3.4"))
    assert said.splitlines() == [
        "channel x, line 1 `* = 100/m` does not count: 172.16.3.4 falls to the narrower 172.16.0.0/12 (line 3)",
        "channel x, line 2 `* = 1000/d` does not count: 172.16.3.4 falls to the narrower 172.16.0.0/12 (line 3)",
        "channel x, line 3 `172.16.0.0/12 = 500/m` counts: 172.16.0.0/12 is the narrowest network that holds "
        "172.16.3.4; 500 calls a minute, all its callers together",
        "channel x, line 4 `10.0.0.7/32 = *` does not count: 172.16.3.4 is not in 10.0.0.7/32; "
        "it can never refuse: it sets no bound",
    ]


def test_an_address_on_no_line_is_told_its_fate() -> None:
    limit = Limit("x", on="channel", lines="10.0.0.0/8 = 5/m")
    assert str(explain(limit, "192.0.2.1")).endswith("192.0.2.1 is on no line, so it is not limited here")
    denying = limit.replace(deny_others=True)
    assert str(explain(denying, "192.0.2.1")).endswith("192.0.2.1 is on no line, so it is denied (403)")


@pytest.mark.parametrize(
    ("lines", "match", "dead"),
    [
        ("* = 5/m\n* = 9/m", "narrowest", {2: "line 1 `* = 5/m` is always reached first"}),
        ("* = 9/m\n* = 5/m", "narrowest", {1: "line 2 `* = 5/m` is always reached first"}),
        ("* = 5/m\n* = 300/h", "narrowest", {2: "line 1 `* = 5/m` is always reached first"}),
        ("* = 5/m\n* = 299/h", "narrowest", {}),
        ("* = 5/m\n* = 4/d", "narrowest", {1: "line 2 `* = 4/d` is always reached first"}),
        (f"10.0.0.0/31 = 5/m\n{TWINS}", "narrowest", {1: "narrower lines hold all of its addresses"}),
        ("* = 5/m\n10.0.0.0/8 = 9/m", "narrowest", {}),
        ("* = 5/m\n10.0.0.0/8 = 9/m", "first", {2: "line 1 `* = 5/m` always matches first"}),
        ("10.0.0.0/8 = 9/m\n10.0.0.7 = 5/m\n* = 1/m", "first", {2: "line 1 `10.0.0.0/8 = 9/m` always matches first"}),
        (f"{TWINS}\n10.0.0.0/31 = 5/m", "first", {3: "the lines before it match all of its addresses"}),
    ],
)
def test_a_line_that_can_never_refuse_is_found(lines: str, match: str, dead: dict[int, str]) -> None:
    assert never_refusing(Plan(Limit("x", on="channel", lines=lines, match=match))) == dead


@pytest.mark.parametrize("match", ["narrowest", "first"])
def test_what_is_said_to_be_dead_never_speaks_and_what_counts_does(match: str) -> None:
    """Random limits and calls: the line that a decision names is one that `explain` said counts and can refuse."""
    choose = random.Random(11)
    networks = ["*", "10.0.0.0/8", "10.0.0.0/31", "10.0.0.0", "10.0.0.1"]
    for _ in range(60):
        rows = [f"{choose.choice(networks)} = {choose.randint(1, 6)}/{choose.choice('smh')}" for _ in range(5)]
        limit = Limit("x", on="channel", lines="\n".join(rows), match=match)
        clock = VirtualClock()
        check = LocalLimiter(limit, clock).check
        denials: set[tuple[str, str]] = set()
        for _ in range(60):
            clock.advance(choose.choice([0.0, 0.25, 7.0]))
            address = choose.choice(["10.0.0.0", "10.0.0.1", "10.9.9.9", "192.0.2.1"])
            said = check(address, "c")
            if said.denied:
                denials.add((address, f"{said.network} = {said.limit}"))
        for address, named in denials:
            assert any(row.applies and row.line == named and not row.never for row in explain(limit, address))


def test_levels_are_explained_in_the_order_of_their_checks() -> None:
    limits = Limits(VirtualClock())
    for on in ("service", "user", "channel"):
        limits.define(Limit("x", on=on, lines="5/m"))
    limits.define(Limit("other", on="user", lines="5/m"))
    asked = limits.explain("10.0.0.1", service="x", user="x", channel="nothing")
    assert [(row.on, row.name) for row in asked] == [("user", "x"), ("service", "x")]
    everything = [(row.on, row.name) for row in limits.explain("10.0.0.1")]
    assert everything == [("channel", "x"), ("user", "other"), ("user", "x"), ("service", "x")]
    assert str(limits.explain(None, user="nobody")) == "no limit is defined on what was asked about"
