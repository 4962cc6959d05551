"""JSON-RPC 2.0 over the real server: single calls, batches, notifications, errors by code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import BasicAuth, Forbidden, JSONRPCChannel, Limit, Service, Workbench, secret
from workbench.channels.json_rpc import has_more_elements
from workbench.core.errors import InvalidDefinition


class Sum(Service):
    name = "api.sum"
    input = "a_count", "b_count"

    def handle(self) -> Any:
        return self.request.input.a_count + self.request.input.b_count


class Echo(Service):
    name = "api.echo"

    async def handle(self) -> Any:
        return {"payload": self.request.payload, "channel": self.channel.name}


class Boom(Service):
    name = "api.boom"

    def handle(self) -> Any:
        raise ValueError("an inside of ours")


class Closed(Service):
    name = "api.closed"

    def handle(self) -> Any:
        raise Forbidden("Not for you")


@pytest.fixture
def wb() -> Iterator[Workbench]:
    with Workbench(port=0) as wb:
        wb.deploy(Sum, Echo, Boom, Closed)
        services = ("api.sum", "api.echo", "api.boom", "api.closed")
        wb.define(JSONRPCChannel("rpc", path="/rpc", services=services))
        yield wb


def asked(method: str, params: Any = None, id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "id": id} | ({} if params is None else {"params": params})


def test_a_call_answers_its_result_under_its_id(wb: Workbench) -> None:
    answer = wb.call("POST /rpc", asked("api.sum", {"a_count": 2, "b_count": 3}, "seven"))
    assert answer.json() == {"jsonrpc": "2.0", "result": 5, "id": "seven"}


def test_parameters_may_be_a_list_and_services_may_be_async(wb: Workbench) -> None:
    answer = wb.call("POST /rpc", asked("api.echo", [1, "two"]))
    assert answer.json()["result"] == {"payload": [1, "two"], "channel": "rpc"}


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (asked("api.nope"), -32601, "Method not found"),
        ({"jsonrpc": "1.0", "method": "api.sum", "id": 1}, -32600, "Invalid Request"),
        ({"jsonrpc": "2.0", "method": 5, "id": 1}, -32600, "Invalid Request"),
        (asked("api.sum", 5), -32600, "Invalid Request"),
        (asked("api.sum", {"a_count": "x"}), -32602, "'a_count' must be a whole number; 'b_count' is missing"),
        (asked("api.closed"), -32403, "Not for you"),
        (asked("api.boom"), -32603, "Internal error"),
    ],
)
def test_an_error_has_its_code_and_the_cid(wb: Workbench, request_: Any, code: int, message: str) -> None:
    answer = wb.call("POST /rpc", request_)
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (200, code)
    assert message in error["message"]
    assert error["data"]["ctx"]["cid"] == answer.cid
    assert "inside of ours" not in answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"\xff"', b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_json_is_a_parse_error(wb: Workbench, body: bytes) -> None:
    answer = wb.call("POST /rpc", body)
    assert (answer.status, answer.json()["error"]["code"], answer.json()["id"]) == (200, -32700, None)


def test_a_batch_answers_in_its_order_and_leaves_notifications_out(wb: Workbench) -> None:
    notification = {"jsonrpc": "2.0", "method": "api.sum", "params": {"a_count": 1, "b_count": 1}}
    batch = [asked("api.sum", {"a_count": i, "b_count": i}, i) for i in range(5)]
    answer = wb.call("POST /rpc", [*batch, notification, asked("api.boom", id=9), 5])
    replies = answer.json()
    assert [each.get("result") for each in replies] == [0, 2, 4, 6, 8, None, None]
    assert [each["id"] for each in replies] == [0, 1, 2, 3, 4, 9, None]


def test_notifications_alone_answer_nothing_and_run(wb: Workbench) -> None:
    answer = wb.call("POST /rpc", {"jsonrpc": "2.0", "method": "api.echo"})
    assert (answer.status, answer.body) == (204, b"")
    assert "api.echo ok" in repr(answer.trace)


@pytest.mark.parametrize("batch", [[], [asked("api.echo")] * 1001])
def test_a_batch_of_no_or_too_many_requests_is_refused(wb: Workbench, batch: list[Any]) -> None:
    answer = wb.call("POST /rpc", batch).json()
    assert (answer["error"]["code"], answer["id"]) == (-32600, None)


@pytest.mark.usefixtures("still")
def test_a_service_limit_refuses_one_request_of_a_batch(wb: Workbench) -> None:
    wb.define(Limit("api.echo", on="service", lines="2/d"))
    replies = wb.call("POST /rpc", [asked("api.echo", id=i) for i in range(3)]).json()
    codes = sorted(each["error"]["code"] for each in replies if "error" in each)
    assert codes == [-32429]


@pytest.mark.parametrize("counters", ["memory://", "sqlite:///{folder}/counters.sqlite"])
@pytest.mark.parametrize("on", ["channel", "user"])
def test_each_request_of_a_batch_counts_on_endpoint_and_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counters: str, on: str
) -> None:
    monkeypatch.setenv("RPC_PASSWORD", "right")
    with Workbench(port=0, folder=tmp_path, counters=counters.format(folder=tmp_path)) as wb:
        wb.deploy(Echo)
        wb.define(
            BasicAuth("caller", password=secret("RPC_PASSWORD")),
            JSONRPCChannel("rpc", path="/rpc", services="api.echo", security="caller"),
            Limit("rpc" if on == "channel" else "caller", on=on, lines="3/d", window="sliding"),
        )
        replies = wb.call("POST /rpc", [asked("api.echo", id=i) for i in range(5)], user="caller").json()
        assert [each["id"] for each in replies] == [0, 1, 2, 3, 4]
        assert [each["error"]["code"] for each in replies if "error" in each] == [-32429, -32429]
        assert wb.call("POST /rpc", asked("api.echo"), user="caller").status == 429


@pytest.mark.usefixtures("still")
def test_the_endpoint_limit_refuses_the_request_with_its_status(wb: Workbench) -> None:
    wb.define(Limit("rpc", on="channel", lines="1/d"))
    wb.call("POST /rpc", asked("api.echo"))
    refused = wb.call("POST /rpc", asked("api.echo"))
    assert (refused.status, refused.json()["error"]["code"]) == (429, -32429)


def test_wrong_credentials_answer_401_with_a_challenge(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RPC_PASSWORD", "right")
    wb.define(
        BasicAuth("caller", password=secret("RPC_PASSWORD")),
        JSONRPCChannel("closed", path="/closed", services="api.echo", security="caller"),
    )
    refused = wb.call("POST /closed", asked("api.echo"))
    assert (refused.status, refused.json()["error"]["code"]) == (401, -32401)
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    assert wb.call("POST /closed", asked("api.echo"), user="caller").json()["id"] == 1


def test_only_post_is_answered(wb: Workbench) -> None:
    answer = wb.call("GET /rpc")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


def test_a_channel_without_services_says_so() -> None:
    with pytest.raises(InvalidDefinition, match="services must name at least one service"):
        JSONRPCChannel("rpc")


@pytest.mark.parametrize(
    "params",
    [
        b'["' + b",[{" * 5000 + b'"]',
        b'["' + rb"\"," * 5000 + b'"]',
        b"[" + b",".join([b"[]"] * 49) + b"]",
    ],
    ids=["signs in text", "signs behind escaped quotes", "as many as may be"],
)
def test_signs_in_texts_are_no_elements(wb: Workbench, params: bytes) -> None:
    wb.define(JSONRPCChannel("rpc", path="/rpc", services=("api.echo",), max_elements=53), replace=True)
    answer = wb.call("POST /rpc", b'{"jsonrpc": "2.0", "method": "api.echo", "id": 1, "params": ' + params + b"}")
    assert "result" in answer.json()


@pytest.mark.parametrize(
    "params", [b"[" + b",".join([b"[]"] * 60) + b"]", b'[{"a":1}' + b',{"a":1}' * 60 + b"]", b"[1" + b",1" * 110 + b"]"]
)
def test_a_body_of_too_many_elements_is_413(wb: Workbench, params: bytes) -> None:
    wb.define(JSONRPCChannel("rpc", path="/rpc", services=("api.echo",), max_elements=53), replace=True)
    answer = wb.call("POST /rpc", b'{"jsonrpc": "2.0", "method": "api.echo", "id": 1, "params": ' + params + b"}")
    assert (answer.status, answer.json()["error"]["code"]) == (413, -32413)
    assert answer.json()["error"]["message"] == "The JSON holds over 53 elements"


@pytest.mark.parametrize(
    "text", [b'"' * 200_001, b'"' + rb"\"" * 200_000, b'"' + b"\\" * 200_001, b'"' + b"," * 400_000]
)
def test_texts_without_an_end_are_counted_in_one_pass(text: bytes) -> None:
    began = time.process_time()
    has_more_elements(b"," * 10 + text, 5)
    assert time.process_time() - began < 5
