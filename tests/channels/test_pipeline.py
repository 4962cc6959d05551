"""Who is admitted, in which order that is judged, and what callers are told when a service fails or hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests

from tests.serving import Wire, token_of, until
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.errors import Conflict, NotFound, ServiceUnavailable, ServiceUsage
from workbench.core.secret import PlainSecretWarning
from workbench.core.service import Service
from workbench.limiting.definition import Limit
from workbench.runtime.workers import WAITING
from workbench.security.definitions import APIKey, BasicAuth

SECRET = "hunter2-and-more"


class Hello(Service):
    name = "hello"

    def handle(self) -> str:
        return "Hello there!\n"


class Fails(Service):
    name = "fails"

    def handle(self) -> None:
        raise ValueError(f"with {SECRET}")


class FailsAsync(Service):
    name = "fails.async"

    async def handle(self) -> None:
        await asyncio.sleep(0)
        raise ValueError(f"with {SECRET}")


class Unsayable(Service):
    name = "unsayable"

    def handle(self) -> Any:
        return {"lock": threading.Lock()}


@pytest.mark.parametrize("cls", [Fails, FailsAsync, Unsayable])
def test_a_service_that_raises_is_500_without_a_word_of_it(wb: Workbench, cls: type[Service]) -> None:
    wb.deploy(cls)
    wb.define(RESTChannel(cls.name, path="/x"))
    answer = wb.call("GET /x")
    assert answer.status == 500
    assert answer.json() == {"result": "Error", "cid": answer.cid, "details": "Internal Server Error"}
    assert SECRET not in answer.text + str(answer.headers)
    [line] = wb.log.of(answer.cid)
    assert (line.level, line.service) == ("ERROR", cls.name)
    assert "Traceback (most recent call last)" in line.text
    if cls is not Unsayable:
        assert f"ValueError: with {SECRET}" in line.text
        [step] = answer.trace.steps("service")  # type: ignore[union-attr]
        assert step.error.kind == "ValueError"  # type: ignore[attr-defined]
    else:
        assert "A lock cannot be sent as JSON. Fix: return text" in line.text


def test_an_error_for_the_caller_is_told_in_its_words(wb: Workbench) -> None:
    class Refuses(Service):
        name = "refuses"

        def handle(self) -> None:
            kind = {"404": NotFound, "409": Conflict}[self.request.http.params.kind]
            raise kind(self.cid, "No such order")

    wb.deploy(Refuses)
    wb.define(RESTChannel("refuses"), RESTChannel("old", path="/old", service="refuses", envelope="zato-3.1"))
    for status in (404, 409):
        answer = wb.call(f"GET /refuses?kind={status}")
        assert (answer.status, answer.json()["details"]) == (status, "No such order")
    answer = wb.call("GET /old?kind=404")
    wanted = {"zato_env": {"result": "ZATO_ERROR", "cid": answer.cid, "details": "No such order"}}
    assert answer.json() == wanted
    assert "Traceback" not in wb.log.of(answer.cid)[0].text


def test_a_parameter_nobody_sent_is_400(wb: Workbench) -> None:
    class Reads(Service):
        name = "reads"

        def handle(self) -> Any:
            return self.request.http.params.file_name

    wb.deploy(Reads)
    wb.define(RESTChannel("reads"))
    answer = wb.call("GET /reads?other=1")
    assert (answer.status, answer.json()["details"]) == (400, "Invalid input: 'file_name' is missing; given: other")


def test_services_that_block_run_side_by_side(wb: Workbench) -> None:
    together = threading.Barrier(20)

    class Blocks(Service):
        name = "blocks"

        def handle(self) -> str:
            together.wait(30)
            return "all at once"

    wb.deploy(Blocks)
    wb.define(RESTChannel("blocks"))
    wires = [Wire(wb).request("GET /blocks") for _ in range(20)]
    assert {wire.answer().body for wire in wires} == {b"all at once"}
    for wire in wires:
        wire.socket.close()


# Hanging.
class Meets(Service):
    """Runs until `go`, and knows how many of them ran at once."""

    name = "meets"
    go: ClassVar[threading.Event]
    lock = threading.Lock()
    running = most = 0
    ended: ClassVar[list[bool]]

    @classmethod
    def reset(cls) -> None:
        """Begin anew."""
        cls.go, cls.running, cls.most, cls.ended = threading.Event(), 0, 0, []

    def handle(self) -> str:
        cls = Meets
        with cls.lock:
            cls.running += 1
            cls.most = max(cls.most, cls.running)
        try:
            cls.go.wait(40)
        finally:
            with cls.lock:
                cls.running -= 1
            cls.ended.append(self.cancelled)
        return "met"


@pytest.fixture
def narrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Workbench]]:
    """Makes a workbench of so many threads, in which Meets hangs past its time at /hangs and does not at /waits."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with ExitStack() as ends:

        def make(threads: int) -> Workbench:
            wb = ends.enter_context(Workbench(port=0, folder=tmp_path, threads=threads))
            Meets.reset()
            ends.callback(lambda: Meets.go.set())
            wb.deploy(Meets, Hello)
            hangs = RESTChannel("hangs", service="meets", timeout_seconds=0.2)
            wb.define(hangs, RESTChannel("waits", service="meets"), RESTChannel("hello"))
            return wb

        yield make


