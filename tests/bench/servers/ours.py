"""Us: REST channels with Basic Auth and a limit; every call has a CID and a trace."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Any

from tests.bench.servers.orders import GREETING, LIMIT_PER_MINUTE, PASSWORD, USER, total
from workbench import BasicAuth, RESTChannel, Service, Workbench, secret
from workbench.ui.carriers.page import open_page


@dataclass
class Item:
    """One line of an order."""

    sku: str
    quantity: int
    price: float


@dataclass
class Order:
    """What a POST brings."""

    id: int
    customer: str
    items: list[Item]


class Hello(Service):
    name = "hello"

    def handle(self) -> str:
        return GREETING


class HelloAsync(Service):
    name = "hello-async"

    async def handle(self) -> str:
        return GREETING


class Total(Service):
    name = "total"

    def handle(self, order: Order) -> dict[str, Any]:
        return total(order)


class TotalAsync(Service):
    name = "total-async"

    async def handle(self, order: Order) -> dict[str, Any]:
        return total(order)


def serve() -> None:
    """Serve until the process is ended."""
    os.environ["BENCH_PASSWORD"] = PASSWORD
    services = (Hello, HelloAsync, Total, TotalAsync)
    wb = Workbench(store="memory://", port=0)
    wb.deploy(*services)
    wb.define(BasicAuth(USER, password=secret("BENCH_PASSWORD")))
    wb.define(*(RESTChannel(each.name, security=USER, limit=f"{LIMIT_PER_MINUTE}/m") for each in services))
    open_page(wb)
    print(wb.start().rpartition(":")[2], flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    serve()
