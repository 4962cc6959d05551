"""The notebooks' own flows, beside the same in FastAPI with slowapi and the bare clients, also while a cell computes.

A file of 1 MiB by REST to Dropbox; fetch, keep and mail; the limited hello. Both sides call the same peers, in other
processes, and the same Redis; ours have a CID and a trace with every step besides. What computes is pure Python in the
main thread of the server's process, as a cell does beside a kernel's server.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.client import CLIENT, Request
from tests.bench.figures import Grid, Row
from tests.bench.hello import FASTAPI, SIGNED, US
from tests.bench.moving import NAMES, peers
from tests.bench.processes import Asked, Measured, measure, served
from tests.bench.servers.orders import Places
from workbench import Workbench, secret

ROUNDS, SECONDS = 4, 2
BODY_BYTES = 1 << 20
BODY = base64.b64encode(random.Random(20_261_129).randbytes(BODY_BYTES * 3 // 4))
SIDES = {"us": "flows", FASTAPI: "flows_fastapi"}
FLOWS = {
    "upload of 1 MiB to Dropbox": Request("/upload?file_name=my-file.txt", "POST", SIGNED, BODY),
    "fetch, keep and mail": Request("/sync", "POST", SIGNED),
}
HELLOS = {f"hello, {colour}": Request(f"/{path}", headers=SIGNED) for path, colour in US.items()}
QUIET, COMPUTING = WAYS = ("", ", beside a cell that computes")
LONGEST_MS = 10.0


@contextmanager
def places() -> Iterator[Places]:
    """Peers and a Redis, until the end of the block, and where they are."""
    with peers("rest", "dropbox", 0) as called, peers("smtp", "ftp", 0) as mailed, Workbench(port=0) as wb:
        source, kept = (eval(code, NAMES | {"secret": secret}) for code in called["definitions"])
        token = called["secrets"][kept.token.name]
        host, port = mailed["address"]
        assert wb.kvdb.conn.ping()
        yield Places(
            source=source.host, dropbox=kept.api_url, token=token, smtp_host=host, smtp_port=port, redis=wb.kvdb.url
        )


def rows() -> Iterator[Row | Grid]:
    """Both sides in turn, round by round."""
    with places() as told, served(*SIDES.values(), told=told) as started:
        servers = dict(zip(SIDES, started, strict=True))
        asked = {
            f"{flow}{way}/{side}": Asked(server, request, is_computing=way == COMPUTING)
            for way in WAYS
            for flow, request in FLOWS.items()
            for side, server in servers.items()
        }
        for connections in (1, 16):
            asked |= {
                f"{flow} at {connections}{COMPUTING}/{side}": Asked(server, request, connections, is_computing=True)
                for flow, request in HELLOS.items()
                for side, server in servers.items()
            }
        found = measure(asked, ROUNDS, SECONDS)
    names = dict.fromkeys(name.rpartition("/")[0] for name in asked)
    for name in names:
        yield from _pairs(name, found[f"{name}/us"], found[f"{name}/{FASTAPI}"])
    columns = ("CPU a call [us]", "calls/s", "p50 [ms]", "p99 [ms]")
    lines = {name: (each.cpu_us, each.per_second, each.p50_ms, each.p99_ms) for name, each in found.items()}
    yield Grid(f"flows, at 16 connections if none are said, asked by {CLIENT}; CPU of a cell counts", columns, lines)


def _pairs(name: str, ours: Measured, theirs: Measured) -> Iterator[Row]:
    note = f"asked by {CLIENT}"
    if not name.endswith(COMPUTING):
        yield Row(f"{name}: CPU a call", "us", ours.cpu_us, theirs.cpu_us, FASTAPI, 1.0, note=note)
    rates = ours.per_second, theirs.per_second
    yield Row(f"{name}: calls", "/s", *rates, FASTAPI, 1.0, more_is_better=True, only_if_steady=True, note=note)
    yield Row(f"{name}: p99", "ms", ours.p99_ms, theirs.p99_ms, FASTAPI, 1.0, only_if_steady=True, note=note)
    if name.startswith("hello") and " at 1," in name:
        yield Row(f"{name}: p99", "ms", ours.p99_ms, wanted=LONGEST_MS, only_if_steady=True, note=f"{note}; 0 errors")
