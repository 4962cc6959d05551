"""The request form of a channel: what it sends, shows, keeps and writes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import Asking
from workbench import APIKey, BasicAuth, JSONRPCChannel, RESTChannel, Service, SOAPChannel, Workbench, secret
from workbench.ui.forms.request import read_request
from workbench.ui.panel.history import KEPT_CHANNELS, KEPT_CHARACTERS, KEPT_REQUESTS, History


class Order(Service):
    """Tells what it was asked."""

    name = "api.order"
    input = "amount", "-note"

    def handle(self) -> object:
        http = self.request.http
        return {"id": http.params.get("id"), "x": http.GET.get("x"), "amount": self.request.input.amount, "user": "ada"}


class Echo(Service):
    name = "api.echo"

    def handle(self) -> object:
        headers = self.request.http.headers
        return {"method": self.request.http.method, "body": self.request.text, "token": headers.get("X-Token")}


@pytest.fixture
def tried(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """Channels of every kind over HTTP, and a user."""
    monkeypatch.setenv("ADA_PASSWORD", "correct-horse-4711")
    monkeypatch.setenv("BOB_KEY", "bobs-key-4712")
    wb.deploy(Order, Echo)
    wb.define(
        BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")),
        APIKey("bob", key=secret("BOB_KEY")),
        RESTChannel("order", service="api.order", path="/api/orders/{id}/lines", method="POST", security="ada"),
        RESTChannel("echo", service="api.echo", data_format="raw"),
        RESTChannel("deep", service="api.echo", path="/deep/{rest}", match_slash=True),
        SOAPChannel("soap", service="api.hello", namespace="urn:orders"),
        JSONRPCChannel("rpc", services=("api.hello",)),
    )
    return wb


def typed(**more: Any) -> dict[str, Any]:
    return {"method": "POST", "places": {}, "query": "", "headers": "", "body": "", "file": "", "user": "", **more}


def test_each_http_channel_has_the_form_and_its_own_start(ask: Asking, tried: Workbench) -> None:
    rows = ask("panel", tab="channels")["rows"]
    assert {row["name"]: row["try"] for row in rows} == dict.fromkeys(tried.channels, True)
    opened = ask("request", channel="order")
    assert (opened["methods"], opened["places"], opened["start"]["user"]) == (["POST"], ["id"], "ada")
    assert json.loads(opened["start"]["body"]) == {"amount": "", "note": ""}
    assert opened["users"] == ["ada", "bob"]
    assert "GET" in ask("request", channel="echo")["methods"]
    assert "No channel" in ask("request", channel="nothing")["failed"]


@pytest.mark.parametrize("channel", ["api.hello", "echo", "soap", "rpc"])
def test_what_a_form_starts_with_is_answered_well(ask: Asking, tried: Workbench, channel: str) -> None:
    start = ask("request", channel=channel)["start"]
    answer = ask("request send", channel=channel, request=start)["answer"]
    assert (answer["status"], answer["mood"]) == ("200 OK", "live"), answer["text"]
    assert [row["text"] for row in answer["trace"] if row["kind"] == "step"][1] in ("api.hello", "api.echo")


def test_path_query_user_and_body_go_through_the_real_server(ask: Asking, tried: Workbench) -> None:
    request = typed(places={"id": "a/b ü"}, query="x=1 2&y=%26", body='{"amount": 3}', user="ada")
    answer = ask("request send", channel="order", request=request)["answer"]
    assert json.loads(answer["text"]) == {"id": "a/b ü", "x": "1 2", "amount": "3", "user": "ada"}
    assert answer["text"].count("\n") > 3, "JSON is laid out"
    assert ["Content-Type", "application/json"] in answer["headers"]
    assert answer["cid"] == tried.traffic[-1].cid
    assert answer["ms"] > 0
    (row,) = ask("panel", tab="traffic", text=answer["cid"])["rows"]
    assert (row["user"], row["outcome"]) == ("ada", "200")


def test_a_refusal_is_an_answer_as_well(ask: Asking, tried: Workbench) -> None:
    request = typed(places={"id": "1"}, body='{"amount": 3}')
    answer = ask("request send", channel="order", request=request)["answer"]
    assert (answer["status"], answer["mood"]) == ("401 Unauthorized", "warn")
    tried.define(RESTChannel("failing", service="api.failing"))
    answer = ask("request send", channel="failing", request=typed())["answer"]
    assert (answer["status"], answer["mood"]) == ("500 Internal Server Error", "bad")


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_sent(ask: Asking, tried: Workbench) -> None:
    before = len(tried.traffic)
    request = typed(method="two words", headers="Fine: yes\nno header", body="x", file="y")
    for verb in ("request check", "request send"):
        assert ask(verb, channel="order", request=request)["problems"] == {
            "place id": "is missing",
            "method": "must be one word, as POST",
            "headers": "line 2 must be `Name: value`",
            "file": "goes instead of a body; leave one of them empty",
        }
    for file in ("nowhere.bin", "x" * 1000):
        assert ask("request check", channel="echo", request=typed(file=file))["problems"] == {
            "file": "is no file on the machine of the kernel"
        }
    assert (
        "no header can carry"
        in ask("request check", channel="echo", request=typed(headers="X: ☃"))["problems"]["headers"]
    )
    assert ask("request send", channel="echo", request=typed(user="eve"))["problems"] == {
        "user": "'eve' is no user here"
    }
    assert len(tried.traffic) == before


def test_a_file_goes_as_it_is(ask: Asking, tried: Workbench, tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_bytes(b"a;b\n1;2\n")
    request = typed(file=str(tmp_path / "rates.csv"), headers="Content-Type: text/csv")
    assert json.loads(ask("request send", channel="echo", request=request)["answer"]["text"])["body"] == "a;b\n1;2\n"
    assert "data=Path(" in ask("request check", channel="echo", request=request)["code"]


def test_slashes_stay_where_the_path_takes_them(tried: Workbench) -> None:
    made, _ = read_request(tried.channels["deep"], typed(places={"rest": "a/b c"}))
    assert made is not None
    assert made.target == "/deep/a/b%20c"


REQUESTS = [
    ("echo", typed()),
    ("echo", typed(method="GET", query="a=1&a=2")),
    ("echo", typed(body='first "line"\nsecond', headers="Content-Type: text/plain\nX-Trace: on")),
    ("echo", typed(body='ends with """ and \\ and ü\nnext"', headers="X-Token: not-for-eyes-4713")),
    ("order", typed(places={"id": "7"}, body='{"amount": 3}', query="x='\"", user="ada")),
]


