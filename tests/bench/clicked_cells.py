"""How soon what is clicked is a cell that has run, in JupyterLab: a job by its form, from Save on."""

from __future__ import annotations

from tests.bench.figures import Row
from tests.ui.lab import Lab, Notebook, browser

ONLY_BY_NAME = True
SAVES = 10
HELLO = """class Hello(Service):
    name = "api.hello"

    def handle(self):
        return "Hello"
"""
MODEL = "window.jupyterapp.shell.currentWidget.content.model.sharedModel"
# Instants [ms] since the click on Save: the cell is there, and it has run.
TIMED = """() => {
    const times = window.workbenchTimes = {};
    const model = window.jupyterapp.shell.currentWidget.content.model.sharedModel, before = model.cells.length;
    document.addEventListener('click', () => { times.clicked = performance.now(); }, { capture: true, once: true });
    const look = setInterval(() => {
        if (!times.clicked || model.cells.length === before) return;
        times.written ??= performance.now() - times.clicked;
        if (model.cells[2].execution_count) {
            times.run = performance.now() - times.clicked;
            clearInterval(look); } }, 2); }"""


def rows() -> list[Row]:
    """Measure all of it in one JupyterLab; the first save, by which modules are imported, counts too."""
    written: list[float] = []
    run: list[float] = []
    with Lab() as lab, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1300, "height": 1100})
        notebook = Notebook(lab, page, lab.write("cells", "from workbench import *", HELLO))
        notebook.run_all()
        row = page.locator(".wb-row[data-service='api.hello']")
        notebook.wait_for_subshell()
        for _ in range(SAVES):
            row.get_by_role("button", name="Schedule", exact=True).click()
            page.evaluate(TIMED)
            row.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()
            page.wait_for_function("window.workbenchTimes.run !== undefined")
            times = page.evaluate("window.workbenchTimes")
            written.append(times["written"])
            run.append(times["run"])
            row.get_by_role("button", name="Undo").click()
            page.wait_for_function(f"{MODEL}.cells.length === 2")
        notebook.close()
    return [
        Row("a cell written after Save", "ms", written, wanted=500.0),
        Row("a cell written and run after Save", "ms", run, wanted=500.0),
    ]
