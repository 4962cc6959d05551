"""Newcomers' paths through a real JupyterLab, click by click: what they see is true, and still there later."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.lab import KERNEL, Lab, Notebook

pytestmark = pytest.mark.timeout(180)
ON = "from workbench import wb, Service, RESTChannel, RESTConnection, BasicAuth, secret"
ORDERS = """class Orders(Service):
    name = "api.orders"
    input = "item", Int("count")
    def handle(self):
        return f"{self.request.input.count} x {self.request.input.item}"
"""
HELLO = """class Hello(Service):
    name = "api.hello"
    def handle(self):
        return "Hello there!"
"""
NIGHTLY = """import threading
from workbench import IntervalJob

class Nightly(Service):
    name = "shop.nightly"

    def handle(self):
        threading.Event().wait(600)

wb.define(IntervalJob("nightly", service="shop.nightly", seconds=1, missed="skip", missed_seconds=0.5))"""
ACCOUNT = 'wb.jobs.account("nightly")'
Open = Callable[..., Notebook]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A JupyterLab whose kernels keep what was clicked, as a person's do."""
    with Lab(store="") as started:
        yield started


def press(where: Any, name: str) -> None:
    where.get_by_role("button", name=name, exact=True).first.click()


def in_view(page: Any, found: Any) -> None:
    """Wait until the whole of it is in the part of the notebook that can be seen."""
    found.wait_for()
    page.wait_for_function(
        """(found) => { const seen = document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect();
        const box = found.getBoundingClientRect(); return box.top >= seen.top - 1 && box.top < seen.bottom; }""",
        arg=found.element_handle(),
    )


def row_of(page: Any, service: str) -> Any:
    found = page.locator(f'.wb-row[data-service="{service}"]').first
    found.wait_for()
    return found


def publish(page: Any, row: Any) -> None:
    """*Publish at a path*, with all its fields open, as somebody does who looks around first."""
    press(row, "Publish at a path")
    row.locator(".wb-more summary").click()
    press(row, "Save")
    line = row.locator(".wb-news-line", has_text="REST 'api.hello' is open.")
    # Once saved, the long form folds; what was said was then above the window.
    in_view(page, line)
    # *Save* saved nothing for good, in silence: how long it lasts, and how to keep it, is said now.
    row.locator(".wb-news", has_text="Kept: on again after a restart").wait_for()


def address_answers(page: Any, row: Any) -> None:
    """Every blue address answered 403 when it was clicked."""
    with page.expect_popup() as popup:
        row.locator("a.wb-address", has_text="/api/hello").click()
    popup.value.get_by_text("Hello").first.wait_for()
    popup.value.close()


def schedule(opened: Notebook, row: Any) -> None:
    press(row, "Schedule")
    row.locator(".wb-runs li").nth(4).wait_for()
    press(row, "Save")
    line = row.locator(".wb-news-line")
    line.get_by_text("Job 'hello' is on.").wait_for()
    job = row.locator(".wb-job")
    press(job, "Pause")
    # "Job 'hello' is on." stayed while the job was paused.
    line.get_by_text("Job 'hello' is paused.").wait_for()
    press(job, "Resume")
    line.get_by_text("Job 'hello' is on.").wait_for()
    assert opened.ask("print(wb.jobs['hello'].state)") == "on"


def limit(row: Any) -> None:
    press(row, "Limit")
    row.get_by_label("calls", exact=True).first.fill("3")
    row.get_by_label("per", exact=True).select_option("d")
    row.locator(".wb-tried", has_text="3 pass").wait_for()
    press(row, "Save")
    press(row, "Send 4 calls")
    row.get_by_text("3 passed, 1 refused").wait_for()


