"""What a card knows of whether it is heard, with a kernel that a page plays: messages lost, a kernel that forgot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from workbench.ui.modules import joined

ROW = {"service": "api.hello", "version": 1, "back": None, "about": "", "missing": [], "addresses": [], "jobs": []}
FACTS = {"services": [ROW | {"limits": []}], "notes": [], "now": 0}
PLAYED = """
    const slots = [];
    const signal = { connect() {}, disconnect() {} };
    window.lost = new Set();
    const kernel = { status: "idle", statusChanged: signal, disposed: signal, requestKernelInfo: async () => ({}) };
    const answer = ({ id, ask, service }) => {
      if (window.lost.has(ask) || window.forgot) return;
      const failed = ["here", "hello"].includes(ask) ? undefined : `no ${ask} of ${service} today`;
      for (const slot of slots) slot({ ack: id });
      for (const slot of slots) slot({ batch: [{ id, failed }] });
    };
    const model = {
      widget_manager: { kernel, context: null },
      get: () => FACTS,
      on: (what, slot) => what === "msg:custom" && slots.push(slot),
      off() {},
      send: (message) => setTimeout(answer, 0, message),
    };
    card.render({ model, el: document.getElementById("card") });
"""


def fulfilled(kind: str, text: str, route: Any) -> None:
    route.fulfill(body=text, content_type=kind)


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    opened = chromium.new_page()
    opened.set_default_timeout(45_000)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    script = f'import card from "/card.js"; const FACTS = {json.dumps(FACTS)}; {PLAYED}'
    files = {
        "card.html": ("text/html", f'<div id="card"></div><script type="module">{script}</script>'),
        "card.js": ("text/javascript", joined("widget.js")),
    }
    for name, (kind, text) in files.items():
        opened.route(f"**/{name}", partial(fulfilled, kind, text))
    opened.goto("http://localhost/card.html")
    opened.locator('[data-service="api.hello"]').wait_for()
    yield opened
    opened.context.close()
    assert errors == []


def test_an_error_is_shown_where_the_click_was(page: Any) -> None:
    page.get_by_role("button", name="Invoke").click()
    row = page.locator('[data-service="api.hello"]')
    row.get_by_role("alert").get_by_text("no invoke form of api.hello today").wait_for()
    assert page.locator(".wb-card").get_attribute("data-state") in (None, "ok")


def test_one_lost_message_is_said_and_the_card_stays_live(page: Any) -> None:
    page.evaluate("lost.add('invoke form')")
    page.get_by_role("button", name="Invoke").click()
    page.get_by_role("alert").get_by_text("the connection was lost meanwhile. Do it again.").wait_for()
    page.evaluate("lost.clear()")
    page.get_by_role("button", name="Invoke").click()
    page.get_by_role("alert").get_by_text("no invoke form of api.hello today").wait_for()
    assert page.get_by_role("button", name="Invoke").is_enabled()


def test_a_kernel_that_no_longer_knows_the_card_leaves_no_live_button(page: Any) -> None:
    page.evaluate("forgot = true")
    page.get_by_role("button", name="Invoke").click()
    page.locator('.wb-card[data-state="stale"]').wait_for()
    page.get_by_text("Run the cell to make it live.").wait_for()
    assert page.locator("button:enabled").count() == 0
