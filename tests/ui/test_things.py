"""One thing each: a card of its own where it is evaluated, and a widget to build pages of, in a real kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.kernels import Kernel
from tests.ui.test_card_in_kernels import VIEW
from workbench import IntervalJob, Limit, RESTConnection, Service, Workbench
from workbench.core.errors import TooManyRequests
from workbench.ui.desk import Desk
from workbench.ui.things import view_of

ON = "from workbench import wb, Service, RESTChannel, RESTConnection, BasicAuth, Limit, IntervalJob"
MADE = """
class Hello(Service):
    name = "api.hello"
    def handle(self):
        if self.request.raw_request == "fail":
            raise ValueError("no such order")
        return "Hello there!"
wb.define(
    RESTChannel("api.hello"), RESTConnection("source", host="https://data.example.com"),
    BasicAuth("ada", username="ada", password="correct horse"), Limit("api.hello", on="service", lines="100/m"),
    IntervalJob("hourly", service="api.hello", hours=1))
"""
THINGS = {
    "wb.services['api.hello']": ("api.hello v1", "live", "api.hello"),
    "Hello": ("__main__.Hello", "live", "api.hello"),
    "wb.jobs['hourly']": ("Job 'hourly': every 1 hour, runs api.hello.", "on", "every 1 hour"),
    "wb.limits['service api.hello']": ('Limit("api.hello", on="service", lines="100/m")', "on", "100/m"),
    "wb.connections['source']": ("REST 'source'", "defined", "data.example.com"),
    "wb.channels['api.hello']": ('RESTChannel("api.hello") is open', "open", "/api/hello"),
    "wb.users['ada']": ('BasicAuth("ada", password=secret(', "defined", "ada"),
    "wb.traffic[-1]": ("GET /api/hello 200", "ended", "GET /api/hello"),
    "wb.call('/api/hello')": ("200, text/plain\nHello there!", "ended", "Hello there!"),
}


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel("workbench", env={"WORKBENCH_STORE": "memory://", "WORKBENCH_PORT": "0"}) as started:
        started.run(ON)
        started.run(MADE)
        started.run("wb.call('/api/hello')")
        yield started


def of_thing(expression: str) -> str:
    """The thing itself, where the class stands for its service."""
    return "wb.services['api.hello']" if expression == "Hello" else expression


@pytest.mark.parametrize("expression", THINGS)
def test_each_thing_is_its_own_card_with_stable_text_and_html_to_keep(kernel: Kernel, expression: str) -> None:
    text, _, shown = THINGS[expression]
    view, saved = kernel.run_as(f"shows {expression}", expression).displays
    assert set(view) == {VIEW}, "a view that is gone must not hide what is saved"
    assert saved["text/plain"].startswith(text)
    assert shown in saved["text/html"]
    assert "As of" in saved["text/html"]
    # Where nobody can click, the same text and HTML are the result.
    alone = kernel.run(expression).items[-1]["data"]
    assert alone["text/plain"] == saved["text/plain"]
    assert shown in alone["text/html"]


def test_what_is_not_in_force_is_text_alone(kernel: Kernel) -> None:
    for expression in ("RESTConnection('other', host='https://example.com')", "int", "class Other: pass\nOther"):
        outputs = kernel.run_as("not in force", expression)
        assert set(outputs.items[-1]["data"]) == {"text/plain"}
    own = kernel.run_as("own cell", "class Late(Service):\n    name = 'api.late'\n    def handle(self): pass\nLate")
    assert own.result == "__main__.Late", "what goes live with the cell is said at its end"


@pytest.mark.parametrize("expression", THINGS)
def test_each_thing_is_a_widget_that_tells_how_it_stands(kernel: Kernel, expression: str) -> None:
    told = kernel.run(
        f"w = {of_thing(expression)}.widget()\nimport ipywidgets, json\n"
        "box = ipywidgets.VBox([w]); ipywidgets.Tab([w]); w.layout.width = '50%'\n"
        "print(json.dumps([w.state, w.last_outcome == w.value, repr(w)]))"
    ).stdout
    text, state, _ = THINGS[expression]
    if expression != "Hello":
        assert json.loads(told)[2].startswith(text)
    assert json.loads(told)[:2] == [state, True]


def test_the_class_of_a_service_gives_its_widget_and_a_method_of_the_same_name_stays_its_own(kernel: Kernel) -> None:
    kernel.run("""