@pytest.mark.parametrize(("channel", "request_"), REQUESTS)
def test_the_cell_and_the_line_for_a_shell_ask_the_same(
    ask: Asking, tried: Workbench, channel: str, request_: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = ask("request send", channel=channel, request=request_)["answer"]
    made = ask("request check", channel=channel, request=request_)
    assert "4713" not in f"{made['code']}{made['curl']}"
    assert "4711" not in f"{made['code']}{made['curl']}"
    monkeypatch.setenv("X_TOKEN", "not-for-eyes-4713")
    *setup, call = made["code"].partition("wb.call(")[::2]
    names: dict[str, Any] = {"wb": tried}
    exec(setup[0], names)
    by_cell = eval(f"wb.call({call}", names)
    assert by_cell.json() == json.loads(by_cell.text)
    by_curl = subprocess.run(
        ["bash", "-c", f"{made['curl']} --silent"],
        capture_output=True,
        timeout=30,
        check=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_PROXY": "*"},
    )
    told = tried.traffic[-1]
    assert json.loads(by_curl.stdout) == by_cell.json(), told
    assert sent["status"] == f"{by_cell.status} OK"
    assert shlex.split(made["curl"])[0] == "curl"


def test_no_secret_comes_back(ask: Asking, tried: Workbench) -> None:
    request = typed(headers="X-Token: typed-canary-4714", body="x")
    said = [
        ask("request send", channel="echo", request=request),
        ask("request send", channel="order", request=typed(places={"id": "1"}, body='{"amount": 1}', user="ada")),
        ask("request", channel="echo"),
        ask("request", channel="order"),
        ask("request check", channel="echo", request=request),
        ask("panel", tab="traffic"),
    ]
    text = json.dumps(said)
    assert "canary-4714" not in text
    assert "horse-4711" not in text
    assert json.loads(said[0]["answer"]["text"])["token"] == "***"
    assert [each for each in said if "failed" in each] == []


def test_the_last_requests_are_kept_and_the_newest_is_where_the_form_starts(ask: Asking, tried: Workbench) -> None:
    for number in range(KEPT_REQUESTS + 5):
        ask("request send", channel="echo", request=typed(body=str(number), headers="X-Token: t0ken-value-1\nX-A: b"))
    opened = ask("request", channel="echo")
    assert [each["given"]["body"] for each in opened["history"]] == [str(n) for n in range(24, 4, -1)]
    assert opened["start"]["headers"] == "X-Token: \nX-A: b"
    newest = opened["history"][0]
    assert (newest["said"], newest["status"]) == ("POST /echo", 200)
    assert ask("request", channel="deep")["history"] == []


def test_history_is_bounded() -> None:
    kept = History()
    for number in range(KEPT_CHANNELS + 1):
        kept.add(f"channel {number}", {"given": {"body": "x"}})
    kept.add("channel 5", {"given": {"body": "y" * (KEPT_CHARACTERS + 1)}})
    assert kept.of("channel 0") == []
    assert len(kept.of("channel 1")) == len(kept.of("channel 5")) == 1
