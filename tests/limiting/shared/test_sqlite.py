"""Counters in one SQLite file, decided like those in memory and kept when a process ends."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from workbench.core.clock import VirtualClock
from workbench.core.errors import StoreUnavailable
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.local.limiter import LocalLimiter
from workbench.limiting.registry import Limits
from workbench.limiting.shared.limiter import SharedLimiter
from workbench.limiting.shared.sqlite import SQLiteCounters
from workbench.stores.files import LOOK_SECONDS


def shared(counters: SQLiteCounters, lines: str, **fields: object) -> SharedLimiter:
    return SharedLimiter(Limit("api.sample", on="channel", lines=lines, **fields), counters)


def passed(limiter: SharedLimiter | LocalLimiter, address: str | None, times: int) -> int:
    return sum(limiter.check_blocking(address, f"c{n}").allowed for n in range(times))


@pytest.mark.parametrize("window", ["calendar", "sliding"])
@pytest.mark.parametrize("per", ["network", "address"])
def test_it_decides_exactly_as_memory_does(
    sqlite_counters: SQLiteCounters, clock: VirtualClock, window: str, per: str
) -> None:
    choose = random.Random(f"{window} {per}")
    lines = "* = 3/m\n* = 9/h\n10.0.0.0/8 = 4/m\n10.0.0.7 = *"
    limit = Limit("x", on="channel", lines=lines, window=window, per=per, tell_caller=True)
    file, memory = SharedLimiter(limit, sqlite_counters), LocalLimiter(limit, clock)
    for number in range(400):
        clock.advance(choose.choice([0.0, 0.0, 1.5, 20.0, 61.0, 300.0]))
        address = choose.choice(["10.0.0.1", "10.0.0.2", "10.0.0.7", "192.0.2.1", "192.0.2.2", "2001:db8::1", None])
        ours, theirs = file.check_blocking(address, f"c{number}"), memory.check_blocking(address, f"c{number}")
        assert described(ours) == described(theirs), f"call {number}"


def described(said: Decision) -> dict[str, object]:
    fields = ("allowed", "denied", "limit", "network", "address", "cid", "last_cid", "last_from", "headers")
    return {field: getattr(said, field) for field in fields}


def test_counts_outlive_the_process_that_counted(tmp_path: Path, clock: VirtualClock) -> None:
    first = SQLiteCounters(tmp_path / "limits.sqlite", clock, 10.0)
    assert passed(shared(first, "5/m"), "10.0.0.1", 3) == 3
    first.close()
    second = SQLiteCounters(tmp_path / "limits.sqlite", clock, 10.0)
    assert passed(shared(second, "5/m"), "10.0.0.1", 9) == 2
    second.close()


def test_two_connections_to_one_file_share_every_count(tmp_path: Path, clock: VirtualClock) -> None:
    both = [SQLiteCounters(tmp_path / "limits.sqlite", clock, 10.0) for _ in range(2)]
    limiters = [shared(counters, "* = 20/m\n* = 30/h") for counters in both]
    assert sum(limiters[number % 2].check_blocking("10.0.0.1", "c").allowed for number in range(50)) == 20
    clock.advance(60)
    assert sum(limiters[number % 2].check_blocking("10.0.0.1", "c").allowed for number in range(50)) == 10
    for counters in both:
        counters.close()


def test_a_loop_awaits_its_answers_and_is_not_blocked(sqlite_counters: SQLiteCounters) -> None:
    limiter = shared(sqlite_counters, "100/d")

    async def call() -> list[Decision]:
        asked = [limiter.check("10.0.0.1", f"c{number}") for number in range(300)]
        assert not any(isinstance(each, Decision) for each in asked)
        return list(await asyncio.gather(*asked))

    said = asyncio.run(call())
    assert [each.allowed for each in said] == [True] * 100 + [False] * 200
    assert said[250].last_cid == "c99"


def test_callers_on_no_line_are_answered_at_once(sqlite_counters: SQLiteCounters) -> None:
    limiter = shared(sqlite_counters, "10.0.0.0/8 = 5/m\n10.0.0.7 = *", deny_others=True)
    assert limiter.check_blocking("192.0.2.1", "c").denied == "address"
    said = limiter.check("10.0.0.7", "c")
    assert isinstance(said, Decision)
    assert said.allowed


@pytest.mark.parametrize("window", ["calendar", "sliding"])
def test_beyond_the_most_addresses_new_ones_share_one_count(sqlite_counters: SQLiteCounters, window: str) -> None:
    limiter = shared(sqlite_counters, "2/m", per="address", max_addresses=20, window=window)
    assert sum(passed(limiter, f"10.0.{n}.1", 3) for n in range(20)) == 40
    assert sum(passed(limiter, f"10.1.{n}.1", 3) for n in range(20)) == 2


def test_expired_rows_are_removed(sqlite_counters: SQLiteCounters, clock: VirtualClock) -> None:
    limiter = shared(sqlite_counters, "2/m", per="address")
    sliding = shared(sqlite_counters, "2/h", window="sliding")
    assert sum(passed(limiter, f"10.0.{n}.1", 1) for n in range(50)) + passed(sliding, None, 1) == 51
    clock.advance(200)
    sqlite_counters.work(lambda ledger, now: ledger.purge(now))
    with sqlite3.connect(sqlite_counters.path) as reading:
        counts = reading.execute("SELECT (SELECT count(*) FROM count), (SELECT count(*) FROM stamp)").fetchone()
    reading.close()
    assert counts == (1, 1)


def test_the_registry_counts_resets_and_shows_by_the_file(sqlite_counters: SQLiteCounters, clock: VirtualClock) -> None:
    limits = Limits(clock, sqlite_counters)
    limits.define(Limit("x", on="channel", lines="* = 3/m\n10.0.0.0/8 = 5/h"))
    limits.define(Limit("x.y", on="channel", lines="3/m", per="address"))
    for name in ("x", "x.y"):
        limiter = limits.limiter("channel", name)
        assert limiter is not None
        assert sum(limiter.check_blocking("192.0.2.1", "c").allowed for _ in range(5)) == 3
    assert [tuple(row[2:7]) for row in limits.use()] == [
        ("* = 3/m", 3, 3, 2, 0),
        ("10.0.0.0/8 = 5/h", 0, 5, 0, 0),
        ("* = 3/m", 0, 3, 2, 1),
    ]
    assert [str(row.starts_anew_at)[11:16] for row in limits.use()] == ["12:01", "13:00", "12:01"]
    assert limits.reset("channel", "x") == 1
    assert [(row.used, row.refused) for row in limits.use()] == [(0, 0), (0, 0), (0, 2)]
    assert limits.use()[2].addresses == 1
    limits.reset()
    assert limits.use()[2].addresses == 0


@pytest.mark.parametrize(("fate", "allowed"), [("refuse", False), ("allow", True)])
def test_a_file_that_cannot_be_opened_is_decided_as_configured_and_said_once(
    tmp_path: Path, clock: VirtualClock, fate: str, allowed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "limits.sqlite").mkdir()
    counters = SQLiteCounters(tmp_path / "limits.sqlite", clock, 10.0)
    limiter = shared(counters, "5/m", if_store_down=fate)
    said = limiter.check_blocking("10.0.0.1", "c1")
    assert (said.allowed, said.denied, said.cid) == (allowed, "store", "c1")
    assert "not checked: the shared counter is down" in said.log_line()
    assert "shadow" not in said.log_line() + said.describe()
    assert said.log_line().endswith("(let through)") is said.describe().endswith("(let through)") is allowed
    assert asyncio.run(awaited(limiter)).denied == "store"
    assert passed(limiter, "10.0.0.1", 100) == 100 * allowed
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [
        f"The counters of limits in the file {counters.path} give no answer"
    ]
    with pytest.raises(StoreUnavailable, match=r"gave no answer .* Fix: see that no other process holds the file"):
        counters.forget("")
    counters.close()


async def awaited(limiter: SharedLimiter) -> Decision:
    asked = limiter.check("10.0.0.1", "c")
    return asked if isinstance(asked, Decision) else await asked


def test_a_file_that_another_process_holds_is_decided_within_the_patience_and_recovers(
    tmp_path: Path, clock: VirtualClock
) -> None:
    counters = SQLiteCounters(tmp_path / "limits.sqlite", clock, patience_seconds=0.5)
    limiter = shared(counters, "5/m")
    assert passed(limiter, "10.0.0.1", 1) == 1
    held, free = threading.Event(), threading.Event()

    def hold(_: object, __: float) -> None:
        held.set()
        free.wait(30)

    holder = threading.Thread(target=lambda: counters.work(hold))
    holder.start()
    assert held.wait(30)

    async def race() -> tuple[Decision, float]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        return await awaited(limiter), loop.time() - start

    assert limiter.check_blocking("10.0.0.1", "c").denied == "store"
    said, seconds = asyncio.run(race())
    assert said.denied == "store"
    assert seconds < 5
    free.set()
    holder.join(30)
    assert counters.work(lambda ledger, now: now) > 0
    assert passed(limiter, "10.0.0.1", 9) == 4
    counters.close()


def test_a_closed_counter_answers_as_if_it_were_down(tmp_path: Path, clock: VirtualClock) -> None:
    counters = SQLiteCounters(tmp_path / "limits.sqlite", clock, 10.0)
    limiter = shared(counters, "5/m")
    assert passed(limiter, None, 2) == 2
    counters.close()
    assert limiter.check_blocking(None, "c").denied == "store"


def test_a_deleted_file_is_told_at_once_and_counted_anew_in_one_of_the_owners_alone(
    tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "limits.sqlite"
    counters = SQLiteCounters(path, clock, 10.0)
    assert passed(shared(counters, "5/m"), "10.0.0.1", 3) == 3
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    path.unlink()
    time.sleep(LOOK_SECONDS)
    with pytest.raises(StoreUnavailable, match="deleted or replaced while it was open, and counts begin anew"):
        counters.used([])
    assert "deleted or replaced" in caplog.text
    counters.used([])
    assert path.stat().st_mode & 0o777 == 0o600
    counters.close()