class Shown(Service):
    name = "api.shown"
    def handle(self):
        return "shown"
""")
    assert kernel.run("w = Shown.widget()\nprint(w.state, w.last_outcome)").stdout == "live {}\n"
    kernel.run("""
former = Shown
class Shown(Service):
    name = "api.shown"
    def widget(self):
        return "mine"
    def handle(self):
        return self.widget()
""")
    assert kernel.run("print(wb.invoke('api.shown'))").stdout == "mine\n"
    assert "is not in force" in str(kernel.run("former.widget()", fails=True).error)


def test_who_observes_a_widget_is_told_of_each_run(kernel: Kernel) -> None:
    kernel.run("""
import queue, ipywidgets
job, service = wb.jobs["hourly"].widget(), wb.services["api.hello"].widget()
page = ipywidgets.VBox([job, service])
runs, calls, states = queue.Queue(), queue.Queue(), queue.Queue()
job.observe(lambda change: runs.put(change.new), "last_outcome")
job.observe(lambda change: states.put(change.new), "state")
service.observe(lambda change: calls.put(change.new), "last_outcome")
def ended(told):
    while (said := told.get(timeout=30))["outcome"] == "running":
        pass
    return said
""")
    told = kernel.run("""
first = (wb.jobs["hourly"].execute(), ended(runs))[1]
second = (wb.jobs["hourly"].execute("fail"), ended(runs))[1]
wb.jobs["hourly"].pause()
print([first["outcome"], second["outcome"], "no such order" in second["error"], first["cid"] != second["cid"]])
print(states.get(timeout=30), ended(calls)["outcome"] in ("ok", "failed"))
""").stdout
    assert told.splitlines() == ["['ok', 'failed', True, True]", "paused True"]
    kernel.run("wb.jobs['hourly'].resume()")


def test_interact_calls_again_with_what_came_of_it(kernel: Kernel) -> None:
    told = kernel.run("""
from ipywidgets import interactive
seen = queue.Queue()
page = interactive(lambda outcome: seen.put(outcome), outcome=wb.jobs["hourly"].widget())
page.update()
wb.jobs["hourly"].execute()
said = seen.get(timeout=30)
while said.get("outcome") != "ok":
    said = seen.get(timeout=30)
print(said["outcome"])
""").stdout
    assert told == "ok\n"


def test_a_widget_of_what_is_gone_says_so(kernel: Kernel) -> None:
    told = kernel.run("""
