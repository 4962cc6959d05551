"""What callers notice of a living notebook: cells that redefine a service or burn the CPU, calls that block."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from tests.bench.cells import OUTER, VERSION_CELL, Callers, at_once, kernel
from tests.bench.client import Request
from tests.bench.figures import Row, percentile
from tests.kernels import Kernel

QUIET_DEPLOYS, BUSY_DEPLOYS = 60, 100
LEAST_CALLS = 20_000
BURNING_SECONDS = 10
BURNING_CELL = f"""
import time
until = time.monotonic() + {BURNING_SECONDS}
while time.monotonic() < until:
    sum(range(1000))
"""
BLOCKING_CELL = """
from threading import Event
go = Event()
class Blocking(Service):
    name = "bench.blocking"
    def handle(self):
        time.sleep(1)
class Stuck(Service):
    name = "bench.stuck"
    def handle(self):
        go.wait(60)
class Fill(Service):
    name = "bench.fill"
    async def handle(self):
        for number in range(10_000):
            self.invoke_async("bench.stuck")
wb.define(RESTChannel("bench.blocking"), RESTChannel("bench.fill"))
"""


def rows() -> Iterator[Row]:
    """All of it in one kernel, one after the other."""
    with kernel() as (started, port):
        yield from _redeploy(started, port)
        yield from _redeploy_under_load(started, port)
        yield from _beside_burning(started, port)
        yield from _blocking(started, port)


def _deploy(started: Kernel, version: int) -> float:
    """Run the cell of a version; when its own code had ended [s, monotonic, which all processes here share]."""
    return float(started.run(VERSION_CELL.format(version=version)).stdout.split()[-1])


def _redeploy(started: Kernel, port: int) -> Iterator[Row]:
    first_seen: dict[bytes, float] = {}

    def told(now: float, took: float, status: int, body: bytes) -> None:
        first_seen.setdefault(body, now)

    waits = []
    with Callers(port, OUTER, told):
        for version in range(1, QUIET_DEPLOYS + 1):
            ended, answer = _deploy(started, version), b"%d %d" % (version, version)
            deadline = time.monotonic() + 10
            while answer not in first_seen:
                assert time.monotonic() < deadline, f"version {version} never answered"
                time.sleep(0.001)
            waits.append((first_seen[answer] - ended) * 1000)
    note = f"real kernel, {QUIET_DEPLOYS} cells"
    yield Row("cell's code ended -> new version answered, p50", "ms", [percentile(waits, 0.5)], wanted=10, note=note)
    yield Row("cell's code ended -> new version answered, p95", "ms", [percentile(waits, 0.95)], wanted=20, note=note)


def _redeploy_under_load(started: Kernel, port: int) -> Iterator[Row]:
    calls, failed, mixed = 0, 0, 0

    def told(now: float, took: float, status: int, body: bytes) -> None:
        nonlocal calls, failed, mixed
        outer, _, inner = body.partition(b" ")
        calls, failed, mixed = calls + 1, failed + (status != 200), mixed + (outer != inner)

    with Callers(port, OUTER, told, connections=8):
        for number in range(1, BUSY_DEPLOYS + 1):
            _deploy(started, QUIET_DEPLOYS + number)
            while calls < LEAST_CALLS * number / BUSY_DEPLOYS:
                time.sleep(0.005)
    note = f"{calls:,} calls during {BUSY_DEPLOYS} redeploys"
    yield Row("failed during redeploys", "calls", [failed], wanted=0, note=note)
    yield Row("mixed of two versions", "calls", [mixed], wanted=0, note=note)


def _beside_burning(started: Kernel, port: int) -> Iterator[Row]:
    times, failed = [], 0

    def told(now: float, took: float, status: int, body: bytes) -> None:
        nonlocal failed
        times.append(took * 1000)
        failed += status != 200

    sent = started.send(BURNING_CELL)
    with Callers(port, OUTER, told):
        started.wait(sent, BURNING_SECONDS + 30)
    note = f"{len(times):,} calls"
    yield Row("beside a cell that burns the CPU, p99", "ms", [percentile(times, 0.99)], wanted=10, note=note)
    yield Row("beside a cell that burns the CPU, errors", "calls", [failed], wanted=0, note=note)


def _blocking(started: Kernel, port: int) -> Iterator[Row]:
    started.run(BLOCKING_CELL)
    began = time.monotonic()
    answers = asyncio.run(at_once(port, Request("/bench/blocking"), 20))
    took = time.monotonic() - began
    assert all(status < 300 for _, status in answers), answers
    yield Row("20 calls of a service that blocks 1 s", "s", [took], wanted=2)
    asyncio.run(at_once(port, Request("/bench/fill"), 1))
    refused = [asyncio.run(at_once(port, OUTER, 1))[0] for _ in range(20)]
    started.run("go.set()")
    assert all(status == 503 for _, status in refused), refused
    yield Row("queue full: 503 after", "ms", [took * 1000 for took, _ in refused], wanted=100)
