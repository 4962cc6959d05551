"""Live channels: what a definition opens, of our kinds and of another distribution's, and how its state follows."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.channels.line_channel import LineChannel
from tests.serving import until
from workbench import APIKey, JSONRPCChannel, RESTChannel, Service, SOAPChannel, Workbench, secret
from workbench.channels.definition import ChannelDefinition
from workbench.channels.live import LiveChannel, LiveChannels, Opening
from workbench.core.errors import PathTaken, UnknownName


class Hello(Service):
    name = "hello"

    def handle(self) -> str:
        return f"hello {self.request.text}"


class Tells(Service):
    name = "tells"

    def handle(self) -> Any:
        return {"type": self.channel.type, "kind": self.channel.kind, "name": self.channel.name}


HTTP = [
    RESTChannel("x", path="/x", service="hello"),
    SOAPChannel("x", path="/x", service="hello"),
    JSONRPCChannel("x", path="/x", services="hello"),
]


@contextmanager
def lines(port: int) -> Iterator[Any]:
    """Asks a line channel one line after the other."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection, connection.makefile("rw") as file:

        def ask(line: str) -> str:
            file.write(f"{line}\n")
            file.flush()
            return file.readline().rstrip("\n")

        yield ask


@pytest.mark.parametrize("definition", HTTP, ids=lambda each: each.kind)
def test_the_state_of_an_http_channel_follows_server_definition_and_hand(
    wb: Workbench, definition: ChannelDefinition
) -> None:
    wb.deploy(Hello)
    wb.define(definition)
    live = wb.channels["x"]
    assert (live.state, live.url, live.definition) == ("stopped", "", definition)
    wb.start()
    assert (live.state, live.url) == ("open", f"{wb.url}/x")
    assert repr(live) == f"{definition!r} is open"
    assert repr(wb.channels) == f"x  {live!r}"
    live.close()
    assert (live.state, live.url, wb.call("POST /x").status) == ("closed", "", 404)
    live.close()
    live.open()
    assert live.state == "open"
    assert wb.call("POST /x").status != 404
    wb.define(definition.replace(active=False))
    assert (wb.channels["x"].state, live.state, wb.call("POST /x").status) == ("inactive", "closed", 404)
    wb.channels.remove("x")
    assert list(wb.channels) == []


def test_fields_of_the_definition_are_read_through_its_live_channel(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("x", service="hello", limit="3/h"))
    live = wb.channels["x"]
    assert (live.path, live.limit, live.name, str(live)) == ("/x", "3/h", "x", "REST 'x'")
    assert not hasattr(live, "queue")
    assert repr(wb.define(live)) == "Unchanged: REST 'x'."
    assert "is open at /x" in repr(wb.define(live.replace(limit="4/h")))


def test_a_change_of_a_channel_answers_every_call_meanwhile(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("x", service="hello"))
    wb.start()
    found: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            found.append(wb.call("GET /x").status)

    asking = threading.Thread(target=ask)
    asking.start()
    for seconds in range(1, 60):
        wb.define(RESTChannel("x", service="hello", timeout_seconds=seconds))
        before = len(found)
        until(lambda: len(found) > before, "a call was answered")  # noqa: B023
    stop.set()
    asking.join(30)
    assert set(found) == {200}


def test_a_path_that_is_taken_leaves_both_channels_as_they_were(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("a", service="hello"), RESTChannel("b", service="hello"))
    wb.start()
    with pytest.raises(PathTaken):
        wb.define(RESTChannel("a", path="/b", service="hello"))
    with pytest.raises(PathTaken):
        wb.define(RESTChannel("c", path="/b", service="hello"))
    assert [(name, live.state, live.path) for name, live in wb.channels.items()] == [
        ("a", "open", "/a"),
        ("b", "open", "/b"),
    ]
    assert [wb.call(f"GET /{name}").status for name in "ab"] == [200, 200]


