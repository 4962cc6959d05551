"""Each message is a call, answered with its CID; who may connect, and how often a message may come."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tornado.websocket import websocket_connect
from websockets.frames import Opcode

from tests.channels.websocket.conftest import PASSWORD, PATH, Bench, Raw
from workbench import Limit, RESTChannel, Service, WebSocketChannel
from workbench.app.asking.websocket import NotConnected
from workbench.core.errors import BadRequest, InvalidDefinition, PathTaken


def test_a_message_is_a_call_and_its_answer_has_the_cid_of_it(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        first, second = client.ask({"x": 1}), client.ask([2])
    assert (first.data, second.data) == ({"x": 1}, [2])
    assert (first.status, first.meta["msg_type"]) == (200, "zwsx.rspok")
    assert first.cid != second.cid
    assert first.trace is not None
    assert [step.name for _, step in first.trace.root.tree()] == [f"message {PATH}", "echo"]  # type: ignore[attr-defined]


def test_tornados_own_client_is_answered_too(bench: Bench) -> None:
    bench.define()

    async def ask() -> Any:
        client = await websocket_connect(bench.live.url.replace("http", "ws"))
        await client.write_message('{"meta": {"id": "7"}, "data": {"x": 1}}')
        said = await client.read_message()
        client.close()
        return json.loads(said or "")

    said = asyncio.run(asyncio.wait_for(ask(), 30))
    assert (said["data"], said["meta"]["in_reply_to"]) == ({"x": 1}, "7")


def test_a_service_sees_the_channel_the_address_and_the_request_by_which_its_client_connected(bench: Bench) -> None:
    bench.wb.define(WebSocketChannel("room", path="/ws/{room}", service="echo"))
    bench.does = lambda service: [
        service.channel.type,
        service.channel.kind,
        service.channel.name,
        service.request.http.params["room"],
        service.request.http.params["x"],
    ]
    with bench.connect("/ws/blue?x=1") as client:
        assert client.ask(1).data == ["web-socket", "WebSocket", "room", "blue", "1"]


def test_an_async_service_answers_too(bench: Bench) -> None:
    class Later(Service):
        name = "later"

        async def handle(self) -> Any:
            await asyncio.sleep(0)
            return self.request.payload

    bench.wb.deploy(Later)
    bench.wb.define(WebSocketChannel("later", path="/later"))
    with bench.connect("/later") as client:
        assert client.ask({"x": 1}).data == {"x": 1}


def test_bytes_come_and_go_as_they_are(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        answer = client.ask(b"\x00\xff")
    assert answer.data == b"\x00\xff"
    assert answer.meta["binary_bytes"] == 2


def test_text_of_a_raw_channel_is_not_read_as_json(bench: Bench) -> None:
    bench.define(data_format="raw")
    with bench.connect() as client:
        assert client.ask("[1").data == "[1"


def test_what_is_no_json_is_answered_400_and_calls_nobody(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        refused = client.ask("[1")
        assert (refused.status, refused.error[:12]) == (400, "Invalid JSON")
        assert client.ask('{"meta": {"action": "create-session"}, "data": 1}').status == 400
        assert client.ask(json.dumps({"meta": {"id": "x" * 201}})).status == 400
        assert bench.got == []
        assert client.ask({"x": 1}).ok


def test_messages_of_one_client_are_answered_in_their_order(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        for number in range(100):
            client.send(number)
        assert [client.receive().data for _ in range(100)] == list(range(100))


def test_an_error_of_a_service_tells_an_outsider_nothing_and_its_trace_all(bench: Bench) -> None:
    bench.define()

    def fail(service: Any) -> None:
        raise KeyError("inner-detail")

    bench.does = fail
    with bench.connect() as client:
        answer = client.ask(1)
    assert (answer.status, answer.error, answer.data) == (500, "Internal Server Error", None)
    assert "inner-detail" not in json.dumps(answer.meta)
    assert answer.trace is not None
    assert "inner-detail" in "\n".join(line.text for line in bench.wb.log[answer.cid]) + repr(answer.trace)


def test_an_error_that_is_for_callers_is_told_in_its_words(bench: Bench) -> None:
    bench.define()

    def refuse(service: Any) -> None:
        raise BadRequest("Say which order")

    bench.does = refuse
    with bench.connect() as client:
        assert (client.ask(1).error, client.ask(1).status) == ("Say which order", 400)


def test_what_json_cannot_say_is_an_error_of_the_service(bench: Bench) -> None:
    bench.define()
    bench.does = lambda service: object()
    with bench.connect() as client:
        assert client.ask(1).status == 500


def test_a_limit_of_the_service_is_answered_as_a_message_and_the_client_stays(bench: Bench) -> None:
    bench.define()
    bench.wb.define(Limit("echo", on="service", lines="* = 2/m"))
    with bench.connect() as client:
        assert [client.ask(1).status for _ in range(4)] == [200, 200, 429, 429]
        assert "2/m" not in client.ask(1).error
        bench.clock.advance(60)
        assert client.ask(1).ok
    assert bench.got == [1, 1, 1]


def test_a_limit_of_the_user_counts_messages_and_not_connections(bench: Bench) -> None:
    bench.user()
    bench.define(security="its.user")
    bench.wb.define(Limit("its.user", on="user", lines="* = 2/m"))
    for _ in range(3):
        with bench.connect(user="its.user"):
            pass
    with bench.connect(user="its.user") as client:
        assert [client.ask(1).status for _ in range(3)] == [200, 200, 429]


def test_limits_of_endpoints_are_not_for_it(bench: Bench) -> None:
    limit = Limit("echo", on="channel", lines="* = 2/m")
    bench.wb.define(RESTChannel("echo"))
    bench.wb.define(limit)
    with pytest.raises(InvalidDefinition, match="Fix: limit its service or its user"):
        bench.define()
    bench.wb.limits.remove("channel echo")
    bench.define()
    with pytest.raises(InvalidDefinition, match="Fix: limit its service or its user"):
        bench.wb.define(limit)


def test_credentials_are_asked_for_when_a_client_connects(bench: Bench) -> None:
    bench.user()
    bench.define(security="its.user")
    for headers in ({}, {"Authorization": "Basic dTp3cm9uZw=="}):
        with pytest.raises(NotConnected, match="401"):
            bench.connect(headers=headers)
    with Raw(bench.wb) as raw:
        refused = raw.handshake()
        assert (refused.status, refused.headers["www-authenticate"][:5]) == (401, "Basic")
    bench.does = lambda service: service.channel.security.username
    with bench.connect(user="its.user") as client:
        assert client.ask(1).data == "u"
    assert PASSWORD not in repr(bench.wb.traffic) + repr(bench.wb.log)


def test_a_password_that_changes_ends_the_next_message_and_the_connection(bench: Bench) -> None:
    bench.user()
    bench.define(security="its.user")
    with bench.connect(user="its.user") as client:
        assert client.ask(1).ok
        bench.user("another-long-password-4712")
        assert client.ask(2).status == 401
        with pytest.raises(NotConnected, match="1008"):
            client.receive()
    assert bench.got == [1]


def test_the_same_path_may_answer_http_and_two_websocket_channels_may_not_share_one(bench: Bench) -> None:
    bench.define()
    bench.wb.define(RESTChannel("page", path=PATH, service="echo", method="GET"))
    assert bench.wb.call(f"GET {PATH}").status == 200
    with bench.connect() as client:
        assert client.ask(1).data == 1
    with pytest.raises(PathTaken):
        bench.wb.define(WebSocketChannel("other", path=PATH, service="echo"))


def test_an_answer_can_be_run_again_as_a_call_of_its_service(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        trace = client.ask({"x": 1}).trace
        assert trace is not None
        assert trace.again().answer == {"x": 1}
        assert trace.again(data={"x": 2}).answer == {"x": 2}
    assert bench.got == [{"x": 1}, {"x": 1}, {"x": 2}]


def test_a_message_in_parts_with_a_ping_between_them_is_one_message(bench: Bench) -> None:
    bench.define()
    with bench.raw() as raw:
        raw.frame(Opcode.TEXT, b'{"x"', fin=False).frame(Opcode.PING, b"hi").frame(Opcode.CONT, b": 1}")
        pong = raw.next()
        assert pong is not None
        assert (pong.opcode, pong.data) == (Opcode.PONG, b"hi")
        answer = raw.next()
        assert answer is not None
        assert json.loads(bytes(answer.data))["data"] == {"x": 1}
