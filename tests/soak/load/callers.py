"""Callers of every kind, at a steady rate, and what came back that should not have."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect

from tests.bench.client import Connection, Request

MIB = 1 << 20
WAIT_SECONDS = 60.0
CALLS_OF_A_CONNECTION = 40
"""Most calls before a caller connects anew."""
ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><echo><a>1</a></echo></s:Body></s:Envelope>'
JSON = {"Content-Type": "application/json"}
PART = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n%b\r\n--X--\r\n'
ROWS = json.dumps({"rows": [{"id": number, "name": f"row {number}"} for number in range(50)]}).encode()


def _post(path: str, body: bytes, **headers: str) -> Request:
    return Request(path, "POST", {name.replace("_", "-"): value for name, value in headers.items()} or JSON, body)


def _rpc(*methods: str) -> Request:
    calls = [{"jsonrpc": "2.0", "id": each, "method": each, "params": {"a": 1}} for each in methods]
    return _post("/rpc", json.dumps(calls).encode())


# Request, statuses that are right, and how often it is sent beside the others.
ASKED: list[tuple[Request, tuple[int, ...], int]] = [
    (Request("/sync"), (200,), 20),
    (Request("/async?n=1"), (200,), 20),
    (Request("/asks"), (200,), 5),
    (_post("/echo", ROWS), (200,), 10),
    (_post("/echo", gzip.compress(ROWS), Content_Encoding="gzip"), (200,), 5),
    (_post("/echo", b"{broken"), (400,), 2),
    (Request("/packed"), (200,), 3),
    (Request("/fails"), (500,), 3),
    (Request("/limited"), (200, 429), 10),
    (Request("/nowhere"), (404,), 2),
    (_rpc("echo", "sync", "fails", "unknown"), (200,), 4),
    (_post("/soap", ENVELOPE.encode(), Content_Type="text/xml"), (200,), 3),
    (_post("/form", PART % (b"x" * 5_000), Content_Type="multipart/form-data; boundary=X"), (200,), 4),
    (_post("/size", b"x" * MIB), (200,), 1),
]
SELDOM = _post("/size", b"x" * (9 * MIB))
"""What lies on disk; every thousandth call."""


class Callers:
    """Everybody who calls one server.

    Args:
        port: Where it listens.
        rate: Calls a second of all together [1/s].
        seed: Of all chances.

    Attributes:
        counts: Calls by path and status; of others by what they did.
        wrong: What came back that should not have.
    """

    def __init__(self, port: int, rate: float, seed: int = 18) -> None:
        self._port, self._rate, self._chance = port, rate, random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._calls = 0

    async def call(self, seconds: float, callers: int = 12) -> None:
        """Call for so long [s]."""
        ends = asyncio.get_running_loop().time() + seconds
        kinds: list[Callable[[], Awaitable[None]]] = [self._http] * callers
        kinds += [self._websocket, self._websocket, self._parts, self._stranger, self._goes_away]
        await asyncio.gather(*(self._until(ends, each) for each in kinds))

    async def _until(self, ends: float, kind: Callable[[], Awaitable[None]]) -> None:
        while asyncio.get_running_loop().time() < ends:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await kind()
            except Exception as exc:
                self.wrong.append(f"{kind.__name__}: {exc!r}")

    async def _pace(self) -> None:
        """Wait for the next call's turn."""
        await asyncio.sleep(self._chance.expovariate(self._rate / 12))

    async def _http(self) -> None:
        connection = await Connection.open(self._port)
        for _ in range(self._chance.randint(1, CALLS_OF_A_CONNECTION)):
            await self._pace()
            self._calls += 1
            request, statuses, _ = self._chance.choices(ASKED, [weight for *_, weight in ASKED])[0]
            if self._calls % 1_000 == 0:
                request, statuses = SELDOM, (200,)
            status, body = await connection.ask(request.encoded(self._port))
            self.counts[f"{request.path} {status}"] += 1
            if status not in statuses:
                self.wrong.append(f"{request.path}: {status} {body[:200]!r}")
        await connection.close()

    async def _websocket(self) -> None:
        url = f"ws://127.0.0.1:{self._port}/ws"
        async with connect(url, compression=None, open_timeout=WAIT_SECONDS, ping_timeout=WAIT_SECONDS) as socket:
            for number in range(self._chance.randint(1, 30)):
                await asyncio.sleep(0.1)
                await socket.send(json.dumps({"n": number}))
                answer: dict[str, Any] = json.loads(await socket.recv())
                self.counts["websocket"] += 1
                if answer["data"] != {"n": number}:
                    self.wrong.append(f"websocket: {answer}")

    async def _parts(self) -> None:
        """Ask a mounted handler, whose answer comes in chunks."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"GET /x/hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        came = await reader.read(-1)
        self.counts["mounted"] += 1
        if not came.startswith(b"HTTP/1.1 200") or b"Tornado" not in came:
            self.wrong.append(f"mounted: {came!r}")
        writer.close()
        await asyncio.sleep(0.2)

    async def _stranger(self) -> None:
        """Send what is no HTTP."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(self._chance.randbytes(100) + b"\r\n\r\n")
        came = await reader.read(-1)
        self.counts["stranger"] += 1
        if not came.startswith(b"HTTP/1.1 400"):
            self.wrong.append(f"stranger: {came!r}")
        writer.close()
        await asyncio.sleep(0.2)

    async def _goes_away(self) -> None:
        """Leave in the middle of a body, or before the answer."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = b"POST /size HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
        writer.write(head + b"x" * self._chance.choice((0, 50_000, 99_999, 100_000)))
        with suppress(ConnectionError):
            await writer.drain()
        self.counts["gone"] += 1
        writer.transport.abort()
        await asyncio.sleep(0.2)
