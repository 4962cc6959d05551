"""The panel in a real JupyterLab: its tabs, by mouse and by keyboard, what is searched, opened and made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.lab import Notebook
from workbench.ui.panel.recipes import RECIPES

pytestmark = pytest.mark.timeout(180)
ON = "from workbench import wb, Service, RESTChannel"
HELLO = """class Hello(Service):
    name = "api.hello"
    def handle(self):
        self.log.info("asked with %s", self.request.raw_request)
        return "Hello!"
wb.define(RESTChannel("api.hello"))
"""
SCRIPT = "<img src=x onerror=document.title='stolen'><b>bold</b>"
CALLS = f"""for number in range(3):
    wb.call("POST /api/hello", data="{SCRIPT}" if number == 1 else str(number))
wb.call("GET /api/{SCRIPT.replace(" ", "%20")}")
None"""


def panel(opened: Notebook) -> Any:
    found = opened.page.locator(".jp-Notebook .wb-card", has=opened.page.get_by_role("tablist"))
    found.get_by_role("tab", name="Traffic").wait_for()
    return found


def tab(found: Any, name: str) -> Any:
    return found.get_by_role("tab", name=name)


def test_tabs_are_walked_and_searched_and_a_call_is_opened(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, HELLO, "wb", CALLS)
    found, keys = panel(opened), opened.page.keyboard
    # Services, with how their calls went.
    found.locator('.wb-row[data-service="api.hello"] .wb-figures', has_text="3 calls").wait_for()
    # Arrows walk along the tabs, and only the one that is open is drawn.
    tab(found, "Services").focus()
    keys.press("ArrowRight")
    found.locator(".wb-small-name", has_text="REST 'api.hello'").wait_for()
    assert tab(found, "Channels").evaluate("(each) => each === document.activeElement")
    assert found.get_by_role("tabpanel").count() == 1
    assert found.locator(".wb-row[data-service]").count() == 0
    # Traffic: what a stranger sent is text.
    tab(found, "Traffic").click()
    found.locator(".wb-table tbody tr").nth(3).wait_for()
    assert found.locator(".wb-table img, .wb-table b").count() == 0
    assert opened.page.title() != "stolen"
    # A status, then a CID, finds a call; it opens to its trace.
    found.get_by_label("Status", exact=True).select_option("attention")
    found.locator(".wb-chip.wb-warn", has_text="404").wait_for()
    found.locator(".wb-pages", has_text="1 to 1 of 1").wait_for()
    found.get_by_label("Status", exact=True).select_option("")
    cid = opened.ask("print(wb.traffic[1].cid)")
    found.get_by_role("searchbox").fill(cid)
    row = found.locator(f'tr[data-cid="{cid}"]')
    found.locator(".wb-pages", has_text="1 to 1 of 1").wait_for()
    row.get_by_role("button", name="POST /api/hello", exact=True).click()
    found.locator(".wb-detail .wb-trace-row", has_text="asked with").wait_for()
    assert found.locator(".wb-detail img").count() == 0
    # Its lines, in the log.
    found.get_by_role("button", name="Lines of the log").click()
    found.locator(".wb-line-text", has_text='asked with b"<img').wait_for()
    assert found.locator(".wb-table img, .wb-table b").count() == 0


def test_a_user_is_made_in_the_panel(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, HELLO, "wb")
    found, keys = panel(opened), opened.page.keyboard
    tab(found, "Users").click()
    found.get_by_text("A user has credentials").wait_for()
    found.get_by_role("button", name="New user", exact=True).wait_for()
    found.get_by_role("button", name="+ New", exact=True).focus()
    keys.press("Enter")
    found.get_by_role("menuitem", name="Service", exact=True).wait_for()
    # Below the recipes stand Service, Job and Limit.
    for _ in range(len(RECIPES) + 2):
        keys.press("ArrowDown")
    keys.press("Enter")
    found.locator(".wb-panel .wb-title", has_text="Limit").wait_for()
    keys.press("Escape")
    found.locator(".wb-panel").wait_for(state="detached")
    found.get_by_role("button", name="New user", exact=True).click()
    found.get_by_role("textbox", name="Name", exact=True).fill("ada")
    found.get_by_role("textbox", name="Username", exact=True).fill("ada")
    found.locator("input[type=password]").fill("correct-horse-12")
    found.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()
    found.locator(".wb-news-line", has_text="is defined").wait_for()
    found.locator(".wb-small-name", has_text="'ada'").wait_for()
    assert opened.ask("print(list(wb.users))") == "['ada']"
    tab(found, "Users").filter(has_text="1").wait_for()


def test_the_chosen_tab_is_kept_in_the_page_when_its_cell_runs_again(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, HELLO, "wb")
    found = panel(opened)
    tab(found, "Settings").click()
    zone = found.get_by_role("textbox", name="timezone", exact=True)
    zone.fill("Mars")
    zone.press("Tab")
    found.get_by_text("The time zone").wait_for()
    zone.fill("Asia/Tokyo")
    zone.press("Tab")
    found.locator("tr", has_text="timezone").get_by_text("you", exact=True).wait_for()
    opened.run_all()
    opened.page.wait_for_function("() => document.querySelectorAll('.wb-tabs').length === 1")
    found.locator(".wb-tab[aria-selected=true]", has_text="Settings").wait_for()
    assert found.get_by_role("textbox", name="timezone", exact=True).input_value() == "Asia/Tokyo"
    assert opened.ask("wb.settings.timezone = ''") == ""


def test_a_setting_that_was_changed_is_taken_by_a_click_once_no_cell_runs(notebook: Callable[..., Notebook]) -> None:
    """What a restart does is said beside its button; while a cell awaits something, it is refused in words."""
    opened = notebook(ON, HELLO, "wb")
    card = panel(opened)
    tab(card, "Settings").click()
    threads = "[data-setting='threads'] code"
    card.locator(threads, has_text="32").wait_for()
    card.get_by_text("Services, definitions and peers come back by themselves").wait_for()
    opened.ask("import os, asyncio; os.environ['WORKBENCH_THREADS'] = '9'")
    again = card.get_by_role("button", name="Restart the workbench")
    opened.start("await asyncio.Event().wait()")
    again.click()
    card.get_by_text("A cell runs. Fix: wait until it has ended, and click again.").wait_for()
    assert opened.still_runs()
    opened.interrupt()
    again.click()
    card.get_by_text("The workbench has started anew").wait_for()
    card.locator(threads, has_text="9").wait_for()
    # What stood there goes on, with the same services behind it.
    tab(card, "Services").click()
    card.locator("[data-service='api.hello']").get_by_role("button", name="Invoke", exact=True).click()
    card.locator(".wb-foot").get_by_role("button", name="Invoke").click()
    card.locator(".wb-call").get_by_text("Hello").first.wait_for()
