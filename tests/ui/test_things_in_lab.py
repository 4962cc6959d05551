"""One thing each in a real JupyterLab: its card on day two, and pages that a person builds of widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.lab import Lab, Notebook
from tests.ui.test_saved_in_lab import PANEL, SAVED, cards, reads_well, reopened, saved, seen
from tests.ui.test_things import MADE, ON, THINGS

pytestmark = pytest.mark.timeout(180)
PAGE = """from ipywidgets import HTML, HBox, Tab, VBox
headline = HTML("nothing yet")
job, limit = wb.jobs["hourly"].widget(), wb.limits["service api.hello"].widget()
job.observe(lambda change: setattr(headline, "value", change.new["outcome"]), "last_outcome")
limit.layout.width = "420px"
VBox([headline, HBox([job, limit]), Tab([wb.services["api.hello"].widget()])])"""


def test_each_thing_reads_well_reopened_and_greys_with_its_kernel(
    notebook: Callable[..., Notebook], lab: Lab, page: Any, request: pytest.FixtureRequest
) -> None:
    opened = notebook(ON, MADE, "wb.call('/api/hello')\nNone", *THINGS)
    for number in range(3, 3 + len(THINGS)):
        page.locator(f".jp-NotebookPanel .jp-Cell >> nth={number}").locator(".wb-card").wait_for()
    shown = cards(page).count()
    assert seen(page).count() == 0, "live cards cover what is saved of them"
    called = cards(page).filter(has_text="Hello there!").last
    called.locator(".wb-trace-row", has_text="api.hello").first.wait_for()
    document = saved(opened, lab, request.node.name)
    page.evaluate(f"{PANEL}.sessionContext.shutdown()")
    cards(page).filter(has_text=SAVED).nth(shown - 1).wait_for(timeout=5000)
    left = cards(page).locator("button:enabled").filter(visible=True).all_inner_texts()
    assert {each for each in left if not each.startswith("Copy")} == set(), "nothing is left to click but Copy"
    opened.close()
    again = reopened(lab, page, f"{request.node.name}.ipynb", document)
    reads_well(page, shown)
    again.close()


def test_a_page_of_widgets_is_laid_out_and_follows_what_is_clicked_on_it(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, MADE, PAGE)
    box = opened.page.locator(".jp-NotebookPanel .jupyter-widgets.widget-vbox")
    of_job, of_limit, of_service = (box.locator(".wb-card").nth(number) for number in range(3))
    of_service.locator(".wb-row[data-service='api.hello']").wait_for()
    assert of_job.bounding_box()["width"] >= 300, "beside another it has room, too"
    assert 300 <= of_limit.bounding_box()["width"] <= 420
    of_job.get_by_role("button", name="Execute", exact=True).click()
    box.locator(".widget-html", has_text="ok").wait_for()
    opened.page.evaluate(f"{PANEL}.sessionContext.shutdown()")
    box.locator(".wb-card", has_text=SAVED).nth(2).wait_for(timeout=5000)
