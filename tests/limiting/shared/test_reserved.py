"""An exact limit with a high rate costs a lease and not a question, and still lets through as many calls as it says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.limiting.shared.test_processes import PROCESSES, THREADS, Crew
from workbench.core.clock import VirtualClock
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.registry import Limits
from workbench.limiting.shared.limiter import SharedLimiter
from workbench.limiting.shared.redis import RedisCounters
from workbench.limiting.shared.reserved import LEAST_RATE, RESERVE, ReservedLimiter, reservable
from workbench.limiting.shared.sqlite import SQLiteCounters


@pytest.fixture
def counters(tmp_path: Path) -> SQLiteCounters:
    return SQLiteCounters(tmp_path / "limits.db", VirtualClock(), patience_seconds=30.0)


@pytest.fixture
def limits(counters: SQLiteCounters) -> Iterator[Limits]:
    made = Limits(VirtualClock(), counters)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("limit", "is_reservable"),
    [
        (Limit("x", on="service", lines=f"{LEAST_RATE}/d"), True),
        (Limit("x", on="service", lines=f"* = {LEAST_RATE}/m\n10.0.0.0/8 = *"), True),
        (Limit("x", on="service", lines=f"{LEAST_RATE - 1}/d"), False),
        (Limit("x", on="service", lines=f"* = {LEAST_RATE}/m\n* = 10/s"), False),
        (Limit("x", on="service", lines="* = *"), False),
        (Limit("x", on="service", lines=f"{LEAST_RATE}/d", exact=False), False),
        (Limit("x", on="service", lines=f"{LEAST_RATE}/d", per="address"), False),
        (Limit("x", on="service", lines=f"{LEAST_RATE}/d", window="sliding"), False),
        (Limit("x", on="service", lines=f"{LEAST_RATE}/d", tell_caller=True), False),
    ],
)
def test_only_a_high_rate_that_nobody_is_told_of_is_leased(
    limit: Limit, is_reservable: bool, counters: SQLiteCounters
) -> None:
    assert reservable(limit, counters) is is_reservable
    assert not reservable(limit, RedisCounters("redis://localhost:1/0", "x"))


def take_most(limiter: ReservedLimiter, counters: SQLiteCounters) -> int:
    """Another process takes most of the window at once; how many calls are left."""
    left = RESERVE + 500
    counters.lease([(limiter.budgets[0].counts[0], LEAST_RATE - left)])
    return left


def test_its_last_calls_are_counted_one_by_one_and_none_is_left_or_too_many(
    limits: Limits, counters: SQLiteCounters
) -> None:
    limits.define(Limit("x", on="service", lines=f"* = {LEAST_RATE}/d"))
    limiter = limits.limiter("service", "x")
    assert isinstance(limiter, ReservedLimiter)
    left = take_most(limiter, counters)
    said = [limiter.check_blocking("10.0.0.1", "cid") for _ in range(left + 50)]
    assert sum(each.allowed for each in said) == left
    assert {each.limit for each in said} == {f"{LEAST_RATE}/d"}, "the rate is told as it is written"
    (use,) = limits.use()
    assert (use.used, use.limit, use.refused) == (LEAST_RATE, LEAST_RATE, 50)


def test_on_a_loop_it_lets_through_as_many(limits: Limits, counters: SQLiteCounters) -> None:
    limits.define(Limit("x", on="service", lines=f"* = {LEAST_RATE}/d"))
    limiter = limits.limiter("service", "x")
    assert isinstance(limiter, ReservedLimiter)
    left = take_most(limiter, counters)

    async def call(number: int) -> int:
        allowed = 0
        for _ in range(number):
            said = limiter.check("10.0.0.1", "cid")
            allowed += (said if isinstance(said, Decision) else await said).allowed
        return allowed

    async def call_from_many() -> list[int]:
        return await asyncio.gather(*(call(left // 50 + 20) for _ in range(50)))

    assert sum(asyncio.run(call_from_many())) == left


def test_a_rate_that_becomes_low_is_counted_one_by_one_from_what_was_used(limits: Limits) -> None:
    limits.define(Limit("x", on="service", lines=f"* = {LEAST_RATE}/d"))
    limiter = limits.limiter("service", "x")
    assert limiter is not None
    for _ in range(30):
        limiter.check_blocking("10.0.0.1", "cid")
    limits.define(Limit("x", on="service", lines="* = 50/d"))
    limiter = limits.limiter("service", "x")
    assert type(limiter) is SharedLimiter
    assert sum(limiter.check_blocking("10.0.0.1", "cid").allowed for _ in range(40)) == 20


def test_several_processes_together_let_through_as_many(tmp_path: Path) -> None:
    crew = Crew(str(tmp_path / "limits.sqlite"))
    rate = LEAST_RATE + RESERVE
    assert crew.admitted(f"* = {rate}/d", rate // (PROCESSES * THREADS) + 400) == rate
    crew.dismiss()
