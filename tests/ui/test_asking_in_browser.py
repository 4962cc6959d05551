"""What the panel asks and tells by mouse, in a real browser: before something goes, why a limit counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.drawn import Drawn
from workbench import BasicAuth, IntervalJob, Limit, RESTConnection, Workbench, secret
from workbench.ui import views
from workbench.ui.desk import Desk
from workbench.ui.panel.recipes import RECIPES

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def drawn(chromium: Any, desk: Desk, wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drawn]:
    """The panel of a workbench with one of each."""
    monkeypatch.setenv("ADA_PASSWORD", "correct horse")
    wb.define(
        IntervalJob("hourly", service="api.hello", hours=1),
        Limit("api.hello", on="channel", lines="1/d"),
        Limit("api.hello", on="service", lines="7/d"),
        BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD")),
        RESTConnection("far", host="https://data.example.com", username="ada", password=secret("ADA_PASSWORD")),
    )
    made = Drawn(chromium, desk, "light", 700)
    made.draw(views.everything)
    yield made
    made.close()
    assert made.errors == []


@pytest.mark.parametrize(
    ("tab", "opener", "collection", "name"),
    [
        ("jobs", "Remove hourly", "jobs", "hourly"),
        ("limits", "Remove limit on service api.hello", "limits", "service api.hello"),
        ("users", "Remove ada", "users", "ada"),
        ("connections", "Remove far", "connections", "far"),
    ],
)
def test_nothing_goes_by_one_click_and_undo_brings_it_back(
    drawn: Drawn, wb: Workbench, tab: str, opener: str, collection: str, name: str
) -> None:
    drawn.open(tab)
    body = drawn.page.locator(".wb-tab-body")
    body.get_by_role("button", name=opener, exact=True).click()
    body.get_by_text("Nothing depends on it.").wait_for()
    assert name in getattr(wb, collection), "it was asked about alone"
    drawn.page.keyboard.press("Escape")
    body.locator(".wb-panel").wait_for(state="detached")
    assert name in getattr(wb, collection)
    body.get_by_role("button", name=opener, exact=True).click()
    body.get_by_role("button", name="Remove", exact=True).click()
    body.get_by_role("button", name="Undo").wait_for()
    assert name not in getattr(wb, collection)
    body.get_by_role("button", name="Undo").click()
    body.locator(".wb-news-line").get_by_text("again").wait_for()
    assert name in getattr(wb, collection)


def test_a_double_click_is_one_click(drawn: Drawn, wb: Workbench) -> None:
    drawn.open("jobs")
    body = drawn.page.locator(".wb-tab-body")
    body.get_by_role("button", name="Remove hourly", exact=True).dblclick()
    body.get_by_role("button", name="Remove", exact=True).dblclick()
    body.get_by_role("button", name="Undo").dblclick()
    body.locator(".wb-news-line").get_by_text("is on again").wait_for()
    assert body.get_by_role("alert").filter(visible=True).all_inner_texts() == []
    assert list(wb.jobs) == ["hourly"]


def test_a_cell_stays_where_what_it_says_is_not_taken_back(drawn: Drawn, desk: Desk) -> None:
    asked = """window.asked = []; addEventListener("workbench-cells", ({ detail }) => {
        window.asked.push(detail.action); detail.answer = Promise.resolve({ cell: "one" }); })"""
    drawn.page.evaluate(asked)
    row = drawn.page.locator('.wb-row[data-service="api.failing"]')
    row.get_by_role("button", name="Schedule", exact=True).click()
    row.get_by_role("button", name="Save", exact=True).click()
    row.get_by_text("Its cell is written.").wait_for()
    # As by another page that shows the same.
    desk.undo(1)
    row.get_by_role("button", name="Undo").click()
    row.get_by_text("It was taken back already").wait_for()
    assert "remove" not in drawn.page.evaluate("window.asked")


def test_a_recipe_is_written_as_cells_where_that_can_be(drawn: Drawn) -> None:
    asked = """(cells) => { window.cells = cells; addEventListener("workbench-cells", ({ detail }) => {
        const { action, code, cell } = detail;
        if (action !== "insert") return void (detail.answer = Promise.resolve({}));
        const at = cells.findIndex((each) => each.id === cell) + 1;
        cells.splice(at, 0, { id: `cell ${cells.length}`, code });
        detail.answer = Promise.resolve({ cell: `cell ${cells.length - 1}` }); }); }"""
    drawn.page.evaluate(asked, [])
    drawn.page.get_by_role("button", name="+ New", exact=True).click()
    drawn.page.get_by_role("menuitem", name="Blank service").click()
    drawn.page.get_by_role("button", name="Write 4 cells").click()
    drawn.page.get_by_text("Blank service is written as 4 cells. Run them from the first.").wait_for()
    written = [each["code"] for each in drawn.page.evaluate("window.cells")]
    assert written == list(next(each.cells for each in RECIPES if each.label == "Blank service"))


def test_what_is_answered_is_read_in_full_where_it_is_narrow(drawn: Drawn) -> None:
    drawn.page.set_viewport_size({"width": 400, "height": 900})
    drawn.open("channels")
    drawn.page.get_by_role("button", name="Try api.hello").click()
    for _ in range(2):
        drawn.page.get_by_role("button", name="Send", exact=True).click()
    drawn.page.locator(".wb-calls .wb-cid").wait_for()
    assert drawn.page.get_by_label("Again:").is_visible()
    assert drawn.wrong() == []
    drawn.open("services")
    row = drawn.page.locator('[data-service="api.hello"]')
    row.get_by_role("button", name="Invoke", exact=True).click()
    row.locator(".wb-foot").get_by_role("button", name="Invoke", exact=True).click()
    row.get_by_role("button", name="Compare").click()
    assert drawn.wrong() == []


def test_what_is_said_of_a_tab_goes_with_it(drawn: Drawn, wb: Workbench) -> None:
    wb.sandbox()
    drawn.open("connections")
    drawn.page.get_by_role("button", name="Ping all").click()
    drawn.page.get_by_text("of 1 connection").wait_for()
    drawn.open("settings")
    assert drawn.page.get_by_text("of 1 connection").count() == 0


def test_a_limit_is_explained_in_its_row(drawn: Drawn, wb: Workbench) -> None:
    wb.call("GET /api/hello")
    drawn.open("limits")
    body = drawn.page.locator(".wb-tab-body")
    body.get_by_role("button", name="Explain limit on service api.hello", exact=True).click()
    form = body.locator(".wb-panel", has_text="Explain")
    form.get_by_text("refused with 429 by the limit on channel 'api.hello': its line * = 1/d is used up").wait_for()
    assert form.locator(".wb-explained li").count() == 2
    assert form.locator(".wb-explained li").first.inner_text().startswith("counts limit on channel 'api.hello'")
    form.get_by_label("By channel").select_option("")
    form.get_by_text("This call would pass.").wait_for()
    assert "1 of 7 used now" in form.locator(".wb-explained li").inner_text()
    form.get_by_label("From address").fill("10.0.0")
    form.get_by_text("is no address. Fix: ").wait_for()
    assert drawn.wrong() == []
    assert drawn.faults(".wb-panel") == {}
    # Another limit's form opens in its place.
    body.get_by_role("button", name="Edit limit on channel api.hello", exact=True).click()
    body.locator(".wb-panel .wb-title", has_text="Limit").wait_for()


@pytest.mark.parametrize(
    ("tab", "opener"), [("users", "Change password of ada"), ("connections", "Change secret of far")]
)
def test_the_button_of_a_secret_opens_the_form_at_its_field(drawn: Drawn, wb: Workbench, tab: str, opener: str) -> None:
    drawn.open(tab)
    body = drawn.page.locator(".wb-tab-body")
    body.get_by_role("button", name=opener, exact=True).click()
    field = body.locator(".wb-panel input[type=password]").first
    field.wait_for()
    assert field.evaluate("(each) => each === document.activeElement")
    assert field.is_visible()
    assert drawn.wrong() == []


def test_enter_in_the_cid_of_another_call_compares_and_does_not_invoke_again(drawn: Drawn) -> None:
    row = drawn.page.locator('.wb-row[data-service="api.hello"]')
    row.get_by_role("button", name="Invoke", exact=True).click()
    form = row.locator(".wb-panel")
    form.locator(".wb-foot").get_by_role("button", name="Invoke", exact=True).click()
    call = form.locator(".wb-call", has_text="CID")
    call.get_by_role("button", name="Compare", exact=True).click()
    field = call.get_by_label("CID of the other call", exact=True)
    field.fill(call.locator(".wb-cid code").first.inner_text())
    field.press("Enter")
    call.locator(".wb-compared summary").wait_for()
    assert form.locator(".wb-call").count() == 1


def test_what_a_search_has_hidden_comes_back_in_its_place(drawn: Drawn) -> None:
    rows = drawn.page.locator(".wb-tab-body .wb-row[data-service]")
    names = lambda: rows.evaluate_all("(all) => all.map((each) => each.dataset.service)")  # noqa: E731
    rows.nth(1).wait_for()
    before = names()
    search = drawn.page.get_by_role("searchbox")
    search.fill(before[-1])
    rows.nth(1).wait_for(state="detached")
    search.fill("")
    rows.nth(1).wait_for()
    assert names() == before


def test_settings_are_readable_beside_a_long_name(drawn: Drawn) -> None:
    drawn.page.set_viewport_size({"width": 900, "height": 900})
    drawn.open("settings")
    drawn.page.locator("[data-setting=folder] td").nth(1).evaluate(
        "(each) => { each.textContent = 'a_long_name'.repeat(9); }"
    )
    about = drawn.page.locator("[data-setting=folder] .wb-wide")
    assert about.bounding_box()["width"] >= 200
    drawn.page.set_viewport_size({"width": 230, "height": 900})
    table = drawn.page.locator(".wb-table").first
    assert table.evaluate("(each) => each.scrollWidth <= each.parentElement.clientWidth + 1")


def test_a_setting_says_how_it_changes(drawn: Drawn) -> None:
    drawn.open("settings")
    row = drawn.page.locator('tr[data-setting="port"]')
    row.locator("summary").click()
    row.locator(".wb-code", has_text="wb.start(port=8080)").wait_for()
    assert drawn.page.locator('tr[data-setting="folder"] summary').count() == 1
    assert drawn.page.locator('tr[data-setting="redis"] code', has_text="self.kvdb").count() == 1
    assert "`" not in drawn.page.locator(".wb-tab-body").inner_text()
    assert drawn.wrong() == []
    assert drawn.faults(".wb-tab-body") == {}


def test_a_click_anywhere_on_a_call_opens_it_and_copy_alone_copies(drawn: Drawn, wb: Workbench) -> None:
    wb.call("GET /api/hello")
    drawn.open("traffic")
    body = drawn.page.locator(".wb-tab-body")
    row = body.locator("tr.wb-opens").first
    row.get_by_role("button", name="Copy").click()
    row.get_by_role("button", name="Copied").wait_for()
    assert body.locator(".wb-detail").count() == 0
    row.locator(".wb-ms").click()
    body.locator(".wb-detail .wb-trace-row").first.wait_for()
    row.locator(".wb-ms").click()
    body.locator(".wb-detail").wait_for(state="detached")
