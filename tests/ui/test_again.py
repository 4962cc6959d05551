"""What an open call shows and does: why it was refused, again, again from a step, side by side with another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.conftest import Asking
from tests.ui.drawn import Drawn
from workbench import RESTChannel, RESTConnection, Service, Workbench
from workbench.core.secret import secret
from workbench.limiting.definition import Limit
from workbench.security.definitions import BasicAuth
from workbench.ui.desk import Desk
from workbench.ui.things import view_of


class Counts(Service):
    name = "api.counts"

    def handle(self) -> Any:
        self.log.info("counting")
        return [self.kvdb.conn.incr("a"), self.kvdb.conn.incr("b"), self.request.text]


@pytest.fixture
def cid(wb: Workbench) -> str:
    """A call with two steps."""
    wb.deploy(Counts)
    wb.define(RESTChannel("api.counts"))
    return wb.call("POST /api/counts?x=1", data="hello").cid


def test_an_open_call_shows_what_it_came_with_and_answered(ask: Asking, cid: str) -> None:
    said = ask("panel call", cid=cid)
    assert (said["input"], said["answer"], said["body"]) == ("?x=1 hello", '[1,1,"hello"]', "hello")
    assert said["lines"] == ["INFO counting"]
    assert said["versions"] == [{"number": 1, "live": True}]
    assert said["can"]
    assert said["why"] is None
    # Steps that a service asked, and no others, are where it can begin.
    assert [row["text"] for row in said["trace"] if "number" in row] == ["Redis INCRBY", "Redis INCRBY"]


def test_a_call_is_run_again_and_compared_with_what_it_was(ask: Asking, wb: Workbench, cid: str) -> None:
    said = ask("call again", cid=cid)
    assert [run["outcome"] for run in said["runs"]] == ["200"]
    assert said["runs"][0]["cid"] == wb.traffic[-1].cid != cid
    assert "got another answer: '1' and '2'" in said["first"]
    assert [pair["difference"] != "" for pair in said["pairs"]] == [False, False, True, True]
    assert len(ask("call again", cid=cid, times=10, data="other")["runs"]) == 10
    assert wb.call("GET /api/counts").json()[0] == 13


def test_a_run_from_a_step_says_what_it_did_not_run(ask: Asking, cid: str) -> None:
    rows = ask("panel call", cid=cid)["trace"]
    second = [row["number"] for row in rows if "number" in row][1]
    said = ask("call again", cid=cid, since=second)
    assert said["not_run"] == ["Redis incr"]
    told = next(row for row in said["trace"] if row["text"] == "Redis INCRBY")
    assert told["outcome"].endswith(", from the record")
    assert said["runs"][0]["error"] == ""


def test_what_cannot_be_run_again_says_why_where_the_click_was(ask: Asking, wb: Workbench, cid: str) -> None:
    assert "keeps no version 9" in ask("call again", cid=cid, version=9)["failed"]
    assert "nothing can begin there" in ask("call again", cid=cid, since=2)["failed"]
    assert "No recorded call" in ask("call again", cid="f" * 32)["failed"]
    assert "No recorded call" in ask("call compare", cid=cid, other="nobody")["failed"]
    assert ask("call compare", cid=cid, other=f" {cid} ")["first"] == ""


def test_whom_it_would_call_for_real_is_asked_first(ask: Asking, wb: Workbench) -> None:
    class Asks(Service):
        name = "api.asks"

        def handle(self) -> Any:
            return self.rest["Data"].get().status_code

    wb.deploy(Asks)
    wb.define(RESTConnection("Data", host="https://data.example.com", path="/"))
    wb.sandbox()
    wb.invoke("api.asks")
    wb.sandbox(False)
    assert ask("call again", cid=wb.traffic[-1].cid) == {"asks": ["data.example.com (Data)"]}


def test_why_names_the_line_of_the_limit_that_refused(ask: Asking, wb: Workbench, cid: str) -> None:
    wb.define(Limit("api.counts", on="channel", lines="10.0.0.0/8 = 9/m\n* = 1/m"))
    wb.call("POST /api/counts")
    refused = wb.call("POST /api/counts")
    assert refused.status == 429
    why = ask("panel call", cid=refused.cid)["why"]
    assert (why["on"], why["name"], why["line"], why["there"]) == ("channel", "api.counts", 1, True)
    assert "1/m" in why["text"]
    wb.limits.remove("channel api.counts")
    assert ask("panel call", cid=refused.cid)["why"]["there"] is False


def test_why_names_whose_credentials_were_refused(ask: Asking, wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA", "ada-password-2")
    wb.define(BasicAuth("ada", password=secret("ADA")), RESTChannel("closed", service="api.hello", security="ada"))
    refused = wb.call("POST /closed", headers={"Authorization": "Basic YWRhOndyb25nLW9uZQ=="})
    assert refused.status == 401
    said = ask("panel call", cid=refused.cid)
    assert said["why"]["text"] == "The credentials of user ada were missing or wrong."
    assert (said["why"]["on"], said["why"]["name"]) == ("", "ada")
    assert "YWRhOndyb25nLW9uZQ" not in str(said)


def test_the_card_of_a_call_has_what_can_be_done_to_it(chromium: Any, desk: Desk, wb: Workbench) -> None:
    wb.invoke("api.hello", "you")
    view = view_of(wb, wb.traffic[-1])
    assert view is not None
    drawn = Drawn(chromium, desk, width=900)
    try:
        card = drawn.draw(view)
        card.get_by_role("button", name="Again", exact=True).click()
        card.locator(".wb-again .wb-chip", has_text="ok").first.wait_for()
        assert [trace.root.name for trace in wb.traffic] == ["api.hello"] * 2
        assert drawn.wrong() == []
        assert drawn.errors == []
    finally:
        drawn.close()