def at_once(wb: Workbench, path: str, calls: int) -> list[Wire]:
    """Calls of one path at once, each on a connection of its own; all are known to the server when this returns."""

    def admitted() -> int:
        return sum(repr(trace).startswith(f"GET {path}") for trace in wb.traffic)

    wanted = admitted() + calls
    wires = [Wire(wb).request(f"GET {path}") for _ in range(calls)]
    until(lambda: admitted() == wanted, "all were admitted")
    return wires


def statuses(wires: list[Wire]) -> list[int]:
    found = [wire.answer().status for wire in wires]
    for wire in wires:
        wire.socket.close()
    return found


def test_a_service_that_hangs_is_504_and_a_spare_worker_stands_in(narrow: Callable[[int], Workbench]) -> None:
    wb = narrow(1)
    began = time.monotonic()
    answer = wb.call("GET /hangs")
    assert (answer.status, answer.json()["details"]) == (504, "Gateway Timeout")
    assert time.monotonic() - began >= 0.2
    assert Meets.running == 1, "it goes on"
    assert "did not end within 0.2 s. A thread cannot be stopped" in wb.log.of(answer.cid)[0].text
    assert wb.call("GET /hello").text == "Hello there!\n"
    Meets.go.set()
    until(lambda: Meets.ended == [True], "the hung call ended and knew that nobody waits")
    assert wb.call("GET /hello").status == 200
    Meets.reset()
    wires = at_once(wb, "/waits", 3)
    until(lambda: Meets.running == 1, "one of three runs")
    assert wb.call("GET /ping").status == 200
    Meets.go.set()
    assert statuses(wires) == [200] * 3
    assert Meets.most == 1, "the spare was given back"


def test_spares_are_given_back_as_often_as_they_were_lent(narrow: Callable[[int], Workbench]) -> None:
    wb = narrow(2)

    def hang() -> bool:
        """On a slow machine a call may be past its time before a thread is there, and then never begins."""
        assert statuses(at_once(wb, "/hangs", 2)) == [504, 504]
        return Meets.running == 4

    until(hang, "two hang on the workers, two on spares")
    assert statuses(at_once(wb, "/hangs", 4)) == [504] * 4
    assert (Meets.running, Meets.most) == (4, 4), "no more spares than workers"
    Meets.go.set()
    until(lambda: Meets.running == 0, "those that ran ended")
    assert wb.call("GET /hello").status == 200
    for _ in range(2):
        Meets.reset()
        wires = at_once(wb, "/waits", 6)
        until(lambda: Meets.running == 2, "two of six run")
        assert wb.call("GET /ping").status == 200
        Meets.go.set()
        assert statuses(wires) == [200] * 6
        assert Meets.most == 2, "every spare was given back, and none twice"


