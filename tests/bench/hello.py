"""CPU a call and calls a second: us with auth, limit, CID and trace, beside Tornado without and FastAPI with them.

Tornado stands there twice: as a person writes it, a RequestHandler, which reckons an ETag and writes a line of log; and
as a bare delegate of its HTTP server, the least that Tornado does for an answer. uvicorn answers with the least that an
ASGI application does, on uvloop. Each is asked with 2 headers beside Host; we and uvicorn also with 10, as of browsers.
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
ASGI = "raw ASGI on uvicorn"
PLAIN = {**SIGNED, "Accept": "*/*"}
AS_BROWSERS = {**PLAIN, **{f"X-Header-{number}": f"the value of header {number}" for number in range(8)}}


def rows() -> Iterator[Row]:
    """Every server in turn under the same load."""
    get = {name: Request(f"/{name}", headers=PLAIN) for name in ("hello", "hello-async")}
    many = Request("/hello-async", headers=AS_BROWSERS)
    json_type = {"Content-Type": "application/json"}
    post = {name: Request(f"/{name}", "POST", {**SIGNED, **json_type}, ORDER) for name in ("total", "total-async")}
    programs = "ours", "tornado_handler", "tornado_delegate", "fastapi_slowapi", "asgi_uvicorn"
    with served(*programs) as (us, tornado, delegate, fastapi, asgi):
        asked = {f"us/{name}": (us, request) for name, request in (get | post).items()}
        asked |= {f"fastapi/{name}": (fastapi, request) for name, request in (get | post).items()}
        asked |= {"tornado": (tornado, get["hello"]), "delegate": (delegate, get["hello"])}
        found = measure(asked | {"asgi": (asgi, get["hello"]), "us/many": (us, many), "asgi/many": (asgi, many)})
    for name, colour, over_tornado, over_fastapi in (
        ("hello", "def", 2.5, 4.0),
        ("hello-async", "async def", 2.5, 2.5),
    ):
        what = f"hello, {colour}"
        yield from _pair(what, found[f"us/{name}"], found["tornado"], TORNADO, over_tornado)
        yield from _pair(what, found[f"us/{name}"], found["delegate"], DELEGATE, None)
        yield from _pair(what, found[f"us/{name}"], found["asgi"], ASGI, None)
        yield from _pair(what, found[f"us/{name}"], found[f"fastapi/{name}"], FASTAPI, over_fastapi)
    yield from _pair("hello, async def, 10 headers", found["us/many"], found["asgi/many"], ASGI, None)
    for name, colour in (("total", "def"), ("total-async", "async def")):
        peer = found[f"fastapi/{name}"]
        yield from _pair(f"POST 1 KiB typed, {colour}", found[f"us/{name}"], peer, "FastAPI + pydantic", 1.0)


def _pair(what: str, ours: Measured, peer: Measured, name: str, wanted: float | None) -> Iterator[Row]:
    note, rates = f"asked by {CLIENT}", (ours.per_second, peer.per_second)
    yield Row(f"{what}: CPU a call", "us", ours.cpu_us, peer.cpu_us, name, wanted, note=note)
    yield Row(f"{what}: calls", "/s", *rates, name, wanted, more_is_better=True, only_if_steady=True, note=note)
