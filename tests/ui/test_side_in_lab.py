"""The extension's side panel, marks, status bar and launcher, in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.lab import KERNEL, Lab, Notebook

pytestmark = pytest.mark.timeout(180)
ON = "from workbench import wb, Service"
HELLO = """class Hello(Service):
    name = "api.hello"
    def handle(self):
        return "Hello there!"
"""
FAILING = """class Failing(Service):
    name = "api.failing"
    def handle(self):
        raise ValueError("no such order")
"""
GATE = """import threading
gate = threading.Event()
class Opens(Service):
    name = "api.opens"
    def handle(self):
        gate.set()
"""
TYPED = """() => { window.typed = 0; document.addEventListener('keydown', (event) => {
    if (event.key.length === 1 || event.key === 'Enter') window.typed += 1; }, true);
    document.addEventListener('paste', () => { window.typed += 1000; }, true); }"""
Open = Callable[..., Notebook]
CELLS = "window.jupyterapp.shell.currentWidget.content.widgets"


class Side:
    """The side panel, and what else of the extension is on the page."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.node = page.locator(".wb-side")
        self.status = page.locator(".wb-status button")

    def open(self) -> None:
        self.page.evaluate("window.jupyterapp.commands.execute('workbench:show')")
        self.node.wait_for()

    def says(self, text: str) -> None:
        """Wait until its head says a text."""
        self.node.locator(".wb-side-head", has_text=text).wait_for()

    def cell(self, number: int) -> Any:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").nth(number)

    def mark(self, number: int, mood: str) -> str:
        """Wait until a cell's mark has a mood; what it says."""
        bar = self.cell(number).locator(f".wb-mark[data-mood='{mood}']")
        bar.wait_for()
        return str(bar.get_attribute("title"))

    def collapse(self, number: int) -> None:
        """Hide a cell's outputs: without its card, the cell has a toolbar."""
        self.page.evaluate(f"(number) => {{ {CELLS}[number].outputHidden = true; }}", number)

    def act(self, number: int, action: str) -> Any:
        """Click a button of a cell's toolbar; what opens below the cell's text."""
        self.collapse(number)
        cell = self.cell(number)
        cell.locator(".wb-cell-actions").get_by_role("button", name=action, exact=True).click()
        return cell.locator(".wb-under-cell")

    def type_into(self, number: int, text: str) -> None:
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(text)


@pytest.fixture
def side(page: Any) -> Side:
    return Side(page)


@pytest.fixture
def open_side(notebook: Open, side: Side) -> Open:
    def opened(*cells: str, **more: Any) -> Notebook:
        found = notebook(*cells, **more)
        side.open()
        return found

    return opened


def test_marks_go_amber_on_typing_green_on_running_and_red_on_a_failing_call(open_side: Open, side: Side) -> None:
    notebook = open_side(ON, HELLO, FAILING)
    said = side.mark(1, "live")
    assert said.startswith("api.hello v1 is live. Since ")
    side.type_into(1, "# more")
    assert "The text differs from what is live" in side.mark(1, "warn")
    notebook.run_all()
    assert side.mark(1, "live").startswith("api.hello v")
    assert side.cell(0).locator(".wb-mark").count() == 0
    form = side.act(2, "Invoke")
    form.locator(".wb-foot").get_by_role("button", name="Invoke").click()
    assert "its last call failed: ValueError: no such order" in side.mark(2, "bad")
    assert "api.failing" in str(side.status.get_attribute("title"))


def test_marks_go_with_a_cell_that_is_moved_and_stay_true_in_the_others(open_side: Open, side: Side) -> None:
    open_side(ON, HELLO, FAILING)
    side.mark(1, "live")
    side.page.evaluate("""async () => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
        await window.jupyterapp.commands.execute('notebook:move-cell-up'); }""")
    assert side.mark(0, "live").startswith("api.hello v1 is live.")
    assert side.cell(1).locator(".wb-mark").count() == 0
    side.type_into(2, "# more")
    assert "The text differs from what is live" in side.mark(2, "warn")


