"""The panel at /workbench/ in a real browser: log in, click, lose the server, log out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from typing import Any

import pytest
import requests

from tests.serving import token_of
from tests.ui.conftest import Failing, Hello
from workbench import RESTChannel, Service, Workbench
from workbench.app.serving.runtime_file import running
from workbench.channels.guard import TOKEN_HEADER
from workbench.ui import desks
from workbench.ui.carriers.page import open_page
from workbench.ui.carriers.viewers import MOST_VIEWERS

EVIL = "<img src=x onerror=document.title='stolen'><script>document.title='stolen'</script>"


@pytest.fixture
def wb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, folder=tmp_path) as made:
        made.deploy(Hello, Failing)
        made.define(RESTChannel("api.hello"))
        open_page(made)
        made.start()
        yield made
    desks.close_all()


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    opened = chromium.new_page(viewport={"width": 1000, "height": 800})
    opened.set_default_timeout(45_000)
    said: list[str] = []
    opened.on("pageerror", lambda error: said.append(str(error)))
    # A refusal that the page tells is one line of the browser's own log.
    opened.on(
        "console", lambda line: line.type == "error" and "Failed to load" not in line.text and said.append(line.text)
    )
    yield opened
    opened.screenshot(path=tmp_path / "page.png")
    opened.context.close()
    assert said == []


def own(wb: Workbench) -> str:
    wb.start()
    [found] = running()
    return f"{found.own_url}/workbench/"


def code_of(wb: Workbench) -> str:
    reply = requests.post(f"{own(wb)}code", headers={TOKEN_HEADER: token_of(wb)}, timeout=30)
    return str(reply.json()["code"])


def row(page: Any, service: str) -> Any:
    return page.locator(f'[data-service="{service}"]')


def test_a_code_logs_in_once_and_a_reload_stays_logged_in(wb: Workbench, page: Any) -> None:
    link = f"{own(wb)}#{code_of(wb)}"
    page.goto(link)
    row(page, "api.hello").wait_for()
    assert page.evaluate("[location.hash, history.length]") == ["", 2]
    assert page.evaluate("document.cookie") == ""
    page.reload()
    row(page, "api.hello").wait_for()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Code or token").wait_for()
    page.reload()
    page.get_by_label("Code or token").wait_for()
    page.goto("about:blank")
    page.goto(link)
    page.get_by_text("The code is none, was used, or is too old").wait_for()


def test_the_token_opens_it_on_the_server_and_nothing_else_does(wb: Workbench, page: Any) -> None:
    page.goto(f"{wb.url}/workbench/")
    page.get_by_label("Code or token").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("Fix: workbench panel gives a new one").wait_for()
    page.get_by_label("Code or token").fill(token_of(wb))
    page.get_by_role("button", name="Log in").click()
    row(page, "api.hello").get_by_role("button", name="Invoke").click()
    row(page, "api.hello").locator(".wb-drawer .wb-primary").click()
    page.get_by_text("Hello there!").wait_for()


def test_a_form_saves_and_every_page_sees_it(wb: Workbench, page: Any, chromium: Any) -> None:
    other = chromium.new_page()
    for each in (page, other):
        each.goto(f"{own(wb)}#{code_of(wb)}")
        row(each, "api.hello").wait_for()
    row(page, "api.hello").get_by_role("button", name="Schedule").click()
    row(page, "api.hello").locator(".wb-drawer .wb-primary").click()
    for each in (page, other):
        row(each, "api.hello").locator(".wb-things .wb-small").wait_for(timeout=20_000)
    assert len(wb.jobs) == 1
    other.context.close()


def test_what_strangers_sent_is_text(wb: Workbench, page: Any) -> None:
    class Evil(Service):
        name = "api.evil"

        def handle(self) -> None:
            self.log.info(EVIL)
            raise ValueError(EVIL)

    wb.deploy(Evil)
    with pytest.raises(ValueError, match="img"):
        wb.invoke("api.evil")
    page.goto(f"{own(wb)}#{code_of(wb)}")
    row(page, "api.evil").wait_for()
    for tab in ("Traffic", "Log", "Services"):
        page.get_by_role("tab", name=re.compile(f"^{tab}")).click()
        page.locator(".wb-tab-body", has_text="evil").wait_for()
    assert page.title() != "stolen"
    assert page.locator("main img, main script").count() == 0


def test_a_page_too_many_is_told_what_to_do(wb: Workbench, page: Any) -> None:
    for number in range(MOST_VIEWERS):
        asked = {"viewer": f"page {number}"}
        requests.post(f"{own(wb)}look", json=asked, headers={TOKEN_HEADER: token_of(wb)}, timeout=30)
    page.goto(f"{own(wb)}#{code_of(wb)}")
    page.get_by_text("pages show this workbench already. Fix: close one of them.").wait_for()


def test_a_server_that_stops_is_said_and_one_that_is_back_is_followed(
    page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Workbench(port=port, folder=tmp_path) as wb:
        open_page(wb)
        wb.start()
        loses_it_and_has_it_again(wb, page)
    desks.close_all()


def loses_it_and_has_it_again(wb: Workbench, page: Any) -> None:
    wb.deploy(Hello)
    page.goto(f"{wb.url}/workbench/#{code_of(wb)}")
    row(page, "api.hello").wait_for()
    wb.stop()
    page.get_by_text("The workbench does not answer.").wait_for()
    wb.start()
    page.locator('.wb-card[data-state="ok"]').wait_for()
    wb.deploy(Failing)
    row(page, "api.failing").wait_for()


def test_the_tab_of_caches_browses_escaped_text_and_clears(wb: Workbench, page: Any, tmp_path: Path) -> None:
    wb.caches["default"].set(EVIL, {"x": EVIL})
    wb.caches["default"].set("rate", 1.5, expiry=60)
    page.goto(f"{own(wb)}#{code_of(wb)}")
    page.locator("[data-tab=caches]").click()
    page.locator("[data-cache=default]").get_by_role("button", name="default", exact=True).click()
    entries = page.locator(".wb-detail tbody tr")
    entries.get_by_text(EVIL, exact=True).wait_for()
    assert entries.count() == 2
    page.screenshot(path=tmp_path / "caches.png")
    page.get_by_label("Search in default").fill("RATE")
    entries.get_by_text(EVIL, exact=True).wait_for(state="detached")
    assert [each.split("\t")[:2] for each in entries.all_inner_texts()] == [["rate", "1.5"]]
    page.get_by_label("Clear default").click()
    page.get_by_text("Cache 'default' is empty.").wait_for()
    page.get_by_text("Nothing in it has that.").wait_for()
    assert wb.caches["default"].keys() == []
    assert page.title() != "stolen"
