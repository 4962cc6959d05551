"""A REST connection beside a bare `requests.Session`, both asking one peer from this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from tests.bench.figures import Row
from tests.bench.processes import served
from workbench import RESTConnection, Workbench

CALLS, ROUNDS = 100, 15


def rows() -> Iterator[Row]:
    """A hundred calls of one, then of the other, round by round."""
    with served("constant") as (peer,), Workbench(store="memory://", port=0) as wb, requests.Session() as session:
        host = f"http://127.0.0.1:{peer.port}"
        wb.define(RESTConnection("Rates", host=host, path="/rates"))
        conn: Any = wb.connections["Rates"].conn
        url, cid = f"{host}/rates", "bench"

        def ours() -> None:
            assert conn.get(cid, {"from": "EUR"}).status_code == 200

        def bare() -> None:
            assert session.get(url, params={"from": "EUR"}).status_code == 200

        samples: list[list[tuple[float, float]]] = [[], []]
        for number in range(ROUNDS + 1):
            for call, found in zip((ours, bare), samples, strict=True):
                sample = _sample(call)
                if number:
                    found.append(sample)
    (our_cpu, our_wall), (bare_cpu, bare_wall) = (zip(*found, strict=True) for found in samples)
    yield Row("outgoing REST: CPU a call", "us", our_cpu, bare_cpu, "requests.Session", 0.95)
    yield Row("outgoing REST: time a call", "us", our_wall, bare_wall, "requests.Session", 0.95, only_if_steady=True)


def _sample(call: Callable[[], None]) -> tuple[float, float]:
    """CPU and time of one call [us], the mean of a round."""
    cpu, began = time.thread_time(), time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - cpu) / CALLS * 1e6, (time.perf_counter() - began) / CALLS * 1e6