def test_the_toolbar_of_a_cell_opens_each_form_below_its_text(open_side: Open, side: Side) -> None:
    open_side(ON, HELLO)
    for action in ("Invoke", "Schedule", "Limit"):
        form = side.act(1, action)
        form.locator(".wb-drawer:not(:empty)").wait_for()
        assert form.count() == 1
    side.act(1, "Limit").wait_for(state="detached")
    form = side.act(1, "Schedule")
    form.get_by_role("button", name="Save", exact=True).click()
    form.get_by_text("Job 'hello' is on.").wait_for()
    side.page.locator(".wb-status button", has_text="1 job").wait_for()


MISPLACED = """(number) => {
    const cell = window.jupyterapp.shell.currentWidget.content.widgets[number].node;
    const strip = cell.querySelector(".wb-cell-actions");
    const others = cell.querySelectorAll(".cm-editor, .jp-InputPrompt, .jp-Cell-outputWrapper, .wb-under-cell");
    const box = (each) => each.getBoundingClientRect();
    const covers = (each) => [...others].some((other) => {
        const [one, two] = [box(each), box(other)];
        const beside = one.right <= two.left + 1 || one.left >= two.right - 1;
        return !beside && one.bottom > two.top + 1 && one.top < two.bottom - 1;
    });
    const outside = (each) => [cell, strip].some((around) => {
        const [one, two] = [box(each), box(around)];
        const wider = one.left < two.left - 1 || one.right > two.right + 1;
        return wider || one.top < two.top - 1 || one.bottom > two.bottom + 1;
    });
    return [...strip.querySelectorAll("select, button, span")].flatMap((each) => [
        ...(box(each).width ? [] : [`not shown: ${each.textContent}`]),
        ...(covers(each) ? [`covers: ${each.textContent}`] : []),
        ...(outside(each) ? [`outside: ${each.textContent}`] : []),
    ]);
}"""
"""What of a cell's toolbar covers the cell's text or outputs, or stands out of the cell or its own strip."""
LONG = "shop.orders.of.partners.in.other.countries.that.pay.later"


def services(count: int, name: str) -> str:
    """A cell of so many services."""
    return "\n".join(
        f"class S{number}(Service):\n    name = '{name}.{number}'\n    def handle(self): return 'Hello {number}!'"
        for number in range(count)
    )


def test_the_toolbar_of_a_cell_covers_nothing_and_stays_in_its_cell(open_side: Open, side: Side) -> None:
    open_side(ON, HELLO, services(4, "shop"), services(12, LONG))
    page, cells = side.page, (1, 2, 3)
    before = page.viewport_size
    for number in cells:
        side.mark(number, "live")
        side.collapse(number)
    try:
        for width in (before["width"], 700):
            page.set_viewport_size(before | {"width": width})
            for number in cells:
                side.cell(number).locator(".wb-cell-actions button").first.wait_for()
                assert page.evaluate(MISPLACED, number) == []
        assert side.cell(3).bounding_box()["width"] < 400, "as a notebook beside another"
    finally:
        page.set_viewport_size(before)


def test_of_several_services_of_a_cell_the_chosen_one_is_acted_on(open_side: Open, side: Side) -> None:
    open_side(ON, services(4, "shop"))
    side.mark(1, "live")
    side.collapse(1)
    strip = side.cell(1).locator(".wb-cell-actions")
    strip.get_by_label("Service").select_option("shop.2")
    form = side.act(1, "Invoke")
    assert form.locator(".wb-row").get_attribute("data-service") == "shop.2"
    # Another choice has the same form of the other service.
    strip.get_by_label("Service").select_option("shop.3")
    form.locator("[data-service='shop.3'] .wb-drawer:not(:empty)").wait_for()
    form.locator(".wb-foot").get_by_role("button", name="Invoke").click()
    form.get_by_text("Hello 3!").wait_for()


def test_a_cell_whose_card_is_shown_has_no_second_row_of_the_same_buttons(open_side: Open, side: Side) -> None:
    open_side(ON, HELLO)
    side.mark(1, "live")
    strip = side.cell(1).locator(".wb-cell-actions")
    side.cell(1).locator(".wb-card [data-service]").wait_for()
    assert not strip.is_visible()
    side.collapse(1)
    strip.wait_for()


