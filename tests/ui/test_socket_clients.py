"""Who is connected to a WebSocket channel, as a person sees it by click, and the way to send one away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import until
from tests.ui.conftest import Asking, Hello
from tests.ui.test_page_in_browser import code_of, own
from workbench import BasicAuth, RESTChannel, WebSocketChannel, Workbench, secret
from workbench.app.asking.websocket import NotConnected
from workbench.app.serving.clients import MOST_TOLD
from workbench.ui import desks
from workbench.ui.carriers.page import open_page


@pytest.fixture
def wb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("ITS_PASSWORD", "a-long-password-4711")
    with Workbench(port=0, folder=tmp_path) as made:
        made.deploy(Hello)
        made.define(BasicAuth("its.user", username="u", password=secret("ITS_PASSWORD")), RESTChannel("api.hello"))
        made.define(WebSocketChannel("prices", path="/ws", service="api.hello", security="its.user"))
        open_page(made)
        made.start()
        yield made
    desks.close_all()


def test_who_is_connected_is_told_with_what_came_and_went(ask: Asking, wb: Workbench) -> None:
    assert ask("clients", name="prices")["number"] == 0
    with wb.websocket("/ws", user="its.user") as client:
        client.ask(1)
        client.ask(2)
        wb.channels["prices"].broadcast("news")
        assert client.receive().data == "news"
        said = ask("clients", name="prices")
        (its,) = wb.channels["prices"].clients
        assert (said["number"], said["clients"]) == (
            1,
            [
                {
                    "id": its.id,
                    "address": "127.0.0.1",
                    "user": "its.user",
                    "since": its.since.timestamp(),
                    "received": 2,
                    "sent": 3,
                }
            ],
        )
        assert said["clients"][0]["since"] <= said["now"]
        assert repr(wb.channels["prices"]).endswith("is open, 1 client")
    until(lambda: ask("clients", name="prices")["number"] == 0, "it has left")
    assert repr(wb.channels["prices"]).endswith("is open, 0 clients")


def test_many_are_counted_and_the_first_are_shown(ask: Asking, wb: Workbench) -> None:
    opened = [wb.websocket("/ws", user="its.user") for _ in range(MOST_TOLD + 1)]
    try:
        said = ask("clients", name="prices")
        assert (said["number"], len(said["clients"])) == (MOST_TOLD + 1, MOST_TOLD)
    finally:
        for each in opened:
            each.close()


def test_one_is_sent_away_and_the_other_stays(ask: Asking, wb: Workbench) -> None:
    with wb.websocket("/ws", user="its.user") as one, wb.websocket("/ws", user="its.user") as other:
        first = ask("clients", name="prices")["clients"][0]["id"]
        assert ask("disconnect client", name="prices", client=first)["said"].startswith(
            f"client {first} of WebSocket 'prices'"
        )
        with pytest.raises(NotConnected, match="1001 Disconnected by hand"):
            one.receive()
        assert other.ask(1).ok
        until(lambda: len(wb.channels["prices"].clients) == 1, "it has left")
        assert "has left already. Fix: look again." in ask("disconnect client", name="prices", client=first)["failed"]


def test_other_channels_have_no_clients(ask: Asking, wb: Workbench) -> None:
    rows = {each["name"]: each["has_clients"] for each in ask("panel", tab="channels")["rows"]}
    assert rows == {"api.hello": False, "prices": True}
    assert "No WebSocket channel is named 'api.hello'" in ask("clients", name="api.hello")["failed"]


@pytest.mark.timeout(120)
def test_a_person_sees_a_client_and_closes_it(wb: Workbench, chromium: Any, tmp_path: Path) -> None:
    page = chromium.new_page(viewport={"width": 1000, "height": 500})
    page.set_default_timeout(45_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with wb.websocket("/ws", user="its.user") as client:
        client.ask(1)
        page.goto(f"{own(wb)}#{code_of(wb)}")
        page.get_by_role("tab", name="Channels").click()
        page.get_by_role("button", name="Clients of prices").click()
        page.get_by_role("cell", name="127.0.0.1", exact=True).wait_for()
        page.screenshot(path=tmp_path / "clients.png")
        page.get_by_role("button", name="Disconnect the client from 127.0.0.1").click()
        with pytest.raises(NotConnected, match="1001 Disconnected by hand"):
            client.receive()
    until(lambda: not wb.channels["prices"].clients, "it has left")
    page.get_by_role("button", name="Look again").click()
    page.get_by_text("Nobody is connected.").wait_for()
    assert errors == []
    page.context.close()
