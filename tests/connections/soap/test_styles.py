"""A WSDL as larger services have it: namespaces, attributes, choices, types that extend others, headers, RPC."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.connections.suites.examples import played
from workbench.connections.soap.definition import SOAPConnection
from workbench.connections.soap.live import LiveSOAP
from workbench.core.errors import ServiceUsage

FILE = Path(__file__).parent / "orders.wsdl"
ANSWER = {
    "id": 7,
    "status": "sent",
    "total": {"_value_1": Decimal("9.50"), "currency": "EUR"},
    "items": ["a", "b"],
}


@pytest.fixture
def shop() -> Iterator[tuple[LiveSOAP, Any]]:
    with played(SOAPConnection("Shop", host="https://shop.example.com", wsdl_file=str(FILE))) as (live, sandbox):
        sandbox["Shop"].reply("Place", ANSWER)  # type: ignore[attr-defined]
        yield live.live("Shop"), sandbox["Shop"]


def test_the_first_port_that_speaks_soap_is_called(shop: tuple[LiveSOAP, Any]) -> None:
    conn, _ = shop
    assert list(conn.operations()) == ["Place", "Touch"]
    assert "_soapheaders={session: " in conn.operations()["Place"]


def test_attributes_choices_and_other_namespaces_go_out_and_come_back(shop: tuple[LiveSOAP, Any]) -> None:
    conn, peer = shop
    items = {"item": [{"sku": "a", "price": {"_value_1": Decimal("4.75"), "currency": "EUR"}}]}
    answer = conn.client.service.Place(
        buyer={"name": "Ada"}, items=items, email="ada@example.com", _soapheaders={"session": {"token": "t-1"}}
    )
    assert answer == ANSWER
    assert (answer.total.currency, answer["items"]) == ("EUR", ["a", "b"])
    (call,) = peer.calls
    given = call.arguments
    assert (given["buyer"], given["items"], given["email"]) == ({"name": "Ada"}, items, "ada@example.com")


def test_an_object_of_a_type_that_extends_another_goes_as_what_it_is(shop: tuple[LiveSOAP, Any]) -> None:
    conn, peer = shop
    company = conn.client.get_type("{urn:orders}Company")(name="Ada Ltd", vat="PL1")
    conn.client.service.Place(buyer=company, phone="+48123")
    assert peer.calls[0].arguments["buyer"] == {"name": "Ada Ltd", "vat": "PL1"}


def test_what_is_missing_or_no_value_of_its_type_is_said_before_anything_is_sent(shop: tuple[LiveSOAP, Any]) -> None:
    conn, peer = shop
    with pytest.raises(ServiceUsage, match=r"cannot send that: Missing element name .*Fix: call Place\(buyer: "):
        conn.call("Place", buyer={}, email="x")
    with pytest.raises(ServiceUsage, match="cannot send that"):
        conn.call("Place", buyer={"name": "Ada"}, items={"item": [{"price": {"_value_1": "dear"}}]}, email="x")
    assert len(peer.calls) == 0


def test_an_operation_without_an_answer_gives_none(shop: tuple[LiveSOAP, Any]) -> None:
    conn, peer = shop
    peer.reply("Touch")
    assert conn.client.service.Touch() is None
    assert [each.operation for each in peer.calls] == ["Touch"]


def test_a_port_in_the_style_of_rpc_is_called_by_its_name() -> None:
    definition = SOAPConnection("Shop", host="https://shop.example.com", wsdl_file=str(FILE), port_name="Calls")
    with played(definition) as (live, sandbox):
        peer: Any = sandbox["Shop"]
        conn = live.live("Shop")
        peer.reply("Sum", 3)
        assert conn.client.service.Sum(1, b=2) == 3
        assert peer.calls[0].arguments == {"a": 1, "b": 2}
