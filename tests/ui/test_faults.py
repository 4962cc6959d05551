"""The faults of every kind of peer by form: each can be chosen, is then in force, and is the same as code."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.ui.conftest import Asking
from workbench import Workbench
from workbench.notebook import running
from workbench.sandbox import catalog
from workbench.ui.desk import Desk
from workbench.ui.forms.faults import fault_fields, in_force

KINDS = sorted(catalog.rows())
TYPED = {"flag": True, "integer": "3", "number": "0.5", "names": "102, 103", "text": "none"}


def chosen(field: dict[str, Any]) -> Any:
    """A value that is no default, as a person gives it."""
    return field["choices"][-1] if field["kind"] == "choice" else TYPED[field["kind"]]


@pytest.fixture(autouse=True)
def _drawn_as_in_a_notebook(desk: Desk) -> None:
    desk.html_of_peer = running.peer


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_of_a_kind_is_chosen_shown_and_healed(ask: Asking, wb: Workbench, kind: str) -> None:
    peer = wb.peers.start(kind, name="it")
    fields = ask("faults", name="it")["fields"]
    assert {each["name"] for each in fields} >= {"refuse"}
    assert all(each["description"] and each["label"] for each in fields)
    for field in fields:
        alone = field["name"]
        # How many answers are spoilt is said beside a fault that spoils some.
        beside = {"hang_up_after_bytes": "1"} if alone == "times" else {}
        said = ask(
            "faults set", name="it", faults={each["name"]: None for each in fields} | {alone: chosen(field)} | beside
        )
        assert said["problems"] == {}, alone
        assert set(in_force(peer)) == {alone, *beside}
        again = {each["name"]: each["value"] for each in ask("faults", name="it")["fields"]}
        assert again[alone] not in (None, field["default"])
        before = in_force(peer)
        peer.heal()
        eval(said["code"], {"wb": wb})
        assert in_force(peer) == before
        (row,) = ask("panel", tab="peers")["rows"]
        assert set(row["faults"]) == {alone, *beside}
    assert ask("faults set", name="it", faults={})["said"] == f"{peer} is well."
    assert in_force(peer) == {}
    assert ask("panel", tab="peers")["rows"][0]["faults"] == []


def test_a_fault_acts_on_the_wire_until_it_is_reset(ask: Asking, wb: Workbench) -> None:
    peer = wb.peers.start("ftp", name="files")
    port = peer.port
    assert ask("faults set", name="files", faults={"refuse": True})["mood"] == "warn"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=30)
    ask("faults set", name="files", faults={"refuse": False})
    socket.create_connection(("127.0.0.1", peer.port), timeout=30).close()


def test_all_that_is_wrong_is_said_by_fault_and_what_was_in_force_stays(ask: Asking, wb: Workbench) -> None:
    peer = wb.peers.start("ftp", name="files")
    ask("faults set", name="files", faults={"no_tls": True})
    wrong = {"delay_seconds": "soon", "grows_by_bytes": "1.5", "dialect": "latin"}
    problems = ask("faults set", name="files", faults=wrong)["problems"]
    assert set(problems) == set(wrong)
    assert problems["grows_by_bytes"].startswith("is not what fits: expected")
    assert ask("faults set", name="files", faults={"delay_seconds": "-1"})["problems"].keys() == {"delay_seconds"}
    assert "counts spoilt answers" in ask("faults set", name="files", faults={"times": "2"})["problems"]["times"]
    assert in_force(peer) == {"no_tls": True}


@pytest.mark.parametrize("kind", KINDS)
def test_sliders_stop_at_values_that_the_peer_takes(wb: Workbench, ask: Asking, kind: str) -> None:
    wb.peers.start(kind, name="it")
    for field in fault_fields(catalog.peer_class(kind).fault_fields):
        for stop in field["stops"]:
            assert ask("faults set", name="it", faults={field["name"]: str(stop)})["problems"] == {}, field["name"]