def test_a_click_acts_while_a_cell_runs(open_side: Open, side: Side) -> None:
    notebook = open_side(ON, GATE)
    side.mark(1, "live")
    notebook.start("gate.wait(60)")
    form = side.act(1, "Invoke")
    form.locator(".wb-foot").get_by_role("button", name="Invoke").click()
    form.locator(".wb-call").wait_for()
    side.page.wait_for_function("!window.workbenchCellRuns")


def test_a_kernel_without_a_second_way_in_says_that_it_is_busy(open_side: Open, side: Side) -> None:
    notebook = open_side(ON, HELLO, subshells=False)
    side.mark(1, "live")
    notebook.start("import threading; threading.Event().wait(60)")
    form = side.act(1, "Invoke")
    form.get_by_text("The kernel is busy with a cell").wait_for()
    notebook.interrupt()
    form.locator(".wb-foot").get_by_role("button", name="Invoke").wait_for()


def test_a_panel_that_waits_says_nothing_untrue_once_the_kernel_restarts(open_side: Open, side: Side) -> None:
    notebook = open_side(ON, HELLO, subshells=False)
    side.mark(1, "live")
    side.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    side.node.wait_for(state="hidden")
    notebook.start("import threading; threading.Event().wait(60)")
    side.open()
    waits = side.node.get_by_text("The kernel is busy with a cell")
    waits.wait_for()
    notebook.restart()
    side.says("The kernel has restarted, so nothing is live.")
    waits.wait_for(state="detached")


def test_the_side_panel_and_the_status_bar_follow_the_notebook_in_front(
    notebook: Open, side: Side, lab: Lab, page: Any
) -> None:
    notebook(ON, HELLO, "wb.sandbox()")
    side.open()
    side.node.locator('[data-service="api.hello"]').wait_for()
    side.says("Every connection goes to a stand-in.")
    first = page.evaluate("window.jupyterapp.shell.currentWidget.context.path")
    path = lab.write("second", ON, FAILING)
    page.evaluate("async (path) => { await window.jupyterapp.commands.execute('docmanager:open', { path }); }", path)
    side.says("second.ipynb")
    # Its kernel has run nothing yet.
    side.says("The server is off. Fix: run the cell of a service, or wb.start()")
    page.wait_for_function(f"{KERNEL}?.status === 'idle'")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    side.node.locator('[data-service="api.failing"]').wait_for()
    assert side.node.locator('[data-service="api.hello"]').count() == 0
    assert "sandbox" not in str(side.status.text_content())
    page.evaluate("async (path) => { await window.jupyterapp.commands.execute('docmanager:open', { path }); }", first)
    side.node.locator('[data-service="api.hello"]').wait_for()
    page.locator(".wb-status button", has_text="sandbox").wait_for()
    page.evaluate("async (path) => { await window.jupyterapp.commands.execute('docmanager:open', { path }); }", path)
    Notebook(lab, page, path).close()


def test_a_stopped_server_and_a_restarted_kernel_are_said_in_words(open_side: Open, side: Side) -> None:
    notebook = open_side(ON, HELLO)
    side.mark(1, "live")
    notebook.ask("wb.stop()")
    side.says("The server is off. Fix: run the cell of a service, or wb.start()")
    side.page.locator(".wb-status button", has_text="workbench off").wait_for()
    notebook.restart()
    side.says("The kernel has restarted, so nothing is live. Fix: run the cells.")
    side.page.locator(".wb-status button", has_text="workbench restarted").wait_for()
    assert side.page.locator(".wb-mark").count() == 0
    side.page.wait_for_function(f"{KERNEL}.status === 'idle'")
    notebook.run_all()
    side.mark(1, "live")
    side.says("Workbench on at http://localhost:")
    side.node.locator('[data-service="api.hello"] button', has_text="Invoke").wait_for()


def test_a_kernel_without_a_workbench_is_offered_one(open_side: Open, side: Side) -> None:
    notebook = open_side("%unload_ext workbench", "x = 1")
    side.says("No workbench in this kernel yet: run `from workbench import wb`.")
    assert not side.status.is_visible()
    side.node.get_by_role("button", name="Turn the workbench on here").click()
    side.says("Workbench on at http://localhost:")
    assert notebook.ask("print(wb.url != '')") == "True"


