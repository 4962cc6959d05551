"""A hello of us, with auth, limit, CID and trace, beside servers that do less and one that does the same.

Tornado stands there twice: as a person writes it, a bare RequestHandler, which reckons an ETag and writes a line of
log; and as a bare delegate of its HTTP server, the least that Tornado does for an answer. uvicorn (on uvloop and
httptools) and granian (one worker, on uvloop) answer with the least that an ASGI application does. FastAPI does what we
do but for CID and trace. nginx limits, and answers a constant. All are asked in turn, in one run.
"""

from __future__ import annotations

import importlib.util
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import NamedTuple

from tests.bench.client import CLIENT, Request
from tests.bench.figures import Grid, Row
from tests.bench.processes import Asked, Measured, Served, measure, served
from tests.bench.servers import nginx
from tests.bench.servers.orders import PASSWORD, USER

SIGNED = {"Authorization": f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"}
ITEMS = [{"sku": f"article-{number:04}", "quantity": number + 1, "price": 9.95 + number} for number in range(17)]
ORDER = json.dumps({"id": 70_000, "customer": "Example & Partners of Warsaw", "items": ITEMS}).encode()
PLAIN = {**SIGNED, "Accept": "*/*"}
AS_BROWSERS = {**PLAIN, **{f"X-Header-{number}": f"the value of header {number}" for number in range(8)}}
FEW, USUAL, MANY = CONNECTIONS = (1, 16, 64)
LINES = {"2 headers": (PLAIN, CONNECTIONS), "10 headers": (AS_BROWSERS, (USUAL,))}
TEN_HEADERS_SHARE = 0.8
ROUNDS = 4


class Peer(NamedTuple):
    """Who else says hello.

    Args:
        program: Its module in `servers`.
        wanted: How many times less CPU time we must take, by the colour of our `handle`; None only tells.
        asynchronous: Its path for our `async def`, where it has two colours.
        missing: What it lacks on this machine, and how to have it; empty if nothing.
    """

    program: str
    wanted: tuple[float | None, float | None] = (None, None)
    asynchronous: str = "hello"
    missing: str = ""


PEERS = {
    "bare RequestHandler": Peer("tornado_handler", (3.5, 6.0)),
    "bare HTTPServerConnectionDelegate": Peer("tornado_delegate"),
    "raw ASGI on uvicorn": Peer("asgi_uvicorn", (None, 1.0)),
    "raw ASGI on granian": Peer(
        "asgi_granian",
        missing="" if importlib.util.find_spec("granian") else "granian is not installed: pip install granian",
    ),
    "FastAPI + slowapi": Peer("fastapi_slowapi", (6.0, 6.0), "hello-async"),
    "nginx limit_req": Peer("nginx", missing="" if nginx.PROGRAM else "nginx is not installed: apt install nginx"),
}
FASTAPI = "FastAPI + slowapi"
US = {"hello": "def", "hello-async": "async def"}
TOTALS = {"total": "def", "total-async": "async def"}


def rows() -> Iterator[Row | Grid]:
    """Every server in turn under the same load."""
    there = {name: peer for name, peer in PEERS.items() if not peer.missing}
    with served("ours", *(peer.program for peer in there.values())) as (us, *servers):
        paths = {(f"us, {colour}", path): us for path, colour in US.items()}
        for (name, peer), server in zip(there.items(), servers, strict=True):
            paths |= {(name, path): server for path in dict.fromkeys(("hello", peer.asynchronous))}
        asked = _hellos(paths)
        typed = {"Content-Type": "application/json", **SIGNED}
        for name, server in (("us", us), (FASTAPI, paths[FASTAPI, "hello"])):
            asked |= {f"{name}/{path}": Asked(server, Request(f"/{path}", "POST", typed, ORDER)) for path in TOTALS}
        found = measure(asked, ROUNDS)
    yield from _pairs(found, there)
    for name, peer in PEERS.items():
        if peer.missing:
            yield Row(f"hello, beside {name}", skipped=peer.missing)
    for path, colour in TOTALS.items():
        ours, theirs = found[f"us/{path}"], found[f"{FASTAPI}/{path}"]
        yield from _pair(f"POST 1 KiB typed, {colour}", ours, theirs, "FastAPI + pydantic", 1.0)
    yield _grid(found, [*paths])


def _hellos(paths: dict[tuple[str, str], Served]) -> dict[str, Asked]:
    """Each path with each line of headers, over so many connections as it is asked with."""
    return {
        f"{name}/{path}/{line}/{connections}": Asked(server, Request(f"/{path}", headers=headers), connections)
        for line, (headers, all_connections) in LINES.items()
        for connections in all_connections
        for (name, path), server in paths.items()
    }


def _pairs(found: dict[str, Measured], there: dict[str, Peer]) -> Iterator[Row]:
    """Both colours of ours beside each peer."""
    for number, (path, colour) in enumerate(US.items()):
        for line in LINES:
            ours = found[f"us, {colour}/{path}/{line}/{USUAL}"]
            for name, peer in there.items():
                theirs = found[f"{name}/{peer.asynchronous if number else 'hello'}/{line}/{USUAL}"]
                yield from _pair(f"hello, {colour}, {line}", ours, theirs, name, _wanted(peer.wanted[number], line))


def _wanted(times: float | None, line: str) -> float | None:
    return times if times is None or line == "2 headers" else times * TEN_HEADERS_SHARE


def _pair(what: str, ours: Measured, peer: Measured, name: str, wanted: float | None) -> Iterator[Row]:
    note, rates = f"asked by {CLIENT}", (ours.per_second, peer.per_second)
    yield Row(f"{what}: CPU a call", "us", ours.cpu_us, peer.cpu_us, name, wanted, note=note)
    yield Row(f"{what}: calls", "/s", *rates, name, wanted, more_is_better=True, only_if_steady=True, note=note)


def _grid(found: dict[str, Measured], paths: list[tuple[str, str]]) -> Grid:
    """All that was measured of each, the two paths of FastAPI apart."""
    columns = [f"CPU a call, {line} [us]" for line in LINES] + ["client's CPU a call [us]"]
    for connections in CONNECTIONS:
        columns += [f"calls/s at {connections}", f"p50 at {connections} [ms]", f"p99 at {connections} [ms]"]
    lines: dict[str, list[list[float]]] = {}
    for name, path in paths:
        measured = {each: found[f"{name}/{path}/2 headers/{each}"] for each in CONNECTIONS}
        cells = [found[f"{name}/{path}/{line}/{USUAL}"].cpu_us for line in LINES] + [measured[USUAL].client_us]
        for each in measured.values():
            cells += [each.per_second, each.p50_ms, each.p99_ms]
        lines[name if name.startswith("us") or path == "hello" else f"{name}, async def"] = cells
    return Grid(f"hello by each server, at {USUAL} connections if none are said, asked by {CLIENT}", columns, lines)
