"""A folder that a cell loads: told once under it, safe to show, and gone if the cell fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels import IPYKERNELS, Kernel
from tests.notebook.conftest import TURN_ON
from tests.serving import until
from workbench.app.deploy.folders.imported import Differences, FileRow, Imported, Lack
from workbench.notebook.folders import differences, imported

MODULE = """\
from zato.server.service import Service

class Double(Service):
    name = "shop.double"

    def handle(self):
        self.pubsub.publish()
"""
ENMASSE = "channel_rest:\n  - {name: double, service: shop.double, url_path: /double, is_active: true}\n"


@pytest.fixture(scope="module")
def shop(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel in whose folder there is a folder of services."""
    place: Path = tmp_path_factory.mktemp("place")
    (place / "shop").mkdir()
    (place / "shop" / "double.py").write_text(MODULE)
    (place / "shop" / "enmasse.yaml").write_text(ENMASSE)
    with Kernel(version=IPYKERNELS[-1], cwd=place, env=env) as kernel:
        kernel.run(TURN_ON)
        yield kernel


def test_a_failing_cell_takes_its_folder_back(shop: Kernel) -> None:
    assert shop.run("wb.load('shop')\n1 / 0", fails=True).error is not None
    assert shop.run("list(wb.services), list(wb.channels)").result == "([], [])"


def test_what_became_of_a_folder_is_told_once_under_its_cell(shop: Kernel) -> None:
    told = "shop: 1 service and 1 definition of 2 files are live; 1 is missing."
    for cell in ("done = wb.load('shop')", "wb.load('shop')"):
        outputs = shop.run(cell)
        said = [each["text/plain"] for each in outputs.displays] + [outputs.result or ""]
        assert [each.splitlines()[0] for each in said if each] == [told], cell
    assert shop.run("wb.call('POST /double').status").result == "500"


def test_a_save_beside_the_notebook_is_live_without_a_cell(shop: Kernel) -> None:
    answers = MODULE.replace("self.pubsub.publish()", "return 8")
    shop.run(f"open('shop/double.py', 'w').write({answers!r})")
    expected = "wb.expect(lambda: wb.call('POST /double')).eventually(within_seconds=30).answers(status=200, text='8')"
    assert shop.run(expected).error is None
    # It is said once the calls above are compared, too.
    said = "[each.text for each in wb.log if each.service == 'workbench.folders']"
    until(lambda: shop.run(said).result != "[]", "it is said")
    assert shop.run(said).result == "['shop: double.py changed. Live: shop.double v2.']"


def test_its_table_shows_what_files_say_as_text() -> None:
    rows = [
        FileRow("<b>.py", "services", ["<i>"], ["it is <u>. Fix: <s>."], [Lack(1, "no <q>")]),
        FileRow("helper.py", "helper"),
        FileRow("old.py", "services", failed=["old"]),
        FileRow("note.yaml", "left out", notes=["<p>"]),
    ]
    html = imported(Imported("<h1>", rows, {"REST '<a>'": ["<li>"]}, ["<em>"], ["self.request.input"]))
    assert not [
        each for each in ("<b>.", "<i>", "<u>", "<s>", "<q>", "<p>", "<h1>", "<a>", "<li>'", "<em>") if each in html
    ]
    for word in ("live in part", "not live", "1 missing", "helper", "left out"):
        assert f">{word}</span>" in html


def test_the_table_of_all_that_differs_has_each_row() -> None:
    every = Differences(())
    assert not every
    assert [differences(every.all).count(f">{name}</code>") >= 1 for name in ("self.pubsub", "after_handle")] == [
        True,
        True,
    ]
    assert repr(every.all).count("\n") + 1 == len(every.all) > 100