def test_a_call_whose_time_is_over_before_it_began_never_begins(narrow: Callable[[int], Workbench]) -> None:
    wb = narrow(1)
    first = at_once(wb, "/waits", 1)
    until(lambda: Meets.running == 1, "the first one runs")
    assert statuses(at_once(wb, "/hangs", 1)) == [504]
    # It held no worker, so no spare stands in for it: a third one has to wait for the first.
    third = at_once(wb, "/waits", 1)
    assert wb.call("GET /ping").status == 200
    Meets.go.set()
    assert statuses(first + third) == [200, 200]
    assert (Meets.most, len(Meets.ended)) == (1, 2), "the one past its time never began"


def test_what_waits_when_the_last_worker_hangs_is_refused_and_not_kept_waiting(
    narrow: Callable[[int], Workbench],
) -> None:
    wb = narrow(1)

    def hang(most: int) -> bool:
        """On a slow machine a call may be past its time before a thread is there, and then never begins."""
        statuses(at_once(wb, "/hangs", 1))
        return Meets.running == most

    for hung in (1, 2):  # the worker, and the spare that stands in for it
        until(partial(hang, hung), "one more hangs")
    [waits] = at_once(wb, "/waits", 1)
    refused = waits.answer()
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert b"All workers are busy" in refused.body
    assert repr(wb.traffic[-1]).startswith("GET /waits 503\n  meets refused 503\n")
    Meets.go.set()
    until(lambda: Meets.running == 0, "those that hung ended")
    assert wb.call("GET /hello").status == 200
    assert len(Meets.ended) == 2, "the one that was refused never began"
    waits.socket.close()


def test_an_async_service_that_hangs_is_cancelled(wb: Workbench) -> None:
    said: list[Any] = []

    class Hangs(Service):
        name = "hangs"

        async def handle(self) -> None:
            try:
                await asyncio.sleep(20)
            finally:
                said.append(self.cancelled)

        def finalize_handle(self) -> None:
            said.append("finalized")

    wb.deploy(Hangs)
    wb.define(RESTChannel("hangs", timeout_seconds=0.1))
    answer = wb.call("GET /hangs")
    assert answer.status == 504
    until(lambda: said == [True, "finalized"], "it was cancelled, and its hooks ran")


def test_a_full_queue_is_503_at_once(narrow: Callable[[int], Workbench]) -> None:
    wb, ended = narrow(2), threading.Semaphore(0)

    def fill() -> int:
        for filled in range(5 * WAITING):
            try:
                wb.submit("hello" if filled >= 2 else "meets", "", lambda *outcome: ended.release())
            except ServiceUnavailable:
                return filled
            if filled == 1:
                until(lambda: Meets.running == 2, "both workers are busy")
        raise AssertionError("the queue has no end")

    filled = fill()
    assert filled == 2 + WAITING
    answer = wb.call("GET /hello")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["details"] == "All workers are busy"
    assert repr(answer.trace) == (
        "GET /hello 503\n  hello refused 503\n    log: ERROR hello failed: All workers are busy"
    )
    Meets.go.set()
    for _ in range(filled):
        assert ended.acquire(timeout=30)
    assert wb.call("GET /hello").status == 200


@pytest.mark.parametrize("threads", [0, -1])
def test_a_workbench_needs_a_thread(threads: int) -> None:
    with pytest.raises(ServiceUsage, match="Fix: threads=1 or more"):
        Workbench(threads=threads)


def test_a_channel_whose_service_is_gone_is_404_until_it_is_back(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("hello"))
    wb.services.remove("hello")
    assert wb.call("GET /hello").status == 404
    wb.deploy(Hello)
    assert wb.call("GET /hello").status == 200


def test_an_inactive_channel_is_404(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("hello", active=False))
    assert wb.call("GET /hello").status == 404


# Who may call, how often, in which order.
@pytest.fixture
def guarded(wb: Workbench) -> Workbench:
    wb.deploy(Hello)
    with pytest.warns(PlainSecretWarning):
        wb.define(
            BasicAuth("my.user", password=SECRET, limit="3/h"),
            APIKey("my.key", key=SECRET),
            RESTChannel("hello", security="my.user"),
            RESTChannel("keyed", service="hello", security="my.key"),
            RESTChannel("tight", service="hello", security="my.user", limit="2/h"),
        )
    return wb


