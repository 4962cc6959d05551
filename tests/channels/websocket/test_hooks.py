"""A channel's hook lets clients in or refuses them, and is told once of each that has left, however it left."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Opcode

from tests.channels.websocket.conftest import PATH, Bench, Raw
from tests.serving import until
from workbench import Service, WebSocketChannel, Workbench, WSXHook
from workbench.app.asking.websocket import NotConnected
from workbench.channels.websocket.hook import CONNECTED, DISCONNECTED
from workbench.core.errors import DanglingReference, Forbidden


class Told:
    """What a hook was told, and what it does about it."""

    def __init__(self, bench: Bench) -> None:
        self.came: list[dict[str, Any]] = []
        self.left: list[dict[str, Any]] = []
        self.on_connected: Callable[[Any], Any] = lambda service: None
        self.on_disconnected: Callable[[Any], Any] = lambda service: None
        told = self

        class Doorkeeper(WSXHook):
            name = "doorkeeper"

            def on_connected(self) -> None:
                told.came.append(self.request.payload["ctx"])
                told.on_connected(self)

            def on_disconnected(self) -> None:
                told.left.append(self.request.payload["ctx"])
                told.on_disconnected(self)

        bench.wb.deploy(Doorkeeper)

    def left_with(self, count: int = 1) -> list[tuple[int, str]]:
        """The codes and reasons of who has left, once these are as many."""
        until(lambda: len(self.left) >= count, f"the hook is told of {count}")
        return [(each["code"], each["reason"]) for each in self.left]


@pytest.fixture
def told(bench: Bench) -> Told:
    made = Told(bench)
    bench.define(hook_service="doorkeeper")
    return made


def test_a_hook_is_told_who_comes_and_who_leaves(bench: Bench, told: Told) -> None:
    told.on_connected = lambda service: service.wsx.client.send({"hello": service.request.input.ctx.peer_address})
    with bench.connect() as client:
        assert client.receive().data == {"hello": "127.0.0.1"}
        assert client.ask(1).data == 1
        (its,) = bench.live.clients
    assert told.left_with() == [(1000, "")]
    assert len(told.came) == 1
    expected = {
        "hook_type": CONNECTED,
        "channel": "echo",
        "pub_client_id": its.id,
        "peer_address": "127.0.0.1",
        "connection_time": its.since.isoformat(),
        "user": "",
    }
    assert told.came == [expected]
    assert told.left == [{**expected, "hook_type": DISCONNECTED, "code": 1000, "reason": ""}]
    names = [trace.root.name for trace in bench.wb.traffic]
    assert [names.count(f"{word} {PATH}") for word in ("connected", "message", "disconnected")] == [1, 1, 1]


def test_who_raises_refuses_with_its_words_for_callers(bench: Bench, told: Told) -> None:
    def refuse(service: Any) -> None:
        raise Forbidden("Only on Mondays")

    told.on_connected = refuse
    # It may be refused before it sends, or behind that.
    with bench.connect() as client, pytest.raises(NotConnected, match="1008 Only on Mondays"):
        client.send(1).receive()
    bench.nobody_is_left()
    assert bench.got == []


@pytest.mark.parametrize("reason", ["ż" * 200, "x" * 124])
def test_a_reason_that_a_close_cannot_say_is_cut(bench: Bench, told: Told, reason: str) -> None:
    def refuse(service: Any) -> None:
        raise Forbidden(reason)

    told.on_connected = refuse
    with bench.connect() as client, pytest.raises(NotConnected, match=f"1008 {reason[:50]}"):
        client.receive()


def test_an_error_refuses_and_tells_an_outsider_nothing_of_it(bench: Bench, told: Told) -> None:
    def fail(service: Any) -> None:
        raise KeyError("inner-detail")

    told.on_connected = fail
    with bench.connect() as client, pytest.raises(NotConnected, match=r"1008 Refused\."):
        client.receive()
    assert "inner-detail" in repr(list(bench.wb.log))
    until(lambda: not bench.live._clients, "nobody is left")
    told.on_connected = lambda service: None
    with bench.connect() as client:
        assert client.ask(1).ok
    # Of who was refused nobody is told that it has left.
    assert told.left_with() == [(1000, "")]


def test_who_is_not_in_yet_gets_no_news_and_has_its_messages_answered_later(bench: Bench, told: Told) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def wait(service: Any) -> None:
        begun.set()
        assert goes_on.wait(30)

    told.on_connected = wait
    with bench.connect() as client:
        client.send(1).send(2)
        assert begun.wait(30)
        assert (bench.live.clients, bench.live.broadcast("not for strangers"), bench.got) == ([], 0, [])
        goes_on.set()
        assert [client.receive().data, client.receive().data] == [1, 2]
        assert bench.live.broadcast("news") == 1
        assert client.receive().data == "news"


def test_a_hook_that_takes_too_long_refuses(bench: Bench) -> None:
    told, goes_on = Told(bench), threading.Event()
    bench.define(hook_service="doorkeeper", timeout_seconds=0.2)
    told.on_connected = lambda service: goes_on.wait(30)
    with bench.connect() as client, pytest.raises(NotConnected, match=r"1008 Refused\."):
        client.receive()
    goes_on.set()
    bench.nobody_is_left()
    assert told.left == []


def test_a_hook_can_ask_who_comes(bench: Bench, told: Told) -> None:
    def ask(service: Any) -> None:
        if service.wsx.client.invoke("who are you?", timeout=30) != "a friend":
            raise Forbidden("Not a friend")

    told.on_connected = ask
    with bench.connect() as client:
        client.reply(client.receive(), "a friend")
        assert client.ask(1).ok
    with bench.connect() as client:
        client.reply(client.receive(), "somebody")
        with pytest.raises(NotConnected, match="1008 Not a friend"):
            client.receive()


def test_a_hook_may_be_async(bench: Bench) -> None:
    left = threading.Event()

    class Later(WSXHook):
        name = "doorkeeper"

        async def on_connected(self) -> None:
            assert await self.wsx.client.aio.invoke("who?", timeout=30) == "me"
            self.wsx.client.send("welcome")

        def on_disconnected(self) -> None:
            left.set()

    bench.wb.deploy(Later)
    bench.define(hook_service="doorkeeper")
    with bench.connect() as client:
        client.reply(client.receive(), "me")
        assert client.receive().data == "welcome"
    assert left.wait(30)


def test_any_service_can_be_a_hook(bench: Bench) -> None:
    told: list[Any] = []

    class Plain(Service):
        name = "plain"

        def handle(self) -> None:
            told.append(self.request.payload["ctx"]["hook_type"])

    bench.wb.deploy(Plain)
    bench.define(hook_service="plain")
    with bench.connect() as client:
        assert client.ask(1).ok
    until(lambda: told == [CONNECTED, DISCONNECTED], "it is told of both")


def test_a_hook_that_is_not_there_is_said_where_it_is_named(bench: Bench) -> None:
    with pytest.raises(DanglingReference, match="doorkeeper"):
        bench.define(hook_service="doorkeeper")


def test_a_hook_is_not_what_messages_lead_to(bench: Bench, told: Told) -> None:
    assert bench.live.leads_to == ("echo",)


def cut(raw: Raw) -> None:
    """Reset the connection, as where a client's machine is gone."""
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.socket.close()


