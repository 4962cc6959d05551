"""*Explain* of a limit: lines in the order of their checks, what is used, and a verdict that the server agrees with."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.conftest import Asking
from workbench import BasicAuth, JSONRPCChannel, Limit, RESTChannel, Workbench, secret


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA_PASSWORD", "correct horse")


def limited(wb: Workbench, **more: Any) -> None:
    wb.define(
        BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD"), limit="3/d"),
        Limit("api.hello", on="service", lines="* = 10/d", **more),
        RESTChannel("private", service="api.hello", path="/private", security="ada", limit="* = 5/d\n10.0.0.0/8 = 1/d"),
    )


def lines(said: dict[str, Any]) -> list[tuple[str, str, bool, str]]:
    return [(each["on"], each["line"], each["applies"], each["used"]) for each in said["lines"]]


def test_it_opens_with_the_way_on_which_a_call_meets_the_limit(ask: Asking, wb: Workbench) -> None:
    limited(wb)
    opened = ask("explain", on="channel", name="private")
    assert opened["start"] == {"address": "127.0.0.1", "channel": "private", "user": "ada", "service": "api.hello"}
    assert opened["names"]["user"] == ["ada"]
    assert ask("explain", on="user", name="ada")["start"]["channel"] == "private"
    assert ask("explain", on="service", name="api.hello")["start"]["service"] == "api.hello"


def test_lines_stand_in_the_order_of_their_checks_with_what_is_used(ask: Asking, wb: Workbench) -> None:
    limited(wb)
    wb.call("GET /private", user="ada")
    said = ask("explain limits", address="127.0.0.1", channel="private", user="", service="")
    assert lines(said) == [
        ("limit on channel 'private'", "* = 5/d", True, "1 of 5 used now"),
        ("limit on channel 'private'", "10.0.0.0/8 = 1/d", False, ""),
        ("limit on user 'ada'", "* = 3/d", True, "1 of 3 used now"),
        ("limit on service 'api.hello'", "* = 10/d", True, "1 of 10 used now"),
    ]
    assert said["lines"][1]["why"] == "127.0.0.1 is not in 10.0.0.0/8"
    assert (said["verdict"], said["mood"]) == ("This call would pass.", "live")
    narrow = ask("explain limits", address="10.1.2.3", channel="private")
    assert [each["applies"] for each in narrow["lines"]] == [False, True, True, True]
    assert wb.limits.use() == wb.limits.use(), "nothing is counted"
    assert lines(ask("explain limits", address="127.0.0.1", channel="private")) == lines(said)


@pytest.mark.parametrize("calls", range(5))
def test_the_verdict_is_what_the_server_then_does(ask: Asking, wb: Workbench, calls: int) -> None:
    limited(wb)
    for _ in range(calls):
        wb.call("GET /private", user="ada")
    said = ask("explain limits", address="127.0.0.1", channel="private")
    passes = wb.call("GET /private", user="ada").status == 200
    assert passes == (calls < 3)
    assert said["verdict"].startswith("This call would pass.") == passes
    if not passes:
        assert said["verdict"].endswith("refused with 429 by the limit on user 'ada': its line * = 3/d is used up.")


def test_what_no_line_is_for_and_what_lets_nobody_through_is_refused(ask: Asking, wb: Workbench) -> None:
    wb.define(Limit("api.hello", on="channel", lines="10.0.0.0/8 = 5/d\n10.9.0.0/16 = 0/d", deny_others=True))

    def verdict(address: str) -> str:
        return str(ask("explain limits", address=address, channel="api.hello")["verdict"])

    assert verdict("192.0.2.1").endswith("403 by the limit on channel 'api.hello': no line is for 192.0.2.1.")
    assert wb.call("GET /api/hello").status == 403
    assert verdict("10.9.0.1").endswith("its line 10.9.0.0/16 = 0/d lets no call through.")
    assert verdict("10.1.0.1") == verdict("") == "This call would pass."


def test_what_cannot_be_known_of_a_call_is_said(ask: Asking, wb: Workbench) -> None:
    wb.define(Limit("api.hello", on="service", lines="1/d", per="address"))
    wb.call("GET /api/hello")
    said = ask("explain limits", address="10.0.0.1", channel="api.hello")
    assert said["lines"][0]["used"] == "1 of 1 used now by the fullest of 1 addresses"
    assert (said["mood"], said["verdict"].partition(" Some address has used up ")[0]) == (
        "warn",
        "This call would pass.",
    )
    wb.define(Limit("api.hello", on="service", lines="0/d", shadow=True))
    said = ask("explain limits", address="10.0.0.1", channel="api.hello")
    assert said["verdict"].endswith("The limit on service 'api.hello' would refuse it, and only watches.")
    wb.define(
        Limit("api.hello", on="service", lines="0/d"),
        JSONRPCChannel("rpc", path="/rpc", services=("api.hello", "api.failing")),
    )
    said = ask("explain limits", address="10.0.0.1", channel="rpc")
    assert said["verdict"].startswith("This call would pass. For api.hello it would be refused with 429")


def test_what_is_no_way_in_is_said_in_words(ask: Asking, wb: Workbench) -> None:
    limited(wb)
    assert "is no address. Fix: " in ask("explain limits", address="10.0.0", channel="private")["failed"]
    said = ask("explain limits", address="", channel="private", service="api.failing")["failed"]
    assert said == "Channel 'private' does not lead to 'api.failing'. Fix: choose api.hello."
