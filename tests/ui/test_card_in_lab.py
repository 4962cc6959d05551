"""Cards in a real JupyterLab: what a person clicks, what they see, how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ui.lab import KERNEL, Lab, Notebook

# JupyterLab and Chromium take their time on a machine that does much else.
pytestmark = pytest.mark.timeout(180)
ON = "from workbench import wb, Service"
HELLO = """class Hello(Service):
    name = "api.hello"
    def handle(self):
        return f"Hello {self.request.raw_request or 'there'}!"
"""
MISSING = """class Sync(Service):
    name = "api.sync"
    def handle(self):
        self.email.smtp["My SMTP"].conn.send(None)
"""
GATE = """import threading
gate = threading.Event()
class Waits(Service):
    name = "api.waits"
    def handle(self):
        return "open" if gate.wait(20) else "shut"
"""
TIMED = """async (number) => {
    const panel = window.jupyterapp.shell.currentWidget;
    panel.content.activeCellIndex = number;
    const cell = panel.content.widgets[number].node;
    for (const former of cell.querySelectorAll(".wb-card")) former.classList.add("former");
    const shown = new Promise((resolve) => {
        const look = () => cell.querySelector(".wb-card:not(.former)") ? resolve(performance.now())
            : requestAnimationFrame(look);
        look();
    });
    await window.jupyterapp.commands.execute("notebook:run-cell");
    const ended = performance.now();
    return (await shown) - ended;
}"""
CLICKED = """(button) => new Promise((resolve) => {
    const began = performance.now();
    const card = button.closest(".wb-card");
    button.click();
    const look = () => card.querySelector(".wb-loading, .wb-panel") ? resolve(performance.now() - began)
        : requestAnimationFrame(look);
    look();
})"""


def row(notebook: Notebook, service: str) -> Any:
    found = notebook.page.locator(f'.wb-row[data-service="{service}"]')
    found.wait_for()
    return found


def press(where: Any, name: str) -> None:
    where.get_by_role("button", name=name, exact=True).first.click()


def test_two_clicks_schedule_a_service(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, HELLO)
    hello = row(opened, "api.hello")
    press(hello, "Schedule")
    hello.locator(".wb-runs li").nth(4).wait_for()
    hello.get_by_role("button", name="Save", exact=True).click()
    hello.get_by_text("Job 'hello' is on.").wait_for()
    code = hello.locator(".wb-news .wb-code code").inner_text()
    assert code.endswith('wb.define(IntervalJob("hello", service="api.hello", hours=1, timezone="UTC"))')
    assert opened.ask("print(wb.jobs['hello'].state)") == "on"
    press(hello, "Execute")
    hello.locator(".wb-job .wb-chip", has_text="ok").wait_for()
    press(hello, "Undo")
    hello.get_by_text("is gone again").wait_for()
    assert opened.ask("print(list(wb.jobs))") == "[]"


def test_a_job_is_edited_in_the_table_of_jobs(notebook: Callable[..., Notebook]) -> None:
    job = "from workbench import IntervalJob\nwb.define(IntervalJob('hourly', service='api.hello', hours=1))\nwb.jobs"
    opened = notebook(ON, HELLO, job)
    jobs = opened.page.locator(".jp-Cell").nth(2).locator(".wb-row")
    press(jobs, "Edit hourly")
    jobs.locator(".wb-runs li").nth(4).wait_for()
    jobs.get_by_label("amount").fill("2")
    press(jobs, "Save")
    jobs.get_by_text("Job 'hourly' is changed.").wait_for()
    assert opened.ask("print(wb.jobs['hourly'].definition.hours)") == "2"
    press(jobs, "Pause")
    jobs.get_by_role("button", name="Resume").wait_for()
    assert opened.ask("print(wb.jobs['hourly'].state)") == "paused"
    press(jobs, "Undo")
    jobs.get_by_text("is as it was before").wait_for()
    assert opened.ask("print(wb.jobs['hourly'].definition.hours)") == "1"


def test_connections_are_pinged_and_edited_under_their_cell(notebook: Callable[..., Notebook]) -> None:
    cell = (
        "from workbench import SMTPConnection\nwb.sandbox()\nwb.define(SMTPConnection('mail', host='smtp.example.com'))"
    )
    opened = notebook(ON, cell)
    row = opened.page.locator(".jp-Cell").nth(1).locator(".wb-row")
    row.locator(".wb-chip", has_text="sandbox").wait_for()
    press(row, "Edit mail")
    row.get_by_role("textbox", name="Host").fill("mail.example.org")
    press(row, "Save")
    row.locator(".wb-small code", has_text="mail.example.org").wait_for()
    row.locator(".wb-small").get_by_role("button", name="Ping mail").click()
    row.locator(".wb-news-line", has_text="SMTP 'mail' answered: 250").wait_for()


def test_files_arrive_at_a_peer_under_a_cell(notebook: Callable[..., Notebook], tmp_path: Path) -> None:
    opened = notebook(ON, "drop = wb.peers.start('dropbox', name='drop')\ndrop")
    peer = opened.page.locator(".wb-peer")
    opened.ask("drop.put('early.txt', b'one')")
    peer.locator("code", has_text="early.txt").wait_for()
    peer.locator("summary", has_text="early.txt").click()
    (tmp_path / "mine.txt").write_bytes(b"from a person")
    with opened.page.expect_file_chooser() as chooser:
        press(peer, "Upload")
    chooser.value.set_files(tmp_path / "mine.txt")
    peer.get_by_text("mine.txt has arrived at ").wait_for()
    peer.locator("code", has_text="mine.txt").wait_for()
    assert opened.ask("print(drop.files['mine.txt'])") == "b'from a person'"
    assert peer.get_by_text("one", exact=True).is_visible()


def test_the_next_runs_follow_what_is_typed(notebook: Callable[..., Notebook]) -> None:
    hello = row(notebook(ON, HELLO), "api.hello")
    press(hello, "Schedule")
    hello.locator(".wb-segment", has_text="Cron").click()
    hello.locator(".wb-words", has_text="09:00 Monday to Friday").wait_for()
    hello.get_by_label("Time zone").fill("Europe/Warsaw")
    hello.locator(".wb-runs .wb-zone", has_text="Warsaw").nth(4).wait_for()
    assert (
        hello.locator(".wb-there", has_text="08:00 UTC").count() + hello.locator(".wb-there", has_text="07:00").count()
    )
    hello.get_by_label("Cron", exact=True).last.fill("0 25 * * *")
    hello.get_by_text("hour '25' is not right").wait_for()
    press(hello, "first day of the month")
    hello.locator(".wb-words", has_text="00:00 on day 1").wait_for()


def test_a_form_with_every_field_wrong_shows_every_error_and_jumps_to_the_first(
    notebook: Callable[..., Notebook],
) -> None:
    sync = row(notebook(ON, MISSING), "api.sync")
    press(sync, "Define SMTP My SMTP")
    sync.locator(".wb-more summary").click()
    wrong = {"Name": "", "Host": "a b", "Port": "many", "Password: secret's name": "my secret!", "From": "nobody"}
    for label, text in wrong.items():
        sync.get_by_role("textbox", name=label, exact=True).fill(text)
    sync.get_by_label("Timeout [s]").fill("-1")
    press(sync, "Save")
    sync.locator('[aria-invalid="true"]').nth(5).wait_for()
    assert sync.locator(".wb-panel .wb-control .wb-error:not(:empty)").count() == 6
    assert sync.locator(":focus").get_attribute("id") == sync.get_by_role(
        "textbox", name="Name", exact=True
    ).get_attribute("id")
    port = sync.get_by_label("Port")
    assert sync.locator(f"#{port.get_attribute('aria-errormessage')}").inner_text().endswith("not 'many'")


def test_the_keyboard_alone_defines_a_connection(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, MISSING)
    sync, keys = row(opened, "api.sync"), opened.page.keyboard
    define = sync.get_by_role("button", name="Define SMTP My SMTP")
    define.focus()
    keys.press("Enter")
    sync.locator(".wb-panel").wait_for()
    keys.press("Escape")
    sync.locator(".wb-panel").wait_for(state="detached")
    assert define.evaluate("(button) => button === document.activeElement")
    keys.press("Enter")
    sync.locator(".wb-panel input:focus").wait_for()
    keys.press("Tab")
    keys.type("smtp.example.com")
    keys.press("Enter")
    sync.get_by_text("SMTP 'My SMTP' is defined.").wait_for()
    sync.locator(".wb-missing").wait_for(state="detached")


def test_a_limit_is_set_and_seen_from_both_sides(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, HELLO)
    hello = row(opened, "api.hello")
    press(hello, "Publish at a path")
    press(hello, "Save")
    hello.locator("a.wb-address", has_text="/api/hello").wait_for()
    press(hello, "Limit")
    hello.get_by_label("calls", exact=True).first.fill("20")
    hello.get_by_label("per", exact=True).select_option("d")
    hello.locator(".wb-tried", has_text="20 pass, 580 refused by line 1").wait_for()
    press(hello, "Save")
    hello.get_by_text("Limit on service api.hello is on.").wait_for()
    press(hello, "Send 21 calls")
    hello.get_by_text("20 passed, 1 refused").wait_for()
    cid = hello.locator(".wb-sides .wb-cid code").inner_text()
    assert cid in hello.locator(".wb-sides pre").last.inner_text()
    hello.get_by_text("20 used, 1 refused").wait_for()


def test_a_service_that_hangs_shows_a_spinner_and_leaves_the_card_usable(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, GATE)
    waits = row(opened, "api.waits")
    press(waits, "Invoke")
    waits.locator(".wb-panel .wb-primary").click()
    waits.locator(".wb-call .wb-spinner").wait_for()
    press(waits, "Schedule")
    waits.locator(".wb-runs li").nth(4).wait_for()
    press(waits, "Cancel")
    press(waits, "Invoke")
    waits.locator(".wb-panel .wb-primary").click()
    opened.ask("gate.set()")
    waits.locator(".wb-call", has_text="open").wait_for()


def test_a_click_while_a_cell_runs_works(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, GATE, "")
    waits = row(opened, "api.waits")
    opened.wait_for_subshell()
    press(waits, "Schedule")
    waits.locator(".wb-runs li").nth(4).wait_for()
    press(waits, "Cancel")
    opened.start("import threading; held = threading.Event(); print(held.wait(60))")
    press(waits, "Schedule")
    waits.locator(".wb-runs li").nth(4).wait_for()
    press(waits, "Save")
    waits.get_by_text("Job 'waits' is on.").wait_for()
    assert opened.still_runs()
    opened.interrupt()


def test_a_click_that_must_wait_for_a_cell_says_so_and_goes_on(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, GATE, subshells=False)
    waits = row(opened, "api.waits")
    opened.start("import threading; threading.Event().wait(60)")
    press(waits, "Schedule")
    opened.page.get_by_text("Waiting for the running cell").first.wait_for()
    assert opened.still_runs()
    opened.interrupt()
    waits.locator(".wb-runs li").nth(4).wait_for()
    opened.page.get_by_text("Waiting for the running cell").first.wait_for(state="hidden")


def test_a_restart_under_a_card_is_said_and_no_button_is_left_dead(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, HELLO)
    hello = row(opened, "api.hello")
    press(hello, "Schedule")
    hello.locator(".wb-runs li").nth(4).wait_for()
    opened.restart()
    opened.page.locator(".wb-as-of", has_text="Run the cell to make it live.").nth(1).wait_for(timeout=5000)
    clickable = hello.locator("button:enabled, input:enabled, select:enabled, textarea:enabled")
    assert {each for each in clickable.all_inner_texts() if each != "\u00d7"} <= {"Copy"}
    opened.run_all()
    hello.get_by_role("button", name="Invoke", exact=True).wait_for()
    assert opened.page.get_by_text("Run the cell to make it live.").filter(visible=True).count() == 0


def test_a_card_is_shown_and_a_click_acknowledged_in_time(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, HELLO, MISSING)
    shown = [opened.page.evaluate(TIMED, number) for number in (1, 2, 1)]
    assert sorted(shown)[1] <= 300, shown
    button = row(opened, "api.hello").get_by_role("button", name="Schedule", exact=True)
    clicked = [button.evaluate(CLICKED) for _ in range(1)]
    assert clicked[0] <= 100, clicked


def test_a_typed_password_is_in_env_and_not_in_the_saved_notebook(
    lab: Lab, notebook: Callable[..., Notebook], request: pytest.FixtureRequest
) -> None:
    opened = notebook(ON, MISSING)
    sync = row(opened, "api.sync")
    press(sync, "Define SMTP My SMTP")
    sync.get_by_label("Host").fill("smtp.example.com")
    sync.get_by_label("Mode").select_option("starttls")
    sync.get_by_label("Username").fill("ada")
    sync.get_by_label("Password", exact=True).fill("hunter2-Canary-11")
    sync.get_by_text("Save keeps the value in .env, as MY_SMTP_PASSWORD.").wait_for()
    assert not (lab.root / ".env").exists()
    press(sync, "Save")
    sync.get_by_text("SMTP 'My SMTP' is defined. The value of MY_SMTP_PASSWORD is kept in .env.").wait_for()
    assert (lab.root / ".env").read_text() == "MY_SMTP_PASSWORD='hunter2-Canary-11'\n"
    opened.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    saved = (lab.root / f"{request.node.name}.ipynb").read_text()
    assert "api.sync v1 is live" in saved
    assert "hunter2" not in saved + opened.page.content()


def test_the_panel_lists_what_was_clicked_and_removes_it(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(ON, HELLO, "wb")
    panel = opened.page.locator(".jp-Notebook .wb-card", has=opened.page.get_by_role("tablist"))
    hello = panel.locator('.wb-row[data-service="api.hello"]')
    press(hello, "Schedule")
    hello.locator(".wb-runs li").nth(4).wait_for()
    hello.get_by_role("button", name="Save", exact=True).click()
    clicked = opened.page.locator(".wb-clicked")
    clicked.get_by_text("Job 'hello' was set by click on").wait_for()
    assert clicked.get_by_role("button", name="Copy", exact=True).is_enabled()
    clicked.get_by_role("button", name="Remove job hello", exact=True).click()
    clicked.get_by_text("Nothing depends on it.").wait_for()
    assert opened.ask("print(list(wb.jobs))") == "['hello']"
    clicked.get_by_role("button", name="Remove", exact=True).click()
    clicked.get_by_text("Job 'hello' is removed.").wait_for()
    assert opened.ask("print(list(wb.jobs), list(wb.clicked))") == "[] []"


def test_a_notebook_from_elsewhere_asks_under_its_cell_and_is_asked_once(notebook: Callable[..., Notebook]) -> None:
    define = 'from workbench import RESTConnection\nwb.define(RESTConnection("Rates", host="https://data.example.com"))'
    opened = notebook(ON, define, 'repr(wb.connections["Rates"].conn)')
    question = opened.page.get_by_text(
        "This notebook comes from elsewhere and would call data.example.com.", exact=True
    )
    question.wait_for()
    opened.page.get_by_role("button", name="Allow", exact=True).click()
    opened.page.get_by_text("Allowed, from now on. Run the cell again.").wait_for()
    question.wait_for(state="detached")
    opened.page.evaluate(f"{KERNEL}.restart()")
    opened.page.wait_for_function(f"{KERNEL}.status === 'idle'")
    opened.run_all()
    opened.page.get_by_text("\"REST 'Rates', open\"").wait_for()
    assert not question.is_visible()
