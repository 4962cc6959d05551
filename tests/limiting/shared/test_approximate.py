"""Approximate limits count in their own process, on calls leased from the store ahead of the need."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from workbench.core.clock import SystemClock, VirtualClock
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.registry import Limits
from workbench.limiting.shared.approximate import ApproximateLimiter
from workbench.limiting.shared.limiter import SharedCounters, SharedLimiter
from workbench.limiting.shared.redis import RedisCounters
from workbench.limiting.shared.sqlite import SQLiteCounters


@pytest.fixture(params=["sqlite", "redis"])
def counters(request: pytest.FixtureRequest) -> SharedCounters:
    counters: SharedCounters = request.getfixturevalue(f"{request.param}_counters")
    return counters


@pytest.fixture
def limits(counters: SharedCounters, clock: VirtualClock) -> Iterator[Limits]:
    registry = Limits(clock, counters)
    yield registry
    registry.close()


def defined(limits: Limits, lines: str, **fields: object) -> ApproximateLimiter:
    limits.define(Limit("x", on="channel", lines=lines, exact=False, **fields))
    limiter = limits.limiter("channel", "x")
    assert isinstance(limiter, ApproximateLimiter)
    return limiter


def passed(limiter: ApproximateLimiter, times: int) -> int:
    return sum(limiter.check_blocking("10.0.0.1", f"c{number}").allowed for number in range(times))


async def awaited(limiter: ApproximateLimiter, cid: str = "c") -> Decision:
    asked = limiter.check("10.0.0.1", cid)
    return asked if isinstance(asked, Decision) else await asked


@pytest.mark.parametrize("rate", [0, 1, 5, 500])
def test_one_process_alone_gets_the_whole_rate(limits: Limits, rate: int) -> None:
    assert passed(defined(limits, f"* = {rate}/d"), rate + 20) == rate


def test_two_lines_count_all_or_none(limits: Limits) -> None:
    limiter = defined(limits, "* = 50/d\n* = 20/h")
    assert passed(limiter, 60) == 20
    said = limiter.check_blocking("10.0.0.2", "mine")
    assert (said.denied, said.limit, said.cid) == ("limit", "20/h", "mine")
    assert said.last_cid == "c19"


def test_a_loop_waits_only_for_its_leases(limits: Limits) -> None:
    limiter = defined(limits, "200/d")

    async def call() -> list[Decision]:
        return list(await asyncio.gather(*(awaited(limiter, f"c{number}") for number in range(300))))

    said = asyncio.run(call())
    assert sum(each.allowed for each in said) == 200
    assert {each.denied for each in said} == {"", "limit"}


def test_nearly_every_call_is_answered_at_once(limits: Limits) -> None:
    limiter = defined(limits, "100000/d")

    async def call() -> int:
        at_once = 0
        for _ in range(5000):
            asked = limiter.check("10.0.0.1", "c")
            at_once += isinstance(asked, Decision)
            assert (asked if isinstance(asked, Decision) else await asked).allowed
        return at_once

    assert asyncio.run(call()) > 4900


def test_a_rate_that_changes_goes_on_from_the_count(limits: Limits) -> None:
    assert passed(defined(limits, "20/d"), 10) == 10
    assert passed(defined(limits, "25/d"), 40) == 15
    limits.reset()
    assert passed(defined(limits, "25/d"), 40) == 25


@pytest.mark.parametrize("fields", [{"per": "address"}, {"window": "sliding"}])
def test_callers_apart_and_sliding_spans_are_always_counted_one_by_one(limits: Limits, fields: dict[str, str]) -> None:
    limits.define(Limit("x", on="channel", lines="3/d", exact=False, **fields))
    limiter = limits.limiter("channel", "x")
    assert isinstance(limiter, SharedLimiter)
    assert sum(limiter.check_blocking("10.0.0.1", "c").allowed for _ in range(9)) == 3


def test_exact_and_approximate_of_one_object_share_their_count(limits: Limits) -> None:
    assert passed(defined(limits, "20/d"), 8) == 8
    limits.define(Limit("x", on="channel", lines="20/d"))
    exact = limits.limiter("channel", "x")
    assert isinstance(exact, SharedLimiter)
    assert sum(exact.check_blocking("10.0.0.1", "c").allowed for _ in range(30)) == 12


def test_a_window_that_turns_is_leased_anew(tmp_path: Path, clock: VirtualClock) -> None:
    counters = SQLiteCounters(tmp_path / "limits.sqlite", clock, 10.0)
    limits = Limits(clock, counters)
    limiter = defined(limits, "30/m")
    for _ in range(3):
        assert passed(limiter, 50) == 30
        clock.advance(60)
    limits.close()
    counters.close()


@pytest.mark.parametrize(("fate", "allowed"), [("refuse", False), ("allow", True)])
def test_without_its_store_it_decides_as_configured(
    tmp_path: Path, clock: VirtualClock, fate: str, allowed: bool
) -> None:
    (tmp_path / "limits.sqlite").mkdir()
    counters = SQLiteCounters(tmp_path / "limits.sqlite", clock, 5.0)
    limits = Limits(clock, counters)
    limiter = defined(limits, "30/m", if_store_down=fate)
    said = limiter.check_blocking("10.0.0.1", "c1")
    assert (said.allowed, said.denied, said.cid) == (allowed, "store", "c1")
    assert asyncio.run(awaited(limiter)).denied == "store"
    limits.close()
    counters.close()


def test_a_table_and_headers_tell_how_far_it_is_used(limits: Limits) -> None:
    limiter = defined(limits, "40/d", tell_caller=True)
    assert passed(limiter, 10) == 10
    told = dict(limiter.check_blocking("10.0.0.1", "c").headers)
    assert told["RateLimit"].startswith('"channel-day";r=29;t=')
    assert [(row.used, row.limit) for row in limits.use()] == [(11, 40)]


def test_hostile_switching_never_gives_one_over(redis_server: RedisServer) -> None:
    redis_server.client.flushall()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        counters = RedisCounters(redis_server.url, app="hostile", patience_seconds=30.0)
        limits = [Limits(SystemClock(), counters) for _ in range(2)]
        limiters = [defined(each, "700/d") for each in limits]
        admitted: list[int] = []
        threads = [
            threading.Thread(target=lambda each=limiters[place % 2]: admitted.append(passed(each, 400)))
            for place in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(40)
        for each in limits:
            each.close()
        counters.close()
    finally:
        sys.setswitchinterval(before)
    assert len(admitted) == 8
    assert 600 <= sum(admitted) <= 700
