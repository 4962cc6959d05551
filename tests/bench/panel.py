"""How soon `wb` is there after its cell, and a click acknowledged, idle and beside a busy cell, in JupyterLab."""

from __future__ import annotations

from typing import Any

from tests.bench.figures import Row
from tests.ui.lab import Lab, Notebook, browser
from tests.ui.test_card_in_lab import TIMED

ONLY_BY_NAME = True
PANELS, CLICKS = 15, 30
ON = "from workbench import wb, Service, RESTChannel"
SERVICES = """for number in range(20):
    methods = {"handle": lambda self: "ok", "__module__": "__main__"}
    wb.deploy(type(f"S{number}", (Service,), {"name": f"api.s{number}", **methods}))
    wb.define(RESTChannel(f"api.s{number}"))"""
BUSY = "while True:\n    sum(number * number for number in range(10_000))"
ACKNOWLEDGED = """async (card) => {
    await card.talk.ask("here");
    return card.talk.acknowledged.at(-1);
}"""


def clicks(card: Any) -> list[float]:
    """How long each of so many questions of a card was on its way until the kernel said that it has it [ms]."""
    return [card.evaluate(ACKNOWLEDGED) for _ in range(CLICKS)]


def rows() -> list[Row]:
    """Measure all of it in one JupyterLab."""
    with Lab() as lab, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1300, "height": 1100})
        notebook = Notebook(lab, page, lab.write("panel", ON, SERVICES, "wb"))
        notebook.run_all()
        card = page.locator(".wb-with-tabs")
        card.locator(".wb-row[data-service]").first.wait_for()
        shown = [page.evaluate(TIMED, 2) for _ in range(PANELS)]
        page.wait_for_function("document.querySelectorAll('.wb-with-tabs').length === 1")
        idle = clicks(card)
        notebook.wait_for_subshell()
        notebook.start(BUSY)
        busy = clicks(card)
        notebook.interrupt()
        notebook.close()
    return [
        Row("the panel of 20 services after its cell", "ms", shown, wanted=300.0),
        Row("a click acknowledged, kernel idle", "ms", idle, wanted=100.0),
        Row("a click acknowledged beside a CPU-bound cell", "ms", busy, wanted=500.0),
    ]
