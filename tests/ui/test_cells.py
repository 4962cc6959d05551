"""What of a notebook's cells is to change with what a form saves, and what the kernel learns when it is done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.conftest import Asking
from workbench import IntervalJob, Workbench
from workbench.core.definition import Definition
from workbench.core.origin import Origin
from workbench.ui import rows

CELL = 'wb.define(IntervalJob("tick", service="api.hello", hours=1, timezone="UTC"))  # each hour'
TICK = IntervalJob("tick", service="api.hello", hours=1, timezone="UTC")


def run_cell(wb: Workbench, text: str, *definitions: Definition, cell: str = "c1") -> None:
    """What the notebook does when a cell with this text has run well."""
    wb.drafting.define(definitions, origin=Origin("cell", cell_id=cell))
    wb.drafting.texts.keep(cell, text)


def save(ask: Asking, **values: str) -> dict[str, Any]:
    edit = values.pop("edit", "")
    given = {"name": "tick", "timezone": "UTC", "extra": "", **values}
    return ask("schedule save", service="api.hello", how="every", values=given, edit=edit, cell="clicked")


def test_what_is_new_becomes_a_cell_below_that_of_the_click(ask: Asking) -> None:
    said = save(ask, hours="1")
    assert said["write"] == {
        "action": "insert",
        "code": said["code"],
        "cell": "clicked",
        "near": ["clicked"],
        "full_name": "tick",
    }


def test_what_a_cell_says_is_changed_there(wb: Workbench, ask: Asking) -> None:
    run_cell(wb, CELL, TICK)
    said = save(ask, hours="5", edit="tick")
    assert said["write"] == {
        "action": "rewrite",
        "cell": "c1",
        "was": CELL,
        "code": CELL.replace("hours=1", "hours=5"),
        "full_name": "tick",
    }


def test_a_cell_that_was_written_has_the_definition_and_no_click_is_left(wb: Workbench, ask: Asking) -> None:
    said = save(ask, hours="1")
    assert list(wb.clicked) == ["job tick"]
    ask("cell written", collection="jobs", full_name="tick", written="new", text=said["code"])
    assert list(wb.clicked) == []
    assert wb.origin_of(TICK) == Origin("cell", cell_id="new")
    again = save(ask, hours="5", edit="tick")
    assert (again["write"]["action"], again["write"]["cell"]) == ("rewrite", "new")


def test_undo_takes_back_what_a_form_made_although_a_cell_has_it(wb: Workbench, ask: Asking) -> None:
    said = save(ask, hours="1")
    ask("cell written", collection="jobs", full_name="tick", written="new", text=said["code"])
    ask("undo", undo=said["undo"])
    ask("cell written", collection="jobs", full_name="tick", written="new", text=None)
    assert "tick" not in wb.jobs
    assert wb.drafting.texts.get("new") is None


def test_undo_of_an_edit_leaves_the_definition_its_cells(wb: Workbench, ask: Asking) -> None:
    run_cell(wb, CELL, TICK)
    said = save(ask, hours="5", edit="tick")
    ask("cell written", collection="jobs", full_name="tick", written="c1", text=CELL.replace("hours=1", "hours=5"))
    ask("undo", undo=said["undo"])
    ask("cell written", collection="jobs", full_name="tick", written="c1", text=CELL)
    assert wb.jobs["tick"].definition == TICK
    assert save(ask, hours="7", edit="tick")["write"]["was"] == CELL


def test_an_edit_that_no_page_wrote_does_not_lock_the_cell_against_the_next(wb: Workbench, ask: Asking) -> None:
    run_cell(wb, CELL, TICK)
    save(ask, hours="5", edit="tick")
    said = save(ask, hours="7", edit="tick")
    changed = CELL.replace("hours=1", "hours=7")
    assert (said["write"]["action"], said["write"]["was"], said["write"]["code"]) == ("rewrite", CELL, changed)
    assert ask("cell offer", undo=said["undo"], text=f"# mine\n{CELL}") == {"becomes": f"# mine\n{changed}"}
    ask("cell written", collection="jobs", full_name="tick", written="c1", text=changed)
    assert list(wb.clicked) == []
    # Undo: what no cell has is in force again, and still kept as a click.
    ask("undo", undo=said["undo"])
    ask("cell written", collection="jobs", full_name="tick", written="c1", text=CELL)
    assert wb.jobs["tick"].definition == TICK.replace(hours=5)
    assert list(wb.clicked) == ["job tick"]


def test_what_the_cell_says_counts_once_it_has_run_again(wb: Workbench, ask: Asking) -> None:
    run_cell(wb, CELL, TICK)
    save(ask, hours="5", edit="tick")
    changed = CELL.replace("hours=1", "hours=2")
    run_cell(wb, changed, TICK.replace(hours=2))
    assert save(ask, hours="7", edit="tick")["write"]["code"] == CELL.replace("hours=1", "hours=7")


def test_of_a_cell_that_was_edited_since_the_change_is_offered(wb: Workbench, ask: Asking) -> None:
    run_cell(wb, CELL, TICK)
    said = save(ask, hours="5", edit="tick")
    theirs = f"# mine\n{CELL}\nprint()"
    assert ask("cell offer", undo=said["undo"], text=theirs) == {"becomes": theirs.replace("hours=1", "hours=5")}
    assert "no call in its cell" in ask("cell offer", undo=said["undo"], text="print()")["problem"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"for each in range(2):\n    {CELL}", "in a loop or a function"),
        ("wb.define(make(1))", "no call in its cell says its name"),
        (CELL.replace("1", "HOURS"), "hours is no literal"),
    ],
)
def test_what_is_set_in_code_is_on_but_not_written_and_the_form_says_so(
    wb: Workbench, ask: Asking, text: str, why: str
) -> None:
    run_cell(wb, text, TICK)
    write = save(ask, hours="5", edit="tick")["write"]
    assert isinstance(write, dict)
    assert write["action"] == "none"
    assert why in write["problem"]
    assert wb.jobs["tick"].definition == TICK.replace(hours=5)


def test_what_a_file_says_is_not_written(wb: Workbench, ask: Asking) -> None:
    wb.define(TICK)
    write = save(ask, hours="5", edit="tick")["write"]
    assert isinstance(write, dict)
    assert write["action"] == "none"
    assert "test_cells.py" in write["problem"]


def test_a_form_shows_which_fields_its_cell_sets_by_an_expression(wb: Workbench, ask: Asking) -> None:
    run_cell(wb, CELL.replace('"UTC"', "zone").replace('"api.hello"', "Hello.name"), TICK)
    assert ask("job edit", name="tick")["in_code"] == ["service", "timezone"]
    run_cell(wb, f"for _ in 'a': {CELL}", TICK)
    opened = ask("job edit", name="tick")
    assert opened["in_code"] == []
    assert "loop" in opened["warning"]


def test_a_click_that_waits_for_a_cell_says_how_to_write_it(wb: Workbench, ask: Asking) -> None:
    save(ask, hours="1")
    (row,) = rows.clicks(wb)
    assert row["write"] == {"action": "insert", "code": row["code"], "cell": "clicked", "near": [], "full_name": "tick"}
    run_cell(wb, CELL, TICK)
    save(ask, hours="5", edit="tick")
    (row,) = rows.clicks(wb)
    assert row["write"] is None


def test_a_definition_whose_cell_is_gone_can_be_written_again(wb: Workbench, ask: Asking) -> None:
    run_cell(wb, CELL, TICK)
    assert rows.cell_of(wb, TICK) == {"cell": "c1", "collection": "jobs", "full_name": "tick"}
    write = ask("cell again", collection="jobs", full_name="tick", cell="here")["write"]
    assert (write["action"], write["cell"], write["near"]) == ("insert", "here", ["c1"])
    ask("cell written", collection="jobs", full_name="tick", written="c2", text=write["code"])
    assert rows.cell_of(wb, TICK)["cell"] == "c2"
