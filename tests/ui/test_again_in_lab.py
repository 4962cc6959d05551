"""A call in a real JupyterLab: run again, run again from a step, and the way from a refusal to the limit's line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.lab import Notebook

pytestmark = pytest.mark.timeout(180)
ON = "from workbench import wb, Service, RESTChannel, Limit"
COUNTS = """class Counts(Service):
    name = "api.counts"
    def handle(self):
        self.log.info("counting")
        conn = self.kvdb.conn
        return [conn.incr("a"), conn.incr("b"), self.request.text]
wb.define(RESTChannel("api.counts"), Limit("api.counts", on="channel", lines="10.0.0.0/8 = 9/d\\n* = 4/d"))
"""
CALL = 'wb.kvdb.conn.set("seen", "yes"); print(wb.call("POST /api/counts", data="hello").status)'
REFUSED = 'print(*[wb.call("POST /api/counts").status for _ in range(2)])'


def opened_call(found: Any, place: int) -> Any:
    """The open trace of a call in Traffic, the newest at 0."""
    found.locator(".wb-call-name").nth(place).click()
    detail = found.locator(".wb-detail").last
    detail.locator(".wb-trace").first.wait_for()
    return detail


def test_again_again_from_here_and_why(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, COUNTS, CALL, "wb")
    found = opened.page.locator(".jp-Notebook .wb-card", has=opened.page.get_by_role("tablist"))
    found.get_by_role("tab", name="Traffic").click()
    call = opened_call(found, 0)
    # Input, answer and log open in place.
    call.locator("summary", has_text="answer").click()
    call.locator("pre", has_text='[1,1,"hello"]').wait_for()
    # Again: the counters went on, and the first difference is named.
    call.get_by_role("button", name="Again", exact=True).click()
    result = call.locator(".wb-again")
    result.locator(".wb-compared summary", has_text="'1' and '2'").wait_for()
    # Again from the second step: the first is answered from the record.
    call.get_by_role("button", name="Again from here").nth(1).click()
    result.locator(".wb-not-run", has_text="Redis incr").wait_for()
    result.locator(".wb-trace-row", has_text="from the record").wait_for()
    assert opened.ask('print(wb.kvdb.conn.get("a"), wb.kvdb.conn.get("b"))') == "2 3"
    # With another input.
    call.get_by_role("button", name="Again, otherwise").click()
    call.get_by_label("Input", exact=True).fill("other")
    call.get_by_role("button", name="Run", exact=True).click()
    result.locator(".wb-compared summary", has_text="The input differs").wait_for()
    assert opened.ask('print(wb.kvdb.conn.get("a"), wb.kvdb.conn.get("b"))') == "3 4"
    # A refused call leads to the line that refused it.
    assert opened.ask(REFUSED) == "429 429"
    found.get_by_label("Status", exact=True).select_option("attention")
    found.locator(".wb-pages", has_text="1 to 2 of 2").wait_for()
    refused = opened_call(found, 0)
    refused.get_by_role("button", name="why?").click()
    line = refused.locator(".wb-line-refused")
    line.wait_for()
    assert line.get_by_label("From: *").input_value() == "*"
    assert line.get_by_label("From: *").evaluate("(each) => each === document.activeElement")
