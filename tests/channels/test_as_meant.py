"""Bytes that clients send beside the rules, read as their senders meant them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.serving import Wire
from workbench import JSONRPCChannel, RESTChannel, Service, Workbench

MARK = b"\xef\xbb\xbf"


class Shows(Service):
    name = "shows"

    def handle(self) -> Any:
        http = self.request.http
        return {"path": http.path, "params": http.params, "cookie": http.headers.get("Cookie")}


class Echo(Service):
    name = "echo"

    def handle(self) -> Any:
        return self.request.payload


class Order(msgspec.Struct):
    name: str


class TakesOrder(Service):
    name = "order"

    def handle(self, order: Order) -> Order:
        return order


@pytest.fixture
def wire(wb: Workbench) -> Iterator[Wire]:
    wb.deploy(Shows, Echo, TakesOrder)
    wb.define(
        RESTChannel("shows"),
        RESTChannel("named", path="/named/{name}", service="shows"),
        RESTChannel("café", path="/café", service="shows"),
        RESTChannel("echo"),
        RESTChannel("order"),
        JSONRPCChannel("rpc", services="echo"),
    )
    with Wire(wb) as made:
        yield made


def shown(wire: Wire, line: str, *headers: str) -> dict[str, Any]:
    received = wire.request(line, *headers).answer()
    assert received.status == 200, received.body
    value: dict[str, Any] = msgspec.json.decode(received.body)
    return value


@pytest.mark.parametrize("name", ["José", "żółw", "报告", "\U0001f680"])
def test_letters_in_an_address_are_utf_8_raw_or_encoded(wire: Wire, name: str) -> None:
    assert shown(wire, f"GET /shows?name={name}&b=%C5%BC")["params"] == {"name": name, "b": "ż"}
    assert shown(wire, f"GET /shows?{name}=1")["params"] == {name: "1"}
    assert shown(wire, f"GET /named/{name}?x={name}")["params"] == {"name": name, "x": name}
    assert shown(wire, "GET /café")["path"] == "/caf%C3%A9"


def test_an_address_that_is_not_utf_8_is_a_400(wire: Wire) -> None:
    for target in (b"/named/\xe9", b"/shows?a=\xe9"):
        received = wire.send(b"GET " + target + b" HTTP/1.1\r\nHost: " + wire.host.encode() + b"\r\n\r\n").answer()
        assert received.status == 400


def test_two_lines_of_cookies_are_told_apart_by_semicolons(wire: Wire) -> None:
    assert shown(wire, "GET /shows", "Cookie: a=1,2", "Cookie: b=3")["cookie"] == "a=1,2; b=3"
    assert shown(wire, "GET /shows", "Cookie: a=1,2")["cookie"] == "a=1,2"


def test_json_may_begin_with_a_byte_order_mark(wire: Wire) -> None:
    assert wire.request("POST /echo", body=MARK + b'{"a":1}').answer().body == b'{"a":1}'
    assert wire.request("POST /echo", body=MARK).answer().body == b""
    assert wire.request("POST /order", body=MARK + b'{"name":"x"}').answer().body == b'{"name":"x"}'
    call = MARK + b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[5]}'
    assert b'"result":[5]' in wire.request("POST /rpc", body=call).answer().body


@pytest.mark.parametrize("path", ["/echo", "/order"])
@pytest.mark.parametrize("charset", ["utf-16", "UTF-16LE", "iso-8859-1", "windows-1252", "utf-8"])
def test_json_is_read_in_the_charset_it_says(wire: Wire, charset: str, path: str) -> None:
    kind = f"Content-Type: application/json; charset={charset}"
    received = wire.request(f"POST {path}", kind, body='{"name": "caf\u00e9"}'.encode(charset)).answer()
    assert (received.status, received.body) == (200, '{"name":"caf\u00e9"}'.encode())


def test_json_in_a_charset_that_is_none_or_another_is_refused(wire: Wire) -> None:
    body = b'{"name": "caf\xe9"}'
    for charset, status in (("klingon", 415), ("utf-8", 400), ("ascii", 400), ("utf-16", 400)):
        kind = f"Content-Type: application/json; charset={charset}"
        assert wire.request("POST /echo", kind, body=body).answer().status == status, charset
