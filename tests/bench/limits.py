"""What a check of a limit costs: in memory beside `limits` and a bare counter, on Redis beside a PING, on SQLite."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis

from tests.bench.figures import Row, percentile
from workbench.core.clock import SystemClock, VirtualClock
from workbench.core.ports import Limiter
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.registry import Limits
from workbench.limiting.shared.redis import RedisCounters
from workbench.limiting.shared.resp import command
from workbench.limiting.shared.sqlite import SQLiteCounters

ROUNDS, CALLS = 40, 3000
ADDRESS, CID = "10.3.0.5", "5f4f1ef65490a23e5c37eda1"
PLENTY = "1000000000"
HUNDRED = "\n".join(f"10.{place}.0.0/{16 + place % 12} = {PLENTY}/m" for place in range(99)) + f"\n* = {PLENTY}/m"
PROCESSES, AT_ONCE, CHECKS = 4, 8, 8000
CEILING = "a PING counts nothing: what a check costs over the way there and back"
MANY = "50 checks share one way there and back, which the PING has for itself"


def rows() -> Iterator[Row]:
    """Every place where counts live."""
    yield from in_memory()
    yield from a_million_addresses()
    yield from on_redis()
    yield from on_sqlite()


def checker(lines: str, **fields: Any) -> Callable[[str | None, str], Any]:
    """The check of a limit in memory."""
    limits = Limits(SystemClock())
    limits.define(Limit("x", on="channel", lines=lines, **fields))
    limiter = limits.limiter("channel", "x")
    assert limiter is not None
    return limiter.check


def timed(check: Callable[[str | None, str], object], callers: Sequence[str] = (ADDRESS,) * CALLS) -> float:
    """One check [us], the loop around it included."""
    began = time.perf_counter()
    for address in callers:
        check(address, CID)
    return (time.perf_counter() - began) / len(callers) * 1e6


def in_memory() -> Iterator[Row]:
    """Exact local checks, one after the other in every round."""
    checks = {
        "one line": checker(f"{PLENTY}/m"),
        "two lines of everyone": checker(f"* = {PLENTY}/m\n* = {PLENTY}/d"),
        "100 networks": checker(HUNDRED),
        "each address apart": checker(f"{PLENTY}/m", per="address"),
        "one line, sliding": checker("1000000/m", window="sliding"),
        "limits": library(),
        "counter": bare_counter(),
    }
    found: dict[str, list[float]] = {name: [] for name in checks}
    strangers: list[float] = []
    for number in range(ROUNDS):
        for name, check in checks.items():
            found[name].append(timed(check))
        # Nobody calls twice, so that no network is remembered from a former call.
        callers = [f"10.{place % 99}.{number}.{place // 99}" for place in range(CALLS)]
        strangers.append(timed(checks["100 networks"], callers))
    one, peer, counter = found["one line"], found["limits"], found["counter"]
    yield Row("exact check, one line", "us", one, wanted=0.7)
    yield Row("exact check, one line", "us", one, peer, "limits, memory, fixed window", 3.0)
    yield Row("exact check, one line", "us", one, counter, "a dict under a lock")
    yield Row(
        "exact check, 100 networks", "us", found["100 networks"], [2 * each for each in one], "twice one line", 1.0
    )
    yield Row("exact check, 100 networks, nobody twice", "us", strangers, wanted=1.4)
    for name in ("two lines of everyone", "each address apart", "one line, sliding"):
        yield Row(f"exact check, {name}", "us", found[name], peer, "limits, memory, fixed window", 3.0)


def library() -> Callable[[str | None, str], object]:
    """The peer's check."""
    from limits import parse
    from limits.storage import MemoryStorage
    from limits.strategies import FixedWindowRateLimiter

    limiter, item = FixedWindowRateLimiter(MemoryStorage()), parse(f"{PLENTY}/minute")
    return lambda address, cid: limiter.hit(item, "channel", "x", address or "")


def bare_counter() -> Callable[[str | None, str], object]:
    """The least that counts calendar minutes exactly."""
    lock, counts = threading.Lock(), dict[int, int]()

    def check(address: str | None, cid: str) -> bool:
        with lock:
            window = int(time.time() // 60)
            count = counts.get(window, 0)
            if count >= 1_000_000_000:
                return False
            counts[window] = count + 1
            return True

    return check


def a_million_addresses() -> Iterator[Row]:
    """Memory and time with a million callers counted apart; each kind in a process of its own."""
    for window in ("calendar", "sliding"):
        run = subprocess.run([sys.executable, "-m", __name__, "addresses", window], capture_output=True, check=True)
        mebibytes, first, last = json.loads(run.stdout)
        yield Row(f"1,000,000 addresses, {window}: memory", "MiB", [mebibytes], wanted=200)
        twice = [2 * each for each in first]
        yield Row(f"1,000,000 addresses, {window}: a new one", "us", last, twice, "twice that of the first", 1.0)


def fill_addresses(window: str) -> None:
    """Print the memory [MiB] of a million counts, and what a new address costs first and last [us]."""
    limits = Limits(VirtualClock())
    limits.define(Limit("x", on="channel", lines="5/h", per="address", window=window))
    limiter = limits.limiter("channel", "x")
    assert limiter is not None
    check, before, costs = limiter.check, resident(), []
    for block in range(100):
        numbers = range(block * 10_000, (block + 1) * 10_000)
        addresses = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in numbers]
        began = time.perf_counter()
        for address in addresses:
            check(address, CID)
        costs.append((time.perf_counter() - began) * 100)
    print(json.dumps([resident() - before, costs[:20], costs[-20:]]))


