"""Services that run side by side in the background: who is told how each ended, and when nobody is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.serving import until
from tests.serving import wb as wb
from tests.zato.does import Does
from workbench import Limit, RESTChannel, Service, Workbench
from workbench.core.errors import NotFound, ServiceUnavailable, ServiceUsage, UnknownName
from workbench.core.trace import Trace
from workbench.runtime.workers import Workers
from workbench.zato.common.api import CHANNEL


class Awaits(Service):
    """The same as Does, on the loop."""

    name = "awaits"

    async def handle(self) -> Any:
        return self.request.payload(self)


class Doubles(Service):
    name = "doubles"

    def handle(self) -> Any:
        return self.request.payload * 2


class DoublesAsync(Service):
    name = "doubles-async"

    async def handle(self) -> Any:
        return self.request.payload * 2


class Fails(Service):
    name = "fails"

    def handle(self) -> Any:
        raise NotFound("no such order")


class Leaves(Service):
    name = "leaves"

    def handle(self) -> Any:
        raise SystemExit(3)


class Heard:
    """What `each` and `all` were told, in order: how the call came, and with what."""

    def __init__(self, wb: Workbench) -> None:
        self.told: list[tuple[str, str, str, Any]] = []

        def handle(service: Any) -> None:
            call = service.channel.type, service.in_reply_to, service.request.payload
            self.told.append((service._call.service, *call))

        names = ("each", "all", "also")
        wb.deploy(*(type(name.title(), (Service,), {"name": name, "handle": handle}) for name in names))

    def of(self, name: str, count: int = 1) -> list[Any]:
        """What one of them was told, once that is so much."""
        until(lambda: len([one for one in self.told if one[0] == name]) >= count, f"{name} was told {count} times")
        return [one[3] for one in self.told if one[0] == name]


@pytest.fixture
def heard(wb: Workbench) -> Heard:
    wb.deploy(Does, Awaits, Doubles, DoublesAsync, Fails, Leaves)
    return Heard(wb)


TARGETS = {"doubles": 1, Fails: 2, "doubles-async": 3}


@pytest.mark.parametrize("asks", ["does", "awaits"])
def test_a_fanout_tells_of_each_target_and_then_of_all(wb: Workbench, heard: Heard, asks: str) -> None:
    own, cid = wb.invoke(asks, lambda self: (self.cid, self.patterns.fanout.invoke(TARGETS, "all", "each")))
    (whole,) = heard.of("all")
    assert cid == own
    assert [whole[name] for name in ("phase", "source", "on_target", "on_final", "cid")] == [
        *("on-final", asks, ["each"], ["all"], cid)
    ]
    first, second, third = whole["data"]
    assert (first["target"], first["response"], first["ok"], first["exception"]) == ("doubles", 2, True, None)
    assert (third["target"], third["response"], third["ok"], third["exception"]) == ("doubles-async", 6, True, None)
    assert (second["target"], second["response"], second["ok"]) == ("fails", None, False)
    assert isinstance(second["exception"], NotFound)
    assert second["exception"].__traceback__ is None, "it holds nothing of what the service worked with"
    assert sorted(heard.of("each"), key=lambda one: one["target"]) == sorted(
        whole["data"], key=lambda one: one["target"]
    )
    for each in whole["data"]:
        assert (each["phase"], each["source"], each["cid"]) == ("on-target", asks, cid)
        assert whole["req_ts_utc"] == each["req_ts_utc"] <= each["resp_ts_utc"]
    assert [name for name, *_ in heard.told] == ["each", "each", "each", "all"], "of all, once each is told"
    assert {channel for _, channel, *_ in heard.told} == {CHANNEL.FANOUT_ON_TARGET, CHANNEL.FANOUT_ON_FINAL}
    assert heard.told[-1][2] == cid


def test_a_parallel_tells_of_each_target_and_has_the_traceback_as_text(wb: Workbench, heard: Heard) -> None:
    cid = wb.invoke("does", lambda self: self.patterns.parallel.invoke(TARGETS, on_target=["each", "also"], cid="my"))
    told = {each["target"]: each for each in heard.of("each", 3)}
    assert (cid, len(heard.of("also", 3))) == ("my", 3)
    assert [told[name]["response"] for name in ("doubles", "fails", "doubles-async")] == [2, None, 6]
    assert told["fails"]["exception"].startswith("Traceback")
    assert told["fails"]["exception"].endswith("NotFound: no such order")
    assert {each["cid"] for each in told.values()} == {"my"}
    assert {channel for _, channel, *_ in heard.told} == {CHANNEL.PARALLEL_EXEC_ON_TARGET}


def test_the_service_itself_and_nobody_may_be_told(wb: Workbench, heard: Heard) -> None:
    told: list[Any] = []

    class Collects(Service):
        name = "collects"

        def handle(self) -> None:
            if self.channel.type == CHANNEL.FANOUT_ON_FINAL:
                told.append(self.request.payload["data"][0]["response"])
            else:
                self.patterns.fanout.invoke({Doubles: 4})
                self.patterns.fanout.invoke({Doubles: 5}, on_final=self)

    wb.deploy(Collects)
    wb.invoke("collects")
    assert until(lambda: told, "it was told") == [10]


def test_targets_run_at_once_as_calls_of_their_own(wb: Workbench, heard: Heard) -> None:
    meeting, ran = threading.Barrier(2), []

    def handle(self: Any) -> None:
        meeting.wait(30)
        ran.append((self.cid, self.channel.type))

    wb.deploy(*(type(name.title(), (Service,), {"name": name, "handle": handle}) for name in ("left", "right")))
    wb.invoke("does", lambda self: self.patterns.fanout.invoke({"left": 1, "right": 2}, "all"))
    assert [each["ok"] for each in heard.of("all")[0]["data"]] == [True, True]
    assert len({cid for cid, _ in ran}) == 2
    assert {channel for _, channel in ran} == {CHANNEL.FANOUT_CALL}


def test_the_record_has_the_cid_of_each_target_whose_trace_has_who_was_told(wb: Workbench, heard: Heard) -> None:
    cid = wb.invoke("does", lambda self: self.patterns.fanout.invoke({"doubles": 1, "fails": 2}, "all", "each"))
    heard.of("all")
    (asked,) = wb.traffic[cid].root.asked
    assert (asked.connection, asked.operation) == ("doubles, fails", "patterns.fanout")
    assert asked.arguments == (({"doubles": 1, "fails": 2},), {"on_target": ["each"], "on_final": ["all"]})
    answered, cids = asked.give(None)
    traces = [wb.traffic[each] for each in cids]
    until(lambda: "all ok" in "".join(map(repr, traces)), "the last trace is complete")
    assert (answered, [trace.root.name for trace in traces]) == (cid, ["doubles", "fails"])
    assert all("each ok" in repr(trace) for trace in traces)
    assert {replied for name, _, replied, _ in heard.told if name == "each"} == set(cids)


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda self: self.patterns.fanout.invoke({"doubles": 1, "doublse": 2}), UnknownName, "'doublse'.*'doubles'"),
        (lambda self: self.patterns.parallel.invoke({"doubles": 1}, "eech"), UnknownName, "'eech'.*'each'"),
        (lambda self: self.patterns.fanout.invoke({"doubles": 1}, ["all", "al"]), UnknownName, "'al'.*'all'"),
        (lambda self: self.patterns.fanout.invoke({}, "all"), ServiceUsage, "fanout cannot run {}, .* Fix: a dict"),
        (lambda self: self.patterns.parallel.invoke(["doubles"], "each"), ServiceUsage, "parallel cannot run"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_has_begun(
    wb: Workbench, heard: Heard, ask: Callable[[Any], Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        wb.invoke("does", ask)
    assert [trace.root.name for trace in wb.traffic] == ["does"]


def test_an_error_that_ends_a_thread_and_a_limit_are_told_too(wb: Workbench, heard: Heard) -> None:
    wb.define(Limit("doubles", on="service", lines="1/d"))
    with wb.limits.frozen():
        wb.invoke("does", lambda self: self.invoke("doubles", 1))
        wb.invoke("does", lambda self: self.patterns.fanout.invoke({"leaves": 1, "doubles": 2}, "all"))
        left, over = heard.of("all")[0]["data"]
    assert (left["ok"], type(left["exception"]).__name__) == (False, "SystemExit")
    assert (over["ok"], over["exception"].status) == (False, 429)


def test_a_callback_that_ends_its_thread_keeps_nobody_else_from_being_told(
    wb: Workbench, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    wb.invoke("does", lambda self: self.patterns.fanout.invoke(TARGETS, "all", ["leaves", "each"]))
    (whole,) = heard.of("all")
    assert [each["target"] for each in whole["data"]] == ["doubles", "fails", "doubles-async"]
    assert len(heard.of("each")) == 3
    wb.invoke("does", lambda self: self.invoke_async("doubles", 4, callback=["leaves", "each"]))
    assert heard.of("each", 4)[3] == 8
    assert caplog.messages.count("leaves failed: 3") == 4


def test_a_target_for_which_there_is_no_room_is_told_by_the_first_that_ends(wb: Workbench, heard: Heard) -> None:
    go, invoker = threading.Event(), wb._parts.invoker
    usual, invoker.workers = invoker.workers, Workers(size=1, waiting=0)

    class Waits(Service):
        name = "waits"

        def handle(self) -> str:
            assert go.wait(30)
            return "done"

    def fan(self: Any) -> Any:
        return self.patterns.fanout.invoke({"waits": 1, "doubles": 2}, "all", "each")

    try:
        wb.deploy(Waits)
        wb.invoke("does", fan)
        with pytest.raises(ServiceUnavailable):
            wb.invoke("does", fan)
        go.set()
        done, refused = heard.of("all")[0]["data"]
    finally:
        go.set()
        made, invoker.workers = invoker.workers, usual
        made.close(30)
    assert (done["ok"], done["response"]) == (True, "done")
    assert (refused["ok"], type(refused["exception"])) == (False, ServiceUnavailable)
    assert [each["target"] for each in heard.of("each", 2)] == ["waits", "doubles"]
    assert len(heard.of("all")) == 1


def test_a_call_that_is_run_again_is_told_from_the_record_and_runs_no_target(wb: Workbench, heard: Heard) -> None:
    def handle(self: Any) -> Any:
        cid = self.patterns.fanout.invoke({"doubles": 1, "fails": 2}, "all", "each")
        self.kvdb.conn.rpush("after", "x")
        return cid

    wb.deploy(type("Fans", (Service,), {"name": "fans", "handle": handle}))
    cid = wb.invoke("fans")
    heard.of("all")
    count, before = len(wb.traffic), len(heard.told)
    again = wb.traffic[cid].again(since=_last(wb.traffic[cid]))
    assert wb._parts.invoker.settle(30)
    assert (again.error, again.answer) == (None, cid)
    assert (len(wb.traffic), len(heard.told)) == (count + 1, before), "no target, and nobody is told"
    assert again.not_run == ["doubles, fails patterns.fanout"]
    assert wb.kvdb.conn.llen("after") == 2


def _last(trace: Trace) -> Any:
    return [step for step in trace.steps("redis") if step.describe().startswith("Redis RPUSH")][-1]


def test_a_cassette_plays_a_fanout_by_its_record(wb: Workbench, heard: Heard) -> None:
    def handle(self: Any) -> int:
        return len(self.patterns.fanout.invoke({"doubles": 1, "fails": 2}, "all"))

    wb.deploy(type("Fans", (Service,), {"name": "fans", "handle": handle}))
    assert wb.invoke("fans") == 24
    heard.of("all")
    made = next(trace for trace in wb.traffic if trace.root.name == "fans").make_test("fans")
    assert made.path.is_file()
    assert wb._parts.invoker.settle(30)
    assert len(heard.of("all")) == 1, "its replays have run no target"


@pytest.mark.parametrize("pattern", ["fanout", "parallel"])
def test_a_rehearsal_has_the_record_for_a_fanout_and_begins_no_other(wb: Workbench, heard: Heard, pattern: str) -> None:
    def live(payload: int, number: int) -> None:
        def handle(self: Any) -> bool:
            return bool(getattr(self.patterns, pattern).invoke({"doubles": payload}, on_target="each"))

        fans = type("Fans", (Service,), {"name": "fans", "handle": handle, "new_version": "warn", "n": number})
        wb.deploy(fans)

    live(1, 1)
    wb.define(RESTChannel("fans", path="/fans"))
    wb.start()
    assert all(wb.call("POST /fans", json={}).ok for _ in range(3))
    heard.of("each", 3)
    until(lambda: all(trace.root.seconds is not None for trace in wb.traffic), "everything has ended")
    live(1, 2)
    assert _words(wb) == ["same"] * 3
    live(2, 3)
    assert _words(wb) == ["cannot compare"] * 3
    assert wb._parts.invoker.settle(30)
    assert [each["response"] for each in heard.of("each")] == [2] * 3, "neither has run a target"


def _words(wb: Workbench) -> list[str]:
    found = wb.services["fans"].compared
    assert found is not None
    until(lambda: len(found.verdicts) == found.calls, "every call is compared")
    return [each.word for each in found.verdicts]
