"""A service asks its client and waits: the answer names the question, comes in any order, in time, or not at all."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.channels.websocket.conftest import Bench
from tests.serving import until
from workbench import Service, WebSocketChannel
from workbench.app.rehearsal.versions import FEWEST_CALLS
from workbench.channels.websocket.asking import MOST_QUESTIONS, ClientGone, ClientSilent
from workbench.core.errors import ServiceUsage

PRICE = {"price": 7}


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """What a piece of work on a thread of its own gives, or raises."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(work())
        except Exception as exc:
            came.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


def test_a_service_asks_the_client_that_called_and_gets_its_answer(bench: Bench) -> None:
    bench.define()
    bench.does = lambda service: ["told", service.wsx.client.invoke({"which": "price"}, timeout=30)]
    with bench.connect() as client:
        question = client.ask(1)
        assert (question.data, question.meta["msg_type"], question.meta["timeout"]) == (
            {"which": "price"},
            "zwsx.rqc",
            30,
        )
        answer = client.reply(question, PRICE).receive()
    assert (answer.data, answer.status) == (["told", PRICE], 200)
    assert answer.trace is not None
    assert "ask a client of echo ok" in [step.describe() for _, step in answer.trace.root.tree()]
    assert len(bench.got) == 1  # an answer is no call


def test_an_async_service_awaits_the_answer_and_its_loop_goes_on(bench: Bench) -> None:
    class Later(Service):
        name = "later"

        async def handle(self) -> Any:
            return await asyncio.gather(*(self.wsx.client.aio.invoke(number, timeout=30) for number in range(3)))

    bench.wb.deploy(Later)
    bench.wb.define(WebSocketChannel("later", path="/later"))
    bench.define()
    with bench.connect("/later") as client, bench.connect() as other:
        client.send(1)
        questions = [client.receive() for _ in range(3)]
        assert other.ask(["meanwhile"]).data == ["meanwhile"]
        for question in reversed(questions):
            client.reply(question, question.data * 10)
        assert client.receive().data == [0, 10, 20]


def test_an_async_service_that_would_hold_the_loop_is_told_what_to_await(bench: Bench) -> None:
    class Later(Service):
        name = "later"

        async def handle(self) -> Any:
            with pytest.raises(ServiceUsage, match=r"Fix: await self\.wsx\.client\.aio\.invoke"):
                self.wsx.client.invoke(1)
            return "told"

    bench.wb.deploy(Later)
    bench.wb.define(WebSocketChannel("later", path="/later"))
    with bench.connect("/later") as client:
        assert client.ask(1).data == "told"


def test_a_cell_asks_a_client_whose_service_is_at_work(bench: Bench) -> None:
    bench.define()
    goes_on = threading.Event()
    bench.does = lambda service: goes_on.wait(30)
    with bench.connect() as client:
        client.send(1)
        until(lambda: bench.got, "the service is at work")
        (its,) = bench.live.clients
        thread, came = in_thread(lambda: its.invoke("how far?", timeout=30))
        question = client.receive()
        client.reply(question, "half")
        thread.join(30)
        assert came == ["half"]
        goes_on.set()
        assert client.receive().data is True


