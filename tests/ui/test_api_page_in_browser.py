"""The page at /workbench/api in a real browser: read, call, be told what is new; by keyboard, dark, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.openapi.services import Anything, Elements, Find, TakeOrder
from tests.serving import token_of
from workbench import BasicAuth, RESTChannel, Service, Workbench, secret
from workbench.app.serving.runtime_file import running
from workbench.channels.guard import TOKEN_HEADER
from workbench.ui import desks
from workbench.ui.carriers.page import open_page

EVIL = "<img src=x onerror=document.title='stolen'><script>document.title='stolen'</script>"


@pytest.fixture
def wb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("ADAS_PASSWORD", "adas long password")
    with Workbench("shop.ipynb", port=0, folder=tmp_path) as made:
        made.deploy(Anything, Elements, Find, TakeOrder)
        made.define(
            BasicAuth("ada", password=secret("ADAS_PASSWORD")),
            RESTChannel("take", service="shop.order.take", path="/api/orders/{id}", method="POST", limit="1000/m"),
            RESTChannel("find", service="shop.find", path="/api/find", method="GET"),
            RESTChannel("elements", service="shop.elements", path="/api/elements", method=("GET", "POST")),
            RESTChannel("mine", service="anything", path="/api/mine", method="GET", security="ada"),
        )
        open_page(made)
        made.start()
        yield made
    desks.close_all()


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    opened = chromium.new_page(viewport={"width": 1000, "height": 900})
    opened.set_default_timeout(45_000)
    said: list[str] = []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on(
        "console", lambda line: line.type == "error" and "Failed to load" not in line.text and said.append(line.text)
    )
    yield opened
    opened.screenshot(path=tmp_path / "api.png", full_page=True)
    opened.context.close()
    assert said == []


def operation(page: Any, name: str) -> Any:
    return page.locator(f'[data-operation="{name}"]')


def opened(page: Any, wb: Workbench, name: str) -> Any:
    """An operation, opened."""
    page.goto(f"{wb.url}/workbench/api")
    found = operation(page, name)
    found.locator("summary").first.click()
    return found


def test_a_channel_is_read_and_called_with_the_keyboard_alone(wb: Workbench, page: Any) -> None:
    page.goto(f"{wb.url}/workbench/api")
    take = operation(page, "take.post")
    take.locator("summary").first.focus()
    page.keyboard.press("Enter")
    take.get_by_text("Each line is counted.").wait_for()
    take.get_by_label("id").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("42")
    page.keyboard.press("Enter")
    take.get_by_text("200 OK").wait_for()
    assert take.locator(".wb-api-result pre").inner_text().replace(" ", "").replace("\n", "") == '{"id":42,"total":1}'
    assert "CID " in take.locator(".wb-api-result").inner_text()
    assert wb.traffic[-1].root.name == "POST /api/orders/42"
    assert page.title() == "shop"


def test_a_refusal_is_shown_with_its_words(wb: Workbench, page: Any) -> None:
    take = opened(page, wb, "take.post")
    take.get_by_label("Body").fill('{"lines": [{"sku": "", "count": 0}]}')
    take.get_by_role("button", name="Send").click()
    take.get_by_text("400 Bad Request").wait_for()
    assert "lines[0].count" in take.locator(".wb-api-result pre").inner_text()


def test_a_query_leaves_out_what_is_not_typed_and_lists_have_commas(wb: Workbench, page: Any) -> None:
    elements = opened(page, wb, "elements.get")
    elements.get_by_label("id").fill("7")
    elements.get_by_label("colours").fill("red,blue")
    elements.get_by_role("button", name="Send").click()
    elements.get_by_text("200 OK").wait_for()
    assert '"colours": "red,blue"' in elements.locator(".wb-api-result pre").inner_text()
    root: Any = wb.traffic[-1].root
    assert set(root.came[1].split("&")) == {"id=7", "is_new=true", "colours=red%2Cblue"}


def test_a_channel_of_a_user_is_shown_and_called_once_the_user_is_given(wb: Workbench, page: Any) -> None:
    page.goto(f"{wb.url}/workbench/api")
    operation(page, "find.get").wait_for()
    assert operation(page, "mine.get").count() == 0
    page.get_by_text("Who calls: nobody in particular").click()
    page.get_by_label("Calls are made as").select_option("a user with a password")
    page.get_by_label("User", exact=True).fill("ada")
    page.get_by_label("Password", exact=True).fill("adas long password")
    page.keyboard.press("Tab")
    mine = operation(page, "mine.get")
    mine.locator("summary").first.click()
    mine.get_by_role("button", name="Send").click()
    mine.get_by_text("200 OK").wait_for()
    assert wb.traffic[-1].root.user == "ada"
    assert page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])") == '[{},{},""]'


def test_a_code_shows_all_channels_and_moves_on_to_where_they_are(wb: Workbench, page: Any) -> None:
    [found] = running()
    reply = requests.post(f"{found.own_url}/workbench/code", headers={TOKEN_HEADER: token_of(wb)}, timeout=30)
    page.goto(f"{found.own_url}/workbench/api#{reply.json()['code']}")
    operation(page, "mine.get").wait_for()
    assert page.url == f"{wb.url}/workbench/api"
    page.reload()
    operation(page, "mine.get").wait_for()


def test_what_is_deployed_comes_by_itself_and_what_was_typed_stays(wb: Workbench, page: Any) -> None:
    take = opened(page, wb, "take.post")
    take.get_by_label("id").fill("77")
    find = operation(page, "find.get")
    find.locator("summary").first.click()
    find.get_by_label("most").fill("3")

    class Find(Service):
        """Find it anew."""

        name = "shop.find"
        input = "most", "-colour"

        def handle(self) -> str:
            return EVIL

    wb.deploy(Find, replace=True)
    find.get_by_text("Find it anew.").first.wait_for()
    find.get_by_label("colour").wait_for()
    assert (find.get_by_label("most").input_value(), take.get_by_label("id").input_value()) == ("3", "77")
    find.get_by_role("button", name="Send").click()
    find.get_by_text(EVIL).wait_for()
    assert page.title() == "shop"
    assert page.locator("main img, main script").count() == 0
    wb.define(RESTChannel("new", service="anything", path="/api/new", method="GET"))
    operation(page, "new.get").wait_for()


def test_a_server_that_stops_is_said_and_one_that_is_back_is_followed(wb: Workbench, page: Any) -> None:
    port = int(wb.url.rpartition(":")[2])
    page.goto(f"{wb.url}/workbench/api")
    operation(page, "find.get").wait_for()
    wb.stop()
    page.get_by_text("The workbench does not answer.").wait_for()
    wb.start(port)
    page.get_by_text("The workbench does not answer.").wait_for(state="detached")


@pytest.mark.parametrize(("colours", "width"), [("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)])
def test_it_is_readable_and_nothing_overflows(
    wb: Workbench, page: Any, colours: str, width: int, tmp_path: Path
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs axe-core: pip install axe-playwright-python"
    )
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=colours)
    take = opened(page, wb, "take.post")
    take.get_by_role("button", name="Send").click()
    take.get_by_text("200 OK").wait_for()
    for words in ("What is in it", "Answers", "Who calls"):
        page.get_by_text(words).first.click()
    page.screenshot(path=tmp_path / f"{colours}-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = [each for each in axe.Axe().run(page).response["violations"] if each["impact"] in ("serious", "critical")]
    assert {each["id"]: [node["html"][:200] for node in each["nodes"]] for each in found} == {}