def test_first_service_by_click_and_a_second_morning(notebook: Open, page: Any) -> None:
    opened = notebook(ON, HELLO, "wb")
    row = row_of(page, "api.hello")
    press(row, "Invoke")
    press(row.locator(".wb-panel"), "Invoke")
    row.locator(".wb-call", has_text="Hello there!").wait_for()
    publish(page, row)
    address_answers(page, row)
    schedule(opened, row)
    limit(row)
    # Neither channels nor users had a row in `wb`, though they were counted there.
    panel = page.locator(".jp-Cell").nth(2)
    panel.get_by_role("tab", name="Channels").click()
    panel.locator(".wb-small", has_text="REST 'api.hello'").get_by_role("button", name="Copy as curl").wait_for()
    panel.get_by_role("tab", name="Services").click()
    for text in ("Job 'hello' was set by click", "Channel 'api.hello' was set by click"):
        panel.locator(".wb-clicked").get_by_text(text).first.wait_for()
    rolled_back(opened, page)
    # After a restart all that was clicked was lost.
    opened.restart()
    page.wait_for_function(f"{KERNEL}.status === 'idle'")
    # A card of a kernel that is gone had green dots, and buttons that did nothing.
    page.locator(".wb-as-of", has_text="Run the cell to make it live.").first.wait_for()
    opened.run_all()
    back = page.locator(".jp-Cell").nth(1).locator(".wb-card").get_by_text("Job 'hello' was set by click")
    back.first.wait_for()
    assert back.count() == 1, "said once"
    all_back = "sorted(wb.channels), sorted(wb.jobs), [each.identity for each in wb.limits.values()]"
    assert opened.ask(f"print({all_back})") == "['api.hello'] ['hello'] [('service', 'api.hello')]"
    row_of(page, "api.hello").locator("a.wb-address", has_text="/api/hello").wait_for()


def rewritten(page: Any, number: int, code: str) -> None:
    """Write other code into a cell, and run it."""
    page.evaluate(
        """async ([number, code]) => { const { content } = window.jupyterapp.shell.currentWidget;
        content.activeCellIndex = number; content.widgets[number].model.sharedModel.setSource(code);
        await window.jupyterapp.commands.execute('notebook:run-cell'); }""",
        [number, code],
    )


def rolled_back(opened: Notebook, page: Any) -> None:
    """Back to what was live before, which was not always the version of the number before."""
    row = row_of(page, "api.hello")
    rewritten(page, 1, HELLO.replace("there", "second"))
    row.locator(".wb-version", has_text="v2").wait_for()
    press(row, "Roll back")
    row.locator(".wb-version", has_text="v1").wait_for()
    rewritten(page, 1, HELLO.replace("there", "third"))
    row.locator(".wb-version", has_text="v3").wait_for()
    press(row, "Roll back")
    row.locator(".wb-version", has_text="v1").wait_for()
    assert opened.ask("print('there' in wb.services['api.hello'].source)") == "True"


PEERS = """class Rates(Service):
    name = "rates"
    def handle(self):
        return self.out.rest["Rates"].conn.get(self.cid).text
class Boom(Service):
    name = "boom"
    def handle(self):
        return 1 / 0
source = wb.peers.start("rest", name="Rates")
source.reply("/", text="5 names")
wb.define(RESTConnection("Rates", host=source.url), RESTChannel("boom"))
drop = wb.peers.start("dropbox", name="drop")
drop.put("five.txt", b"12345")
"""


def test_files_of_a_peer_traffic_a_failing_call_and_a_refused_ping(notebook: Open, page: Any) -> None:
    opened = notebook(
        ON, PEERS, "drop", "wb.invoke('rates')\nwb.traffic[-1]", "wb.call('/boom').status\nwb.traffic[-1]"
    )
    # A good step whose result began with a 5 was red.
    tree = page.locator(".jp-Cell").nth(3).locator(".jp-OutputArea")
    tree.get_by_text("GET Rates").first.wait_for()
    # A failing call from outside did not say where.
    failing = page.locator(".jp-Cell").nth(4)
    failing.get_by_text(re.compile(r"ZeroDivisionError: division by zero \(.*line 8, in handle\)")).first.wait_for()
    peer = page.locator(".jp-Cell").nth(2).locator(".wb-peer").first
    peer.locator("summary", has_text="five.txt").click()
    # A customer's file stood as base64 in the saved notebook, or had no download.
    with page.expect_download() as download:
        press(peer, "download five.txt")
    assert download.value.path().read_bytes() == b"12345"
    assert "MTIzNDU=" not in str(opened.outputs(2))
    connection = page.locator(".jp-Cell").nth(1).locator(".wb-small", has_text="REST 'Rates'")
    connection.locator(".wb-dot.wb-live").wait_for()
    # A ping that was refused was green, and so was the dot of its row, also after a call.
    opened.ask("source.reply('/', status=401)")
    press(connection, "Ping Rates")
    page.locator(".wb-news-line", has_text="REST 'Rates' answered: HEAD 401").locator(".wb-dot.wb-warn").wait_for()
    ground = "(news) => getComputedStyle(news).backgroundColor"
    refused = page.locator(".wb-news", has_text="HEAD 401").evaluate(ground)
    connection.locator(".wb-dot.wb-warn").wait_for()
    opened.ask("source.reply('/', status=503)\ntry: wb.invoke('rates')\nexcept Exception: pass")
    connection.locator(".wb-dot.wb-bad").wait_for()
    opened.ask("source.reply('/', status=200)\nwb.invoke('rates')")
    connection.locator(".wb-dot.wb-live").wait_for()
    press(connection, "Ping Rates")
    good = page.locator(".wb-news", has_text="HEAD 200")
    good.wait_for()
    assert good.evaluate(ground) != refused, "the ground of what was refused is not that of success"


