"""What is clicked becomes cells, in a real JupyterLab with the workbench's extension."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.lab import Notebook

Open = Callable[..., Notebook]
WRITES_CELLS = True

IMPORTS = "from workbench import *"
HELLO = """class Hello(Service):
    name = "api.hello"

    def handle(self):
        return "Hello"
"""
JOB = 'wb.define(IntervalJob("tick", service="api.hello", hours=2, timezone="UTC"))  # mine'
PANEL = "window.jupyterapp.shell.currentWidget"
MODEL = f"{PANEL}.content.model.sharedModel"
ROW = ".wb-row[data-service='api.hello']"
SEND = """async ([selector, detail]) => {
    const target = document.querySelector(selector);
    target.dispatchEvent(new CustomEvent('workbench-cells', { bubbles: true, composed: true, detail }));
    return await detail.answer; }"""
TIMED = """() => {
    window.workbenchTimes = [];
    const model = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
    document.addEventListener('click', () => { window.workbenchTimes = [performance.now()]; }, true);
    const look = setInterval(() => {
        if (window.workbenchTimes.length === 1 && model.cells.length === 4 && model.cells[2].execution_count) {
            window.workbenchTimes.push(performance.now());
            clearInterval(look); } }, 5); }"""
RANDOM_EDITS = 1_000 if os.environ.get("WORKBENCH_SOAK") else 100


def sources(notebook: Notebook) -> list[str]:
    """The text of each cell, as it would be saved."""
    found: list[str] = notebook.page.evaluate(f"{MODEL}.toJSON().cells.map((cell) => cell.source)")
    return found


def set_source(notebook: Notebook, number: int, text: str) -> None:
    notebook.page.evaluate(f"([number, text]) => {MODEL}.cells[number].setSource(text)", [number, text])


def wait_until_run(notebook: Notebook, number: int) -> None:
    notebook.page.wait_for_function(f"{MODEL}.cells[{number}]?.execution_count > 0")


def test_a_job_by_form_becomes_a_cell_and_undo_takes_both_back(notebook: Open, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO, "1 + 1")
    row = page.locator(ROW)
    row.get_by_role("button", name="Schedule", exact=True).click()
    page.evaluate(TIMED)
    page.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Its cell is written.").wait_for()
    page.wait_for_function("window.workbenchTimes.length === 2")
    print("written and run [ms]:", page.evaluate("window.workbenchTimes[1] - window.workbenchTimes[0]"))
    written = sources(opened)[2]
    assert written.startswith('wb.define(IntervalJob("hello", service="api.hello", hours=1, timezone=')
    assert sources(opened)[3] == "1 + 1"
    assert opened.ask("print(*wb.jobs, len(wb.clicked))") == "hello 0"
    assert opened.ask("print(wb.origin_of(wb.jobs['hello'].definition).execution_count > 0)") == "True"

    opened.restart()
    page.evaluate(f"{PANEL}.sessionContext.session.kernel.info")
    opened.run_all()
    assert opened.ask("print(*wb.jobs, len(wb.clicked))") == "hello 0"

    row.get_by_role("button", name="Schedule", exact=True).click()
    page.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()
    row.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"{MODEL}.cells.length === 4")
    assert opened.ask("print(*wb.jobs)") == "hello"
    assert sources(opened)[2] == written


def test_an_edit_changes_its_cell_unless_a_person_did(notebook: Open, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO, JOB)
    job = page.locator(f"{ROW} [data-job='tick']")

    def save_hours(hours: str) -> None:
        job.get_by_role("button", name="Edit tick").click()
        panel = page.locator(".wb-panel")
        panel.get_by_label("amount").fill(hours)
        panel.get_by_role("button", name="Save", exact=True).click()

    save_hours("5")
    page.get_by_text("Its cell says so now.").wait_for()
    assert sources(opened)[2] == JOB.replace("hours=2", "hours=5")

    page.locator(ROW).get_by_role("button", name="Undo").click()
    page.wait_for_function(f"(text) => {MODEL}.cells[2].source === text", arg=JOB)
    assert opened.ask("print(wb.jobs['tick'].definition.hours)") == "2"

    theirs = f"# my own line\n{JOB}"
    set_source(opened, 2, theirs)
    save_hours("7")
    page.get_by_text("What it would become", exact=True).wait_for()
    assert sources(opened)[2] == theirs
    assert page.locator(".wb-sides pre").all_inner_texts() == [theirs, theirs.replace("hours=2", "hours=7")]
    assert opened.ask("print(wb.jobs['tick'].definition.hours)") == "7"


def test_no_hand_edit_is_ever_overwritten(notebook: Open, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO, JOB)
    page.locator(ROW).wait_for()
    lost = page.evaluate(
        """async ([selector, times]) => {
        const cell = window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells[2];
        const target = document.querySelector(selector), was = cell.source, lost = [];
        for (let time = 0; time < times; time += 1) {
            const place = Math.floor(Math.random() * was.length);
            const gone = Math.floor(Math.random() * 4);
            const typed = ['', ' ', '\\n', '#', 'x', '1', 'é'][Math.floor(Math.random() * 7)];
            const theirs = was.slice(0, place) + typed + was.slice(place + gone);
            cell.setSource(theirs);
            for (const action of ['rewrite', 'remove']) {
                const detail = { action, cell: cell.id, was, code: 'overwritten' };
                if (theirs === was) continue;
                target.dispatchEvent(new CustomEvent('workbench-cells', { bubbles: true, composed: true, detail }));
                const answer = await detail.answer;
                if (cell.source !== theirs || answer.theirs !== theirs) lost.push(theirs);
            }
        }
        return lost; }""",
        [ROW, RANDOM_EDITS],
    )
    assert lost == []
    assert len(sources(opened)) == 3


def test_cells_that_are_gone_moved_split_or_doubled_are_told_apart(notebook: Open, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO, JOB, "2 + 2")
    page.locator(ROW).wait_for()
    ask: dict[str, Any] = {"action": "rewrite", "cell": "cell-2", "was": JOB, "code": JOB.replace("2", "3")}
    page.evaluate(f"{MODEL}.moveCell(2, 3)")
    assert page.evaluate(SEND, [ROW, ask])["cell"] == "cell-2"
    assert sources(opened)[3] == JOB.replace("2", "3")

    page.evaluate(f"{PANEL}.content.activeCellIndex = 3")
    page.evaluate("window.jupyterapp.commands.execute('notebook:copy-cell')")
    page.evaluate("window.jupyterapp.commands.execute('notebook:paste-cell-below')")
    back = {**ask, "was": JOB.replace("2", "3"), "code": JOB}
    page.evaluate(SEND, [ROW, back])
    assert [sources(opened)[3], sources(opened)[4]] == [JOB, JOB.replace("2", "3")]

    set_source(opened, 3, JOB.partition("(")[0])
    assert page.evaluate(SEND, [ROW, ask])["theirs"] == JOB.partition("(")[0]

    page.evaluate(f"{MODEL}.deleteCell(3)")
    assert "in no open notebook" in page.evaluate(SEND, [ROW, ask])["problem"]
    page.locator(f"{ROW} [data-job='tick']").get_by_text("Its cell is gone.").wait_for()
    assert page.evaluate(SEND, [ROW, {"action": "gone", "cells": ["cell-1", "cell-2"]}])["gone"] == ["cell-2"]
    page.get_by_role("button", name="Write it again").click()
    page.get_by_text("Its cell is written.").wait_for()
    assert sources(opened)[2].startswith('wb.define(IntervalJob("tick", service="api.hello", hours=2')
    page.get_by_text("Its cell is gone.").wait_for(state="detached")


def test_a_notebook_that_may_only_be_read_is_left_alone_and_the_code_shown(notebook: Open, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO)
    page.evaluate(f"{PANEL}.content.model.readOnly = true")
    page.locator(ROW).get_by_role("button", name="Schedule", exact=True).click()
    page.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("may only be read").wait_for()
    assert len(sources(opened)) == 2
    assert "IntervalJob" in page.locator(f"{ROW} .wb-news .wb-code").inner_text()
    assert opened.ask("print(*wb.jobs)") == "hello"
    page.evaluate(f"{PANEL}.content.model.readOnly = false")


@pytest.mark.parametrize("how", ["Every", "Cron", "Once"])
def test_each_kind_of_job_becomes_a_cell(notebook: Open, page: Any, how: str) -> None:
    opened = notebook(IMPORTS, HELLO)
    page.locator(ROW).get_by_role("button", name="Schedule", exact=True).click()
    panel = page.locator(".wb-panel")
    panel.get_by_role("radio", name=how, exact=True).check()
    panel.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Its cell is written.").wait_for()
    wait_until_run(opened, 2)
    kind = {"Every": "IntervalJob", "Cron": "CronJob", "Once": "OneTimeJob"}[how]
    assert sources(opened)[2].startswith(f"wb.define({kind}(")
    assert opened.ask("print(*wb.jobs, len(wb.clicked))") == "hello 0"


def test_while_a_cell_runs_the_job_is_on_and_its_cell_waits_with_a_word(notebook: Open, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO)
    row = page.locator(ROW)
    opened.wait_for_subshell()
    for name in ("Schedule", "Cancel"):
        row.get_by_role("button", name=name, exact=True).click()
    page.evaluate(f"""{MODEL}.insertCell(2, {{ cell_type: 'code',
        source: 'import threading; held = threading.Event(); print(held.wait(100))' }})""")
    page.evaluate(f"{PANEL}.content.activeCellIndex = 2")
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")
    page.wait_for_function(f"{PANEL}.content.widgets[2].model.executionState === 'running'")
    row.get_by_role("button", name="Schedule", exact=True).click()
    row.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()
    row.get_by_text("Applied while another cell ran").wait_for()
    assert sources(opened)[2].startswith("wb.define(IntervalJob(")
    assert page.evaluate(f"{PANEL}.content.widgets[3].model.executionState") == "running"
    opened.page.evaluate(f"{PANEL}.sessionContext.session.kernel.interrupt()")
    page.wait_for_function(f"{PANEL}.content.widgets[3].model.executionState === 'idle'")
    assert opened.ask("print(*wb.jobs)") == "hello"


def test_a_run_that_ended_with_its_kernel_is_not_said_to_run(notebook: Open, page: Any) -> None:
    opened = notebook(IMPORTS, HELLO)
    page.evaluate(
        f"{MODEL}.insertCell(2, {{ cell_type: 'code', source: 'import threading; threading.Event().wait(100)' }})"
    )
    page.evaluate(f"{PANEL}.content.activeCellIndex = 2")
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")
    page.wait_for_function(f"{PANEL}.content.widgets[2].model.executionState === 'running'")
    opened.restart()
    page.wait_for_function(f"{PANEL}.content.widgets[2].model.executionState === 'idle'")
    page.evaluate(f"{PANEL}.sessionContext.session.kernel.info")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-above')")
    row = page.locator(ROW)
    row.get_by_role("button", name="Schedule", exact=True).click()
    row.locator(".wb-panel").get_by_role("button", name="Save", exact=True).click()
    row.get_by_text("Its cell is written.").wait_for()
    wait_until_run(opened, 2)
