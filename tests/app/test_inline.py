"""`wb.call`: a request through the real server, and an answer that reads the same every time."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.app.asking.inline import read_call
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.errors import ServiceUsage
from workbench.core.service import Service


class Echo(Service):
    name = "echo"

    def handle(self) -> Any:
        self.response.content_type = self.request.http.params.get("kind", "")
        if "empty" in self.request.http.params:
            return None
        return self.request.raw_request if self.request.http.method == "POST" else {"cid": self.cid}


@pytest.fixture
def echo(wb: Workbench) -> Workbench:
    wb.deploy(Echo)
    wb.define(RESTChannel("echo", path="/echo", data_format="raw"))
    return wb


@pytest.mark.parametrize(
    ("call", "method", "target"),
    [
        ("/x", "GET", "/x"),
        ("get /x?a=1&b=2", "GET", "/x?a=1&b=2"),
        ("  POST   /x/ł%20y ", "POST", "/x/%C5%82%20y"),
        ('PUT /a"b<c>', "PUT", "/a%22b%3Cc%3E"),
    ],
)
def test_a_call_is_a_method_and_a_path(call: str, method: str, target: str) -> None:
    assert read_call(call) == (method, target)


@pytest.mark.parametrize("call", ["", "x", "POST x", "GET /a b", "GET /x HTTP/1.1", "http://localhost/x"])
def test_what_is_no_call_says_what_is(call: str) -> None:
    with pytest.raises(
        ServiceUsage, match="wb.call takes a method and a path, as wb.call\\('POST /api/sample.* Fix: begin"
    ):
        read_call(call)


@pytest.mark.parametrize(
    ("data", "body"),
    [("text ł", "text ł".encode()), (b"\x00\xff", b"\x00\xff"), ({"a": [1]}, b'{"a":[1]}'), ([], b"[]"), (0, b"0")],
)
def test_text_and_bytes_go_as_they_are_and_the_rest_as_json(echo: Workbench, data: Any, body: bytes) -> None:
    assert echo.call("POST /echo", data=data).body == body


def test_json_goes_as_json_whatever_it_is(echo: Workbench) -> None:
    assert echo.call("POST /echo", json="text").body == b'"text"'
    assert echo.call("POST /echo", json={"a": 1}, headers={"Content-Type": "application/x+json"}).body == b'{"a":1}'
    with pytest.raises(ServiceUsage, match=r"data= or json=, not both.* Fix: "):
        echo.call("POST /echo", {"a": 1}, json={"a": 1})


def test_an_answer_has_status_headers_body_cid_and_trace(echo: Workbench) -> None:
    answer = echo.call("GET /echo", headers={"X-Own": "1"})
    assert (answer.status, answer.ok) == (200, True)
    assert answer.json() == answer.data == {"cid": answer.cid}
    assert answer.headers["content-type"] == "application/json"
    assert repr(answer.trace) == "GET /echo 200\n  echo ok"
    assert answer.trace is echo.traffic[-1]


def test_an_answer_reads_the_same_every_time(echo: Workbench) -> None:
    for _ in range(2):
        assert repr(echo.call("GET /echo")) == '200, application/json\n{"cid":"..."}'
        assert repr(echo.call("POST /echo", data="text\n")) == "200, application/octet-stream, 5 bytes"
        assert repr(echo.call("POST /echo?kind=text/plain", data="text\n")) == "200, text/plain\ntext"
        assert repr(echo.call("POST /echo?empty=1")) == "200, empty body"
        assert (
            repr(echo.call("GET /nope"))
            == '404, application/json\n{"result":"Error","cid":"...","details":"Not Found"}'
        )
    long = repr(echo.call("POST /echo?kind=text/plain", data="x" * 2500))
    assert long.endswith("xxx ... 500 more characters")
