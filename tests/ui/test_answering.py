"""A card says how a new version answers recorded calls, and has the buttons that settle it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving import until
from tests.ui.conftest import Asking
from tests.ui.drawn import Drawn
from workbench import RESTChannel, Service, Workbench
from workbench.app.deploy.draft import Deployed
from workbench.core.origin import Origin, digest_of
from workbench.notebook.lines import DeployLine
from workbench.notebook.still import still
from workbench.runtime.registry import Source
from workbench.ui import views
from workbench.ui.desk import Desk
from workbench.ui.marks import marks


def priced(wb: Workbench, rate: int, mode: str = "gate") -> Deployed:
    """A version of the service that is live, or waits."""
    handle = lambda self: {"price": self.request.input.n * rate}  # noqa: E731
    return wb.deploy(type("Priced", (Service,), {"name": "api.priced", "handle": handle, "new_version": mode}))


@pytest.fixture
def waiting(wb: Workbench) -> Deployed:
    """A version that waits, since it answers two of three calls otherwise."""
    priced(wb, 2)
    wb.define(RESTChannel("api.priced", path="/priced"))
    for number in range(3):
        wb.call("POST /priced", json={"n": number})
    deployed = priced(wb, 3)
    assert deployed.waiting
    found = wb.services["api.priced"].compared
    assert found is not None
    until(lambda: len(found.verdicts) == 3, "every call is compared")
    return deployed


def answering(desk: Desk) -> Any:
    return views.services(["api.priced"])(desk)["services"][0]["answering"]


@pytest.mark.usefixtures("waiting")
def test_the_row_says_what_differs_call_by_call(desk: Desk, wb: Workbench) -> None:
    said = answering(desk)
    assert said["said"] == "Of 3 recorded calls, 2 answered otherwise. v1 stays live."
    assert (said["old"], said["new"], said["waits"]) == (1, 2, True)
    assert [each["why"] for each in said["calls"]] == [
        """The answer differs: '{"price":4}' and '{"price":6}'.""",
        """The answer differs: '{"price":2}' and '{"price":3}'.""",
    ]
    assert "2 answered otherwise" in still(views.services(["api.priced"])(desk), wb.clock.now())


def test_the_line_under_the_cell_names_what_waits_and_how_to_take_it(wb: Workbench, waiting: Deployed) -> None:
    assert repr(DeployLine(waiting, wb)).splitlines() == [
        "api.priced v2 waits.",
        "api.priced: Of 3 recorded calls, 2 answered otherwise. v1 stays live. "
        "Fix: wb.services['api.priced'].take() if that is meant, or .keep().",
    ]


@pytest.mark.usefixtures("waiting")
def test_one_call_opens_on_both_versions_side_by_side(desk: Desk, ask: Asking) -> None:
    opened = ask("version call", service="api.priced", cid=answering(desk)["calls"][0]["cid"])
    assert opened["answers"] == ['{"price":4}', '{"price":6}']
    assert [pair["left"]["text"] for pair in opened["pairs"]] == ["POST /priced", "api.priced"]
    assert "No compared call is named 'none'" in ask("version call", service="api.priced", cid="none")["failed"]


@pytest.mark.usefixtures("waiting")
def test_a_click_takes_the_new_version_or_keeps_the_old(desk: Desk, ask: Asking, wb: Workbench) -> None:
    assert ask("version keep", service="api.priced")["said"] == "api.priced v1 stays live."
    assert not answering(desk)["waits"]
    priced(wb, 5)
    assert ask("version take", service="api.priced")["said"] == "api.priced v2 is live."
    assert wb.invoke("api.priced", {"n": 1}) == {"price": 5}
    assert "waits" in ask("version take", service="api.priced")["failed"]


@pytest.mark.usefixtures("waiting")
def test_a_mode_that_is_clicked_holds_and_comes_with_its_code(ask: Asking, wb: Workbench) -> None:
    assert (ask("versions", service="api.priced")["modes"], ask("versions", service="api.priced")["mode"]) == (
        ["off", "warn", "gate"],
        "gate",
    )
    said = ask("version mode", service="api.priced", mode="off")
    assert said["code"] == "wb.services['api.priced'].new_version = 'off'"
    assert wb.services["api.priced"].new_version == "off"
    wb.services["api.priced"].new_version = "warn"
    exec(said["code"], {"wb": wb})
    assert wb.services["api.priced"].new_version == "off"


CELL = """class Priced(Service):
    name = "api.priced"
    def handle(self):
        return 5
