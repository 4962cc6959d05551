"""Requests, recipes, faults and removals by click in a real JupyterLab."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ui.lab import Notebook

pytestmark = pytest.mark.timeout(180)
ON = "from workbench import wb, Service, RESTChannel, FTPConnection"
ORDERS = """class Orders(Service):
    name = "api.orders"
    def handle(self):
        markup = "<img src=x onerror=document.title='stolen'>"
        return {"id": self.request.http.params.id, "body": self.request.text, "markup": markup}
class Files(Service):
    name = "api.files"
    def handle(self):
        return self.out.ftp["Inbox"].conn.listdir("/")
wb.define(RESTChannel("orders", service="api.orders", path="/api/orders/{id}", data_format="raw"),
          FTPConnection("Inbox", host="ftp.example.com"))
wb.sandbox()
wb.peers["Inbox"].put("a.txt", b"x")"""


def picture(page: Any, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    if folder := os.environ.get("WORKBENCH_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def tab(found: Any, name: str) -> None:
    found.get_by_role("tab", name=name).click()


def test_a_request_is_sent_kept_and_taken_over(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, ORDERS, "wb")
    page = opened.page
    found = page.locator(".jp-Notebook .wb-card", has=page.get_by_role("tablist"))
    tab(found, "Channels")
    found.get_by_role("button", name="Try orders", exact=True).click()
    form = found.locator(".wb-panel", has_text="/api/orders/{id}")
    # What is missing is said beside its field, and nothing is sent.
    form.get_by_role("button", name="Send", exact=True).click()
    form.locator(".wb-error", has_text="is missing").wait_for()
    form.get_by_label("{id}").fill("7")
    form.get_by_label("Method").select_option("POST")
    form.get_by_label("Body").fill("first order")
    form.get_by_role("textbox", name="Query").fill("x=1")
    form.get_by_role("button", name="Send", exact=True).click()
    form.locator(".wb-chip.wb-live", has_text="200 OK").wait_for()
    form.locator(".wb-answer", has_text='"body": "first order"').wait_for()
    form.locator(".wb-trace-row", has_text="api.orders").wait_for()
    assert form.locator("img").count() == 0
    assert page.title() != "stolen"
    picture(page, "request")
    # The last one is there again, and its code is given as any form's is.
    form.get_by_label("Body").fill("another")
    form.get_by_label("Again:").select_option(index=1)
    assert form.get_by_label("Body").input_value() == "first order"
    form.get_by_role("button", name="Save as cell").click()
    found.locator(".wb-news .wb-code", has_text='wb.call("POST /api/orders/7?x=1", data=').wait_for()
    assert opened.ask("print(len(wb.traffic))") == "1"
    # What services use is asked about before it goes.
    tab(found, "Connections")
    found.get_by_text("used by api.files").wait_for()
    found.get_by_role("button", name="Ping all").click()
    found.locator(".wb-news-line", has_text="1 of 1 connection answered.").wait_for()
    found.get_by_role("button", name="Remove Inbox", exact=True).click()
    found.locator(".wb-panel li", has_text="api.files").wait_for()
    picture(page, "remove")
    page.keyboard.press("Escape")
    assert opened.ask("print(list(wb.connections))") == "['Inbox']"
    # A fault by switch and slider, and well again.
    tab(found, "Peers")
    found.get_by_role("button", name="Faults", exact=True).click()
    form = found.locator(".wb-panel", has_text="Faults")
    form.get_by_label("Refuse login", exact=True).check()
    form.get_by_label("Delay [s]: slider").fill("2")
    assert form.get_by_role("textbox", name="Delay [s]").input_value() == "0.5"
    picture(page, "faults")
    form.get_by_role("button", name="Have these faults").click()
    found.locator(".wb-chip", has_text="2 faults").wait_for()
    assert opened.ask("print(wb.peers['Inbox'].faults.refuse_login)") == "True"
    found.get_by_role("button", name="Faults", exact=True).click()
    found.get_by_role("button", name="Reset: no faults").click()
    found.locator(".wb-chip", has_text="2 faults").wait_for(state="detached")
    # A recipe, cell by cell.
    found.get_by_role("button", name="+ New", exact=True).click()
    found.get_by_role("menuitem", name="Blank service").click()
    found.locator(".wb-panel .wb-code").nth(3).wait_for()
    picture(page, "recipe")
    found.get_by_role("button", name="Take all 4 cells").click()
    found.locator(".wb-news .wb-code", has_text="class Mine(Service)").wait_for()
