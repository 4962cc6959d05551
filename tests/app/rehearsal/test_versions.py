"""A new version must answer as the old: recorded calls are run on it, beside the live ones."""

from __future__ import annotations

import smtplib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import until
from workbench import APIKey, IntervalJob, JSONRPCChannel, RESTChannel, Service, Workbench, secret
from workbench.app.rehearsal import versions
from workbench.app.rehearsal.versions import VersionsCompared
from workbench.channels.exchange import Answered
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.smtp.definition import SMTPConnection
from workbench.connections.smtp.message import SMTPMessage
from workbench.core.errors import DeployRefused, NotFound, ServiceUsage, WorkbenchError

NAME = "api.works"
state: dict[str, Any] = {}
bonus = 0


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    state.clear()
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.define(
            RESTConnection("Data", host="https://data.example.com", path="/{path}", retries=0),
            SMTPConnection("Out", host="smtp.example.com", from_="me@example.com"),
        )
        wb.sandbox()
        yield wb


def live(wb: Workbench, handle: Callable[[Any], Any], mode: str = "", **more: Any) -> None:
    """Make a version of the service live, in the colour of its handle."""
    wb.deploy(type("Works", (Service,), {"name": NAME, "handle": handle, "new_version": mode, **more}))
    if NAME not in wb.channels:
        wb.define(RESTChannel(NAME, path="/works"))


def ask(wb: Workbench, count: int = 3) -> None:
    """So many requests, each with another number."""
    for number in range(count):
        wb.call("POST /works", json={"n": number})


def compared(wb: Workbench) -> VersionsCompared:
    """What came of the last comparison, once all of it has."""
    found = wb.services[NAME].compared
    assert found is not None
    until(lambda: len(found.verdicts) == found.calls, "every call is compared")
    return found


def words(wb: Workbench) -> list[str]:
    return [each.word for each in compared(wb).verdicts]


def double(self: Any) -> Any:
    return {"n": self.request.input.n * 2}


def test_a_version_that_answers_the_same_goes_live_and_nothing_is_said(wb: Workbench) -> None:
    live(wb, double)
    ask(wb)
    live(wb, lambda self: {"n": self.request.input.n + self.request.input.n})
    assert words(wb) == ["same"] * 3
    assert compared(wb).said == ""
    assert wb.services[NAME].live.number == 2


def test_a_version_that_answers_otherwise_is_told_side_by_side_and_goes_live(wb: Workbench) -> None:
    live(wb, double)
    ask(wb)
    live(wb, lambda self: {"n": self.request.input.n * 3})
    found = compared(wb)
    # Of 0 both make 0; newest first.
    assert words(wb) == ["differs", "differs", "same"]
    assert found.said == "Of 3 recorded calls, 2 answered otherwise."
    assert found.verdicts[0].why == """The answer differs: '{"n":4}' and '{"n":6}'."""
    side = found.verdicts[0].compared
    assert side is not None
    assert side.answer == ('{"n":4}', '{"n":6}')
    assert wb.services[NAME].live.number == 2


def test_two_recorded_calls_are_too_few(wb: Workbench) -> None:
    live(wb, double)
    ask(wb, versions.FEWEST_CALLS - 1)
    live(wb, lambda self: 1)
    assert wb.services[NAME].compared is None
    assert wb.services[NAME].live.number == 2


def test_with_a_gate_the_old_version_goes_on_until_the_new_one_is_taken(wb: Workbench) -> None:
    live(wb, double, "gate")
    ask(wb)
    live(wb, lambda self: "new", "gate")
    assert wb.services[NAME].live.number == 1
    assert wb.call("POST /works", json={"n": 4}).json() == {"n": 8}
    assert compared(wb).said == (
        "Of 3 recorded calls, 3 answered otherwise. v1 stays live. "
        "Fix: wb.services['api.works'].take() if that is meant, or .keep()."
    )
    wb.services[NAME].take()
    assert wb.services[NAME].live.number == 2
    assert wb.call("POST /works", json={"n": 4}).text == "new"
    assert not compared(wb).waits
    with pytest.raises(DeployRefused, match="No version of service 'api.works' waits. Fix: "):
        wb.services[NAME].take()
    assert wb.services[NAME].rollback().now.number == 1