def test_right_credentials_come_in_and_wrong_ones_are_challenged(guarded: Workbench) -> None:
    assert guarded.call("GET /hello", user="my.user").status == 200
    assert guarded.call("GET /keyed", user="my.key").status == 200
    for headers in ({}, {"Authorization": "Basic bXkudXNlcjpubw=="}, {"X-API-Key": SECRET}):
        answer = guarded.call("GET /hello", headers=headers)
        assert (answer.status, answer.json()["details"]) == (401, "Unauthorized")
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="workbench", charset="UTF-8"'
    answer = guarded.call("GET /keyed", headers={"X-API-Key": "nope"})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'ApiKey header="X-API-Key"')


@pytest.mark.usefixtures("still")
def test_a_refused_call_consumes_nothing_below(guarded: Workbench) -> None:
    def statuses(path: str, *users: str) -> list[int]:
        return [guarded.call(f"GET {path}", user=user).status for user in users]

    # The endpoint's limit comes first, and counts wrong credentials too: guessing is limited.
    assert statuses("/tight", "", "", "my.user") == [401, 401, 429]
    # The user's limit was touched by none of them.
    assert statuses("/hello", "my.user", "my.user", "my.user", "my.user") == [200, 200, 200, 429]
    # Another way in leads to the same user's limit.
    guarded.define(RESTChannel("other", service="hello", security="my.user"))
    assert statuses("/other", "my.user") == [429]
    assert statuses("/keyed", "my.key") == [200]


@pytest.mark.usefixtures("still")
def test_endpoint_then_user_then_service(wb: Workbench) -> None:
    class Limited(Service):
        name = "limited"
        limit = "3/h"
        ran: ClassVar[list[int]] = []

        def handle(self) -> None:
            self.ran.append(1)

    wb.deploy(Limited)
    with pytest.warns(PlainSecretWarning):
        wb.define(
            BasicAuth("u", password=SECRET, limit="2/h"),
            RESTChannel("limited", security="u", limit="1/h"),
            RESTChannel("second", service="limited", security="u"),
            RESTChannel("open", service="limited"),
        )
    assert [wb.call("GET /limited", user="u").status for _ in range(2)] == [200, 429]
    assert [wb.call("GET /second", user="u").status for _ in range(2)] == [200, 429]
    assert [wb.call("GET /open").status for _ in range(2)] == [200, 429]
    assert len(Limited.ran) == 3
    decisions = [repr(wb.traffic[-1 - back]).splitlines()[1].strip() for back in (0, 2, 4)]
    assert "limited" in decisions[0]
    assert wb.limits


@pytest.mark.usefixtures("still")
def test_a_429_tells_the_caller_nothing_and_the_author_everything(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("hello", limit="1/h"))
    wb.call("GET /hello")
    answer = wb.call("GET /hello")
    wanted = {"result": "Error", "cid": answer.cid, "details": "Error 429 Too Many Requests"}
    assert (answer.status, answer.json()) == (429, wanted)
    [line] = wb.log.of(answer.cid)
    assert line.level == "WARNING"
    assert answer.cid in line.text
    assert answer.cid not in repr(answer.trace)


@pytest.mark.usefixtures("still")
def test_a_services_limit_holds_whatever_the_way_in(wb: Workbench) -> None:
    from workbench.core.errors import TooManyRequests

    wb.deploy(Hello)
    wb.define(Limit("hello", on="service", lines="2/h"), RESTChannel("hello"))
    assert wb.call("GET /hello").status == 200
    assert wb.invoke("hello") == "Hello there!\n"
    assert wb.call("GET /hello").status == 429
    with pytest.raises(TooManyRequests):
        wb.invoke("hello")


