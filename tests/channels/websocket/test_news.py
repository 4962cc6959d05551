"""What services send by themselves: to the client that called, to all of a channel, and to nobody in a rehearsal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.channels.websocket.conftest import Bench
from tests.serving import until
from workbench import Service, WebSocketChannel
from workbench.app.asking.websocket import NotConnected
from workbench.app.rehearsal.versions import FEWEST_CALLS
from workbench.channels.websocket.asking import ClientGone
from workbench.core.errors import ServiceUsage, UnknownName


def test_a_service_sends_more_to_the_client_that_called_before_its_answer(bench: Bench) -> None:
    bench.define()

    def work(service: Any) -> str:
        for step in range(3):
            service.wsx.client.send({"step": step})
        return "done"

    bench.does = work
    with bench.connect() as client:
        client.send(1)
        said = [client.receive() for _ in range(4)]
    assert [each.data for each in said] == [{"step": 0}, {"step": 1}, {"step": 2}, "done"]
    assert [each.meta["msg_type"] for each in said] == ["zwsx.rqc", "zwsx.rqc", "zwsx.rqc", "zwsx.rspok"]


def test_a_service_that_another_one_invokes_has_the_same_client(bench: Bench) -> None:
    class Inner(Service):
        name = "inner"

        def handle(self) -> str:
            self.wsx.client.send("from inside")
            return str(self.wsx.client.id)

    bench.wb.deploy(Inner)
    bench.define()
    bench.does = lambda service: service.invoke("inner")
    with bench.connect() as client:
        client.send(1)
        assert client.receive().data == "from inside"
        assert client.receive().data == bench.live.clients[0].id


def test_an_async_service_sends_too(bench: Bench) -> None:
    class Later(Service):
        name = "later"

        async def handle(self) -> str:
            self.wsx.client.send(b"news")
            await asyncio.sleep(0)
            return "done"

    bench.wb.deploy(Later)
    bench.wb.define(WebSocketChannel("later", path="/later"))
    with bench.connect("/later") as client:
        client.send(1)
        assert [client.receive().data, client.receive().data] == [b"news", "done"]


def test_whoever_is_called_by_anything_sends_to_all_clients_of_a_channel(bench: Bench) -> None:
    class Tell(Service):
        name = "tell"

        def handle(self) -> int:
            return int(self.wsx.channel["echo"].broadcast({"price": 7}))

    bench.wb.deploy(Tell)
    bench.define()
    with bench.connect() as one, bench.connect() as other:
        assert bench.wb.invoke("tell") == 2
        assert one.receive().data == other.receive().data == {"price": 7}
        step = next(each for _, each in bench.wb.traffic[-1].root.tree() if each.kind == "websocket")
        assert step.describe() == "broadcast to echo ok"
    bench.nobody_is_left()
    assert bench.wb.invoke("tell") == 0


def test_a_client_can_be_kept_and_sent_to_later_until_it_leaves(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        client.ask(1)
        (kept,) = bench.live.clients
        kept.send("later")
        assert client.receive().data == "later"
    bench.nobody_is_left()
    with pytest.raises(ClientGone, match="Fix"):
        kept.send("too late")


def test_a_client_can_be_sent_away(bench: Bench) -> None:
    bench.define()
    bench.does = lambda service: service.wsx.client.close("enough")
    with bench.connect() as client:
        client.send(1)
        with pytest.raises(NotConnected, match="1001 enough"):
            until(lambda: client.receive() is None, "it is sent away")


def test_a_client_that_is_sent_away_is_not_connected_though_it_takes_no_leave(bench: Bench) -> None:
    bench.define()
    with bench.raw() as raw:
        bench.live.clients[0].close("enough")
        assert raw.closed_with() == (1001, "enough")
        assert (bench.live.clients, bench.live.broadcast("news")) == ([], 0)


def test_a_reason_is_told_whole_or_refused_where_it_is_given(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        client.ask(1)
        (kept,) = bench.live.clients
        with pytest.raises(ServiceUsage, match="a reason of 124 bytes. Fix: at most 123"):
            kept.close("ż" * 62)
        assert client.ask(2).ok
        kept.close("ż" * 61)
        with pytest.raises(NotConnected, match=f"1001 {'ż' * 61}"):
            client.receive()


def test_what_json_cannot_say_fails_where_it_is_sent(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        with pytest.raises(TypeError):
            bench.live.broadcast(object())
        assert client.ask(1).ok


def test_a_call_that_no_client_made_has_none(bench: Bench) -> None:
    bench.does = lambda service: service.wsx.client
    with pytest.raises(ServiceUsage, match=r"not called by a message.*Fix: send to all clients"):
        bench.wb.invoke("echo")


def test_a_channel_of_another_kind_has_no_clients_to_send_to(bench: Bench) -> None:
    bench.does = lambda service: service.wsx.channel["echo"]
    with pytest.raises(UnknownName, match="No WebSocket channel is named 'echo'"):
        bench.wb.invoke("echo")


def test_what_was_sent_is_in_the_record_and_a_later_step_is_answered_from_it(bench: Bench) -> None:
    bench.define()

    def work(service: Any) -> Any:
        told = service.wsx.channel["echo"].broadcast("news")
        return [told, service.wsx.channel["echo"].broadcast("more")]

    bench.does = work
    with bench.connect() as client:
        client.send(1)
        trace = [client.receive() for _ in range(3)][-1].trace
        assert trace is not None
        last = [step for _, step in trace.root.tree() if step.kind == "websocket" and step is not trace.root][-1]
        again = trace.again(since=last)
        assert again.error is None
        assert again.answer == [1, 1]
        assert client.receive().data == "more"  # only the last one was sent again


@pytest.mark.parametrize(("words", "verdict"), [("news", "same"), ("other news", "cannot compare")])
def test_a_new_version_that_is_rehearsed_sends_nothing_to_clients(bench: Bench, words: str, verdict: str) -> None:
    bench.define()

    def work(service: Any, words: str) -> Any:
        service.wsx.client.send(words)
        return service.wsx.channel["echo"].broadcast(words)

    bench.does = lambda service: work(service, "news")
    with bench.connect() as client:
        for number in range(FEWEST_CALLS):
            client.send(number)
            assert [client.receive().data for _ in range(3)] == ["news", "news", 1]

        class Echo(Service):
            name = "echo"
            new_version = "gate"

            def handle(self) -> Any:
                return work(self, words)

        bench.wb.deploy(Echo, replace=True)
        assert {each.word for each in bench.wb.drafting.new_versions.compared["echo"].verdicts} == {verdict}
        client.send("7")
        assert [client.receive().data for _ in range(3)] == [words, words, 1]  # and nothing before that
