"""`wb.fuzz` finds inputs that give a 500, makes them small, and leaves no mark."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest

from workbench import RESTChannel, RESTConnection, Service, SOAPConnection, Workbench
from workbench.core.errors import BadRequest, MissingDependency, ServiceUsage, UnknownName
from workbench.core.payload import elements
from workbench.testing import cell_tests


class Size(Enum):
    SMALL, LARGE = "small", "large"


@dataclass
class Line:
    sku: str
    count: int = 1


@dataclass
class Order:
    lines: list[Line]
    note: str | None = None


class Payment(msgspec.Struct):
    amount: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    method: Literal["card", "cash"]


class Address(pydantic.BaseModel):
    city: str
    code: int | None = None


@dataclass
class Stay:
    since: date
    until: datetime
    price: Decimal
    size: Size


class Node(msgspec.Struct):
    value: int
    below: list[Node] = []


def fault(wrong: object) -> None:
    """Fail where it is wrong."""
    if wrong:
        raise RuntimeError("planted")


def typed(model: Any, wrong: Callable[[Any], object]) -> dict[str, Any]:
    """A service whose input is a model."""
    return {"input": model, "handle": lambda self: fault(wrong(self.request.input))}


def named(declared: Any, wrong: Callable[[Any], object]) -> dict[str, Any]:
    """A service that declares its input by names."""
    return {"input": declared, "handle": lambda self: fault(wrong(self.request.input))}


PLANTED: dict[str, dict[str, Any]] = {
    "divides by a whole number": named("order_id", lambda given: 1 / given.order_id if given.order_id != "" else 0),
    "takes text for a number": named("amount", lambda given: int(given.amount) < 0),
    "indexes an empty text": named("word", lambda given: given.word[0] == "\0"),
    "breaks at one word": named("word", lambda given: given.word == "ABRACADABRA"),
    "breaks at one number": named("order_id", lambda given: given.order_id == 271828),
    "breaks above a bound": named("order_id", lambda given: given.order_id != "" and given.order_id > 1_000_000),
    "breaks for yes": named("is_urgent", lambda given: given.is_urgent),
    "encodes as ASCII": named("word", lambda given: given.word.encode("ascii") == b"\0"),
    "forgets that it may be left out": named(("-word", "id"), lambda given: 1 / len(given.word)),
    "breaks without an optional": named(("-size_count",), lambda given: given.size_count + 1 == ""),
    "is a decimal": named((elements.Decimal("price"),), lambda given: 1 / given.price),
    "is a list": named((elements.List("rows"),), lambda given: given.rows[0] == "\0"),
    "has keys": named((elements.Dict("who", "name", "-age"),), lambda given: given.who["name"] == ""),
    "is a list of objects": named((elements.DictList("rows", "id"),), lambda given: len(given.rows) > 2),
    "reads what nobody declared": {"handle": lambda self: fault(self.request.payload["count"] == 12)},
    "sums no lines": typed(Order, lambda given: max(each.count for each in given.lines) < -(10**30)),
    "has bounds": typed(Payment, lambda given: given.amount == 1000 and given.method == "cash"),
    "is pydantic": typed(Address, lambda given: given.code is not None and given.code < -5),
    "has dates": typed(Stay, lambda given: given.since > given.until.date() and given.size is Size.LARGE),
    "goes deep": typed(Node, lambda given: any(each.below for each in given.below)),
}


@pytest.mark.parametrize("name", list(PLANTED)[:: 1 if os.environ.get("WORKBENCH_SOAK") else 4])
def test_each_planted_fault_is_found(wb: Workbench, name: str) -> None:
    wb.deploy(type("Planted", (Service,), {"name": "api.planted", **PLANTED[name]}))
    found = wb.fuzz("api.planted", examples=60)
    assert len(found) >= 1, found
    try:
        found[0].again()
    except Exception as exc:
        failed = exc
    assert found[0].error.startswith(f"{type(failed).__name__}: ")


def test_twenty_faults_are_planted() -> None:
    assert len(PLANTED) == 20


def test_a_finding_is_as_small_as_it_gets_and_the_same_each_time(wb: Workbench) -> None:
    wb.deploy(type("Planted", (Service,), {"name": "api.planted", **PLANTED["breaks above a bound"]}))
    first, second = wb.fuzz("api.planted"), wb.fuzz("api.planted")
    assert repr(first) == repr(second)
    assert first[0].payload == {"order_id": 1_000_001}
    assert first[0].code == "wb.invoke('api.planted', {'order_id': 1000001})"
    assert "RuntimeError: planted" in first[0].error


def test_several_faults_are_told_apart_by_their_line(wb: Workbench) -> None:
    def handle(self: Any) -> Any:
        if self.request.input.order_id == 7:
            raise ValueError("seven")
        if self.request.input.order_id == 8:
            raise KeyError("eight")
        return 1

    wb.deploy(type("Planted", (Service,), {"name": "api.planted", "input": "order_id", "handle": handle}))
    assert sorted(each.payload["order_id"] for each in wb.fuzz("api.planted")) == [7, 8]


def test_a_service_with_a_channel_is_asked_through_the_pipeline(wb: Workbench) -> None:
    class Sample(Service):
        name = "api.sample"
        input = "customer_id", "word"

        def handle(self) -> Any:
            return 1 / (self.request.input.customer_id or 1) if self.request.input.word else object

    wb.deploy(Sample)
    wb.define(RESTChannel("api.sample", path="/customers/{customer_id}"))
    found = wb.fuzz("api.sample")
    assert len(found) == 1
    # What the answer is made of is no error of the service's own; only the pipeline meets it.
    assert found[0].error == "Unsendable: The answer cannot be sent"
    assert found[0].code.startswith("wb.call('POST /customers/")
    assert eval(found[0].code, {"wb": wb}).status == 500


def test_what_callers_are_told_is_no_finding(wb: Workbench) -> None:
    def handle(self: Any) -> Any:
        raise BadRequest("never")

    wb.deploy(type("Planted", (Service,), {"name": "api.planted", "handle": handle}))
    found = wb.fuzz("api.planted", examples=20)
    assert len(found) == 0
    assert repr(found).startswith("api.planted: no input that gives a 500, of ")


def test_a_finding_becomes_a_test_cell_that_fails_until_it_is_mended(wb: Workbench) -> None:
    wb.deploy(type("Planted", (Service,), {"name": "api.planted", **PLANTED["breaks at one number"]}))
    wb.define(RESTChannel("api.planted"))
    text = wb.fuzz("api.planted")[0].test
    assert cell_tests.test_name(text) == 'api.planted answers {"order_id": 271828}'
    body = text.partition("\n")[2]
    with pytest.raises(AssertionError):
        exec(body, {"wb": wb})
    wb.deploy(type("Planted", (Service,), {"name": "api.planted", "input": "order_id", "handle": lambda self: 1}))
    exec(body, {"wb": wb})


def test_nothing_is_left_of_it_and_what_reaches_out_is_not_tried(wb: Workbench, tmp_path: Path) -> None:
    def handle(self: Any) -> Any:
        (tmp_path / "made.txt").write_text("x")

    wb.deploy(type("Planted", (Service,), {"name": "api.planted", "limit": "1/d", "handle": handle}))
    with wb.limits.frozen():
        found = wb.fuzz("api.planted", examples=20)
        assert [each.used for each in wb.limits.use()] == [0]
    assert "inputs could not be tried: a rehearsal does not write the file" in repr(found)
    assert not (tmp_path / "made.txt").exists()
    assert (len(wb.traffic), len(wb.log)) == (0, 0)


def test_peers_answer_as_those_of_the_notebook_do_and_keep_nothing_of_it(wb: Workbench) -> None:
    wb.define(RESTConnection("Prices", host="https://prices.example.com", path="/list"))
    wb.sandbox()
    wb.peers["Prices"].reply("/list", json={"pen": 150})

    def handle(self: Any, payment: Payment) -> Any:
        prices = self.out.rest["Prices"].conn.get(self.cid).data
        return prices["pen"] // payment.amount

    wb.deploy(type("Planted", (Service,), {"name": "api.planted", "handle": handle}))
    found = wb.fuzz("api.planted")
    assert [(each.payload["amount"], each.error.partition(":")[0]) for each in found] == [(0, "ZeroDivisionError")]
    assert list(wb.peers["Prices"].requests) == []


def test_what_asks_a_peer_that_was_told_nothing_is_no_finding(wb: Workbench) -> None:
    wb.define(RESTConnection("Prices", host="https://prices.example.com", path="/list"))
    wb.sandbox()

    def handle(self: Any) -> Any:
        return self.out.rest["Prices"].conn.get(self.cid).data["pen"] if self.request.input.word else "nothing"

    wb.deploy(type("Planted", (Service,), {"name": "api.planted", "input": "word", "handle": handle}))
    found = wb.fuzz("api.planted", examples=20)
    assert list(found) == []
    assert found.left_out[0] > 0
    assert found.left_out[1] == "HTTP source 'Prices' has no reply to anything. Fix: .reply(path, json=...) of it"
    wb.peers["Prices"].reply("/elsewhere", json={})
    assert "answered 404" in wb.fuzz("api.planted", examples=20)[0].error


def test_what_asks_a_soap_peer_that_was_told_nothing_is_no_finding(wb: Workbench) -> None:
    wb.define(SOAPConnection("CRM", host="https://crm.example.com", wsdl="/?wsdl"))
    wb.sandbox()

    def handle(self: Any) -> Any:
        return self.out.soap["CRM"].conn.client.service.Get(id=1).name if self.request.input.word else "nothing"

    wb.deploy(type("Planted", (Service,), {"name": "api.planted", "input": "word", "handle": handle}))
    found = wb.fuzz("api.planted", examples=20)
    assert list(found) == []
    fix = ".reply(operation, value, takes=...) of it"
    assert found.left_out[1] == f"SOAP server 'CRM' has no reply to anything. Fix: {fix}"
    wb.peers["CRM"].reply("Get", {"name": "Ada", "no": 1}, takes={"id": 1})
    assert list(wb.fuzz("api.planted", examples=20)) == []


def test_an_async_service_is_tried_too(wb: Workbench) -> None:
    async def handle(self: Any) -> Any:
        fault(self.request.input.word == "x")

    wb.deploy(type("Planted", (Service,), {"name": "api.planted", "input": "word", "handle": handle}))
    assert wb.fuzz("api.planted")[0].payload == {"word": "x"}


def test_what_cannot_be_fuzzed_says_why(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="api.nope"):
        wb.fuzz("api.nope")
    wb.deploy(type("Planted", (Service,), {"name": "api.planted", "handle": lambda self: 1}))
    with pytest.raises(ServiceUsage, match="cannot try 0 inputs. Fix: "):
        wb.fuzz("api.planted", examples=0)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(MissingDependency, match=r"pip install 'notebook-workbench\[fuzz\]'"):
        wb.fuzz("api.planted")