def test_the_form_of_invoke_has_the_services_own_fields(notebook: Open, page: Any) -> None:
    notebook("from workbench import wb, Service\nfrom workbench.zato.server.service import Int", ORDERS, HELLO)
    row = row_of(page, "api.orders")
    press(row, "Invoke")
    # It opened on Text, and JSON that was pasted was answered "'item' is missing".
    row.get_by_label("item").fill("tea")
    row.get_by_label("count").fill("many")
    press(row.locator(".wb-panel"), "Invoke")
    row.get_by_text("must be a whole number, not 'many'").wait_for()
    row.get_by_label("count").fill("4")
    press(row.locator(".wb-panel"), "Invoke")
    row.locator(".wb-call", has_text="4 x tea").wait_for()
    row.locator(".wb-segment", has_text="JSON").click()
    row.get_by_label("Payload", exact=True).fill('{"item": "milk", "count": 2}')
    press(row.locator(".wb-panel"), "Invoke")
    row.locator(".wb-call", has_text="2 x milk").wait_for()
    hello = row_of(page, "api.hello")
    press(hello, "Invoke")
    hello.get_by_label("Payload", exact=True).fill("{item: 1}")
    press(hello.locator(".wb-panel"), "Invoke")
    hello.get_by_text("is not JSON: expecting property name").wait_for()


def test_a_job_that_failed_is_red_and_its_error_stands_apart(notebook: Open, page: Any) -> None:
    fails = "class Fails(Service):\n    name = 'fails'\n    def handle(self):\n        raise ValueError('no order')\n"
    job = "from workbench import IntervalJob\nwb.define(IntervalJob('often', service='fails', hours=1))"
    notebook(ON, fails + job)
    row = row_of(page, "fails")
    press(row, "Execute")
    failed = row.locator(".wb-job")
    # Its dot stayed green, and its words ran into each other: "1 s agoValueError".
    failed.locator(".wb-dot.wb-bad").wait_for()
    failed.locator(".wb-clip", has_text="ValueError: no order").wait_for()
    assert re.search(r"\d s ago\s+ValueError", failed.inner_text())


def test_a_killed_kernel_says_when_it_is_back_what_came_of_its_jobs(notebook: Open, page: Any) -> None:
    opened = notebook(ON, NIGHTLY, ACCOUNT)
    line = page.locator(".jp-OutputArea-output", has_text="While you were away")
    assert line.count() == 0
    opened.ask("while not wb.jobs['nightly'].running_since: threading.Event().wait(0.05)")
    pid = int(opened.ask("print(__import__('os').getpid())"))
    os.kill(pid, signal.SIGKILL)
    # JupyterLab says so in a dialog, and has started another by itself.
    page.locator(".jp-Dialog", has_text="appears to have died").wait_for()
    page.locator(".jp-Dialog button.jp-mod-accept").click()
    page.evaluate(f"{KERNEL}.requestKernelInfo()")
    opened.run_all()
    line.wait_for()
    said = line.inner_text()
    assert re.search(r"While you were away: \d+ planned times, \d+ missed, 1 interrupted\.", said), said
    assert "(missed='skip', on_interrupt='report')" in said
    account = opened.ask("account = wb.jobs.account('nightly'); print(account.holds, account.by_outcome)")
    assert account.startswith("True "), account
    assert "'interrupted': 1" in account
    if folder := os.environ.get("WORKBENCH_PICTURES"):
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
            page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
            page.screenshot(path=str(Path(folder) / f"killed-{theme.split()[1].lower()}.png"))
