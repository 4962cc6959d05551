"""Notebook 7 loads the extension of JupyterLab: a click writes its cell, and marks and side panel are there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.lab import Lab, Notebook
from tests.ui.test_cells_in_lab import HELLO, IMPORTS, sources, wait_until_run
from tests.ui.test_side_in_lab import Side
from tests.ui.test_written_in_lab import DEFINED, ROW, schedule

pytestmark = pytest.mark.timeout(180)
WRITES_CELLS = True
OF_NOTEBOOK_7 = ("Cannot read properties of undefined (reading 'schema')", "Kernel message validation error")
"""What its keyboard shortcuts leave uncaught when settings of another plugin load before theirs, with us or without;
and a broadcast of the kernel that its reader takes apart at a wrong place, seen once in a hundred runs."""


def test_in_notebook_7_a_click_becomes_a_cell_and_the_side_panel_follows(lab: Lab, page: Any) -> None:
    pytest.importorskip("notebook", reason="needs the package notebook: pip install 'notebook>=7.4'")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    path = lab.write("seven", IMPORTS, HELLO)
    page.goto(f"{lab.url}/notebooks/{path}?token={lab.token}")
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context?.path")
    opened = Notebook(lab, page, path)
    opened.run_all()
    schedule(page.locator(".jp-Notebook"))
    page.get_by_text("Its cell is written.").wait_for()
    wait_until_run(opened, 2)
    assert sources(opened)[2].startswith(DEFINED)
    assert opened.ask("print(*wb.jobs, len(wb.clicked))") == "hello 0"
    side = Side(page)
    assert side.mark(1, "live").startswith("api.hello v1 is live.")
    side.open()
    side.says("Workbench on at http://localhost:")
    side.node.locator(f"{ROW} [data-job='hello']").wait_for()
    opened.close()
    assert [each for each in errors if not any(known in each for known in OF_NOTEBOOK_7)] == []