def test_who_does_not_answer_in_time_is_named_and_a_late_answer_is_no_call(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        client.ask(1)
        (its,) = bench.live.clients
        thread, came = in_thread(lambda: its.invoke("quick!", timeout=0.05))
        question = client.receive()
        thread.join(30)
        (error,) = came
        assert isinstance(error, ClientSilent)
        assert str(error).startswith(f"client {its.id} of WebSocket 'echo' has not answered within 0.05 s. Fix:")
        client.reply(question, "late")
        assert client.ask(2).data == 2
    assert bench.got == [1, 2]


def test_an_answer_that_comes_twice_or_to_nothing_is_dropped(bench: Bench) -> None:
    bench.define()
    bench.does = lambda service: service.wsx.client.invoke("?", timeout=30) if service.request.payload == 1 else "no"
    with bench.connect() as client:
        question = client.ask(1)
        for wrong in ({}, {"in_reply_to": "nothing"}, {"in_reply_to": None}):
            client.send({"meta": {"action": "client-response", **wrong}, "data": "wrong"})
        client.reply(question, "first").reply(question, "second")
        assert client.receive().data == "first"
        assert client.ask(2).data == "no"
    assert bench.got == [1, 2]


def test_what_looks_like_an_answer_and_is_none_is_judged_as_any_message(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        assert client.ask({"text": 'she said "client-response"'}).ok
        assert client.ask({"x": "client-response"}).data == {"x": "client-response"}
        assert client.ask('{"meta": {"action": "client-response"').status == 400
        assert client.ask('{"meta": {"action": "client-response", "in_reply_to": 7}, "data": 1}').status == 400
    assert len(bench.got) == 2


def test_a_client_that_leaves_while_it_is_asked_ends_the_wait(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        client.ask(1)
        (its,) = bench.live.clients
        thread, came = in_thread(lambda: its.invoke("?", timeout=30))
        client.receive()
    thread.join(30)
    assert [type(each) for each in came] == [ClientGone]
    with pytest.raises(ClientGone, match="Fix"):
        its.invoke("too late")


def test_questions_to_one_client_are_bounded_and_there_is_room_again(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        client.ask(1)
        (its,) = bench.live.clients

        async def ask_all() -> list[Any]:
            asked = (its.aio.invoke(number, timeout=30) for number in range(MOST_QUESTIONS + 1))
            return await asyncio.gather(*asked, return_exceptions=True)

        thread, came = in_thread(lambda: bench.wb._parts.loop.run(ask_all()))
        questions = [client.receive() for _ in range(MOST_QUESTIONS)]
        for question in questions:
            client.reply(question, question.data)
        thread.join(30)
        answers, refused = came[0][:MOST_QUESTIONS], came[0][MOST_QUESTIONS]
        assert answers == list(range(MOST_QUESTIONS))
        assert isinstance(refused, ServiceUsage)
        assert "100 questions open, the most there may be. Fix:" in str(refused)
        thread, came = in_thread(lambda: its.invoke("again", timeout=30))
        client.reply(client.receive(), "yes")
        thread.join(30)
        assert came == ["yes"]


def test_a_client_of_a_raw_channel_cannot_be_asked(bench: Bench) -> None:
    bench.define(data_format="raw")
    with bench.connect() as client:
        client.ask("1")
        (its,) = bench.live.clients
        with pytest.raises(ServiceUsage, match="raw channel.*Fix: send"):
            its.invoke("?")
        assert client.ask('{"meta": {"action": "client-response"}}').ok  # nothing is read of it


def test_bytes_can_be_asked_and_json_says_the_answer(bench: Bench) -> None:
    bench.define()
    bench.does = lambda service: service.wsx.client.invoke(b"\x00\xff", timeout=30)
    with bench.connect() as client:
        question = client.ask(1)
        assert question.data == b"\x00\xff"
        assert client.reply(question, [5]).receive().data == [5]


def test_an_answer_is_in_the_record_and_a_later_step_is_run_again_from_it(bench: Bench) -> None:
    bench.define()

    def work(service: Any) -> Any:
        said = service.wsx.client.invoke("?", timeout=30)
        return [said, service.wsx.channel["echo"].broadcast("more")]

    bench.does = work
    with bench.connect() as client:
        client.reply(client.ask(1), PRICE)
        assert client.receive().data == "more"
        trace = client.receive().trace
        assert trace is not None
        last = [step for _, step in trace.root.tree() if step.kind == "websocket" and step is not trace.root][-1]
        again = trace.again(since=last)
        assert (again.error, again.answer) == (None, [PRICE, 1])
        assert client.receive().data == "more"  # it was not asked again
        first = next(step for _, step in trace.root.tree() if step.describe() == "ask a client of echo ok")
        assert isinstance(trace.again(since=first).error, ServiceUsage)  # it would have to be


def test_a_call_run_again_whole_has_no_client_to_ask(bench: Bench) -> None:
    bench.define()
    bench.does = lambda service: service.wsx.client.invoke("?", timeout=30)
    with bench.connect() as client:
        client.reply(client.ask(1), PRICE)
        trace = client.receive().trace
        assert trace is not None
        assert isinstance(trace.again().error, ServiceUsage)


@pytest.mark.parametrize(("words", "verdict"), [("?", "same"), ("other", "cannot compare")])
def test_a_new_version_that_is_rehearsed_asks_no_client_and_has_the_recorded_answer(
    bench: Bench, words: str, verdict: str
) -> None:
    bench.define()
    bench.does = lambda service: service.wsx.client.invoke("?", timeout=30)
    with bench.connect() as client:
        for number in range(FEWEST_CALLS):
            client.reply(client.ask(number), number)
            assert client.receive().data == number

        class Echo(Service):
            name = "echo"
            new_version = "gate"

            def handle(self) -> Any:
                return self.wsx.client.invoke(words, timeout=30)

        bench.wb.deploy(Echo, replace=True)
        assert {each.word for each in bench.wb.drafting.new_versions.compared["echo"].verdicts} == {verdict}
        client.send(json.dumps("7"))
        assert client.receive().data == words  # and nothing before that
