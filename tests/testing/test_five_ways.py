"""One notebook, one answer: by hand in a kernel, by `workbench test`, served by one process and by several."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cli.conftest import CommandLine
from tests.cli.conftest import fresh as fresh
from tests.kernels import Kernel
from tests.testing.notebooks import code, markdown, printed, workbench_test, write

pytestmark = pytest.mark.timeout(180)

SERVICES = """from dataclasses import dataclass
from workbench import wb, RESTChannel, RESTConnection, Service, SMTPConnection
from workbench.core.errors import NotFound
from workbench.connections.smtp.message import SMTPMessage

wb.define(
    RESTConnection("Rates", host="https://rates.example.com", path="/{what}", retries=0),
    SMTPConnection("Out", host="smtp.example.com", from_="me@example.com"),
)
wb.sandbox()
wb.peers["Rates"].reply("/eur", json={"rate": "4.25"})
orders = []

@dataclass
class Order:
    sku: str
    count: int = 1

class Ordered(Service):
    name = "api.order"

    def handle(self, order: Order) -> None:
        orders.append(order)
        self.kvdb.conn.incr("orders")
        return {"place": len(orders), "kept": self.kvdb.conn.get("orders"), "sku": order.sku}

class Priced(Service):
    name = "api.price"
    input = "what", "-size_count"

    def handle(self):
        rate = self.out.rest["Rates"].conn.get(self.cid, {"what": self.request.input.what})
        if rate.status_code != 200:
            raise NotFound("no such rate")
        return {"rate": rate.data["rate"], "size": self.request.input.size_count}

class Mailed(Service):
    name = "api.mail"

    async def handle(self):
        placed = await self.invoke.aio("api.order", {"sku": "by mail"})
        return placed["sku"]

class Failing(Service):
    name = "api.failing"

    def handle(self):
        return 1 / 0

class Rare(Service):
    name = "api.rare"
    limit = "1/d"

    def handle(self):
        return "once"
"""
CHANNELS = """wb.define(
    RESTChannel("api.order", path="/orders"), RESTChannel("api.price", path="/prices/{what}"),
    RESTChannel("api.mail", path="/mails"), RESTChannel("api.failing", path="/failing"),
    RESTChannel("api.rare", path="/rare", method="GET"),
)"""
CALLS: list[tuple[str, Any]] = [
    ("POST /orders", {"sku": "a", "count": 2}),
    ("POST /orders", {"sku": "ż\u0000"}),
    ("POST /orders", {"count": "many"}),
    ("POST /orders", [1]),
    ("GET /prices/eur?size_count=3", None),
    ("GET /prices/eur?size_count=x", None),
    ("GET /prices/usd", None),
    ("POST /mails", None),
    ("POST /failing", {}),
    ("GET /rare", None),
    ("GET /rare", None),
    ("POST /rare", None),
    ("GET /nowhere", None),
]
ASKED = f"""for call, data in {CALLS!r}:
    answer = wb.call(call, json=data)
    print(answer.status, answer.headers["Content-Type"], answer.text.replace(answer.cid, "..."))
"""


def served(url: str) -> str:
    """What the calls of the notebook print, asked of a server at this address."""
    lines = []
    # Of one caller, who stays with one process: the notebook counts orders in a list, which is of each.
    with requests.Session() as session:
        for call, data in CALLS:
            method, _, target = call.partition(" ")
            answer = session.request(method, url + target, json=data, timeout=30)
            text = answer.content.decode().replace(answer.headers["X-Zato-CID"], "...")
            lines.append(f"{answer.status_code} {answer.headers['Content-Type']} {text}\n")
    return "".join(lines)


def by_hand(folder: Path) -> str:
    """What the last cell prints in a kernel, its cells run one by one."""
    folder.mkdir()
    with Kernel("python3", cwd=folder, env={"JUPYTER_RUNTIME_DIR": str(folder / "runtime")}) as kernel:
        kernel.run(SERVICES)
        kernel.run(CHANNELS)
        return kernel.run(ASKED, timeout=60).stdout


def test_a_notebook_answers_the_same_by_hand_when_tested_and_served(tmp_path: Path, fresh: CommandLine) -> None:
    told = by_hand(tmp_path / "by hand")
    statuses = [int(line.split()[0]) for line in told.splitlines()]
    assert statuses == [200, 200, 400, 400, 200, 400, 404, 200, 500, 200, 429, 405, 404]
    (tmp_path / "project").mkdir()
    notebook = write(
        tmp_path / "project" / "orders.ipynb",
        markdown("# Services"),
        code(SERVICES, tags=("ignore-output",)),
        markdown("# Channels"),
        code(CHANNELS, tags=("ignore-output",)),
        markdown("# Answers"),
        code(ASKED, printed(told), tags=("test",)),
    )
    tested = workbench_test(tmp_path / "project", "orders.ipynb")
    assert (tested.status, set(tested.cells.values())) == (0, {"passed"}), tested.said
    server = fresh.serve(notebook)
    assert served(server.url) == told
    assert server.stop(signal.SIGTERM)[0] == 0
    crew = fresh.serve(notebook, "--workers", "2", WORKBENCH_STORE="")
    assert served(crew.url) == told
    assert crew.stop(signal.SIGTERM)[0] == 0