"""


def run_cell(wb: Workbench, text: str) -> None:
    """What the notebook does when a cell with the class has run well."""
    made = type("Priced", (Service,), {"name": "api.priced", "handle": lambda self: 5})
    with wb.drafting.scope(Source(Origin("cell", "c1", written=digest_of(text)), text), lambda cls: True) as draft:
        draft.classes = [made]
    wb.drafting.texts.keep("c1", text)


def test_a_mode_that_is_clicked_is_written_into_the_class_and_taken_back(ask: Asking, wb: Workbench) -> None:
    run_cell(wb, CELL)
    said = ask("version mode", service="api.priced", mode="gate")
    changed = CELL.replace('"api.priced"', '"api.priced"\n    new_version = "gate"')
    assert said["write"] == {"action": "rewrite", "cell": "c1", "was": CELL, "code": changed, "full_name": "api.priced"}
    ask("cell written", collection=said["collection"], full_name="api.priced", written="c1", text=changed)
    assert ask("version mode", service="api.priced", mode="off")["write"]["was"] == changed
    assert ask("undo", undo=said["undo"])["said"] == "New versions of api.priced: warn."
    assert wb.services["api.priced"].new_version == "warn"


def test_a_cell_that_a_form_has_written_says_what_is_live_without_another_run(
    ask: Asking, wb: Workbench, desk: Desk
) -> None:
    run_cell(wb, CELL)
    code = ask("version mode", service="api.priced", mode="gate")["write"]["code"]
    for text in (code, CELL):
        ask("cell written", collection="", full_name="api.priced", written="c1", text=text)
        (mark,) = marks(desk)["cells"]["c1"]
        assert mark["written"] == digest_of(text)


def test_of_a_cell_that_is_edited_or_not_known_the_mode_is_told_as_a_line(ask: Asking, wb: Workbench) -> None:
    run_cell(wb, CELL)
    said = ask("version mode", service="api.priced", mode="gate")
    offered = ask("cell offer", undo=said["undo"], text=f"# mine\n{CELL}")
    assert offered == {"becomes": "# mine\n" + said["write"]["code"]}
    run_cell(wb, "class Priced(Service): ...")
    said = ask("version mode", service="api.priced", mode="off")
    assert said["write"]["action"] == "none"
    assert "stands in one line" in said["write"]["problem"]
    assert said["code"] == "wb.services['api.priced'].new_version = 'off'"
    wb.drafting.texts.forget("c1")
    assert "write" not in ask("version mode", service="api.priced", mode="gate")


@pytest.mark.usefixtures("waiting")
def test_the_card_opens_a_call_and_takes_the_version(desk: Desk, chromium: Any, tmp_path: Any, wb: Workbench) -> None:
    drawn = Drawn(chromium, desk, width=900)
    try:
        card = drawn.draw(views.services(["api.priced"]))
        card.get_by_role("button", name="Open POST /priced").first.click()
        card.locator(".wb-answers .wb-pairs").wait_for()
        assert [each.inner_text() for each in card.locator(".wb-answers .wb-sides pre").all()] == [
            '{"price":4}',
            '{"price":6}',
        ]
        drawn.page.screenshot(path=tmp_path / "answers.png")
        assert [len(each.inner_text()) for each in card.locator(".wb-pairs th code").all()] == [8, 8]
        assert drawn.wrong() == []
        assert drawn.faults() == {}
        card.get_by_role("button", name="Take v2").click()
        card.get_by_text("api.priced v2 is live.").wait_for()
        assert wb.services["api.priced"].live.number == 2
        card = drawn.draw(views.everything)
        drawn.open("services")
        card.locator('[data-service="api.priced"]').get_by_role("button", name="Versions").click()
        card.get_by_label("New version").select_option("off")
        card.get_by_text("New versions of api.priced: off.").wait_for()
        assert drawn.errors == []
    finally:
        drawn.close()


@pytest.mark.usefixtures("waiting")
def test_what_is_compared_reads_well_where_it_is_narrow(desk: Desk, chromium: Any, wb: Workbench) -> None:
    """The name of a call stays in one line, a difference tells what went from what came, and code keeps its shape."""
    line = 'self.response.payload = {"price": self.request.input.n}'
    for number in (1, 2):
        head = "class Shown(Service):\n    name = 'api.shown'\n\n    def handle(self):"
        text = f"{head}\n        n = {number}\n        {line}"
        origin = Origin("cell", "c1", written=digest_of(text))
        with wb.drafting.scope(Source(origin, text), lambda cls: True) as draft:
            handle = lambda self, number=number: number  # noqa: E731
            draft.classes = [type("Shown", (Service,), {"name": "api.shown", "handle": handle})]
    drawn = Drawn(chromium, desk, width=400)
    try:
        card = drawn.draw(views.services(["api.priced"]))
        name = card.locator(".wb-answers .wb-small-name").first
        assert name.bounding_box()["height"] < 2 * name.evaluate(
            "(each) => parseFloat(getComputedStyle(each).fontSize)"
        )
        drawn.anew()
        drawn.page.evaluate("window.facts = null")
        card = drawn.draw(views.everything)
        drawn.open("services")
        row = card.locator('[data-service="api.shown"]')
        row.get_by_role("button", name="Versions").click()
        row.get_by_role("button", name="Show", exact=True).click()
        shown = row.locator(".wb-difference[aria-live] pre")
        assert shown.locator(".wb-minus").all_inner_texts() == ["-        n = 1"]
        assert shown.locator(".wb-plus").all_inner_texts() == ["+        n = 2"]
        # A long line goes on below its own text: none of it is an empty line.
        long = shown.locator(".wb-code-line", has_text="payload").locator(".wb-indent")
        assert long.inner_text().strip() == "s"
        assert long.evaluate("(each) => each.getClientRects().length") == 1
        assert drawn.wrong() == []
        assert drawn.faults(".wb-panel") == {}
        assert drawn.errors == []
    finally:
        drawn.close()
