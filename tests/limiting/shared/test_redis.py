"""Counters in Redis: one atomic statement a call, by the server's clock, and no key that lives for ever."""

from __future__ import annotations

import asyncio
import random
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.redis_server import RedisServer
from workbench.core.clock import VirtualClock
from workbench.core.errors import StoreUnavailable
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.local.limiter import LocalLimiter
from workbench.limiting.registry import Limits
from workbench.limiting.shared.limiter import SharedLimiter
from workbench.limiting.shared.redis import RedisCounters
from workbench.limiting.shared.resp import Replies, ReplyError, command

T = TypeVar("T")
KINDS = [(window, per) for window in ("calendar", "sliding") for per in ("network", "address")]


def shared(counters: RedisCounters, lines: str, **fields: object) -> SharedLimiter:
    return SharedLimiter(Limit("api.sample", on="channel", lines=lines, **fields), counters)


def passed(limiter: SharedLimiter | LocalLimiter, address: str | None, times: int) -> int:
    return sum(limiter.check_blocking(address, f"c{n}").allowed for n in range(times))


async def awaited(limiter: SharedLimiter, cid: str = "c") -> Decision:
    asked = limiter.check("10.0.0.1", cid)
    return asked if isinstance(asked, Decision) else await asked


def run(counters: RedisCounters, work: Coroutine[Any, Any, T]) -> T:
    """Run work on a loop of its own, which ends without a connection left open."""

    async def working() -> T:
        try:
            return await work
        finally:
            await counters.leave_loop()

    return asyncio.run(working())


def age(server: RedisServer, seconds: int) -> None:
    """Move every count into the past, as if so much time had gone by."""
    for key in server.client.scan_iter("workbench:limits:*"):
        if server.client.type(key) == b"string":
            base, start, *last = key.rsplit(b":", 2 if key.endswith(b":last") else 1)
            server.client.rename(key, b":".join([base, b"%d" % (int(start) - seconds), *last]))
        else:
            calls = [call.split(b" ", 1) for call in server.client.lrange(key, 0, -1)]
            for place, (at, rest) in enumerate(calls):
                server.client.lset(key, place, b"%d %s" % (int(at) - seconds, rest))


@pytest.mark.parametrize(("window", "per"), KINDS)
def test_it_decides_as_memory_does(
    redis_server: RedisServer, redis_counters: RedisCounters, window: str, per: str
) -> None:
    """Units are days and hours, and time moves by whole days, so that the server's own clock decides nothing."""
    choose, clock = random.Random(f"{window} {per}"), VirtualClock()
    lines = "* = 3/h\n* = 9/d\n10.0.0.0/8 = 4/d\n10.0.0.7 = *"
    limit = Limit("x", on="channel", lines=lines, window=window, per=per)
    server, memory = SharedLimiter(limit, redis_counters), LocalLimiter(limit, clock)
    for number in range(200):
        if choose.random() < 0.05:
            clock.advance(86400 + 60)
            age(redis_server, 86400 + 60 if window == "sliding" else 86400)
        address = choose.choice(["10.0.0.1", "10.0.0.2", "10.0.0.7", "192.0.2.1", "192.0.2.2", "2001:db8::1", None])
        ours, theirs = server.check_blocking(address, f"c{number}"), memory.check_blocking(address, f"c{number}")
        assert described(ours) == described(theirs), f"call {number}"


def described(said: Decision) -> dict[str, object]:
    fields = ("allowed", "denied", "limit", "network", "address", "cid", "last_cid", "last_from")
    return {field: getattr(said, field) for field in fields}


@pytest.mark.parametrize(("window", "per"), KINDS)
def test_every_key_has_an_end_of_its_life(
    redis_server: RedisServer, redis_counters: RedisCounters, window: str, per: str
) -> None:
    limiter = shared(redis_counters, "* = 3/s\n* = 5/d", window=window, per=per, max_addresses=2)
    for number in range(4):
        passed(limiter, f"10.0.0.{number}", 6)
    keys = list(redis_server.client.scan_iter())
    assert keys
    assert all(0 < redis_server.client.pttl(key) <= 2 * 86400 * 1000 for key in keys)


