"""A saved notebook in a real JupyterLab: it reads well without its kernel, stays small, and is live once it has run."""

from __future__ import annotations

import difflib
import json
import platform
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.kernels import ROOT
from tests.ui.lab import KERNEL, Lab, Notebook

pytestmark = pytest.mark.timeout(180)
ON = "from workbench import wb, Service, RESTChannel, IntervalJob"
HELLO = """class Hello(Service):
    name = "api.hello"
    def handle(self):
        return "Hello there!"
wb.define(RESTChannel("api.hello"))
"""
DROP = """drop = wb.peers["drop"] if "drop" in wb.peers else wb.peers.start("dropbox", name="drop")
drop.put("a/b.txt", b"one")
drop"""
PANEL = "window.jupyterapp.shell.currentWidget"
SAVED = re.compile(r"As of \d+ \w+, \d\d:\d\d\. Run the cell to make it live\.")
BROKEN = re.compile("model not found|Loading widget")
LAST_COMM_IS_LOOKED_FOR = f"""async () => {{
    const kernel = {KERNEL};
    await kernel.requestCommInfo({{ target_name: "jupyter.widget" }});
    await kernel.requestKernelInfo();
}}"""
Open = Callable[..., Notebook]


def saved(notebook: Notebook, lab: Lab, name: str) -> dict[str, Any]:
    """Save the notebook as a person does; gives the file."""
    notebook.page.evaluate(f"{PANEL}.context.save()")
    document: dict[str, Any] = json.loads((lab.root / f"{name}.ipynb").read_text())
    return document


def cards(page: Any) -> Any:
    return page.locator(".jp-NotebookPanel .wb-card")


def seen(page: Any) -> Any:
    """What is saved of cards, as far as it can be seen."""
    return page.locator(".jp-NotebookPanel .wb-saved").filter(visible=True)


def reopened(lab: Lab, page: Any, path: str, document: dict[str, Any]) -> Notebook:
    (lab.root / path).write_text(json.dumps(document))
    return Notebook(lab, page, path)


def reads_well(page: Any, count: int) -> None:
    seen(page).nth(count - 1).wait_for()
    assert [bool(SAVED.search(" ".join(each.split()))) for each in seen(page).all_inner_texts()] == [True] * count
    assert cards(page).count() == 0
    assert page.locator(".jp-OutputArea-output").filter(has_text=BROKEN).filter(visible=True).count() == 0
    assert page.locator(".jp-NotebookPanel .wb-saved button").count() == 0


def test_what_was_clicked_is_in_the_saved_notebook_and_live_again_after_a_run(
    notebook: Open, lab: Lab, page: Any, request: pytest.FixtureRequest
) -> None:
    opened = notebook(ON, HELLO, DROP, "wb")
    cards(page).nth(3).wait_for()
    assert seen(page).count() == 0, "live cards cover what is saved of them"
    hello = page.locator('.wb-row[data-service="api.hello"]').first
    hello.get_by_role("button", name="Schedule", exact=True).click()
    hello.locator(".wb-runs li").nth(4).wait_for()
    hello.get_by_role("button", name="Save", exact=True).click()
    hello.locator(".wb-job").wait_for()
    page.wait_for_function(f"() => JSON.stringify({PANEL}.content.model.sharedModel.toJSON()).includes('every 1 hour')")
    document = saved(opened, lab, request.node.name)
    opened.close()
    # A fresh kernel, in which nothing has run: signed by this person's own run, so that Lab looks for the widgets.
    again = reopened(lab, page, f"{request.node.name}.ipynb", document)
    assert page.evaluate(f"{PANEL}.content.model.cells.get(1).trusted")
    page.evaluate(LAST_COMM_IS_LOOKED_FOR)
    reads_well(page, 4)
    assert "hello every 1 hour" in seen(page).nth(1).inner_text()
    again.run_all()
    cards(page).nth(3).wait_for()
    assert seen(page).count() == 0
    again.close()
    # At a colleague's, whose Lab trusts none of it.
    document["metadata"]["colleague"] = "somebody else"
    theirs = reopened(lab, page, "theirs.ipynb", document)
    assert not page.evaluate(f"{PANEL}.content.model.cells.get(1).trusted")
    reads_well(page, 4)
    theirs.close()


