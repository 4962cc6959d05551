"""Us: one hello without any limit, one with a limit on its endpoint, its user and its service."""

from __future__ import annotations

import os
import threading

from tests.bench.servers.orders import GREETING, LIMIT_PER_MINUTE, PASSWORD, USER
from workbench import BasicAuth, RESTChannel, Service, Workbench, secret

FREE = "free"


class Free(Service):
    name = "free"

    async def handle(self) -> str:
        return GREETING


class Limited(Service):
    name = "limited"
    limit = f"{LIMIT_PER_MINUTE}/m"

    async def handle(self) -> str:
        return GREETING


def serve() -> None:
    """Serve until the process is ended."""
    os.environ["BENCH_PASSWORD"] = PASSWORD
    wb = Workbench(store="memory://", port=0)
    wb.deploy(Free, Limited)
    wb.define(
        BasicAuth(FREE, username=USER, password=secret("BENCH_PASSWORD")),
        BasicAuth(USER, password=secret("BENCH_PASSWORD"), limit=f"{LIMIT_PER_MINUTE}/m"),
        RESTChannel("free", security=FREE),
        RESTChannel("limited", security=USER, limit=f"{LIMIT_PER_MINUTE}/m"),
    )
    print(wb.start().rpartition(":")[2], flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    serve()
