"""Services call services: on one thread, across colours, in the background."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, ClassVar

import pytest

from tests.serving import until
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.call import Task
from workbench.core.errors import ServiceUsage, UnknownName
from workbench.core.service import Service


class Inner(Service):
    name = "inner"

    def handle(self) -> dict[str, Any]:
        return {
            "cid": self.cid,
            "channel": self.channel.type,
            "got": self.request.payload,
            "thread": threading.current_thread().name,
        }


class InnerAsync(Service):
    name = "inner.async"

    async def handle(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        return Inner.handle(self)  # type: ignore[arg-type]


class Outer(Service):
    name = "outer"

    def handle(self) -> Any:
        return self.cid, self.invoke(self.request.payload, {"a": 1}), threading.current_thread().name


class OuterAsync(Service):
    name = "outer.async"

    async def handle(self) -> Any:
        return self.cid, await self.invoke.aio(self.request.payload, {"a": 1}), threading.current_thread().name


@pytest.mark.parametrize("outer", [Outer, OuterAsync])
@pytest.mark.parametrize("inner", [Inner, InnerAsync])
def test_every_colour_calls_every_other_under_one_cid(
    wb: Workbench, outer: type[Service], inner: type[Service]
) -> None:
    wb.deploy(outer, inner)
    cid, answer, thread = wb.invoke(outer, inner.name)
    assert answer == {"cid": cid, "channel": "invoke", "got": {"a": 1}, "thread": answer["thread"]}
    if inner is InnerAsync:
        assert answer["thread"] == "workbench-http"
    elif outer is OuterAsync:
        assert answer["thread"].startswith("workbench-worker-")
    else:
        assert answer["thread"] == thread == threading.current_thread().name
    assert repr(wb.traffic[-1]) == f"{outer.name} ok\n  {inner.name} ok"


def test_a_service_is_called_by_class_and_keywords_are_the_payload(wb: Workbench) -> None:
    class Caller(Service):
        name = "caller"

        def handle(self) -> Any:
            return self.invoke(Inner, a=1, b=2)["got"]

    wb.deploy(Caller, Inner)
    assert wb.invoke(Caller) == {"a": 1, "b": 2}


@pytest.mark.parametrize("keyword", ["data_format", "channel", "as_bunch", "timeout"])
def test_zatos_own_keywords_are_no_payload(wb: Workbench, keyword: str) -> None:
    class Caller(Service):
        name = "caller"

        def handle(self) -> Any:
            return self.invoke("inner", **{keyword: 0})["got"], self.invoke("inner", {"a": 1}, **{keyword: 0})["got"]

    wb.deploy(Caller, Inner)
    assert wb.invoke("caller") == ("", {"a": 1})


@pytest.mark.parametrize(
    ("keywords", "fix"),
    [
        ({"timeout": 5}, "cannot stop a service after a time. Fix: bound the waits of that service"),
        ({"b": 2}, "has a payload, and b besides. Fix: put all in one dict"),
    ],
)
def test_keywords_that_cannot_be_obeyed_are_refused(wb: Workbench, keywords: dict[str, Any], fix: str) -> None:
    class Caller(Service):
        name = "caller"

        def handle(self) -> Any:
            return self.invoke("inner", {"a": 1}, **keywords)

    wb.deploy(Caller, Inner)
    with pytest.raises(ServiceUsage, match=fix):
        wb.invoke("caller")


def test_errors_of_a_called_service_come_through_unchanged(wb: Workbench) -> None:
    class Odd(Exception):
        pass

    class Fails(Service):
        name = "fails"

        def handle(self) -> None:
            raise Odd("from below")

    wb.deploy(Fails, Outer, OuterAsync)
    for outer in ("outer", "outer.async"):
        with pytest.raises(Odd, match="from below"):
            wb.invoke(outer, "fails")
        place = f"{__file__}, line {Fails.handle.__code__.co_firstlineno + 1}, in handle"
        assert repr(wb.traffic[-1]) == f"{outer} failed: Odd\n  fails failed: Odd\n    Odd: from below ({place})"


def test_an_unknown_service_says_which_there_are(wb: Workbench) -> None:
    wb.deploy(Outer, Inner)
    with pytest.raises(UnknownName, match="No service is named 'inber'; there are: inner, outer. Did you mean 'inner'"):
        wb.invoke("outer", "inber")
    outer, told, inber = repr(wb.traffic[-1]).splitlines()
    assert (outer, inber) == ("outer failed: UnknownName", "  inber failed: UnknownName")
    assert told.startswith("  UnknownName: No service is named 'inber'; ")
    assert told.endswith(f"({__file__}, line {Outer.handle.__code__.co_firstlineno + 1}, in handle)")
    with pytest.raises(UnknownName, match="Fix: run the cell that defines it, or correct the name"):
        wb.invoke("nope")
    assert repr(wb.traffic[-1]) == "nope failed: UnknownName"


def test_a_service_cannot_invoke_itself(wb: Workbench) -> None:
    wb.deploy(Outer, OuterAsync)
    for name in ("outer", "outer.async"):
        with pytest.raises(ServiceUsage, match=f"'{name}' cannot invoke itself. Fix: put the shared work"):
            wb.invoke(name, name)
        head, told = repr(wb.traffic[-1]).splitlines()
        assert head == f"{name} failed: ServiceUsage"
        assert told.startswith(f"  ServiceUsage: Service '{name}' cannot invoke itself. ")


def test_a_circle_of_services_ends_with_its_names(wb: Workbench) -> None:
    class Ping(Service):
        name = "ping"

        def handle(self) -> Any:
            return self.invoke("pong")

    class Pong(Service):
        name = "pong"

        def handle(self) -> Any:
            return self.invoke("ping")

    wb.deploy(Ping, Pong)
    with pytest.raises(ServiceUsage, match="more than 64 deep: ping, pong. Fix: break the circle"):
        wb.invoke("ping")


@pytest.mark.parametrize(
    ("does", "fix"),
    [
        (lambda self: self.invoke("inner"), "Fix: await self.invoke.aio\\('inner', ...\\)"),
        (lambda self: self.workbench.invoke("inner"), "wb.invoke would hold the server.* Fix: await self.invoke.aio"),
        (lambda self: self.workbench.call("GET /ping"), "wb.call would hold the server"),
    ],
)
def test_what_would_block_the_loop_says_what_to_write(wb: Workbench, does: Any, fix: str) -> None:
    class Blocks(Service):
        name = "blocks"
        workbench: ClassVar[Workbench] = wb

        async def handle(self) -> Any:
            return does(self)

    wb.start()
    wb.deploy(Blocks, Inner)
    with pytest.raises(ServiceUsage, match=fix):
        wb.invoke("blocks")


class Background(Service):
    name = "background"
    callback: ClassVar[Any] = None

    def handle(self) -> tuple[str, str]:
        return self.cid, self.invoke_async("inner", "x", callback=self.callback)


class Answered(Service):
    name = "answered"
    seen: ClassVar[list[tuple[str, str, Any]]] = []

    def handle(self) -> None:
        self.seen.append((self.channel.type, self.in_reply_to, self.request.payload))


def test_a_background_call_runs_under_the_cid_it_returned(wb: Workbench) -> None:
    Answered.seen.clear()
    Background.callback = "answered"
    wb.deploy(Inner, Background, Answered)
    own, cid = wb.invoke("background")
    assert own != cid
    until(lambda: Answered.seen, "the callback ran")
    [(channel, in_reply_to, payload)] = Answered.seen
    assert (channel, in_reply_to) == ("invoke-async-callback", cid)
    assert (payload["cid"], payload["channel"], payload["got"]) == (cid, "invoke-async", "x")
    until(lambda: "answered ok" in repr(wb.traffic.find(cid)), "the trace is complete")
    assert repr(wb.traffic.find(cid)) == "inner ok\n  answered ok"


def test_a_callback_may_be_a_class_several_or_implied(wb: Workbench) -> None:
    class Implied(Answered):
        name = "background-async-callback"

    wb.deploy(Inner, Background, Answered)
    for callback, times in ((Answered, 1), (["answered", Answered], 2)):
        Answered.seen.clear()
        Background.callback = callback
        wb.invoke("background")
        until(lambda times=times: len(Answered.seen) == times, "callbacks ran")  # type: ignore[misc]
    Background.callback = None
    wb.deploy(Implied)
    Answered.seen.clear()
    wb.invoke("background")
    until(lambda: Answered.seen, "the implied callback ran")


def test_a_background_call_of_nobody_fails_at_once(wb: Workbench) -> None:
    wb.deploy(Background)
    with pytest.raises(UnknownName, match="'inner'"):
        wb.invoke("background")
    wb.deploy(Inner)
    Background.callback = "nobody"
    with pytest.raises(UnknownName, match="'nobody'"):
        wb.invoke("background")
    assert "running" not in repr(wb.traffic)
    assert "inner" not in repr(wb.traffic)  # a task that cannot be answered leaves no trace of a call


def test_what_runs_in_the_background_is_a_task_and_so_is_what_its_answer_goes_to(wb: Workbench) -> None:
    seen: list[Task | None] = []

    class Inside(Service):
        name = "inner"

        def handle(self) -> str:
            seen.append(self._call.task)
            return self.invoke("reply")  # type: ignore[no-any-return]

    class Reply(Service):
        name = "reply"

        def handle(self) -> str:
            seen.append(self._call.task)
            return "done"

    Background.callback = "reply"
    wb.deploy(Background, Inside, Reply)
    _, cid = wb.invoke("background")
    until(lambda: len(seen) == 3, "the callback ran")
    sent, nested, replied = seen
    assert isinstance(sent, Task)
    assert (sent.service, sent.payload, sent.cid, sent.attempt, sent.callbacks) == ("inner", "x", cid, 1, ("reply",))
    assert nested is None  # somebody waits for it
    assert isinstance(replied, Task)
    assert (replied.service, replied.payload, replied.in_reply_to) == ("reply", "done", cid)


def test_a_task_runs_on_its_own_snapshot_or_on_what_is_live_when_it_begins(wb: Workbench) -> None:
    answers: list[str] = []

    def deploy(word: str) -> None:
        class Says(Service):
            name = "says"

            def handle(self) -> None:
                answers.append(word)

        wb.deploy(Says)

    deploy("first")
    invoker = wb._parts.invoker
    with_snapshot, without = Task("says", services=wb._parts.registry.services), Task("says")
    deploy("second")
    for task in (with_snapshot, without, with_snapshot):
        answers.clear()
        invoker.send(task)
        until(lambda: answers, "it ran")
        assert answers == [("second" if task is without else "first")]


def test_a_background_failure_is_logged_with_its_traceback(wb: Workbench) -> None:
    class Fails(Service):
        name = "inner"

        def handle(self) -> None:
            raise ValueError("nobody sees me")

    Background.callback = None
    wb.deploy(Fails, Background)
    _, cid = wb.invoke("background")
    lines = until(lambda: wb.log.of(cid), "the failure is logged")
    assert lines[0].text.startswith("inner failed: nobody sees me\nTraceback")


def test_a_call_keeps_its_snapshot_while_a_new_version_goes_live(wb: Workbench) -> None:
    reached, go = threading.Event(), threading.Event()

    def make(version: int) -> list[type[Service]]:
        def inner(self: Service) -> int:
            return version

        def outer(self: Service) -> Any:
            first = self.invoke("pair.inner")
            if version == 1:
                reached.set()
                go.wait(30)
            return first, version, self.invoke("pair.inner")

        return [
            type(name, (Service,), {"name": f"pair.{name}", "handle": handle})
            for name, handle in (("inner", inner), ("outer", outer))
        ]

    wb.deploy(*make(1))
    wb.define(RESTChannel("pair.outer", path="/pair"))
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(wb.call("GET /pair").json()))
    caller.start()
    assert reached.wait(30)
    wb.deploy(*make(2))
    assert wb.call("GET /pair").json() == [2, 2, 2]
    go.set()
    caller.join(30)
    assert answers == [[1, 1, 1]]


def test_no_call_fails_or_mixes_versions_during_redeploys(wb: Workbench) -> None:
    def make(version: int) -> list[type[Service]]:
        bodies = {"mix.inner": lambda self: version, "mix.outer": lambda self: [version, self.invoke("mix.inner")]}
        return [
            type("Made", (Service,), {"name": name, "__qualname__": name, "handle": handle})
            for name, handle in bodies.items()
        ]

    wb.deploy(*make(0))
    wb.define(RESTChannel("mix.outer", path="/mix"))
    stop, answers = threading.Event(), []

    def call() -> None:
        from http.client import HTTPConnection

        connection = HTTPConnection("127.0.0.1", int(wb.url.rsplit(":", 1)[1]), timeout=30)
        while not stop.is_set():
            connection.request("GET", "/mix")
            response = connection.getresponse()
            answers.append((response.status, response.read()))
        connection.close()

    wb.start()
    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for version in range(1, 31):
        wb.deploy(*make(version))
        seen = len(answers)
        until(lambda seen=seen: len(answers) > seen + 10, "calls go on")  # type: ignore[misc]
    stop.set()
    for caller in callers:
        caller.join(30)
    assert {status for status, _ in answers} == {200}
    assert {body for _, body in answers} <= {b"[%d,%d]" % (version, version) for version in range(31)}
    assert (200, b"[30,30]") in answers
