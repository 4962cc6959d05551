"""How a person tries a channel: by code, and by the page at its address; what a form and a row say of it."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.channels.websocket.conftest import PASSWORD, PATH, Bench
from tests.serving import Wire, until
from tests.ui.lab import browser
from workbench import WebSocketChannel
from workbench.app.asking.websocket import NotConnected, WebSocket
from workbench.app.code import code_of
from workbench.core.errors import DeadlineExceeded, InvalidDefinition
from workbench.ui.rows import definition_facts

BROWSES = ("Accept: text/html", "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")


def test_what_came_is_shown_in_a_line(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        assert repr(client.ask({"x": 1})) == '200, {"x":1}'
        assert repr(client.ask(b"abc")) == "200, 3 bytes"
        assert repr(client.ask("[1")).startswith("400, Invalid JSON")
        assert repr(client).endswith(f"{PATH}, open")
        with pytest.raises(DeadlineExceeded, match="Fix"):
            client.receive(timeout_seconds=0.01)
    with pytest.raises(NotConnected, match="Fix: connect anew"):
        client.send(1)


@pytest.mark.parametrize(
    ("data", "got"),
    [(None, None), ([], []), ([1, "a"], [1, "a"]), ("[1]", [1]), (bytearray(b"ab"), b"ab"), (memoryview(b"ab"), b"ab")],
)
def test_what_is_sent_is_one_message_whatever_it_is(bench: Bench, data: Any, got: Any) -> None:
    bench.define()
    with bench.connect() as client:
        client.ask(data)
        assert bench.got == [got]


def test_what_json_cannot_say_is_not_sent(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        with pytest.raises(TypeError):
            client.send(io.BytesIO(b"a file"))
        assert client.ask(1).ok
    assert bench.got == [1]


def test_a_server_that_hangs_up_in_the_handshake_is_said_not_to_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with server.accept()[0] as connected:
                assert connected.recv(10_000)

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(NotConnected, match="does not answer.*Fix: see that the server runs"):
            WebSocket(f"ws://127.0.0.1:{server.getsockname()[1]}/ws", {}, 30, lambda cid: None)
        thread.join(30)


def test_an_open_connection_has_one_thread_and_a_closed_one_none(bench: Bench) -> None:
    bench.define()
    before = {*threading.enumerate()}
    with bench.connect() as client:
        client.ask(1)
        new = {*threading.enumerate()} - before
        its = [each for each in new if not each.name.startswith(("workbench-", "asyncio_"))]
        assert [each.name.partition(" ")[2] for each in its] == ["(recv_events)"]
    until(lambda: not its[0].is_alive(), "its thread has ended")


def test_a_definition_says_what_is_wrong_with_it_and_is_written_as_it_was(bench: Bench) -> None:
    for path in ("ws", "/ws/{", "/workbench/ws", "/ws/{a}/{a}"):
        with pytest.raises(InvalidDefinition, match="path"):
            WebSocketChannel("x", path=path)
    assert WebSocketChannel("a.b").path == "/a/b"
    assert code_of(WebSocketChannel("a.b")).endswith('wb.define(WebSocketChannel("a.b"))')
    changed = 'WebSocketChannel("a", path="/b", service="c", max_clients=5)'
    assert code_of(WebSocketChannel("a", path="/b", service="c", max_clients=5)).endswith(f"wb.define({changed})")


def test_its_row_leads_to_the_page_and_offers_no_request(bench: Bench) -> None:
    definition = bench.define().definition
    facts = definition_facts(bench.wb, definition, definition, {})
    assert (facts["where"], facts["link"], facts["curl"], facts["try"]) == (PATH, bench.live.url, "", False)
    assert facts["who"] == "no security: anyone on this machine may connect"


def test_a_browser_is_shown_the_page_and_a_program_what_is_needed(bench: Bench) -> None:
    bench.define()
    with Wire(bench.wb) as wire:
        page = wire.request(f"GET {PATH}", *BROWSES).answer()
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "script-src 'sha256-" in page.headers["content-security-policy"]
        assert wire.request(f"GET {PATH}", *BROWSES, "X-Forwarded-For: 10.0.0.1").answer().status == 426


def test_the_page_asks_for_the_credentials_of_its_channel(bench: Bench) -> None:
    bench.user()
    bench.define(security="its.user")
    with Wire(bench.wb) as wire:
        refused = wire.request(f"GET {PATH}", *BROWSES).answer()
    assert refused.status == 401
    assert "www-authenticate" in refused.headers


@pytest.fixture
def chromium() -> Iterator[Any]:
    with browser() as made:
        yield made


@pytest.mark.timeout(120)
def test_a_person_sends_messages_from_the_page_in_a_browser(bench: Bench, chromium: Any) -> None:
    bench.user()
    bench.define(security="its.user")
    context = chromium.new_context(http_credentials={"username": "u", "password": PASSWORD})
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(bench.live.url)
    page.get_by_label("Message").first.fill('{"x": 1}')
    page.get_by_role("button", name="Send").click()
    page.get_by_text('"data":{"x":1}').wait_for()
    bench.live.broadcast("news")
    page.get_by_text('"data":"news"').wait_for()
    bench.wb.channels.remove("echo")
    page.get_by_text("closed 1001 The channel is closed").wait_for()
    bench.define(security="its.user")
    page.get_by_role("button", name="Connect").click()
    page.get_by_text("connected").nth(1).wait_for()
    assert page.get_by_role("button", name="Connect").count() == 0
    assert bench.got == [{"x": 1}]
    assert errors == []
    context.close()


@pytest.mark.timeout(120)
def test_a_page_of_another_origin_gets_no_connection_in_a_browser(bench: Bench, chromium: Any) -> None:
    bench.define()
    page = chromium.new_page()
    page.goto(bench.live.url.replace(PATH, "/ping").replace("localhost", "127.0.0.1"))
    closed = page.evaluate(
        "url => new Promise((done) => { const s = new WebSocket(url); s.onclose = () => done('closed');"
        " s.onopen = () => done('open'); })",
        bench.live.url.replace("http", "ws"),
    )
    assert closed == "closed"
    assert bench.live.clients == []
    page.close()
