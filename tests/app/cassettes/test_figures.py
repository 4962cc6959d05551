"""What recording costs, and how fast a cassette answers; the whole with WORKBENCH_SOAK, as `make soak` has it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.app.again import called, deployed
from workbench import Workbench

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
CALLS = 1_000
REPLAY_SECONDS = 5.0
"""Longest time of a replay of 1,000 calls, on a machine with nothing else to do [s]."""

SHARE = 0.10
"""Most of its throughput that recording costs a service."""


def test_a_call_that_asked_a_thousand_things_is_replayed_in_five_seconds(wb: Workbench) -> None:
    deployed(wb, lambda self: sum(self.kvdb.conn.incr("n") for _ in range(CALLS)))
    made = called(wb, data="").make_test("mine")
    assert made.by == {"Redis": "peer"}
    before = time.perf_counter()
    with wb.cassette("mine"):
        assert wb.invoke("api.works") == CALLS * (CALLS + 1) // 2
    seconds = time.perf_counter() - before
    print(f"a call of {CALLS:,} things that were asked: {seconds:.2f} s")
    assert not SOAK or seconds <= REPLAY_SECONDS


def test_a_cassette_is_played_again_and_again_and_leaves_nothing(wb: Workbench) -> None:
    """Each time with a Redis and a peer of its own."""
    times = CALLS if SOAK else 20
    wb.peers["Data"].reply("/rates", json={"EUR": 4.25})
    deployed(wb, lambda self: [self.rest["Data"].get({"path": "rates"}).data, self.kvdb.conn.incr("n")])
    called(wb, data="").make_test("mine")
    threads, before = threading.active_count(), time.process_time()
    for _ in range(times):
        with wb.cassette("mine"):
            assert wb.invoke("api.works") == [{"EUR": 4.25}, 1]
    print(f"{times:,} replays with peers of their own: {time.process_time() - before:.2f} s of this process's time")
    assert threading.active_count() <= threads


def test_recording_costs_a_tenth_of_throughput_at_most(wb: Workbench) -> None:
    """Calls of a service that asks REST, Redis and a folder, by turns as it holds them and past the recorder."""
    wb.peers["Data"].reply("/rates", json={"EUR": 4.25, "rows": list(range(200))})
    wb.peers["Here"].put("a.txt", b"x" * 4096)

    def work(self: Any) -> Any:
        return asked(self.rest["Data"], self.kvdb.conn, self.out.folder["Here"])

    def straight(self: Any) -> Any:
        live = wb.connections
        return asked(live["Data"].conn.for_call(self.cid), wb.kvdb.conn, live["Here"].conn)

    def asked(data: Any, redis: Any, here: Any) -> int:
        answer = data.get({"path": "rates"}).data
        redis.set("k", "v" * 100)
        return len(answer["rows"]) + len(here.read("a.txt"))

    deployed(wb, work, "api.recorded")
    deployed(wb, straight, "api.straight")
    turns, times = (40, 20) if SOAK else (3, 5)
    found: dict[str, list[float]] = {"api.recorded": [], "api.straight": []}
    for turn in range(2 * turns):
        service = ("api.recorded", "api.straight")[turn % 2]
        found[service].append(_rate(lambda name=service: wb.invoke(name), times))
    asked_of = {trace.root.name: trace.root.asked for trace in wb.traffic}
    assert len(asked_of["api.recorded"]) == 3
    assert asked_of["api.straight"] is None
    recorded, plain = (sorted(found[name])[turns // 2] for name in found)
    print(f"recorded {recorded:.0f}/s, past the recorder {plain:.0f}/s, lost {1 - recorded / plain:.1%}")
    assert not SOAK or 1 - recorded / plain <= SHARE


def _rate(work: Callable[[], Any], times: int) -> float:
    """Calls in a second of this process's time [1/s]."""
    before = time.process_time()
    for _ in range(times):
        work()
    return times / (time.process_time() - before)
