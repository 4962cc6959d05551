"""`wb.attach(...)`: another workbench's panel in this notebook, through this kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec
import pytest
import requests

from tests.cli.conftest import CommandLine, Served
from tests.serving import until
from workbench import Workbench
from workbench.app.serving.attached import Attached
from workbench.app.serving.choosing import Several
from workbench.app.serving.runtime_file import Running
from workbench.core.errors import UnknownName
from workbench.notebook.displays import SavedCard
from workbench.ui import desks, views
from workbench.ui.carriers.far import FarDesk

MODULE = """
from workbench import Service
class A(Service):
    name = "a.{name}"
    def handle(self):
        return f"{name} was given {{self.request.raw_request}}"
"""
WAIT_SECONDS = 30.0


class Card:
    """Somebody who looks at what is attached."""

    restless = False

    def __init__(self, desk: FarDesk) -> None:
        self.desk, self.said = desk, SimpleQueue[dict[str, Any]]()
        desk.courier.watch(self, True)
        desk.answer({"ask": "hello", "path": "mine.ipynb"}, lambda said: None)

    def deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        pass

    def ask(self, verb: str, **content: Any) -> dict[str, Any]:
        self.desk.answer({"ask": verb, "id": 77, "cell": "mine", **content}, self.said.put)
        return self.said.get(timeout=WAIT_SECONDS)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Other processes, of which one runs already: `one.py`."""
    made = CommandLine(tmp_path_factory.mktemp("others"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", made.env["JUPYTER_RUNTIME_DIR"])
        served(made, "one")
        yield made
        desks.close_all()
        made.close()


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    with Workbench("mine.ipynb", port=0, folder=tmp_path) as made:
        yield made


def served(others: CommandLine, name: str) -> Served:
    return others.serve(others.module(f"{name}.py", MODULE.format(name=name)))


def attached(wb: Workbench, app: str | int = "") -> tuple[Attached, FarDesk]:
    other = wb.attach(app)
    desk = desks.any_desk_of(other)
    assert isinstance(desk, FarDesk)
    return other, desk


def test_what_is_attached_shows_the_other_panel_and_asks_there(others: CommandLine, wb: Workbench) -> None:
    other, desk = attached(wb)
    assert repr(other) == "Attached to 'one.py', another workbench on this machine."
    shown = views.facts(desk, views.attached)
    assert ([row["service"] for row in shown["services"]], shown["of"]) == (["a.one"], "one.py")
    assert "a.one" in SavedCard(other, repr(other)).bundle(shown)["text/html"]
    card = Card(desk)
    said = card.ask("invoke", service="a.one", payload="this", format="text")
    assert (said["outcome"], said["text"], "id" in said) == ("ok", "one was given this", False)
    # What it did there is shown here.
    until(lambda: next(each["count"] for each in desk.facts()["tabs"] if each["name"] == "traffic") == 1, "it is shown")
    desk.courier.forget(card)
    assert list(wb.traffic) == []
    # This notebook's own name is not the other one's.
    assert wb.attach(int(other.url.rsplit(":", 1)[1])).name == "one.py"


def test_one_that_ends_is_said_and_one_that_is_back_goes_on(others: CommandLine, wb: Workbench) -> None:
    first = served(others, "ends")
    _, desk = attached(wb, "ends.py")
    card = Card(desk)
    until(lambda: desk.facts().get("services"), "it is shown")
    first.process.kill()
    first.process.wait(WAIT_SECONDS)
    trouble = until(lambda: desk.facts()["trouble"], "its end is said")
    assert "'ends.py'" in trouble
    assert "does not answer" in trouble
    assert "does not answer" in card.ask("panel", tab="services")["failed"]
    assert desk.facts()["services"], "what was there is still shown"
    again = served(others, "ends")
    until(lambda: not desk.facts()["trouble"], "it goes on")
    assert card.ask("invoke", service="a.ends", payload="", format="text")["outcome"] == "ok"
    again.process.kill()
    again.process.wait(WAIT_SECONDS)


def test_which_one_is_meant_must_be_clear(others: CommandLine, wb: Workbench) -> None:
    assert wb.attach().name == "one.py"
    wb.start()
    assert wb.attach().name == "one.py", "the other one is meant, not this"
    two = served(others, "two")
    with pytest.raises(Several, match=r'Fix: say which with wb.attach\("NAME"\)'):
        wb.attach()
    with pytest.raises(UnknownName, match="three"):
        wb.attach("three.py")
    two.process.kill()
    two.process.wait(WAIT_SECONDS)


def test_another_one_at_the_address_of_one_that_ended_is_shown_itself(
    wb: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    file, url = tmp_path / "workbench-1.json", "http://127.0.0.1:9"
    names = {}
    # Processes that live, so that their files are believed.
    for pid, name in ((os.getppid(), "first.py"), (1, "second.py")):
        file.write_bytes(msgspec.json.encode(Running(pid, url, f"token of {name}", name)))
        names[name] = attached(wb, name)[1].attached.name
        assert attached(wb, name)[1] is attached(wb, name)[1]
    assert names == {"first.py": "first.py", "second.py": "second.py"}


def test_nobody_asks_there_once_nobody_looks_here(others: CommandLine, wb: Workbench) -> None:
    _, desk = attached(wb)
    card = Card(desk)
    until(lambda: desk._thread is not None, "it follows")
    desk.courier.watch(card, False)
    # News end the wait that is under way; with none it ends within 20 s.
    card.ask("invoke", service="a.one", payload="", format="text")
    until(lambda: desk._thread is None, "it follows no more")


def test_a_card_can_ask_for_all_that_run(others: CommandLine, wb: Workbench) -> None:
    wb.start()
    desk = desks.desk_of(wb)
    said = SimpleQueue[dict[str, Any]]()
    desk.answer({"ask": "running"}, said.put)
    found = said.get(timeout=WAIT_SECONDS)["running"]
    assert {(each["name"], each["here"]) for each in found} == {("one.py", False), ("mine.ipynb", True)}
    assert all("token" not in each for each in found)
    one = next(each for each in found if not each["here"])
    desk.answer({"ask": "running page", "app": one["app"]}, said.put)
    page, _, code = said.get(timeout=WAIT_SECONDS)["url"].partition("#")
    assert page.endswith("/workbench/")
    logged_in = requests.post(f"{page}login", json={"code": code}, timeout=WAIT_SECONDS)
    assert logged_in.status_code == 200
    desk.answer({"ask": "running page", "app": "gone.py"}, said.put)
    assert "gone.py" in said.get(timeout=WAIT_SECONDS)["failed"]


def test_of_two_that_run_the_same_file_each_is_found(others: CommandLine, wb: Workbench) -> None:
    wb.start()
    desk, said = desks.desk_of(wb), SimpleQueue[dict[str, Any]]()
    twins = [served(others, "twin"), served(others, "twin")]
    desk.answer({"ask": "running"}, said.put)
    found = [each for each in said.get(timeout=WAIT_SECONDS)["running"] if each["name"] == "twin.py"]
    assert len(found) == 2
    assert {wb.attach(each["app"]).url for each in found} == {each.url for each in twins}
    for each in twins:
        each.process.kill()
        each.process.wait(WAIT_SECONDS)
