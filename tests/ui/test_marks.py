"""What the notebook in front is told of its cells, and of the whole in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.conftest import Asking, Failing, Hello
from workbench import IntervalJob, LocalFolder, RESTChannel, Service, Workbench
from workbench.core.clock import VirtualClock
from workbench.core.definition import Definition
from workbench.core.origin import Origin, digest_of
from workbench.runtime.registry import Source
from workbench.ui.desk import Desk
from workbench.ui.marks import MOST_OF_A_CELL, OFF, marks
from workbench.ui.views import services

CLOCK = VirtualClock()


@pytest.fixture
def wb() -> Iterator[Workbench]:
    with Workbench(port=0, clock=CLOCK) as made:
        yield made


def run(wb: Workbench, cell: str, text: str, *classes: type[Service], defines: tuple[Definition, ...] = ()) -> None:
    """What a cell does that defines services, and then what else it defines."""
    with wb.drafting.scope(Source(Origin("cell", cell, written=digest_of(text)), text), lambda cls: True) as draft:
        draft.classes = list(classes)
        if defines:
            wb.define(*defines)


def only(desk: Desk, cell: str) -> dict[str, Any]:
    """The one thing that a cell made."""
    (mark,) = marks(desk)["cells"][cell]
    found: dict[str, Any] = mark
    return found


def test_a_cell_knows_the_version_it_made_since_when_and_the_text_that_made_it(wb: Workbench, desk: Desk) -> None:
    run(wb, "one", "class Hello: ...", Hello)
    assert only(desk, "one") == {
        "name": "api.hello",
        "what": "service",
        "mood": "live",
        "said": "api.hello v1 is live.",
        "since": CLOCK.time(),
        "written": digest_of("class Hello: ..."),
    }


def test_the_same_text_again_is_live_since_the_first_time(wb: Workbench, desk: Desk) -> None:
    began = CLOCK.time()
    for _ in range(2):
        run(wb, "one", "same", Hello)
        CLOCK.advance(60.0)
    assert only(desk, "one")["since"] == began
    run(wb, "one", "other", type("Hello", (Hello,), {}))
    assert (only(desk, "one")["said"], only(desk, "one")["since"]) == ("api.hello v2 is live.", CLOCK.time())


def test_a_version_that_was_rolled_back_leaves_the_text_of_what_is_live(wb: Workbench, desk: Desk) -> None:
    run(wb, "one", "first", Hello)
    run(wb, "one", "second", type("Hello", (Hello,), {}))
    CLOCK.advance(60.0)
    wb.services["api.hello"].rollback()
    mark = only(desk, "one")
    assert (mark["said"], mark["since"]) == ("api.hello v1 is live.", CLOCK.time())
    assert mark["written"] == digest_of("first") != digest_of("second")


def test_a_cell_whose_service_another_cell_replaced_differs_from_what_is_live(wb: Workbench, desk: Desk) -> None:
    run(wb, "one", "first", Hello)
    run(wb, "two", "second", type("Hello", (Hello,), {}))
    assert only(desk, "two")["mood"] == "live"
    assert only(desk, "one")["mood"] == "warn"
    assert only(desk, "one")["said"] == "This cell made api.hello v1; live is v2, from this notebook."


def test_a_version_that_waits_is_said_beside_its_cell_which_need_not_run_again(wb: Workbench, desk: Desk) -> None:
    def made(text: str) -> None:
        handle = lambda self: text  # noqa: E731
        run(wb, "one", text, type("Gated", (Service,), {"name": "gated", "handle": handle, "new_version": "gate"}))

    made("first")
    for _ in range(3):
        wb.invoke("gated")
    made("second")
    live, waits = marks(desk)["cells"]["one"]
    assert (live["said"], live["written"]) == ("gated v1 is live.", digest_of("second"))
    assert (waits["said"], waits["mood"]) == ("gated v2 waits to be taken; live is v1.", "warn")
    wb.services["gated"].take()
    assert only(desk, "one")["said"] == "gated v2 is live."


def test_the_last_call_of_the_live_version_tells_whether_it_failed(wb: Workbench, desk: Desk) -> None:
    run(wb, "one", "first", Failing)
    with pytest.raises(ValueError, match="no such order"):
        wb.invoke("api.failing")
    mark = only(desk, "one")
    assert (mark["mood"], mark["written"]) == ("bad", digest_of("first"))
    assert mark["said"] == "api.failing v1 is live, and its last call failed: ValueError: no such order"
    assert marks(desk)["line"]["said"].endswith("The last call failed of: api.failing.")
    mended = type("Failing", (Failing,), {"handle": lambda self: "well"})
    run(wb, "one", "second", mended)
    assert only(desk, "one")["mood"] == "live", "the call was of a version that is no longer live"
    wb.invoke("api.failing")
    assert only(desk, "one")["mood"] == "live"


def test_the_dot_of_a_service_on_a_card_is_as_red_as_the_bar_of_its_cell(wb: Workbench, desk: Desk) -> None:
    run(wb, "one", "first", Hello, Failing)
    with pytest.raises(ValueError, match="no such order"):
        wb.invoke("api.failing")
    shown = {row["service"]: row["failed"] for row in services(["api.hello", "api.failing"])(desk)["services"]}
    assert shown == {"api.hello": False, "api.failing": True}
    assert {mark["name"]: mark["mood"] for mark in marks(desk)["cells"]["one"]} == {
        "api.hello": "live",
        "api.failing": "bad",
    }


def test_a_call_inside_a_call_counts_for_its_own_service(wb: Workbench, desk: Desk) -> None:
    class Outer(Service):
        name = "api.outer"

        def handle(self) -> str:
            try:
                return str(self.invoke("api.failing"))
            except ValueError:
                return "took it"

    run(wb, "one", "outer", Outer)
    run(wb, "two", "inner", Failing)
    assert wb.invoke("api.outer") == "took it"
    assert (only(desk, "one")["mood"], only(desk, "two")["mood"]) == ("live", "bad")


def test_a_service_that_is_removed_leaves_no_mark(wb: Workbench, desk: Desk) -> None:
    run(wb, "one", "first", Hello)
    wb.services.remove("api.hello")
    assert marks(desk)["cells"] == {}


def test_what_files_made_marks_no_cell(wb: Workbench, desk: Desk) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("api.hello"))
    assert marks(desk)["cells"] == {}


def test_a_definition_is_on_until_a_click_changes_it(wb: Workbench, desk: Desk, ask: Asking) -> None:
    run(wb, "one", "class", Hello)
    run(wb, "two", "define", defines=(IntervalJob("greet", service="api.hello", hours=1),))
    mark = only(desk, "two")
    assert (mark["mood"], mark["what"], mark["name"]) == ("live", "jobs", "greet")
    assert mark["written"] == digest_of("define")
    opened = ask("job edit", name="greet")
    values = {**opened["values"], "minutes": 5}
    said = ask("schedule save", service="api.hello", how="every", values=values, edit="greet", cell="three")
    assert said["problems"] == {}
    assert (only(desk, "two")["mood"], only(desk, "two")["written"]) == ("warn", "")
    assert "changed by click" in only(desk, "two")["said"]
    assert set(marks(desk)["cells"]) == {"one", "two"}


def test_what_a_form_made_under_a_cell_is_not_the_cells(wb: Workbench, desk: Desk, ask: Asking) -> None:
    run(wb, "one", "class", Hello)
    opened = ask("schedule", service="api.hello")
    ask("schedule save", service="api.hello", how="every", values=opened["values"], cell="one")
    assert [each["what"] for each in marks(desk)["cells"]["one"]] == ["service"]


def test_of_many_definitions_in_one_cell_some_are_told_and_the_rest_counted(wb: Workbench, desk: Desk) -> None:
    run(wb, "one", "loop", defines=tuple(LocalFolder(f"Folder {n}", path=f"/{n}") for n in range(MOST_OF_A_CELL + 7)))
    found = marks(desk)["cells"]["one"]
    assert len(found) == MOST_OF_A_CELL + 1
    assert found[-1]["said"] == "7 more definitions are on."


def test_the_line_says_where_on_what_and_how_much(wb: Workbench, desk: Desk) -> None:
    assert marks(desk)["line"] == {"text": "workbench off", "said": OFF, "mood": "calm", "url": ""}
    url = wb.start()
    run(wb, "one", "class", Hello, defines=(IntervalJob("greet", service="api.hello", hours=1),))
    wb.sandbox()
    line = marks(desk)["line"]
    assert line["text"] == f"workbench {url.rpartition(':')[2]} · sandbox · 1 job"
    assert (line["mood"], line["url"]) == ("live", url)
    assert line["said"] == f"Workbench on at {url}. Every connection goes to a stand-in."
    wb.stop()
    assert marks(desk)["line"]["text"] == "workbench off · sandbox · 1 job"