@pytest.mark.parametrize("window", ["calendar", "sliding"])
def test_a_caller_is_told_when_asked(redis_counters: RedisCounters, window: str) -> None:
    limiter = shared(redis_counters, "* = 2/d\n* = 100/d\n* = 50/h", window=window, tell_caller=True)
    told = dict(limiter.check_blocking("10.0.0.1", "a").headers)
    assert told["RateLimit-Policy"] == '"channel-day";q=2;w=86400, "channel-hour";q=50;w=3600'
    assert told["RateLimit"].startswith('"channel-day";r=1;t=')
    limiter.check_blocking("10.0.0.1", "b")
    refused = dict(limiter.check_blocking("10.0.0.1", "c").headers)
    assert refused["RateLimit"].startswith('"channel-day";r=0;t=')
    assert 0 < int(refused["Retry-After"]) <= 86401


def test_a_loop_awaits_its_answers_and_threads_share_the_counts(redis_counters: RedisCounters) -> None:
    limiter = shared(redis_counters, "100/d")
    assert passed(limiter, "10.0.0.1", 30) == 30

    async def call() -> list[Decision]:
        return list(await asyncio.gather(*(awaited(limiter, f"c{number}") for number in range(300))))

    said = run(redis_counters, call())
    assert [each.allowed for each in said] == [True] * 70 + [False] * 230
    assert said[250].last_cid == "c69"
    assert said[250].last_at == pytest.approx(time.time(), abs=60)
    assert passed(limiter, "10.0.0.1", 3) == 0


@pytest.mark.parametrize(("window", "per"), KINDS)
@pytest.mark.parametrize("rate", [1, 10, 100])
def test_threads_and_loops_together_are_exact(redis_counters: RedisCounters, rate: int, window: str, per: str) -> None:
    limiter = shared(redis_counters, f"* = {rate}/d\n* = 100000/h", window=window, per=per)
    admitted: list[int] = []

    async def many() -> int:
        return sum(said.allowed for said in await asyncio.gather(*(awaited(limiter) for _ in range(60))))

    work = [lambda: passed(limiter, "10.0.0.1", 20)] * 6 + [lambda: run(redis_counters, many())] * 2
    threads = [threading.Thread(target=lambda each=each: admitted.append(each())) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(admitted) == rate


@pytest.mark.parametrize("window", ["calendar", "sliding"])
def test_beyond_the_most_addresses_new_ones_share_one_count(redis_counters: RedisCounters, window: str) -> None:
    limiter = shared(redis_counters, "2/d", per="address", max_addresses=20, window=window)
    assert sum(passed(limiter, f"10.0.{n}.1", 3) for n in range(20)) == 40
    assert sum(passed(limiter, f"10.1.{n}.1", 3) for n in range(20)) == 2


def test_the_server_may_forget_its_scripts(redis_server: RedisServer, redis_counters: RedisCounters) -> None:
    limiter = shared(redis_counters, "100/d")
    assert passed(limiter, "10.0.0.1", 2) == 2
    redis_server.client.script_flush()
    assert passed(limiter, "10.0.0.1", 2) == 2
    redis_server.client.script_flush()
    assert run(redis_counters, awaited(limiter)).denied == ""


def test_the_registry_counts_resets_and_shows_by_the_server(redis_counters: RedisCounters) -> None:
    limits = Limits(VirtualClock(), redis_counters)
    limits.define(Limit("x", on="channel", lines="* = 3/d\n10.0.0.0/8 = 5/h"))
    limits.define(Limit("x.[y]*", on="channel", lines="3/d", per="address"))
    limits.define(Limit("z", on="channel", lines="3/d", window="sliding"))
    for name in ("x", "x.[y]*", "z"):
        limiter = limits.limiter("channel", name)
        assert limiter is not None
        assert sum(limiter.check_blocking("192.0.2.1", "c").allowed for _ in range(5)) == 3
    assert [tuple(row[2:7]) for row in limits.use()] == [
        ("* = 3/d", 3, 3, 2, 0),
        ("10.0.0.0/8 = 5/h", 0, 5, 0, 0),
        ("* = 3/d", 0, 3, 2, 1),
        ("* = 3/d", 3, 3, 2, 0),
    ]
    assert limits.reset("channel", "x.[y]*") == 1
    assert [(row.used, row.addresses) for row in limits.use()] == [(3, 0), (0, 0), (0, 0), (3, 0)]
    limits.reset()
    assert [row.used for row in limits.use()] == [0, 0, 0, 0]


def test_applications_on_one_server_have_their_own_counts(
    redis_server: RedisServer, redis_counters: RedisCounters
) -> None:
    other = RedisCounters(redis_server.url, app="other", patience_seconds=10.0)
    assert passed(shared(redis_counters, "2/d"), None, 5) == 2
    assert passed(shared(other, "2/d"), None, 5) == 2
    other.forget("")
    assert passed(shared(other, "2/d"), None, 5) == 2
    assert passed(shared(redis_counters, "2/d"), None, 5) == 0
    other.close()


@pytest.fixture
def own_server(redis_program: str) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="wb-limits-") as folder:
        server = RedisServer(redis_program, Path(folder))
        yield server
        server.process.kill()
        server.stop()


