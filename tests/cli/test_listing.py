"""`workbench services`, `channels`, `connections`, `users`, `limits` and `call`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable

import pytest

from tests.serving import wb as wb
from workbench import BasicAuth, LocalFolder, RESTChannel, Service, SMTPConnection, Workbench, secret
from workbench.cli.main import main

Said = Callable[..., tuple[int, str, str]]


class Echo(Service):
    """Says what it is told.

    And no more.
    """

    name = "api.echo"

    def handle(self) -> str:
        return f"{self.request.text}{self.request.http.GET.get('x', '')}{self.request.http.headers.get('X-Told', '')}"


@pytest.fixture
def said(wb: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command says of a workbench with one of each: exit status, output, errors."""
    monkeypatch.setenv("ADA_PASSWORD", "canary-of-ada")
    wb.deploy(Echo)
    wb.define(
        BasicAuth("ada", password=secret("ADA_PASSWORD")),
        RESTChannel("open", path="/open", service="api.echo", method="POST", data_format="raw", limit="100/m"),
        RESTChannel("closed", path="/closed", service="api.echo", security="ada"),
        LocalFolder("drop", path="drop"),
    )
    wb.start()
    capsys.readouterr()

    def ran(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        return status, *capsys.readouterr()

    return ran


def test_services_are_listed_with_their_versions(said: Said) -> None:
    assert said("services") == (0, "api.echo  v1  Says what it is told.\n", "")
    (told,) = json.loads(said("services", "--json")[1])
    assert (told["name"], told["version"], told["doc"]) == ("api.echo", 1, "Says what it is told.")


def test_channels_say_where_they_are_and_who_may_call(said: Said) -> None:
    assert said("channels")[1].splitlines() == [
        "open    POST /open  api.echo  anyone    open",
        "closed  /closed     api.echo  only ada  open",
    ]
    told = json.loads(said("channels", "--json")[1])[1]
    assert (told["kind"], told["user"], told["services"], told["state"]) == ("RESTChannel", "ada", ["api.echo"], "open")


def test_users_are_listed_without_their_secrets(said: Said) -> None:
    _, out, _ = said("users")
    assert out == 'ada  BasicAuth  BasicAuth("ada", password=secret("ADA_PASSWORD"), username="ada")\n'
    assert "canary" not in out + said("users", "--json")[1]


def test_limits_say_how_far_they_are_used(said: Said, wb: Workbench) -> None:
    with wb.limits.frozen():
        wb.call("POST /open", "a")
        assert said("limits") == (0, "channel open  * = 100/m: 1 of 100 used\n", "")
        (told,) = json.loads(said("limits", "--json")[1])
    assert (told["on"], told["of"], told["used"][0]["used"]) == ("channel", "open", 1)


def test_connections_are_listed_and_pinged(said: Said, wb: Workbench) -> None:
    assert said("connections") == (0, 'drop  LocalFolder  LocalFolder("drop", path="drop")\n', "")
    status, out, _ = said("connections", "ping", "drop")
    assert (status, out.split()[:2]) == (0, ["drop", "ok"])
    wb.define(SMTPConnection("mail", host="127.0.0.1", port=1))
    status, out, _ = said("connections", "ping", "--all")
    drop, mail = out.splitlines()
    assert (status, drop.split()[:2], mail.split()[:2]) == (1, ["drop", "ok"], ["mail", "failed"])
    assert "Fix: check host, port and mode" in mail
    assert said("connections", "ping")[2] == (
        "workbench: ping takes one connection, or all. Fix: workbench connections ping NAME, or ping --all.\n"
    )
    assert "No connection is named 'dorp'" in said("connections", "ping", "dorp")[2]
    wb.sandbox()
    assert "at its peer, in the sandbox" in said("connections")[1]
    assert said("connections", "ping", "--all")[0] == 0


def test_a_request_is_made_and_its_answer_printed(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, error = said("call", "POST /open?x=!", "--data", "hello")
    assert (status, out) == (0, "hello!\n")
    assert error.startswith("200  CID ")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    assert said("call", "POST /open", "--data", "-")[1] == "from a pipe\n"
    assert said("call", "POST /open", "-H", "X-Told: by a header")[1] == "by a header\n"
    told = json.loads(said("call", "POST /open", "--data", "x", "--json")[1])
    assert (told["status"], told["text"], told["bytes"], len(told["cid"])) == (200, "x", 1, 24)


def test_a_request_bears_the_credentials_of_its_user_and_a_refusal_is_no_0(said: Said) -> None:
    status, out, error = said("call", "/closed")
    assert (status, error[:3]) == (1, "401")
    assert json.loads(out)["result"] == "Error"
    assert said("call", "/closed", "--user", "ada")[0] == 0
    assert "No security definition is named 'adda'" in said("call", "/closed", "--user", "adda")[2]
    assert said("call", "closed", "-H", "X")[2] == "workbench: 'X' is no header. Fix: write it as 'Name: value'.\n"
    assert "Fix: begin the path with a slash" in said("call", "closed")[2]


@pytest.mark.parametrize("command", ["channels", "connections", "users", "limits", "services"])
def test_nothing_is_said_to_be_nothing(command: str, wb: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    wb.start()
    capsys.readouterr()
    assert main([command]) == 0
    assert capsys.readouterr().out == f"No {command} yet.\n"
    assert main([command, "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"
