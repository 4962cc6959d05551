"""Cells that are written from elsewhere than a card: the side panel, a toolbar, what only was clicked, another page."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.ui.lab import Lab, Notebook
from tests.ui.test_cells_in_lab import HELLO, IMPORTS, JOB, MODEL, PANEL, sources, wait_until_run
from tests.ui.test_side_in_lab import Side

pytestmark = pytest.mark.timeout(180)
WRITES_CELLS = True
Open = Callable[..., Notebook]
ROW = "[data-service='api.hello']"
DEFINED = 'wb.define(IntervalJob("hello", service="api.hello", hours=1, timezone='
PRICE = """class Price(Service):
    name = "api.price"
    def handle(self):
        return {"total": self.out.rest["Prices"].conn.get(self.cid).data["pen"] * 2, "cid": self.cid}
wb.define(RESTConnection("Prices", host="https://prices.example.com", path="/list"), RESTChannel("api.price"))
wb.sandbox(); wb.peers["Prices"].reply("/list", json={"pen": 150})
"""
STRANGE = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>window.stolen = 1</script>"}}


@pytest.fixture
def side(page: Any) -> Side:
    return Side(page)


@pytest.fixture
def second(page: Any) -> Iterator[Any]:
    """A page of another browser session."""
    made = page.context.browser.new_page(viewport={"width": 1300, "height": 1100})
    yield made
    made.close()


def schedule(view: Any) -> None:
    """Schedule the service by its row in a view, as the form offers it."""
    row = view.locator(ROW)
    row.get_by_role("button", name="Schedule", exact=True).click()
    save(row)


def save(view: Any) -> None:
    view.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()


def test_a_click_in_the_side_panel_writes_below_the_last_cell_of_its_kind(
    notebook: Open, side: Side, page: Any
) -> None:
    opened = notebook(IMPORTS, HELLO, JOB, "1 + 1")
    page.evaluate(f"{PANEL}.content.activeCellIndex = 0")
    side.open()
    schedule(side.node)
    side.node.get_by_text("Its cell is written.").wait_for()
    wait_until_run(opened, 3)
    assert sources(opened)[3].startswith(DEFINED)
    assert (sources(opened)[2], sources(opened)[4]) == (JOB, "1 + 1")
    assert opened.ask("print(*wb.jobs, len(wb.clicked))") == "hello tick 0"
    side.node.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"{MODEL}.cells.length === 4")
    assert opened.ask("print(*wb.jobs)") == "tick"


def test_the_toolbar_of_a_cell_writes_below_that_cell(notebook: Open, side: Side, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO, "1 + 1", JOB)
    side.mark(1, "live")
    form = side.act(1, "Schedule")
    save(form)
    form.get_by_text("Its cell is written.").wait_for()
    wait_until_run(opened, 2)
    assert sources(opened)[2].startswith(DEFINED)
    assert sources(opened)[3:] == ["1 + 1", JOB]


def test_the_mode_of_new_versions_is_written_into_the_class_and_undone(notebook: Open, side: Side, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO)
    side.open()
    row = side.node.locator(ROW)
    row.get_by_role("button", name="Versions").click()
    row.get_by_label("New version").select_option("gate")
    row.get_by_text("Its cell says so now.").wait_for()
    assert sources(opened)[1] == HELLO.replace('"api.hello"', '"api.hello"\n    new_version = "gate"')
    assert opened.ask("print(wb.services['api.hello'].new_version)") == "gate"
    assert side.mark(1, "live").startswith("api.hello v1 is live.")
    row.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"(text) => {MODEL}.cells[1].source === text", arg=HELLO)
    row.get_by_text("New versions of api.hello: warn.").wait_for()
    assert opened.ask("print(wb.services['api.hello'].new_version)") == "warn"


def test_what_only_was_clicked_is_written_into_a_cell(notebook: Open, side: Side, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO)
    side.open()
    page.evaluate(f"{PANEL}.content.model.readOnly = true")
    schedule(side.node)
    side.node.get_by_text("may only be read").wait_for()
    page.evaluate(f"{PANEL}.content.model.readOnly = false")
    assert opened.ask("print(len(wb.clicked))") == "1"
    side.node.get_by_role("button", name="into a cell").click()
    wait_until_run(opened, 2)
    assert sources(opened)[2].startswith(DEFINED)
    side.node.get_by_role("button", name="into a cell").wait_for(state="detached")
    assert opened.ask("print(*wb.jobs, len(wb.clicked))") == "hello 0"


def test_in_an_untrusted_notebook_the_written_cell_alone_is_trusted(
    notebook: Open, side: Side, lab: Lab, page: Any
) -> None:
    path = lab.write("untrusted", HELLO, "1 + 1")
    document = json.loads((lab.root / path).read_text())
    document["cells"][1]["outputs"] = [STRANGE]
    (lab.root / path).write_text(json.dumps(document))
    opened = Notebook(lab, page, path)
    trusted = f"{PANEL}.content.widgets.map((cell) => cell.model.trusted)"
    opened.start(HELLO)
    side.open()
    schedule(side.node)
    side.node.get_by_text("Its cell is written.").wait_for()
    written = next(number for number, text in enumerate(sources(opened)) if text.startswith(DEFINED))
    wait_until_run(opened, written)
    assert page.evaluate(trusted) == [number == written for number in range(3)]
    assert page.evaluate("window.stolen") is None
    opened.close()


def test_of_two_pages_on_one_kernel_each_writes_what_it_has(notebook: Open, lab: Lab, page: Any, second: Any) -> None:
    opened = notebook(IMPORTS, HELLO)
    page.evaluate(f"{PANEL}.context.save()")
    other = Notebook(lab, second, opened.path)
    there = Side(second)
    there.open()
    there.node.locator(ROW).wait_for()
    schedule(page.locator(".jp-Notebook .wb-card"))
    page.get_by_text("Its cell is written.").wait_for()
    wait_until_run(opened, 2)
    # The other page sees the job, and has no cell of it.
    job = there.node.locator(f"{ROW} [data-job='hello']")
    job.get_by_role("button", name="Edit hello").click()
    panel = there.node.locator(f"{ROW} .wb-panel")
    panel.get_by_label("amount").fill("5")
    save(there.node.locator(ROW))
    there.node.get_by_text("Its cell is in no open notebook of this kernel").wait_for()
    assert len(sources(other)) == 2
    assert sources(opened)[2].startswith(DEFINED)
    assert opened.ask("print(wb.jobs['hello'].definition.hours)") == "5"
    # The first page edits on: its cell says what it said, and is rewritten from there.
    page.locator(f".jp-Notebook .wb-card {ROW} [data-job='hello']").get_by_role("button", name="Edit hello").click()
    page.locator(f".jp-Notebook .wb-card {ROW} .wb-panel").get_by_label("amount").fill("7")
    save(page.locator(f".jp-Notebook .wb-card {ROW}"))
    page.get_by_text("Its cell says so now.").wait_for()
    assert sources(opened)[2].startswith(DEFINED.replace("hours=1", "hours=7"))
    assert other.errors == []


def test_a_call_opened_in_traffic_is_a_green_test_on_the_command_line(notebook: Open, page: Any, lab: Lab) -> None:
    imports = "from workbench import wb, Service, RESTChannel, RESTConnection"
    opened = notebook(imports, PRICE, "print(wb.call('GET /api/price').status)", "wb")
    found = page.locator(".jp-Notebook .wb-card", has=page.get_by_role("tablist"))
    found.get_by_role("tab", name="Traffic").click()
    found.locator(".wb-call-name").first.click()
    found.get_by_role("button", name="Make a test").click()
    page.get_by_text("Its cell is written.").wait_for()
    page.locator(".jp-OutputArea", has_text="Test passed: api.price answers as recorded").wait_for()
    page.evaluate(f"{PANEL}.context.save()")
    command = [sys.executable, "-m", "workbench.cli.main", "test", str(lab.root / opened.path)]
    tested = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "5 passed" in tested.stdout, tested.stdout
