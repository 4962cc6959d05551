"""Serves every kind of channel on a port that it prints, has a job run each second, and deploys anew all the time.

It ends with its standard input; each line of it is answered with the number of objects of each type, the most first.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
from collections import Counter
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any

from tornado.web import Application, RequestHandler

from workbench import IntervalJob, JSONRPCChannel, RESTChannel, Service, SOAPChannel, WebSocketChannel, Workbench

REDEPLOY_SECONDS = 3.0
SHOWN = 40


def services(version: int) -> list[type[Service]]:
    """One version of all services; each keeps something of its own, as users' classes do."""

    class Says(Service):
        name = "sync"
        table = tuple(range(version % 7, 2_000))

        def handle(self) -> Any:
            return {"version": version, "rows": self.table[:20]}

    class Awaits(Service):
        name = "async"

        async def handle(self) -> Any:
            self.log.info("version %d", version)
            return self.request.http.params.get("n", "")

    class Echo(Service):
        name = "echo"

        def handle(self) -> Any:
            return self.request.payload

    class Measures(Service):
        name = "size"

        def handle(self) -> int:
            return len(self.request.stream.read())

    class Packs(Service):
        name = "packed"

        def handle(self) -> Any:
            self.response.content_encoding = "gzip"
            return "a line that is packed\n" * 2_000

    class Gives(Service):
        name = "large"

        async def handle(self) -> Any:
            return b"x" * (1 << 20)

    class Fails(Service):
        name = "fails"

        def handle(self) -> Any:
            rows = list(range(10_000))
            raise RuntimeError(f"no good: {len(rows)} {version}")

    class Form(Service):
        name = "form"

        def handle(self) -> Any:
            return [self.request.payload, self.request.files["file"].size]

    class Asks(Service):
        name = "asks"

        def handle(self) -> Any:
            return self.invoke("echo", {"by": self.cid})

    return [Says, Awaits, Echo, Measures, Packs, Gives, Fails, Form, Asks]


class Hello(RequestHandler):
    """A handler of Tornado's own kind, whose answer goes out in parts."""

    async def get(self) -> None:
        for part in ("hello ", "from ", "Tornado"):
            self.write(part)
            await self.flush()


def define(wb: Workbench) -> None:
    """Have every kind of channel, and a job."""
    wb.deploy(*services(0))
    wb.define(
        *(RESTChannel(each) for each in ("sync", "async", "echo", "packed", "large", "fails", "form", "asks")),
        RESTChannel("size", data_format="raw", max_body_bytes=32 << 20),
        RESTChannel("limited", service="async", limit="5/m"),
        JSONRPCChannel("rpc", services=("echo", "sync", "fails")),
        SOAPChannel("soap", service="echo"),
        WebSocketChannel("ws", path="/ws", service="echo"),
        IntervalJob("each second", service="sync", seconds=1),
    )
    wb.mount("/x", Application([("/x/hello", Hello)]))


def types() -> dict[str, int]:
    """How many objects of each type there are."""
    gc.collect()
    found = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    return dict(found.most_common(SHOWN))


def main() -> None:
    """Serve until standard input ends."""
    ends = threading.Event()
    with TemporaryDirectory() as folder, Workbench(port=0, folder=folder) as wb:
        define(wb)
        wb.start()

        def redeploy() -> None:
            for version in count(1):
                if ends.wait(REDEPLOY_SECONDS):
                    return
                wb.deploy(*services(version), replace=True)

        redeploying = threading.Thread(target=redeploy)
        redeploying.start()
        print(wb.url.rsplit(":", 1)[1], flush=True)
        for _ in sys.stdin:
            print(json.dumps(types()), flush=True)
        ends.set()
        redeploying.join()


if __name__ == "__main__":
    main()