def test_with_a_gate_the_old_version_can_be_kept_for_good(wb: Workbench) -> None:
    live(wb, double, "gate")
    ask(wb)
    live(wb, lambda self: "new", "gate")
    wb.services[NAME].keep()
    assert wb.services[NAME].live.number == 1
    with pytest.raises(DeployRefused, match="waits"):
        wb.services[NAME].take()


def test_a_gate_lets_what_answers_the_same_through(wb: Workbench) -> None:
    live(wb, double, "gate")
    ask(wb)
    live(wb, lambda self: {"n": 2 * self.request.input.n}, "gate")
    assert wb.services[NAME].live.number == 2


def test_other_services_of_a_cell_go_live_beside_one_that_waits(wb: Workbench) -> None:
    live(wb, double, "gate")
    ask(wb)
    other = type("Other", (Service,), {"name": "api.other", "handle": lambda self: "there"})
    held = wb.deploy(type("Works", (Service,), {"name": NAME, "handle": lambda self: 1, "new_version": "gate"}), other)
    assert [str(each) for each in held.waiting] == ["api.works v2"]
    assert wb.invoke("api.other") == "there"
    assert wb.services[NAME].live.number == 1


def test_a_mode_is_chosen_by_class_by_service_or_for_all(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    live(wb, double)
    service = wb.services[NAME]
    assert service.new_version == "warn"
    monkeypatch.setenv("WORKBENCH_NEW_VERSION", "off")
    assert service.new_version == "off"
    monkeypatch.delenv("WORKBENCH_NEW_VERSION")
    wb.settings.new_version = "gate"
    try:
        assert service.new_version == "gate"
    finally:
        wb.settings.new_version = ""
    live(wb, double, "off")
    assert service.new_version == "off"
    service.new_version = "gate"
    assert service.new_version == "gate"
    service.new_version = ""
    assert service.new_version == "off"


def test_a_mode_that_was_chosen_holds_until_the_class_says_another(wb: Workbench) -> None:
    live(wb, double)
    service = wb.services[NAME]
    service.new_version = "gate"
    live(wb, lambda self: {"price": 0})
    assert service.new_version == "gate", "this version says nothing, as the one before"
    live(wb, double, "warn")
    assert service.new_version == "warn"
    service.new_version = "off"
    live(wb, lambda self: {"price": 0}, "warn")
    assert service.new_version == "off"
    service.rollback()
    assert service.new_version == "off"


def test_a_mode_there_is_not_is_refused_wherever_it_is_given(wb: Workbench) -> None:
    with pytest.raises(DeployRefused, match="new_version = 'gates'. Fix: one of off, warn, gate"):
        live(wb, double, "gates")
    live(wb, double)
    with pytest.raises(ServiceUsage, match="new_version cannot be 'gates'. Fix: one of off, warn, gate"):
        wb.services[NAME].new_version = "gates"
    with pytest.raises(WorkbenchError, match="new_version cannot be 'gates'. Fix: one of off, warn, gate"):
        wb.settings.new_version = "gates"


def test_off_runs_nothing(wb: Workbench) -> None:
    def counted(self: Any) -> int:
        state["ran"] = state.get("ran", 0) + 1
        return 1

    live(wb, counted)
    ask(wb)
    live(wb, lambda self: counted(self) + 1, "off")
    assert state["ran"] == 3
    assert wb.services[NAME].compared is None


def test_a_rehearsal_leaves_no_row_fires_no_limit_and_tells_nobody(wb: Workbench) -> None:
    def noisy(self: Any) -> Any:
        self.logger.info("a line")
        print("another")
        return self.channel.security.username or self.channel.security.name, self.request.input.n

    live(wb, noisy, limit="3/d")
    wb.define(
        APIKey("my.user", header="X-Key", key=secret("KEY")), RESTChannel(NAME, path="/works", security="my.user")
    )
    with wb.limits.frozen():
        for number in range(3):
            assert wb.call("POST /works", json={"n": number}, user="my.user").ok
        rows, lines = len(wb.traffic), wb.log.total
        heard: list[Any] = []
        wb.events.subscribe(Answered, heard.append)
        live(wb, lambda self: noisy(self), limit="3/d")
        assert words(wb) == ["same"] * 3
        assert (len(wb.traffic), wb.log.total, heard) == (rows, lines, [])
        assert [each.used for each in wb.limits.use() if each.on == "service"] == [3]


def mailing(subject: str) -> Callable[[Any], Any]:
    def handle(self: Any) -> Any:
        self.email.smtp["Out"].conn.send(SMTPMessage(to="you@example.com", subject=subject, body="b"))
        return "sent"

    return handle


def reading(path: str) -> Callable[[Any], Any]:
    def handle(self: Any) -> Any:
        return self.out.rest["Data"].conn.get(self.cid, {"path": path}).status_code

    return handle


def redis(self: Any) -> Any:
    return self.kvdb.conn.incr("count")


def invoking(self: Any) -> Any:
    return self.invoke("api.other", self.request.input.n), bool(self.invoke_async("api.other", 5))


async def reading_async(self: Any) -> Any:
    return (await self.out.rest["Data"].conn.aio.get(self.cid, {"path": "a"})).status_code


@pytest.mark.parametrize("handle", [mailing("s"), reading("a"), redis, invoking, reading_async])
def test_what_a_service_asks_is_answered_from_the_record(wb: Workbench, handle: Callable[[Any], Any]) -> None:
    ran: list[Any] = []
    wb.deploy(type("Other", (Service,), {"name": "api.other", "handle": lambda self: ran.append(1)}))
    live(wb, handle)
    ask(wb)
    until(lambda: all(each.root.seconds is not None for each in wb.traffic), "everything has ended")
    was = len(ran), len(wb.peers["Out"].messages), wb.kvdb.conn.get("count")
    again = type("Works", (Service,), {"name": NAME, "handle": handle, "more": 1})
    wb.deploy(again)
    assert words(wb) == ["same"] * 3
    assert (len(ran), len(wb.peers["Out"].messages), wb.kvdb.conn.get("count")) == was


def test_an_effect_that_is_another_differs_and_reaches_no_peer_of_the_notebook(wb: Workbench) -> None:
    live(wb, mailing("one"))
    ask(wb)
    live(wb, mailing("two"))
    assert words(wb) == ["differs"] * 3
    assert compared(wb).verdicts[0].why.startswith("It does something more: Out send(")
    assert len(wb.peers["Out"].messages) == 3


def test_an_effect_that_is_gone_differs(wb: Workbench) -> None:
    live(wb, mailing("one"))
    ask(wb)
    live(wb, lambda self: "sent")
    assert words(wb) == ["differs"] * 3
    assert compared(wb).verdicts[0].why.startswith("It does something no more: Out send(")


def test_what_the_record_does_not_have_cannot_be_compared_and_never_gates(wb: Workbench) -> None:
    live(wb, reading("a"), "gate")
    ask(wb)
    live(wb, reading("b"), "gate")
    found = compared(wb)
    assert words(wb) == ["cannot compare"] * 3
    assert "It asks Data get(" in found.verdicts[0].why
    assert "which the record does not have" in found.verdicts[0].why
    assert found.said == "Of 3 recorded calls, 3 could not be compared."
    assert wb.services[NAME].live.number == 2


def connecting(self: Any) -> Any:
    with socket.socket() as made:
        made.settimeout(0.1)
        made.connect(("192.0.2.1", 9))


def swallowing(self: Any) -> Any:
    try:
        smtplib.SMTP("192.0.2.1", 25, timeout=0.1)
    except Exception:
        return "sent"


def looking_up(self: Any) -> Any:
    socket.getaddrinfo("example.invalid", 80)


def in_a_thread(self: Any) -> Any:
    thread = threading.Thread(target=swallowing, args=(self,))
    thread.start()
    thread.join()
    return "sent"


def starting(self: Any) -> Any:
    subprocess.run(["true"], check=True)


def writing(self: Any) -> Any:
    Path(state["file"]).write_text("new")


def by_the_workbench(self: Any) -> Any:
    return state["wb"].invoke("api.other")


def past_the_service(self: Any) -> Any:
    return state["wb"].connections["Data"].conn.get("cid", {"path": "a"}).status_code


PAST = {
    connecting: "call ('192.0.2.1', 9) past the connections",
    swallowing: "call '192.0.2.1' past the connections",
    looking_up: "call 'example.invalid' past the connections",
    in_a_thread: "call '192.0.2.1' past the connections",
    starting: "start a program",
    writing: "write the file",
    by_the_workbench: "run 'api.other' by itself",
    past_the_service: "ask GET",
}


@pytest.mark.parametrize("handle", PAST, ids=lambda each: each.__name__)
def test_what_goes_past_the_record_and_the_stand_ins_is_refused(
    wb: Workbench, tmp_path: Path, handle: Callable[[Any], Any]
) -> None:
    state.update(wb=wb, file=tmp_path / "made.txt")
    wb.deploy(type("Other", (Service,), {"name": "api.other", "handle": lambda self: "there"}))
    live(wb, lambda self: "sent")
    ask(wb)
    rows = len(wb.traffic)
    live(wb, handle)
    assert words(wb) == ["cannot compare"] * 3
    assert PAST[handle] in compared(wb).verdicts[0].why
    assert len(wb.traffic) == rows
    assert not (tmp_path / "made.txt").exists()


def test_fields_that_differ_in_each_run_are_named_and_left_out(wb: Workbench) -> None:
    def numbered(rate: int) -> Callable[[Any], Any]:
        def handle(self: Any) -> Any:
            state["number"] = state.get("number", 0) + 1
            return {"number": state["number"], "n": self.request.input.n * rate}

        return handle

    live(wb, numbered(2))
    ask(wb)
    live(wb, numbered(2))
    assert words(wb) == ["same"] * 3
    assert compared(wb).verdicts[0].noise == ["number"]
    ask(wb)
    live(wb, numbered(5))
    # Two of each three were given 0.
    assert words(wb)[:3] == ["differs", "differs", "same"]


def test_text_that_is_another_each_time_cannot_be_compared(wb: Workbench) -> None:
    def counting(word: str) -> Callable[[Any], Any]:
        def handle(self: Any) -> str:
            state["number"] = state.get("number", 0) + 1
            return f"{word} {state['number']}"

        return handle

    live(wb, counting("one"))
    ask(wb)
    live(wb, counting("two"))
    assert words(wb) == ["cannot compare"] * 3
    assert compared(wb).verdicts[0].why == "The old version answers otherwise each time."


def test_time_stands_at_the_instant_of_the_recorded_call(wb: Workbench) -> None:
    live(wb, lambda self: self.time.utcnow("%Y-%m-%d %H:%M"))
    ask(wb)
    live(wb, lambda self: f"{self.time.utcnow('%Y-%m-%d %H:%M')}")
    assert words(wb) == ["same"] * 3


def test_a_changed_helper_is_told_though_both_versions_use_it_now(
    wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handle(self: Any) -> int:
        return self.request.input.n + plus()  # type: ignore[no-any-return]

    live(wb, handle)
    ask(wb)
    monkeypatch.setitem(globals(), "plus", lambda: 7)

    def other(self: Any) -> int:
        return plus() + self.request.input.n  # type: ignore[no-any-return]

    live(wb, other)
    assert words(wb) == ["differs"] * 3
    assert compared(wb).verdicts[0].why.endswith("Both versions use what has changed: plus.")


def plus() -> int:
    """A helper."""
    return 1


def test_an_error_in_place_of_an_answer_differs_and_the_same_error_does_not(wb: Workbench) -> None:
    def missing(self: Any) -> Any:
        raise NotFound("no such order")

    live(wb, missing)
    ask(wb)
    live(wb, lambda self: missing(self))
    assert words(wb) == ["same"] * 3
    live(wb, lambda self: 1 / 0)
    assert words(wb) == ["differs"] * 3
    assert compared(wb).verdicts[0].why == "It ends with '500', where it ended with '404'."


def test_calls_made_by_invoke_are_compared_too(wb: Workbench) -> None:
    live(wb, double)
    for number in range(3):
        wb.invoke(NAME, {"n": number})
    live(wb, lambda self: {"n": self.request.input.n * 2})
    assert words(wb) == ["same"] * 3


def test_runs_of_a_job_are_compared_too(wb: Workbench) -> None:
    live(wb, lambda self: f"ran with {self.request.input.n}")
    wb.define(IntervalJob("each hour", service=NAME, hours=1, extra={"n": 1}))
    for _ in range(3):
        wb.jobs["each hour"].execute()
    live(wb, lambda self: f"ran with {self.request.input.n}")
    assert words(wb) == ["same"] * 3
    live(wb, lambda self: f"ran again with {self.request.input.n}")
    assert words(wb) == ["differs"] * 3


def test_calls_by_json_rpc_are_compared_too(wb: Workbench) -> None:
    live(wb, double)
    wb.define(JSONRPCChannel("rpc", path="/rpc", services=NAME))
    for number in (1, 2, 3):
        asked = {"jsonrpc": "2.0", "id": number, "method": NAME, "params": {"n": number}}
        assert wb.call("POST /rpc", json=asked).json()["result"] == {"n": 2 * number}
    live(wb, lambda self: {"n": self.request.input.n + 2})
    assert words(wb) == ["differs", "same", "differs"]


def test_calls_whose_channel_is_gone_cannot_be_compared(wb: Workbench) -> None:
    live(wb, double)
    ask(wb)
    wb.channels.remove(NAME)
    live_again = type("Works", (Service,), {"name": NAME, "handle": lambda self: 5})
    wb.deploy(live_again)
    assert words(wb) == ["cannot compare"] * 3
    assert compared(wb).verdicts[0].why == "Channel 'api.works' is gone."


def test_a_cell_waits_no_longer_than_the_bound_and_the_rest_is_compared_afterwards(
    wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "LONGEST_SECONDS", 0.05)
    go_on = threading.Event()
    live(wb, double)
    ask(wb)
    live(wb, slow(go_on, "new"))
    try:
        assert wb.services[NAME].live.number == 2
        found = wb.services[NAME].compared
        assert found is not None
        assert found.verdicts == []
    finally:
        go_on.set()
    assert words(wb) == ["differs"] * 3
    assert wb.services[NAME].live.number == 2


def test_a_version_without_a_gate_is_live_before_its_calls_are_compared(
    wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "LONGEST_SECONDS", 20)
    go_on = threading.Event()
    live(wb, double)
    ask(wb)
    cell = threading.Thread(target=live, args=(wb, slow(go_on, "new")))
    cell.start()
    try:
        until(lambda: wb.services[NAME].compared is not None, "its calls are being compared")
        assert cell.is_alive()
        assert wb.services[NAME].live.number == 2
    finally:
        go_on.set()
        cell.join(20)
    assert words(wb) == ["differs"] * 3


def test_a_version_that_is_not_the_newest_any_more_is_compared_no_further(
    wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "LONGEST_SECONDS", 0.05)
    go_on, told = threading.Event(), list[VersionsCompared]()
    wb.events.subscribe(VersionsCompared, told.append)
    live(wb, double)
    ask(wb)
    live(wb, slow(go_on, "second"))
    second = wb.services[NAME].compared
    assert second is not None
    try:
        live(wb, lambda self: "third")
    finally:
        go_on.set()
    assert words(wb) == ["differs"] * 3
    until(lambda: not any(each.name == "workbench-comparing" for each in threading.enumerate()), "all is compared")
    assert len(second.verdicts) <= 1
    assert [each.new for each in told] == [3]


def test_a_gate_lets_nothing_through_that_was_not_compared_in_time(
    wb: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "GATE_SECONDS", 0.05)
    go_on = threading.Event()
    live(wb, lambda self: "old", "gate")
    ask(wb)
    live(wb, slow(go_on, "old"), "gate")
    found = wb.services[NAME].compared
    assert found is not None
    try:
        assert wb.services[NAME].live.number == 1
        assert found.said.startswith(
            "Of 0 recorded calls, none answered otherwise. Not compared yet: 3. v1 stays live."
        )
    finally:
        go_on.set()
    assert words(wb) == ["same"] * 3
    assert found.said.startswith("Of 3 recorded calls, none answered otherwise. v1 stays live. Fix: ")
    wb.services[NAME].take()
    assert wb.services[NAME].live.number == 2


def slow(go_on: threading.Event, answer: str) -> Callable[[Any], Any]:
    """A handle that waits for an event."""

    def handle(self: Any) -> Any:
        go_on.wait(20)
        return answer

    return handle


def test_only_the_last_calls_are_compared(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "MOST_CALLS", 4)
    live(wb, double)
    ask(wb, 6)
    live(wb, lambda self: {"n": self.request.input.n * 2})
    assert [each.trace for each in compared(wb).verdicts] == list(reversed(wb.traffic[:]))[:4]