def test_opening_a_shipped_notebook_changes_nothing(lab: Lab, page: Any) -> None:
    document = json.loads((ROOT / "notebooks" / "00-hello.ipynb").read_text())
    # JupyterLab writes the kernel's own version down; whoever has another Python has this one line changed.
    document["metadata"]["language_info"]["version"] = platform.python_version()
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    (lab.root / "shipped.ipynb").write_text(text)
    shipped = Notebook(lab, page, "shipped.ipynb")
    assert not page.evaluate(f"{PANEL}.content.model.dirty")
    page.evaluate(f"{PANEL}.context.save()")
    assert (lab.root / "shipped.ipynb").read_text() == text
    shipped.close()


def test_a_kernel_that_is_shut_down_greys_its_cards_and_leaves_nothing_to_click(notebook: Open, page: Any) -> None:
    notebook(ON, HELLO, "wb")
    cards(page).nth(2).wait_for()
    card = cards(page).nth(2)
    card.get_by_role("tab", name="Channels").click()
    card.locator(".wb-small").wait_for()
    page.evaluate(f"{PANEL}.sessionContext.shutdown()")
    card.get_by_text(SAVED).wait_for(timeout=2000)
    assert cards(page).filter(has_text=SAVED).count() == 3
    left = card.locator("button").filter(visible=True)
    assert left.all_inner_texts() == ["Copy as curl", "Copy as code"]
    left.last.click()
    card.get_by_text("Copied").wait_for()


def test_a_call_in_flight_says_that_it_was_interrupted(notebook: Open, page: Any) -> None:
    waits = (
        "import threading\nclass Waits(Service):\n    name = 'waits'\n    def handle(self):\n        held.wait(60)\n"
    )
    notebook(ON, waits + "held = threading.Event()")
    row = page.locator('.wb-row[data-service="waits"]')
    row.get_by_role("button", name="Invoke", exact=True).click()
    row.locator(".wb-panel .wb-primary").click()
    row.locator(".wb-call .wb-spinner").wait_for()
    page.evaluate(f"{PANEL}.sessionContext.shutdown()")
    row.locator(".wb-call .wb-chip", has_text="interrupted").wait_for(timeout=5000)


def test_ten_cards_are_a_small_file_and_run_again_a_small_change(
    notebook: Open, lab: Lab, page: Any, request: pytest.FixtureRequest
) -> None:
    several = [
        HELLO.replace("api.hello", f"api.hello{number}").replace("Hello(", f"Hello{number}(") for number in "12345"
    ]
    opened = notebook(ON, *several, DROP, "wb", "wb.jobs", "wb", "wb")
    cards(page).nth(9).wait_for()
    first = saved(opened, lab, request.node.name)
    text = (lab.root / f"{request.node.name}.ipynb").read_text()
    assert len(text) <= 60_000, f"{len(text)} bytes"
    assert not re.search("export default|wb-button|base64", text), "no code of the front end, no file of a customer"
    assert "widgets" not in first["metadata"]
    again = []
    for _ in range(2):
        opened.run_all()
        cards(page).nth(9).wait_for()
        again.append(saved(opened, lab, request.node.name)["cells"])
    for was, now in zip(*again, strict=True):
        assert texts(was) == texts(now), "a run again of what is unchanged changes no text"
        shown = len(views(now))
        assert changed(was, now) <= 300 * max(shown, 1), f"{changed(was, now)} bytes for {shown} cards: {was['source']}"


def texts(cell: dict[str, Any]) -> list[Any]:
    return [each["data"].get("text/plain") for each in cell["outputs"]]


def views(cell: dict[str, Any]) -> list[Any]:
    return [each for each in cell["outputs"] if "application/vnd.jupyter.widget-view+json" in each["data"]]


def changed(was: dict[str, Any], now: dict[str, Any]) -> int:
    """The size of the lines that differ in the outputs of a cell as Jupyter writes them [bytes]."""
    written = [json.dumps(cell["outputs"], indent=1, ensure_ascii=False).splitlines() for cell in (was, now)]
    return sum(len(line) for line in difflib.unified_diff(*written, n=0, lineterm="") if line[:3] not in ("---", "+++"))
