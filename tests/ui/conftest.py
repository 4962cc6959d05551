"""A workbench with services to click on, and a desk that answers as it does behind a card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from tests.ui.lab import Lab, Notebook, browser
from workbench import RESTChannel, Service, Workbench
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.verbs import VERBS

OF_JUPYTERLAB = {"Error: Canceled future for create_subshell_request message before replies were done"}
"""What JupyterLab itself leaves uncaught where a kernel ends while a way into it is being made."""


class Hello(Service):
    """Say hello."""

    name = "api.hello"

    def handle(self) -> object:
        self.log.info("said hello")
        return f"Hello {self.request.raw_request or 'there'}!"


class Failing(Service):
    name = "api.failing"

    def handle(self) -> None:
        raise ValueError("no such order")


class Asking:
    """Asks the desk as a card does, and waits for the answer."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def __call__(self, ask: str, **content: Any) -> dict[str, Any]:
        answers = self.start(ask, **content)
        while "so far" in (said := answers.get(timeout=30)):
            pass
        return said

    def start(self, ask: str, **content: Any) -> SimpleQueue[dict[str, Any]]:
        """Ask without waiting."""
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.desk.answer({"ask": ask, **content}, answers.put)
        return answers


@pytest.fixture
def wb() -> Iterator[Workbench]:
    with Workbench(port=0) as made:
        made.deploy(Hello, Failing)
        made.define(RESTChannel("api.hello"))
        yield made


@pytest.fixture
def desk(wb: Workbench) -> Iterator[Desk]:
    made = Desk(wb, Courier(), VERBS)
    yield made
    made.close()


@pytest.fixture
def ask(desk: Desk) -> Asking:
    return Asking(desk)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The one JupyterLab of a run of tests."""
    with Lab() as started:
        yield started


UNHEARD = "window.addEventListener('workbench-cells', (event) => event.stopImmediatePropagation(), true)"
"""As in a front end without the workbench's extension: nobody hears what a card asks to be written."""


# Not for the whole run: while a browser is driven, this thread can run no other event loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for the tests of one file."""
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(chromium: Any, request: pytest.FixtureRequest) -> Any:
    """A page for the tests of one file, which loads JupyterLab once; cells are written in those that say so."""
    page = chromium.new_page(viewport={"width": 1300, "height": 1100})
    if not getattr(request.module, "WRITES_CELLS", False):
        page.add_init_script(UNHEARD)
    return page


@pytest.fixture
def notebook(lab: Lab, page: Any, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Writes a notebook, opens it and runs all of it."""
    opened: list[Notebook] = []

    def open_notebook(*cells: str, subshells: bool = True) -> Notebook:
        opened.append(Notebook(lab, page, lab.write(request.node.name, *cells), subshells=subshells))
        opened[-1].run_all()
        return opened[-1]

    yield open_notebook
    for each in opened:
        page.screenshot(path=tmp_path / "page.png")
        each.close()
        assert [error for error in each.errors if error not in OF_JUPYTERLAB] == []
