"""Services that call SOAP, as somebody writes them, and what their callers and their notebook see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from workbench import RESTChannel, Service, SOAPConnection, SOAPFault, Workbench, secret
from workbench.core.errors import ServiceUsage

ORDER = {"id": 7, "total": Decimal("12.50"), "day": date(2026, 1, 2), "lines": [{"sku": "a"}]}


class GetOrder(Service):
    name = "api.order"

    def handle(self) -> Any:
        with self.out.soap.get("CRM").conn.client() as client:
            return client.service.GetOrder(id=self.request.payload["id"])


class Guarded(Service):
    name = "api.guarded"

    def handle(self) -> Any:
        try:
            return self.out.soap["CRM"].conn.client.service.Refuse()
        except SOAPFault as exc:
            return {"code": exc.code, "text": exc.text}


class Awaits(Service):
    name = "api.awaits"

    async def handle(self) -> Any:
        return (await self.out.soap["CRM"].conn.aio.client.service.GetOrder(id=7)).lines


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(port=0, folder=tmp_path, store="memory://") as wb:
        wb.define(
            SOAPConnection("CRM", host="https://crm.example.com", wsdl="/?wsdl", username="me", password=secret("PW"))
        )
        wb.sandbox()
        peer: Any = wb.peers["CRM"]
        peer.reply("GetOrder", ORDER, takes={"id": 7})
        peer.reply("Refuse", fault="not today", code="Client")
        for each in (GetOrder, Guarded, Awaits):
            wb.deploy(each)
            wb.define(RESTChannel(each.name))
        yield wb


def test_an_answer_is_sent_on_as_json_and_the_call_is_a_step(wb: Workbench) -> None:
    answer = wb.call("POST /api/order", data={"id": 7})
    assert answer.json() == {"id": 7, "total": "12.50", "day": "2026-01-02", "lines": [{"sku": "a"}]}
    assert answer.trace is not None
    (step,) = answer.trace.steps("soap")
    assert step.describe() == "SOAP CRM GetOrder ok"
    assert wb.connections["CRM"].ping().startswith("WSDL of ")


def test_a_fault_is_caught_or_told_in_words(wb: Workbench) -> None:
    answer = wb.call("POST /api/guarded")
    assert answer.json() == {"code": "Client", "text": "not today"}
    assert answer.trace is not None
    assert [each.describe() for each in answer.trace.steps("soap")] == ["SOAP CRM Refuse fault Client: not today"]


def test_an_async_service_awaits_it(wb: Workbench) -> None:
    assert wb.call("POST /api/awaits").json() == [{"sku": "a"}]


class Types(Service):
    name = "api.types"

    async def handle(self) -> Any:
        conn = self.out.soap["CRM"].conn
        if self.request.payload["loads"]:
            await conn.aio.operations()
        client = conn.aio.client if self.request.payload["aio"] else conn.client
        return sorted(dir(client.service)), client.wsdl is not None


@pytest.mark.parametrize("aio", [True, False])
def test_an_async_service_loads_no_wsdl_on_the_loop(wb: Workbench, aio: bool) -> None:
    wb.deploy(Types)
    with pytest.raises(ServiceUsage, match=r"would block the server. Fix: await conn\.aio\.operations\(\) before"):
        wb.invoke("api.types", {"loads": False, "aio": aio})
    names, is_there = wb.invoke("api.types", {"loads": True, "aio": aio})
    assert ("GetOrder" in names, is_there) == (True, True)