wb.define(IntervalJob("short", service="api.hello", hours=2))
gone = queue.Queue()
short = wb.jobs["short"].widget()
short.observe(lambda change: gone.put((change.new, short.facts["notes"])), "state")
wb.jobs.remove("short")
print(gone.get(timeout=30))
""").stdout
    assert told == """('gone', ["Job 'short' is gone."])\n"""


def test_the_last_outcome_is_that_of_the_newest_step_also_within_one_call(desk: Desk, wb: Workbench) -> None:
    class TriesAgain(Service):
        name = "api.tries-again"

        def handle(self) -> None:
            wb.peers["source"].fail(refuse=True)
            with suppress(Exception):
                self.out.rest["source"].conn.get(self.cid)
            wb.peers["source"].heal()
            self.out.rest["source"].conn.get(self.cid)

    wb.deploy(TriesAgain)
    wb.sandbox()
    source = RESTConnection("source", host="https://data.example.com", path="/rates", retries=0)
    wb.define(source)
    wb.peers["source"].reply("/rates", json={})  # type: ignore[attr-defined]
    draw = view_of(wb, source)
    assert draw is not None
    wb.invoke("api.tries-again")
    assert draw(desk)["stands"]["last_outcome"]["outcome"] == "ok"


def test_a_call_offers_to_be_run_again_for_as_long_as_that_can_be(desk: Desk, wb: Workbench) -> None:
    wb.invoke("api.hello")
    draw = view_of(wb, wb.traffic[-1])
    assert draw is not None
    assert draw(desk)["calls"][0]["off"] == ""
    # As a restart of the workbench leaves it, and so many calls since.
    wb.traffic.clear()
    assert draw(desk)["calls"][0]["off"].startswith("wb.traffic no longer keeps this call")


def test_a_limit_is_well_again_once_its_window_has_turned(desk: Desk, wb: Workbench) -> None:
    wb.define(Limit("api.hello", on="service", lines="1/m"))
    draw = view_of(wb, wb.limits["service api.hello"])
    assert draw is not None
    with wb.limits.frozen() as clock:
        for _ in range(2):
            with suppress(TooManyRequests):
                wb.invoke("api.hello")
        assert draw(desk)["stands"]["last_outcome"] == {"outcome": "refused", "used": 1, "refused": 1}
        clock.advance(60)
        assert draw(desk)["stands"]["last_outcome"] == {"outcome": "ok", "used": 0, "refused": 1}


def test_the_former_definition_of_a_job_has_no_card(desk: Desk, wb: Workbench) -> None:
    former, now = (IntervalJob("hourly", service="api.hello", hours=hours) for hours in (1, 2))
    wb.define(former)
    assert view_of(wb, former) is not None
    wb.define(now)
    assert [view_of(wb, each) is None for each in (former, now, wb.jobs["hourly"])] == [True, False, False]


def test_what_is_not_in_force_has_no_widget(kernel: Kernel) -> None:
    error = kernel.run("RESTConnection('other', host='https://example.com').widget()", fails=True).error
    assert error is not None
    assert "is not in force here. Fix: define it" in error["evalue"]


def test_a_cell_that_runs_again_takes_its_former_widgets_down(kernel: Kernel) -> None:
    def comms() -> int:
        return int(kernel.run("print(len(get_ipython().kernel.comm_manager.comms))").stdout)

    page = "page = [wb.jobs['hourly'].widget() for _ in range(3)]; former = page[0]"
    kernel.run_as("a page", page)
    kernel.run("first = former")
    before = comms()
    kernel.run_as("a page", page)
    assert comms() - before <= 3, "layouts of their own are ipywidgets' to keep"
    assert kernel.run("print(first.state, former.state)").stdout == "taken down on\n"


def test_a_widget_that_a_person_closes_is_let_go_of(kernel: Kernel) -> None:
    told = kernel.run("""
import gc, threading, weakref
freed, passing = threading.Event(), wb.jobs["hourly"].widget()
left = weakref.ref(passing, lambda _: freed.set())
passing.close()
del passing
# Who draws it may hold it for a moment yet.
while gc.collect() >= 0 and not freed.wait(0.05):
    pass
print(freed.is_set())
""").stdout
    assert told == "True\n"


def test_a_widget_that_is_shown_is_saved_as_a_card_is(kernel: Kernel) -> None:
    view, saved = kernel.run_as("shown", "wb.jobs['hourly'].widget()").displays
    assert set(view) == {VIEW}
    assert "every 1 hour" in saved["text/html"]


def test_outside_of_a_notebook_there_is_no_widget() -> None:
    from workbench import RESTConnection
    from workbench.core.errors import WorkbenchError

    with pytest.raises(WorkbenchError, match="Fix: run %load_ext workbench"):
        RESTConnection("other", host="https://example.com").widget()


def test_what_is_shown_goes_on_with_a_workbench_that_starts_anew(kernel: Kernel) -> None:
    kernel.run("""
import queue
states, outcomes = queue.Queue(), queue.Queue()
shown = wb.jobs["hourly"].widget()
shown.observe(lambda change: states.put(change.new), "state")
shown.observe(lambda change: outcomes.put(change.new), "last_outcome")
""")
    kernel.run("wb.restart()")
    told = kernel.run("""
wb.jobs["hourly"].execute()
while (said := outcomes.get(timeout=30))["outcome"] == "running":
    pass
print(said["outcome"], shown.state, states.empty())
""").stdout
    assert told == "ok on True\n"


def test_a_closed_workbench_says_so(kernel: Kernel) -> None:
    told: Any = kernel.run("""
import queue
ends = queue.Queue()
last = wb.jobs["hourly"].widget()
last.observe(lambda change: ends.put((change.new, last.facts["notes"])), "state")
wb.close()
while (told := ends.get(timeout=30))[0] != "workbench closed":
    pass
print(told)
""").stdout
    assert "workbench closed" in told
    assert "The workbench is closed. Fix:" in told