def test_secrets_stand_nowhere(guarded: Workbench) -> None:
    class Nosy(Service):
        name = "hello"

        def handle(self) -> Any:
            self.logger.info("%r %r", self.channel, self.channel.security)
            print(self.channel.security.username, vars(type(self.channel.security)))
            raise ValueError("boom")

    guarded.deploy(Nosy)
    guarded.call("GET /hello", user="my.user")
    guarded.call("GET /hello", headers={"Authorization": "Basic wrong"})
    guarded.call("GET /keyed", user="my.key")
    everything = [
        *map(repr, (guarded, guarded.security, guarded.channels, guarded.log, guarded.traffic, *guarded.traffic)),
        *(repr(definition) for definition in guarded.security.values()),
        *(definition.to_code() for definition in guarded.security.values()),
        *(line.text for line in guarded.log),
    ]
    assert not [text for text in everything if SECRET in text]


def test_the_service_knows_channel_and_user(guarded: Workbench) -> None:
    class Tells(Service):
        name = "hello"

        def handle(self) -> Any:
            channel = self.channel
            return [channel.name, channel.type, channel.data_format, channel.security.name, channel.sec.username]

    guarded.deploy(Tells)
    assert guarded.call("GET /keyed", user="my.key").json() == ["keyed", "http-soap", "json", "my.key", "my.key"]
    assert guarded.invoke("hello") == ["invoke", "invoke", "dict", "", ""]


# The server's own addresses.
def test_the_workbenchs_own_addresses_need_its_token(wb: Workbench) -> None:
    wb.deploy(Hello)
    token = {"X-Workbench-Token": token_of(wb)}
    for headers in ({}, {"X-Workbench-Token": "guess"}):
        assert wb.call("GET /workbench/status", headers=headers).status == 404
        assert wb.call("POST /workbench/invoke", data={"service": "hello"}, headers=headers).status == 404
    assert wb.call("GET /workbench/status", headers=token).json()["services"] == ["hello"]
    answer = wb.call("POST /workbench/invoke", data={"service": "hello"}, headers=token)
    assert answer.json() == {"cid": answer.cid, "answer": "Hello there!\n"}
    assert repr(answer.trace) == "POST /workbench/invoke 200\n  hello ok"
    unknown = wb.call("POST /workbench/invoke", data={"service": "helo"}, headers=token)
    assert "Did you mean 'hello'?" in unknown.json()["error"]
    assert wb.call("POST /workbench/invoke", data=b"{", headers=token).status == 400


def test_what_the_command_line_runs_prints_into_its_trace_alone(
    wb: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    from workbench.runtime import capture

    class Prints(Service):
        name = "prints"

        def handle(self) -> None:
            print("hello")

    capture.install()
    wb.deploy(Prints)
    wb.call("POST /workbench/invoke", data={"service": "prints"}, headers={"X-Workbench-Token": token_of(wb)})
    assert capsys.readouterr().out == ""
    assert "print: hello" in repr(wb.traffic[-1])


def test_ping_answers_anybody(wb: Workbench) -> None:
    assert wb.call("GET /ping").json() == {"pong": "workbench"}


def test_the_words_of_a_status_are_the_services_own(wb: Workbench) -> None:
    class Worded(Service):
        name = "worded"

        def handle(self) -> str:
            self.response.status_code = 202
            self.response.status_message = self.request.raw_request.decode()
            return ""

    wb.deploy(Worded)
    wb.define(RESTChannel("worded", path="/x"))
    answer = requests.post(f"{wb.start()}/x", b"Take your time", timeout=30)
    assert (answer.status_code, answer.reason) == (202, "Take your time")
    assert requests.post(f"{wb.url}/x", b"", timeout=30).reason == "Accepted"
    assert requests.post(f"{wb.url}/x", b"a\r\nX: y", timeout=30).status_code == 500


def test_the_owner_of_a_channel_reads_how_it_takes_larger_bodies(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("hello", max_body_bytes=3 * 1024**2), RESTChannel("few", service="hello", max_body_bytes=10))
    for path, size, said in (("hello", 3 * 1024**2 + 1, "over 3 MiB"), ("few", 11, "over 10 bytes")):
        answer = wb.call(f"POST /{path}", data=b"x" * size)
        assert answer.status == 413
        assert "Fix" not in answer.text, "the caller cannot change it"
        assert f"{said}, the most that REST '{path}' takes. Fix: max_body_bytes=" in repr(answer.trace)