def test_from_the_launcher_to_a_scheduled_limited_service_with_a_user(
    notebook: Open, side: Side, lab: Lab, page: Any
) -> None:
    notebook("x = 1")  # opens JupyterLab
    page.evaluate("async () => { await window.jupyterapp.commands.execute('launcher:create'); }")
    page.evaluate(TYPED)
    page.locator(".jp-LauncherCard:visible", has_text="Workbench notebook").first.click()
    side.status.click()
    side.says("Workbench on at http://localhost:")
    side.node.get_by_role("button", name="Insert a service").click()
    side.mark(1, "live")
    user(side)
    published(side)
    form = side.act(1, "Schedule")
    form.locator(".wb-foot").get_by_role("button", name="Save", exact=True).click()
    form.get_by_text("Job 'hello' is on.").wait_for()
    form = side.act(1, "Limit")
    form.locator(".wb-foot").get_by_role("button", name="Save", exact=True).click()
    form.get_by_text("Limit on ").first.wait_for()
    assert page.evaluate("window.typed") <= 20
    path = page.evaluate("window.jupyterapp.shell.currentWidget.context.path")
    made = Notebook(lab, page, path)
    # What was made by click needs no import in a cell either.
    told = "print(wb.call('GET /api/hello').status, wb.call('GET /api/hello', user='ada').status, sorted(wb.jobs))"
    assert made.ask(told) == "401 200 ['hello']"
    assert made.ask("print(len(wb.limits) > 0)") == "True"
    made.close()


def user(side: Side) -> None:
    """A user whose password is typed."""
    side.node.get_by_role("tab", name="Users").click()
    side.node.get_by_role("button", name="New user", exact=True).click()
    for label, text in (("Name", "ada"), ("Username", "ada"), ("Password", "s3cret12")):
        side.node.get_by_role("textbox", name=label, exact=True).press_sequentially(text)
    side.node.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()
    side.node.get_by_text("'ada' is defined.").first.wait_for()


def published(side: Side) -> None:
    """The service at a path, for that user alone."""
    side.node.get_by_role("tab", name="Services").click()
    side.node.get_by_role("button", name="Publish at a path", exact=True).click()
    side.node.get_by_label("Security", exact=True).press_sequentially("ada")
    side.node.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()
    side.node.get_by_text("is open.").first.wait_for()


def test_the_tile_with_stand_ins_starts_on_stand_ins(notebook: Open, side: Side, lab: Lab, page: Any) -> None:
    notebook("x = 1")
    page.evaluate("async () => { await window.jupyterapp.commands.execute('launcher:create'); }")
    page.locator(".jp-LauncherCard:visible", has_text="Workbench, stand-ins").first.click()
    page.locator(".wb-status button", has_text="sandbox").wait_for()
    path = page.evaluate("window.jupyterapp.shell.currentWidget.context.path")
    Notebook(lab, page, path).close()


def test_all_that_run_on_this_machine_are_listed_opened_and_shown_inside(
    notebook: Open, side: Side, lab: Lab, page: Any
) -> None:
    first = notebook(ON, HELLO)
    path = lab.write("neighbour", ON, FAILING)
    second = Notebook(lab, page, path)
    second.run_all()
    side.open()
    side.says("neighbour.ipynb")
    running = side.node.locator(".wb-running")
    own, other = (running.locator(f"li[data-app$='{each}']") for each in ("neighbour.ipynb", first.path))
    own.and_(running.locator("[data-shown='true']")).wait_for()
    other.get_by_text("Show here", exact=True).click()
    other.and_(running.locator("[data-shown='true']")).wait_for()
    side.node.locator('[data-service="api.hello"]').wait_for()
    assert side.node.locator('[data-service="api.failing"]').count() == 0
    with page.context.expect_page() as opened:
        other.get_by_role("button", name="Open the page").click()
    opened.value.locator('[data-service="api.hello"]').wait_for()
    assert opened.value.evaluate("window.opener") is None
    opened.value.close()
    own.get_by_text("Show here", exact=True).click()
    side.node.locator('[data-service="api.failing"]').wait_for()
    second.close()


def test_what_runs_on_this_machine_is_listed_again_after_the_panel_was_hidden(open_side: Open, side: Side) -> None:
    open_side(ON, HELLO)
    listed = side.node.locator(".wb-running li").first
    listed.wait_for()
    side.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    side.node.wait_for(state="hidden")
    side.open()
    listed.wait_for()