def test_each_kind_says_what_it_is(wb: Workbench) -> None:
    wb.deploy(Tells)
    wb.define(
        RESTChannel("rest", service="tells"),
        JSONRPCChannel("rpc", services="tells"),
        SOAPChannel("soap", service="tells"),
        LineChannel("line", service="tells"),
    )
    assert wb.call("GET /rest").json() == {"type": "http-soap", "kind": "REST", "name": "rest"}
    answer = wb.call("POST /rpc", data={"jsonrpc": "2.0", "id": 1, "method": "tells"}).json()
    assert answer["result"] == {"type": "json-rpc", "kind": "JSON-RPC", "name": "rpc"}
    envelope = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><tells/></e:Body></e:Envelope>'
    text = wb.call("POST /soap", data=envelope).text
    assert "<type>http-soap</type><kind>SOAP</kind><name>soap</name>" in text
    with lines(wb.channels["line"].port) as ask:
        assert ask("key x") == str({"type": "line", "kind": "Line", "name": "line"})
    assert wb.invoke("tells") == {"type": "invoke", "kind": "", "name": "invoke"}


@pytest.mark.usefixtures("still")
def test_a_channel_of_another_kind_has_the_same_gate(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINE_KEY", "right")
    wb.deploy(Hello)
    wb.define(
        APIKey("u", key=secret("LINE_KEY"), limit="2/h"), LineChannel("x", service="hello", security="u", limit="4/h")
    )
    with lines(wb.channels["x"].port) as ask:
        # The endpoint's limit counts all five, the user's limit only those with the right key.
        assert [ask(line) for line in ("right a", "wrong b", "right c", "right d", "right e")] == [
            "hello a",
            "401",
            "hello c",
            "429",
            "429",
        ]
        assert {(use.on, use.name): use.used for use in wb.limits.use()} == {("user", "u"): 2, ("channel", "x"): 4}
        wb.define(LineChannel("free", service="hello"), APIKey("u", key=secret("LINE_KEY"), limit="9/h"))
    with lines(wb.channels["free"].port) as ask:
        assert ask("nobody here") == "hello here"
    assert [line.level for line in wb.log if line.service == "hello"] == ["WARNING", "WARNING"]


def test_a_channel_of_another_kind_opens_closes_and_changes(wb: Workbench) -> None:
    wb.deploy(Hello)
    assert repr(wb.define(LineChannel("x", service="hello"))).startswith("Line 'x' is open at tcp://localhost:0.")
    first = wb.channels["x"]
    port = first.port
    # The same port again: the former channel lets go of it first.
    wb.define(LineChannel("x", service="hello", port=port))
    assert (first.state, wb.channels["x"].state, wb.channels["x"].port) == ("closed", "open", port)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        wb.define(LineChannel("x", service="hello", port=taken.getsockname()[1]))
    with lines(port) as ask:
        assert ask("key again") == "hello again"
    wb.define(RESTChannel("x", service="hello"))
    assert wb.call("GET /x").status == 200
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 5)
    wb.define(LineChannel("x", service="hello", port=port))
    assert wb.call("GET /x").status == 404
    last = wb.channels["x"]
    wb.close()
    assert last.state == "closed"


def test_a_channel_names_what_it_cannot_reach(wb: Workbench) -> None:
    from workbench.core.errors import DanglingReference

    with pytest.raises(DanglingReference, match="hello"):
        wb.define(LineChannel("x", service="hello"))
    with pytest.raises(UnknownName):
        wb.channels["x"]


def test_one_that_does_not_close_cleanly_is_named_and_the_others_close(caplog: pytest.LogCaptureFixture) -> None:
    class Live(LiveChannel):
        closed = False

        def open(self, instead_of: LiveChannel | None = None) -> None:
            """Nothing to open."""

        def close(self) -> None:
            if self.definition.name == "bad":
                raise OSError("no")
            self.closed = True

    class Kind(ChannelDefinition, tag="kind", frozen=True):
        def live(self, opening: Any) -> LiveChannel:
            return Live(self)

    unused: Any = None
    channels = LiveChannels(Opening(*[unused] * 7))
    for name in ("bad", "good"):
        channels.define(Kind(name=name))
    good: Any = channels.by_name["good"]
    with caplog.at_level(logging.WARNING):
        channels.close_all()
    assert (good.closed, channels.by_name) == (True, {})
    assert "channel 'bad' did not close cleanly" in caplog.text
