"""JupyterLab below a base path, as a hub starts it: clicks work, and every address leads through its proxy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.ui.lab import Lab, Notebook
from tests.ui.test_cells_in_lab import HELLO, IMPORTS, sources, wait_until_run
from tests.ui.test_side_in_lab import Side
from tests.ui.test_through_a_proxy import BASE
from tests.ui.test_written_in_lab import DEFINED, ROW, schedule

pytestmark = pytest.mark.timeout(300)
WRITES_CELLS = True
PUBLISHED = 'wb.define(RESTChannel("api.hello"))'


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A JupyterLab with the proxy, whose every address begins with a user's path."""
    pytest.importorskip("jupyter_server_proxy", reason="needs jupyter-server-proxy: pip install jupyter-server-proxy")
    with Lab(base=BASE) as started:
        yield started


def opened_by(page: Any, link: Any) -> Any:
    with page.context.expect_page() as opened:
        link.click()
    opened.value.wait_for_load_state()
    return opened.value


if os.environ.get("WORKBENCH_SOAK"):  # test_through_a_proxy says the same of each part, without JupyterLab

    def test_below_a_base_path_clicks_write_cells_and_every_address_answers(
        notebook: Callable[..., Notebook], lab: Lab, page: Any
    ) -> None:
        opened = notebook(IMPORTS, HELLO, PUBLISHED)
        assert page.url.startswith(f"{lab.url}/lab")
        row = page.locator(f".jp-Notebook .wb-row{ROW}")
        schedule(page.locator(".jp-Notebook"))
        page.get_by_text("Its cell is written.").wait_for()
        wait_until_run(opened, 2)
        assert any(text.startswith(DEFINED) for text in sources(opened))
        way = f"{lab.url}/proxy/{opened.ask('print(wb.url)').rsplit(':', 1)[1]}/"
        answered = opened_by(page, row.locator("a.wb-address", has_text="/api/hello").first)
        assert answered.url == f"{way}api/hello"
        assert answered.locator("body").inner_text() == "Hello"
        answered.close()
        side = Side(page)
        side.open()
        side.node.locator(ROW).wait_for()
        there = opened_by(page, side.node.get_by_role("button", name="Open the page").first)
        there.locator(f"{ROW} [data-job='hello']").wait_for()
        assert there.url.startswith(f"{lab.url}/proxy/")
        there.locator(ROW).get_by_role("button", name="Invoke", exact=True).click()
        there.locator(".wb-foot").get_by_role("button", name="Invoke").click()
        there.locator(".wb-call", has_text="Hello").first.wait_for()
        there.close()