def resident() -> float:
    """Memory of this process [MiB]."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def on_redis() -> Iterator[Row]:
    """One check at a time beside a PING, fifty at a time, and an approximate one."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        yield Row("limits on Redis", skipped="there is no redis-server: apt install redis-server")
        return
    with TemporaryDirectory(prefix="wb-bench-") as folder:
        socket = Path(folder) / "redis.sock"
        words = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
        server = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            assert any("ready to accept connections" in line.lower() for line in server.stdout)
            yield from asyncio.run(beside_ping(f"unix://{socket}"))
        finally:
            server.terminate()
            server.communicate()


async def beside_ping(url: str) -> list[Row]:
    """The rows of one server."""
    counters = RedisCounters(url, "bench", patience_seconds=10.0)
    limits = Limits(SystemClock(), counters)
    limits.define(Limit("x", on="channel", lines=f"{PLENTY}/d"))
    limits.define(Limit("y", on="channel", lines=f"{PLENTY}/d", exact=False))
    exact, approximate = (limits.limiter("channel", name) for name in ("x", "y"))
    assert exact is not None
    assert approximate is not None
    found = await rounds(counters, exact, approximate, redis.Redis.from_url(url))
    await limits.leave_loop()
    limits.close()
    with_redis_py = [1.3 * each for each in found["redis-py"]]
    return [
        Row("exact on Redis, a thread", "us", found["thread"], with_redis_py, "1.3 x PING by redis-py", 1.0),
        Row("exact on Redis, the loop", "us", found["loop"], with_redis_py, "1.3 x PING by redis-py", 1.0),
        Row("exact on Redis, the loop", "us", found["loop"], found["ping"], "PING on the same wire", note=CEILING),
        Row(
            "exact on Redis, 50 at once, each", "us", found["fifty"], found["ping"], "one PING on that wire", note=MANY
        ),
        Row("approximate on Redis", "us", found["approximate"], wanted=2.0),
    ]


async def rounds(counters: RedisCounters, exact: Limiter, approximate: Limiter, peer: Any) -> dict[str, list[float]]:
    """Samples of every way to ask, in turn [us]."""
    loop = asyncio.get_running_loop()
    wire, ping = counters._wire(loop), command("PING")

    async def pinged() -> None:
        answer = loop.create_future()
        wire.send(ping, answer.set_result)
        await answer

    async def checked(limiter: Limiter) -> None:
        asked = limiter.check(ADDRESS, CID)
        said = asked if isinstance(asked, Decision) else await asked
        assert not said.denied

    async def fifty() -> None:
        for answer in [exact.check(ADDRESS, CID) for _ in range(50)]:
            await answer  # type: ignore[misc]

    found: dict[str, list[float]] = {}

    def sample(name: str, began: float, calls: int) -> None:
        found.setdefault(name, []).append((time.perf_counter() - began) / calls * 1e6)

    for _ in range(4 * ROUNDS):
        for name, way, calls in (("ping", pinged, 10), ("loop", lambda: checked(exact), 10), ("fifty", fifty, 1)):
            began = time.perf_counter()
            for _ in range(calls):
                await way()
            sample(name, began, calls * (50 if name == "fifty" else 1))
        for name, act in (("redis-py", peer.ping), ("thread", lambda: exact.check_blocking(ADDRESS, CID))):
            began = time.perf_counter()
            for _ in range(10):
                act()
            sample(name, began, 10)
        began = time.perf_counter()
        for _ in range(200):
            await checked(approximate)
        sample("approximate", began, 200)
    return found


def on_sqlite() -> Iterator[Row]:
    """Four processes on one file."""
    rates, tails = [], []
    with TemporaryDirectory(prefix="wb-bench-") as folder:
        for repetition in range(3):
            path = str(Path(folder) / f"{repetition}.sqlite")
            words = [sys.executable, "-m", __name__, "sqlite", path]
            running = [
                subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                for _ in range(PROCESSES)
            ]
            for process in running:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            began = time.perf_counter()
            for process in running:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            seconds = [each for process in running for each in json.loads(process.communicate()[0])]
            rates.append(len(seconds) / (time.perf_counter() - began))
            tails.append(percentile(seconds, 0.99) * 1e3)
    yield Row("exact on SQLite, 4 processes: checks", "/s", rates, wanted=10_000, more_is_better=True)
    yield Row("exact on SQLite, 4 processes: p99 of a check", "ms", tails, wanted=20)


def ask_sqlite(path: str) -> None:
    """Print how long each of many checks took [s]."""
    limits = Limits(SystemClock(), SQLiteCounters(Path(path), SystemClock(), patience_seconds=10.0))
    limits.define(Limit("x", on="channel", lines=f"{PLENTY}/d"))
    limiter = limits.limiter("channel", "x")
    assert limiter is not None
    seconds: list[float] = []

    async def one_after_the_other() -> None:
        for _ in range(CHECKS // AT_ONCE):
            began = time.perf_counter()
            said = await limiter.check(ADDRESS, CID)
            seconds.append(time.perf_counter() - began)
            assert not said.denied

    async def together() -> None:
        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(together())
    print(json.dumps(seconds))
    limits.close()


if __name__ == "__main__":
    {"addresses": fill_addresses, "sqlite": ask_sqlite}[sys.argv[1]](sys.argv[2])