@pytest.mark.parametrize(
    ("leave", "code"),
    [
        (lambda bench, raw: raw.frame(Opcode.CLOSE, b"\x0b\xb8bye"), 3000),
        (lambda bench, raw: raw.frame(Opcode.CLOSE, b""), 1005),
        (lambda bench, raw: raw.socket.close(), 1006),
        (lambda bench, raw: raw.socket.shutdown(socket.SHUT_WR), 1006),
        (lambda bench, raw: cut(raw), 1006),
        (lambda bench, raw: raw.frame(Opcode.TEXT, b"\xff"), 1007),
        (lambda bench, raw: raw.send(b"\xc1\x80mask"), 1002),
        (lambda bench, raw: bench.live.clients[0].close("enough"), 1001),
        (lambda bench, raw: bench.wb.channels.remove("echo"), 1001),
        (lambda bench, raw: bench.define(hook_service="doorkeeper", max_clients=7), 1012),
        (lambda bench, raw: bench.wb.stop(), 1001),
        (lambda bench, raw: bench.wb.stop(drain_seconds=5), 1001),
        (lambda bench, raw: bench.wb.close(), 1001),
    ],
    ids=[
        *("closes", "closes without a code", "hangs up", "sends nothing more", "vanishes", "sends no text"),
        *("sends no frame", "is sent away", "its channel is removed", "its channel changes", "the server stops"),
        *("the server drains", "the workbench is closed"),
    ],
)
def test_however_a_client_leaves_the_hook_is_told_once(
    bench: Bench, told: Told, leave: Callable[[Bench, Raw], Any], code: int
) -> None:
    with bench.raw() as raw:
        until(lambda: bench.live.clients, "it is in")
        live = bench.live
        leave(bench, raw)
        if code == 1005:
            assert raw.closed_with() is not None
    assert [each for each, _ in told.left_with()] == [code]
    until(lambda: not live._clients, "nobody is left")
    assert len(told.left) == len(told.came) == 1


