"""CPU a call and calls a second: us with auth, limit, CID and trace, beside Tornado without and FastAPI with them.

Tornado stands there twice: as a person writes it, a RequestHandler, which reckons an ETag and writes a line of log; and
as a bare delegate of its HTTP server, the least that Tornado does for an answer.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator

from tests.bench.client import CLIENT, Request
from tests.bench.figures import Row
from tests.bench.processes import Measured, measure, served
from tests.bench.servers.orders import PASSWORD, USER

SIGNED = {"Authorization": f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"}
ITEMS = [{"sku": f"article-{number:04}", "quantity": number + 1, "price": 9.95 + number} for number in range(17)]
ORDER = json.dumps({"id": 70_000, "customer": "Example & Partners of Warsaw", "items": ITEMS}).encode()
TORNADO, DELEGATE, FASTAPI = "Tornado RequestHandler", "Tornado delegate", "FastAPI + slowapi"


def rows() -> Iterator[Row]:
    """Every server in turn under the same load."""
    get = {name: Request(f"/{name}", headers=SIGNED) for name in ("hello", "hello-async")}
    json_type = {"Content-Type": "application/json"}
    post = {name: Request(f"/{name}", "POST", {**SIGNED, **json_type}, ORDER) for name in ("total", "total-async")}
    with served("ours", "tornado_handler", "tornado_delegate", "fastapi_slowapi") as (us, tornado, delegate, fastapi):
        asked = {f"us/{name}": (us, request) for name, request in (get | post).items()}
        asked |= {f"fastapi/{name}": (fastapi, request) for name, request in (get | post).items()}
        found = measure(asked | {"tornado": (tornado, get["hello"]), "delegate": (delegate, get["hello"])})
    for name, colour, over_tornado, over_fastapi in (
        ("hello", "def", 1.3, 2.0),
        ("hello-async", "async def", 1.7, 1.3),
    ):
        what = f"hello, {colour}"
        yield from _pair(what, found[f"us/{name}"], found["tornado"], TORNADO, over_tornado)
        yield from _pair(what, found[f"us/{name}"], found["delegate"], DELEGATE, None)
        yield from _pair(what, found[f"us/{name}"], found[f"fastapi/{name}"], FASTAPI, over_fastapi)
    for name, colour in (("total", "def"), ("total-async", "async def")):
        peer = found[f"fastapi/{name}"]
        yield from _pair(f"POST 1 KiB typed, {colour}", found[f"us/{name}"], peer, "FastAPI + pydantic", 1.0)


def _pair(what: str, ours: Measured, peer: Measured, name: str, wanted: float | None) -> Iterator[Row]:
    note, rates = f"asked by {CLIENT}", (ours.per_second, peer.per_second)
    yield Row(f"{what}: CPU a call", "us", ours.cpu_us, peer.cpu_us, name, wanted, note=note)
    yield Row(f"{what}: calls", "/s", *rates, name, wanted, more_is_better=True, only_if_steady=True, note=note)
