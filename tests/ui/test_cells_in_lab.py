"""What is clicked becomes cells, in a real JupyterLab with the workbench's extension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ui.lab import Notebook

Open = Callable[..., Notebook]

HELLO = """
class Hello(Service):
    name = "api.hello"

    def handle(self):
        return "Hello"
"""
ASK = """async (detail) => {
    const card = document.querySelector('.wb-row[data-service]');
    card.dispatchEvent(new CustomEvent('workbench-cells', { bubbles: true, composed: true, detail }));
    return await detail.answer; }"""


def sources(notebook: Notebook) -> list[str]:
    """The text of each cell, as it would be saved."""
    model = "window.jupyterapp.shell.currentWidget.content.model.sharedModel"
    found: list[str] = notebook.page.evaluate(f"{model}.toJSON().cells.map((cell) => cell.source)")
    return found


def test_a_card_has_a_cell_written_below_its_own(notebook: Open, page: Any) -> None:
    opened = notebook("from workbench import *", HELLO, "1 + 1")
    page.locator(".wb-row[data-service]").wait_for()
    answer = page.evaluate(ASK, {"action": "insert", "code": "made = 42"})
    assert sources(opened)[2:] == ["made = 42", "1 + 1"]
    assert answer["cell"]
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells[2].execution_count > 0"
    )
    assert opened.ask("print(made)") == "42"