@pytest.mark.parametrize(("fate", "allowed"), [("refuse", False), ("allow", True)])
def test_a_server_that_is_gone_is_decided_as_configured_and_said_once(
    tmp_path: Path, fate: str, allowed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    counters = RedisCounters(f"unix://{tmp_path}/none.sock")
    limiter = shared(counters, "5/m", if_store_down=fate)
    said = limiter.check_blocking("10.0.0.1", "c1")
    assert (said.allowed, said.denied, said.cid) == (allowed, "store", "c1")
    assert run(counters, awaited(limiter)).denied == "store"
    assert passed(limiter, "10.0.0.1", 100) == 100 * allowed
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [
        f"The counters of limits in Redis at {tmp_path}/none.sock give no answer"
    ]
    with pytest.raises(StoreUnavailable, match="gave no answer. Fix: see that the server runs"):
        counters.forget("")
    counters.close()


def test_a_server_that_hangs_is_decided_within_the_patience(own_server: RedisServer) -> None:
    counters = RedisCounters(own_server.url, patience_seconds=0.3)
    limiter = shared(counters, "1000/d")

    async def race() -> list[float]:
        assert (await awaited(limiter)).denied == ""
        own_server.process.send_signal(19)  # SIGSTOP
        loop = asyncio.get_running_loop()
        seconds = []
        for _ in range(8):
            start = loop.time()
            assert (await awaited(limiter)).denied == "store"
            seconds.append(loop.time() - start)
        return seconds

    seconds = run(counters, race())
    assert max(seconds) < 3
    assert min(seconds) < 0.1  # once it is known to be down, nobody waits for it again
    assert limiter.check_blocking("10.0.0.1", "c").denied == "store"
    own_server.process.send_signal(18)  # SIGCONT
    counters.close()


def test_a_server_that_comes_back_counts_again(own_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    counters = RedisCounters(own_server.url, patience_seconds=2.0)
    limiter = shared(counters, "1000/d")

    async def call() -> None:
        assert (await awaited(limiter)).denied == ""
        own_server.process.kill()
        own_server.process.communicate(timeout=10)
        assert (await awaited(limiter)).denied == "store"
        own_server.start()
        deadline = time.monotonic() + 20
        while (await awaited(limiter)).denied:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    run(counters, call())
    assert limiter.check_blocking("10.0.0.1", "c").denied == ""
    assert caplog.records[-1].getMessage().endswith("answer again.")
    counters.close()


def test_a_server_that_wants_a_password_gets_it(own_server: RedisServer) -> None:
    own_server.client.config_set("requirepass", "of-the-test")
    wrong = RedisCounters(own_server.url, patience_seconds=5.0)
    assert shared(wrong, "5/d").check_blocking(None, "c").denied == "store"
    right = RedisCounters(f"unix://:of-the-test@{own_server.socket}?db=2", patience_seconds=5.0)
    limiter = shared(right, "5/d")
    assert limiter.check_blocking(None, "c").denied == ""
    assert run(right, awaited(limiter)).denied == ""
    for counters in (wrong, right):
        counters.close()
    own_server.client.auth("of-the-test")


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_replies_are_read_however_the_bytes_come(step: int) -> None:
    wire = b":7\r\n+OK\r\n$5\r\nab\r\nc\r\n$-1\r\n*2\r\n:1\r\n*1\r\n$0\r\n\r\n*-1\r\n-NOSCRIPT none\r\n"
    replies, got = Replies(), []
    for at in range(0, len(wire), step):
        got += replies.feed(wire[at : at + step])
    assert got[:6] == [7, "OK", b"ab\r\nc", None, [1, [b""]], None]
    assert isinstance(got[6], ReplyError)
    assert command("GET", "ü", 5) == b"*3\r\n$3\r\nGET\r\n$2\r\n\xc3\xbc\r\n$1\r\n5\r\n"
