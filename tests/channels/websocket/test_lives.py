"""What becomes of clients while cells run, channels change, and the server stops; pings, idleness and drains."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Opcode

from tests.channels.websocket.conftest import PATH, Bench, Raw
from tests.serving import until
from workbench import Service, WebSocketChannel
from workbench.app.asking.websocket import NotConnected


def test_a_client_stays_over_a_new_version_whose_answer_is_that_of_the_next_message(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        assert client.ask(1).data == 1

        class Echo(Service):
            name = "echo"

            def handle(self) -> Any:
                return ["new", self.request.payload]

        bench.wb.deploy(Echo, replace=True)
        assert client.ask(1).data == ["new", 1]


def test_an_equal_definition_and_other_channels_leave_clients_connected(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        bench.define()
        bench.wb.define(WebSocketChannel("other", path="/other", service="echo"))
        assert client.ask(1).data == 1


def test_clients_of_a_channel_that_changes_are_asked_back(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        bench.define(max_clients=5)
        with pytest.raises(NotConnected, match="1012 The channel has changed"):
            client.receive()
    with bench.connect() as client:
        assert client.ask(1).data == 1


def test_clients_of_a_channel_that_is_removed_are_told_and_no_more_get_in(bench: Bench) -> None:
    bench.define()
    live = bench.live
    with bench.connect() as client:
        bench.wb.channels.remove("echo")
        with pytest.raises(NotConnected, match="1001 The channel is closed"):
            client.receive()
        with pytest.raises(NotConnected, match="404"):
            bench.connect()
    until(lambda: not live.clients, "nobody is left")


def test_a_channel_can_be_closed_for_a_while(bench: Bench) -> None:
    bench.define()
    bench.live.close()
    assert bench.live.state == "closed"
    with pytest.raises(NotConnected, match="404"):
        bench.connect()
    bench.live.open()
    with bench.connect() as client:
        assert client.ask(1).ok


def test_an_inactive_channel_takes_no_client(bench: Bench) -> None:
    bench.define(active=False)
    assert bench.live.state == "inactive"
    with pytest.raises(NotConnected, match="404"):
        bench.connect()


def test_a_server_that_stops_takes_leave_and_takes_clients_again_when_it_starts(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        bench.wb.stop()
        with pytest.raises(NotConnected, match="1001 The server stops"):
            client.receive()
    assert bench.live.clients == []
    assert bench.live.state == "stopped"
    bench.wb.start()
    with bench.connect() as client:
        assert client.ask(1).ok


def test_a_server_that_stops_waits_for_the_message_that_is_at_work_and_refuses_the_next(bench: Bench) -> None:
    bench.define()
    begun, goes_on = threading.Event(), threading.Event()

    def work(service: Any) -> str:
        begun.set()
        assert goes_on.wait(30)
        return "done"

    bench.does = work
    with bench.connect() as client:
        client.send(1).send(2)
        assert begun.wait(30)
        stops = threading.Thread(target=lambda: bench.wb.stop(drain_seconds=30))
        stops.start()
        until(lambda: bench.wb._parts.pipeline.draining, "the server drains")
        goes_on.set()
        assert client.receive().data == "done"
        assert client.receive().status == 503
        with pytest.raises(NotConnected, match="1001"):
            client.receive()
        stops.join(30)
    assert bench.got == [1]


@pytest.mark.parametrize("left", [None, lambda: None], ids=["it stops", "others go on at its address"])
def test_who_waits_for_no_answer_leaves_before_who_does(bench: Bench, left: Callable[[], None] | None) -> None:
    bench.define()
    begun, goes_on = threading.Event(), threading.Event()

    def work(service: Any) -> str:
        begun.set()
        assert goes_on.wait(30)
        return "done"

    bench.does = work
    with bench.connect() as waits, bench.connect() as idle:
        waits.send(1)
        assert begun.wait(30)
        stops = threading.Thread(target=lambda: bench.wb.stop(drain_seconds=30, left=left))
        stops.start()
        with pytest.raises(NotConnected, match="1001 The server stops"):
            idle.receive()
        goes_on.set()
        assert waits.receive().data == "done"
        with pytest.raises(NotConnected, match="1001 The server stops"):
            waits.receive()
        stops.join(30)


def test_a_client_that_takes_no_leave_does_not_hold_the_server(bench: Bench) -> None:
    bench.define()
    with bench.raw() as raw:
        bench.wb.stop()
        closed = raw.closed_with()
    assert closed == (1001, "The server stops")
    assert bench.live.clients == []


def test_a_silent_client_is_pinged_and_stays_if_it_answers(bench: Bench) -> None:
    bench.define(ping_seconds=10, pings_missed=2)
    with bench.raw() as raw:
        for _ in range(5):
            bench.clock.advance(10)
            ping = raw.next()
            assert ping is not None
            assert ping.opcode is Opcode.PING
            raw.frame(Opcode.PONG, bytes(ping.data)).frame(Opcode.PING, b"taken")
            pong = raw.next()
            assert pong is not None
            assert pong.data == b"taken"
        assert len(bench.live.clients) == 1


def test_clients_of_a_server_that_was_started_again_are_pinged(bench: Bench) -> None:
    bench.define(ping_seconds=10)
    with bench.raw():
        bench.wb.stop()
    bench.wb.start()
    with bench.raw() as raw:
        bench.clock.advance(10)
        ping = raw.next()
        assert ping is not None
        assert ping.opcode is Opcode.PING


def test_what_was_watched_before_the_handshake_counts_what_is_sent_behind_it(bench: Bench) -> None:
    size = 16 << 20
    bench.define(max_unsent_bytes=2 * size)
    with Raw(bench.wb) as raw:
        assert raw.request("GET /ping").answer().status == 200
        (connection,) = bench.wb._parts.server._server.connections  # type: ignore[union-attr]
        reader = connection._reader
        taken = reader.total
        assert raw.handshake().status == 101
        bench.live.broadcast("x" * size)
        until(lambda: reader.unsent_bytes, "the client has not taken all")

        async def look() -> None:
            """Do what a timer does that was set before the handshake."""
            reader._look(taken)

        bench.wb._parts.loop.run(look())
        frame = raw.next()
        assert frame is not None
        assert len(frame.data) > size


def test_a_client_that_answers_no_ping_is_cut_off(bench: Bench) -> None:
    bench.define(ping_seconds=10, pings_missed=2)
    with bench.raw() as raw:
        for _ in range(2):
            bench.clock.advance(10)
            assert raw.next() is not None
        bench.clock.advance(10)
        assert raw.next() is None
    bench.nobody_is_left()


def test_a_client_without_messages_for_long_is_ended(bench: Bench) -> None:
    bench.define(ping_seconds=10, idle_seconds=15)
    with bench.raw() as raw:
        bench.clock.advance(10)
        assert raw.next() is not None
        bench.clock.advance(10)
        assert raw.closed_with() == (1001, "Idle")


def test_a_service_past_its_time_is_answered_504_and_the_next_message_is_taken(bench: Bench) -> None:
    bench.define(timeout_seconds=1.0)  # For the second message, whatever else the machine does.
    goes_on = threading.Event()
    bench.does = lambda service: goes_on.wait(30)
    with bench.connect() as client:
        assert client.ask(1).status == 504
        goes_on.set()
        assert client.ask(2).ok


def test_a_service_learns_that_its_client_has_left(bench: Bench) -> None:
    bench.define()
    begun, left = threading.Event(), threading.Event()

    def work(service: Any) -> None:
        begun.set()
        until(lambda: service.cancelled, "the service is told")
        left.set()

    bench.does = work
    with bench.connect() as client:
        client.send(1)
        assert begun.wait(30)
    assert left.wait(30)
    bench.nobody_is_left()


def test_two_servers_of_one_workbench_each_end_their_own_clients(bench: Bench) -> None:
    bench.define()
    other = bench.wb._parts.another_server()
    other.start()
    from workbench.app.asking.websocket import WebSocket

    with (
        bench.connect() as client,
        WebSocket(f"{other.url.replace('http', 'ws')}{PATH}", {}, 10, lambda cid: None) as its,
    ):
        assert its.ask(1).ok
        other.stop()
        with pytest.raises(NotConnected, match="1001"):
            its.receive()
        assert client.ask(2).ok