@pytest.mark.parametrize("leaves", [False, True], ids=["refused", "left first"])
def test_who_is_refused_is_gone_however_much_it_has_sent_meanwhile(bench: Bench, leaves: bool) -> None:
    told, begun, goes_on = Told(bench), threading.Event(), threading.Event()

    def refuse(service: Any) -> None:
        begun.set()
        assert goes_on.wait(30)
        raise Forbidden("Only on Mondays")

    told.on_connected = refuse
    bench.define(hook_service="doorkeeper", max_waiting=2)
    with bench.raw() as raw:
        for _ in range(8):
            raw.frame(Opcode.TEXT, b"1")
        assert begun.wait(30)
        (its,) = bench.live._clients.values()
        until(lambda: its.counts[0] >= 2, "as many messages wait as may")
        if leaves:
            cut(raw)
        goes_on.set()
        if not leaves:
            assert raw.closed_with() == (1008, "Only on Mondays")
    until(lambda: not bench.live._clients, "nothing of it is kept")


def test_the_hook_is_told_of_who_leaves_also_when_the_user_is_gone_with_the_channel(bench: Bench) -> None:
    told = Told(bench)
    bench.user()
    bench.define(hook_service="doorkeeper", security="its.user")
    with bench.connect(user="its.user") as client:
        assert client.ask(1).ok
        bench.wb.channels.remove("echo")
        bench.wb.users.remove("its.user")
    assert told.left_with() == [(1001, "The channel is closed")]
    assert told.left[0]["user"] == "its.user"


def test_who_leaves_while_it_is_let_in_is_told_of_after_that(bench: Bench, told: Told) -> None:
    begun, goes_on, order = threading.Event(), threading.Event(), list[str]()

    def wait(service: Any) -> None:
        begun.set()
        assert goes_on.wait(30)
        order.append("came")

    told.on_connected, told.on_disconnected = wait, lambda service: order.append("left")
    with bench.raw():
        assert begun.wait(30)
    until(lambda: not bench.live._clients, "it has left")
    assert told.left == []
    goes_on.set()
    told.left_with()
    until(lambda: len(order) == 2, "both have ended")
    assert order == ["came", "left"]


def test_many_who_leave_at_once_are_each_told_of_once(bench: Bench, told: Told) -> None:
    most, now, lock = [0], [0], threading.Lock()

    def count(service: Any) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.002)
        with lock:
            now[0] -= 1

    told.on_disconnected = count
    with contextlib.ExitStack() as clients:
        for _ in range(100):
            clients.enter_context(bench.raw())
        until(lambda: len(bench.live.clients) == 100, "all are in")
        bench.wb.channels.remove("echo")
    told.left_with(100)
    assert len({each["pub_client_id"] for each in told.left}) == len(told.left) == 100
    assert most[0] <= 8


def test_who_has_left_untold_of_is_bounded(bench: Bench) -> None:
    told, goes_on = Told(bench), threading.Event()
    told.on_disconnected = lambda service: goes_on.wait(30)
    bench.define(hook_service="doorkeeper", max_clients=2)
    for _ in range(2):
        with bench.raw():
            until(lambda: bench.live.clients, "it is in")
        until(lambda: not bench.live._clients, "it has left")
    with pytest.raises(NotConnected, match="503"):
        bench.connect()
    goes_on.set()
    until(lambda: not len(bench.live._hooks), "the hook is told of both")
    with bench.connect() as client:
        assert client.ask(1).ok


def test_a_disconnect_that_fails_is_logged_and_told_once(bench: Bench, told: Told, caplog: Any) -> None:
    def fail(service: Any) -> None:
        raise RuntimeError("no good")

    told.on_disconnected = fail
    with bench.connect() as client:
        assert client.ask(1).ok
    until(lambda: "was not told as it should be who has left" in caplog.text, "it is logged")
    assert len(told.left) == 1


def test_who_leaves_the_kernel_waits_for_the_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    told: list[str] = []

    class Slow(WSXHook):
        name = "slow"

        def on_disconnected(self) -> None:
            threading.Event().wait(0.2)
            told.append("left")

    with Workbench(port=0, folder=tmp_path) as wb:
        wb.deploy(Slow)
        wb.define(WebSocketChannel("ws", path="/ws", service="slow", hook_service="slow"))
        client = wb.websocket("/ws")
        until(lambda: wb.channels["ws"].clients, "it is in")
    assert told == ["left"]
    client.close()


def test_a_kernels_loop_is_not_held_by_a_hook(bench: Bench, told: Told) -> None:
    goes_on = threading.Event()
    told.on_connected = lambda service: goes_on.wait(30)
    with bench.raw():
        until(lambda: told.came, "it waits to be let in")

        async def look() -> int:
            await asyncio.sleep(0)
            return len(bench.live.clients)

        assert bench.wb._parts.loop.run(look()) == 0
        goes_on.set()
