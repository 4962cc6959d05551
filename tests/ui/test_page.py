"""The panel at /workbench/: for whom, what it tells, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any

import pytest
import requests

from tests.serving import token_of, until
from tests.ui.conftest import Failing, Hello
from workbench import RESTChannel, Service, Workbench
from workbench.app.serving.runtime_file import running
from workbench.channels.guard import TOKEN_HEADER
from workbench.core.clock import VirtualClock
from workbench.ui import desks
from workbench.ui.carriers.page import CODE_SECONDS, open_page
from workbench.ui.carriers.viewers import MOST_VIEWERS, SILENT_SECONDS, WAIT_SECONDS, Viewers

PUBLIC = ["", "page.js", "page.css"]
CLOSED = ["look", "ask", "code"]


@pytest.fixture
def wb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, folder=tmp_path, threads=1) as made:
        made.deploy(Hello, Failing)
        made.define(RESTChannel("api.hello"))
        open_page(made)
        made.start()
        try:
            yield made
        finally:
            desks.close_all()


@pytest.fixture(params=["server", "own"])
def at(request: pytest.FixtureRequest, wb: Workbench) -> str:
    """Where the page is: on the server, and on the listener of the own addresses."""
    [found] = running()
    return f"{found.url if request.param == 'server' else found.own_url}/workbench/"


class Looking:
    """A page that looks, without a browser."""

    def __init__(self, wb: Workbench, at: str, viewer: str = "one") -> None:
        self.at, self.viewer, self.after, self.number = at, viewer, 0, 0
        self.headers = {TOKEN_HEADER: token_of(wb)}
        self.facts: dict[str, Any] = {}
        self.said: list[dict[str, Any]] = []

    def post(self, what: str, **content: Any) -> Any:
        reply = requests.post(f"{self.at}{what}", json=content, headers=self.headers, timeout=30)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def look(self) -> dict[str, Any]:
        said: dict[str, Any] = self.post("look", viewer=self.viewer, after=self.after)
        self.after = said["last"]
        for told in said["told"]:
            self.facts = told.get("facts", self.facts)
            self.said += told.get("batch", [])
        return said

    def ask(self, verb: str, **content: Any) -> list[dict[str, Any]]:
        """All that is said to a question: parts, and last the answer."""
        self.number += 1
        assert self.post("ask", viewer=self.viewer, ask=verb, id=self.number, **content) == {"ack": self.number}
        deadline = time.monotonic() + 30
        while not [each for each in self.said if each["id"] == self.number and "so far" not in each]:
            assert time.monotonic() < deadline
            self.look()
        return [each for each in self.said if each["id"] == self.number]


def test_the_page_holds_nothing_and_runs_no_script_but_its_own(wb: Workbench, at: str) -> None:
    for name in PUBLIC:
        reply = requests.get(at + name, timeout=30)
        assert reply.status_code == 200
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "api.hello" not in reply.text
        assert token_of(wb) not in reply.text
        assert "<script>" not in reply.text


@pytest.mark.parametrize("name", CLOSED)
def test_without_the_token_it_tells_nothing(wb: Workbench, at: str, name: str) -> None:
    for headers in ({}, {TOKEN_HEADER: "wrong"}, {"Cookie": f"token={token_of(wb)}"}):
        reply = requests.post(at + name, json={"viewer": "x", "ask": "panel"}, headers=headers, timeout=30)
        assert reply.status_code == 404
        assert "api.hello" not in reply.text


@pytest.mark.parametrize("name", [*PUBLIC, *CLOSED, "login"])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}],
    ids=["origin", "site", "rebound"],
)
def test_pages_of_other_sites_get_nothing(wb: Workbench, at: str, name: str, headers: dict[str, str]) -> None:
    method = "GET" if name in PUBLIC else "POST"
    body = {"viewer": "x", "ask": "panel", "code": "x"}
    token = {} if "Host" in headers else {TOKEN_HEADER: token_of(wb)}
    assert requests.request(method, at + name, json=body, headers=headers | token, timeout=30).status_code == 403


NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_window_may_be_led_to_the_page_and_nowhere_else(wb: Workbench, at: str, site: str) -> None:
    """As JupyterLab does, which asks for the address between the click and the navigation."""
    led = NAVIGATION | {"Sec-Fetch-Site": site}
    assert requests.get(at, headers=led, timeout=30).status_code == 200
    assert requests.get(at, headers=led | {"Sec-Fetch-Dest": "iframe"}, timeout=30).status_code == 403
    assert requests.get(at, headers=led | {"Host": "evil.example"}, timeout=30).status_code == 403
    assert requests.get(f"{at}status", headers=led, timeout=30).status_code == 403
    assert requests.post(f"{at}login", json={"code": "x"}, headers=led, timeout=30).status_code == 403


def test_a_code_gives_the_token_once_and_not_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    clock = VirtualClock()
    with Workbench(port=0, clock=clock) as wb:
        open_page(wb)
        page = Looking(wb, f"{wb.start()}/workbench/")

        def login(code: str) -> requests.Response:
            return requests.post(f"{page.at}login", json={"code": code}, timeout=30)

        code, late = page.post("code")["code"], page.post("code")["code"]
        assert login(code).json() == {"token": token_of(wb)}
        clock.advance(CODE_SECONDS + 1)
        for each in (code, late, "", "wrong"):
            refused = login(each)
            assert refused.status_code == 400
            assert "Fix: workbench panel" in refused.json()["error"]


def test_it_is_told_what_there_is_and_what_changes(wb: Workbench, at: str) -> None:
    page = Looking(wb, at)
    assert page.look()["anew"] is True
    assert [row["service"] for row in page.facts["services"]] == ["api.hello", "api.failing"]

    class Later(Service):
        name = "api.later"

        def handle(self) -> None: ...

    wb.deploy(Later)
    while "api.later" not in [row["service"] for row in page.facts["services"]]:
        assert page.look()["anew"] is False


def test_a_question_has_its_parts_and_its_answer(wb: Workbench, at: str) -> None:
    page = Looking(wb, at)
    [answer] = page.ask("invoke", service="api.hello", payload="you", format="text")
    assert (answer["outcome"], answer["text"]) == ("ok", "Hello you!")
    [answer] = page.ask("panel", tab="services")
    assert [row["service"] for row in answer["rows"]] == ["api.hello", "api.failing"]
    [answer] = page.ask("nonsense")
    assert "nonsense" in answer["failed"]
    page.ask("limit save", on="service", name="api.hello", values={},
             lines=[{"source": "*", "rate": "12", "unit": "d", "unbounded": False}])  # fmt: skip
    *parts, answer = page.ask("burst", on="service", name="api.hello", service="api.hello")
    assert [len(each["so far"]) for each in parts] == [10]
    assert answer["letters"].startswith("p" * 12)


def test_what_a_page_did_not_get_it_is_told_again(wb: Workbench, at: str) -> None:
    page = Looking(wb, at)
    page.ask("panel", tab="users")
    # As after a connection that dropped with the answer in it.
    page.after, page.said = 0, []
    first = page.post("look", viewer="one", after=0)
    again = page.post("look", viewer="one", after=0)
    # What has come since stands behind; of facts the newest stand for all.
    earlier, later = ([told["batch"] for told in said["told"] if "batch" in told] for said in (first, again))
    assert later[: len(earlier)] == earlier
    assert any("facts" in told for told in again["told"]) or not any("facts" in told for told in first["told"])
    assert any(said["id"] == 1 for batch in earlier for said in batch)


def test_a_page_that_was_forgotten_and_asks_before_it_looks_misses_nothing(wb: Workbench, at: str) -> None:
    page = Looking(wb, at)
    # As after the sleep of a laptop: its number is of what it was told before.
    page.after = 40
    assert page.ask("panel", tab="services")[0]["rows"]
    assert page.after > 40

    class Later(Service):
        name = "api.later"

        def handle(self) -> None: ...

    wb.deploy(Later)
    until(lambda: page.look() and "api.later" in str(page.facts), "what it shows follows")


def test_a_page_that_was_forgotten_hears_that_what_it_asked_is_lost(wb: Workbench) -> None:
    viewers = Viewers(desks.desk_of(wb), lambda desk: {}, wait_seconds=0)
    viewers.ask("one", {"ask": "here", "id": 1})
    assert [viewers.look("one", 40)["anew"] for _ in range(2)] == [True, False]
    viewers.end_all()


def test_looking_is_no_traffic(wb: Workbench, at: str) -> None:
    page = Looking(wb, at)
    for name in PUBLIC:
        requests.get(at + name, timeout=30)
    page.ask("panel", tab="services")
    assert list(wb.traffic) == []
    requests.post(at + "look", json={"viewer": "x"}, timeout=30)
    assert [trace.root.name for trace in wb.traffic] == ["POST /workbench/look"]


class Waits(Service):
    name = "api.waits"
    began, go = Event(), Event()

    def handle(self) -> None:
        Waits.began.set()
        Waits.go.wait(30)


class Blocks(Waits):
    name = "api.blocks"

    async def handle(self) -> None:  # type: ignore[override]
        super().handle()


def test_it_answers_on_both_while_every_worker_hangs(wb: Workbench, at: str) -> None:
    Waits.began.clear()
    Waits.go.clear()
    wb.deploy(Waits)
    wb.submit("api.waits", "", lambda *_: None)
    try:
        assert Waits.began.wait(30)
        assert Looking(wb, at).ask("panel", tab="services")[0]["rows"]
    finally:
        Waits.go.set()


def test_the_own_listener_tells_while_an_async_service_blocks_the_loop(wb: Workbench) -> None:
    Waits.began.clear()
    Waits.go.clear()
    wb.deploy(Blocks)
    wb.define(RESTChannel("api.blocks"))
    [found] = running()
    caller = Thread(target=lambda: requests.get(f"{found.url}/api/blocks", timeout=60))
    caller.start()
    try:
        assert Waits.began.wait(30)
        assert Looking(wb, f"{found.own_url}/workbench/").ask("panel", tab="services")[0]["rows"]
    finally:
        Waits.go.set()
        caller.join(30)


def test_a_page_that_waits_hears_at_once_that_the_server_stops(wb: Workbench) -> None:
    [found] = running()
    page = Looking(wb, f"{found.own_url}/workbench/")
    page.look()
    over: list[bool] = []

    def wait() -> None:
        while not any(over):
            over.append(page.look()["over"])

    waiting = Thread(target=wait)
    waiting.start()
    until(lambda: any("process_request_thread" in each.name for each in enumerate_threads()), "it waits")
    wb.stop()
    waiting.join(WAIT_SECONDS / 2)
    assert over[-1:] == [True]


def test_so_many_pages_and_no_more_until_one_is_silent_for_long(wb: Workbench) -> None:
    now = [0.0]
    viewers = Viewers(desks.desk_of(wb), lambda desk: {}, wait_seconds=0, now=lambda: now[0])
    for number in range(MOST_VIEWERS):
        viewers.look(f"page {number}", 0)
    with pytest.raises(Exception, match="Fix: close one of them"):
        viewers.look("one more", 0)
    assert viewers.look("page 0", 0)["anew"] is False
    now[0] = SILENT_SECONDS + 1
    assert viewers.look("one more", 0)["anew"] is True
    assert len(viewers) == 1
    viewers.end_all()
