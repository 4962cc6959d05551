"""A REST connection beside a bare `requests.Session`, both asking one peer from this process.

The session stands there twice. As it comes, it looks for proxies and passwords in the environment at every call, about
a third of the call; the connection reads them once. With `trust_env` off it does not look at all: what is left is what
a connection's log line, trace, retries and deadline cost, and nothing is wanted of that row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import requests

from tests.bench.figures import Row
from tests.bench.processes import rotated, served
from workbench import RESTConnection, Workbench

CALLS, ROUNDS = 100, 15


def rows() -> Iterator[Row]:
    """A hundred calls of one, then of the other, round by round."""
    with (
        served("constant") as (peer,),
        Workbench(store="memory://", port=0) as wb,
        requests.Session() as session,
        requests.Session() as blind,
    ):
        blind.trust_env = False
        host = f"http://127.0.0.1:{peer.port}"
        wb.define(RESTConnection("Rates", host=host, path="/rates"))
        conn: Any = wb.connections["Rates"].conn
        url, cid = f"{host}/rates", "bench"

        def ours() -> None:
            assert conn.get(cid, {"from": "EUR"}).status_code == 200

        def bare(asked: requests.Session) -> None:
            assert asked.get(url, params={"from": "EUR"}).status_code == 200

        ways = {
            "ours": ours,
            "requests.Session": partial(bare, session),
            "the same, trust_env off": partial(bare, blind),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(ROUNDS + 1):
            for name in rotated([*ways], number):
                sample = _sample(ways[name])
                if number:
                    found[name].append(sample)
    our_cpu, our_wall = zip(*found.pop("ours"), strict=True)
    for peer_name, wanted in zip(found, (0.95, None), strict=True):
        cpu, wall = zip(*found[peer_name], strict=True)
        yield Row("outgoing REST: CPU a call", "us", our_cpu, cpu, peer_name, wanted)
        yield Row("outgoing REST: time a call", "us", our_wall, wall, peer_name, wanted, only_if_steady=True)


def _sample(call: Callable[[], None]) -> tuple[float, float]:
    """CPU and time of one call [us], the mean of a round."""
    cpu, began = time.thread_time(), time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - cpu) / CALLS * 1e6, (time.perf_counter() - began) / CALLS * 1e6
