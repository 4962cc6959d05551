"""A notebook's address is the same from run to run, and one that is not to be had is explained."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench import Workbench
from workbench.app.serving.choosing import chosen
from workbench.app.serving.ports import Ports
from workbench.app.serving.runtime_file import RuntimeFile
from workbench.core.errors import WorkbenchError

Made = Callable[[str], Workbench]


@pytest.fixture
def free() -> int:
    """A port that nobody has now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def kept(tmp_path: Path, free: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says which port `first.ipynb` had."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    file = tmp_path / ".workbench" / "ports.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"first.ipynb": free, "second.ipynb": free}))
    return file


@pytest.fixture
def made(tmp_path: Path) -> Made:
    store = f"sqlite:///{tmp_path}/.workbench/store.db"
    return lambda app: Workbench(app, folder=tmp_path, store=store)


@pytest.mark.usefixtures("kept")
def test_a_notebook_has_yesterdays_port(made: Made, free: int) -> None:
    for _ in range(2):
        with made("first.ipynb") as wb:
            assert wb.start() == f"http://localhost:{free}"
            assert wb.ports.elsewhere == ""


@pytest.mark.usefixtures("kept")
def test_a_port_that_another_notebook_holds_is_told_and_the_second_is_the_same_each_time(made: Made, free: int) -> None:
    with made("first.ipynb") as first:
        first.start()
        urls = []
        for _ in range(2):
            with made("second.ipynb") as second:
                urls.append(second.start())
                assert second.ports.elsewhere == f"{free} was held by first.ipynb"
        assert urls[0] == urls[1] != first.url
    with made("second.ipynb") as alone:
        assert alone.start() == f"http://localhost:{free}", "the first choice is not forgotten"


@pytest.mark.usefixtures("kept")
def test_a_notebook_of_the_same_name_that_holds_the_port_is_told_by_its_path(
    made: Made, free: int, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/.workbench/store.db"
    with made("first.ipynb") as first:
        first.start()
        with Workbench("first.ipynb", folder=tmp_path / "colleague", store=store) as theirs:
            theirs.start()
            assert theirs.ports.elsewhere == f"{free} was held by {tmp_path / 'first.ipynb'}"


@pytest.mark.usefixtures("kept")
def test_a_port_that_a_program_holds_is_told(made: Made, free: int) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", free))
        held.listen()
        with made("first.ipynb") as wb:
            wb.start()
            assert wb.ports.elsewhere.startswith(f"{free} was held by ")


def test_the_first_port_of_all_is_kept(tmp_path: Path) -> None:
    ports = Ports(RuntimeFile("new.ipynb"), tmp_path, tmp_path / ".workbench")
    first, second = ports.ports()
    assert first == 11223
    assert 11224 <= second < 12000
    ports.settle(second)
    assert ports.ports()[0] == second
    assert Ports(RuntimeFile("new.ipynb"), tmp_path, tmp_path / ".workbench").ports()[0] == second


@pytest.mark.parametrize("text", ["", "{", '{"new.ipynb": "many"}', "[]"])
def test_a_file_that_nobody_can_read_costs_only_the_memory(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    ports = Ports(RuntimeFile("new.ipynb"), tmp_path, tmp_path)
    assert ports.ports()[0] == 11223
    ports.settle(11223)
    assert ports.ports()[0] == 11223


def test_nothing_is_kept_for_a_store_in_memory(tmp_path: Path) -> None:
    ports = Ports(RuntimeFile("script"), tmp_path, None)
    ports.settle(12345)
    assert ports.ports()[0] == 11223
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("kept")
def test_a_port_that_is_given_at_the_start_stays_and_is_not_kept_for_tomorrow(made: Made, kept: Path) -> None:
    before = kept.read_text()
    with made("other.ipynb") as wb:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            other = int(taken.getsockname()[1])
        assert wb.start(port=other) == f"http://localhost:{other}" == wb.start(port=other)
        with pytest.raises(
            WorkbenchError, match=rf"is at port {other}. Fix: stop it first: wb.stop\(\); wb.start\(port="
        ):
            wb.start(port=other + 1)
        assert wb.url == f"http://localhost:{other}"
        wb.stop()
        assert wb.start() == f"http://localhost:{other}", "it stays where it was put"
    assert kept.read_text() == before


@pytest.mark.usefixtures("kept")
def test_a_port_that_cannot_be_had_at_the_start_changes_nothing(made: Made, free: int) -> None:
    with made("first.ipynb") as wb, socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        for wrong in (held.getsockname()[1], 70_000):
            with pytest.raises(WorkbenchError, match="Fix: "):
                wb.start(port=wrong)
        assert wb.start() == f"http://localhost:{free}"


def test_a_folder_that_is_served_is_found_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    folder = tmp_path / "shop"
    folder.mkdir()
    written = [RuntimeFile("shop", str(folder)), RuntimeFile("orders.ipynb", str(folder))]
    for number, each in enumerate(written):
        each.write(f"http://localhost:{number + 1}", "token")
    try:
        assert chosen(str(folder)).port == "1"
        assert chosen(str(folder / "orders.ipynb")).port == "2"
        assert {each.pid for each in (chosen("1"), chosen("2"))} == {os.getpid()}
    finally:
        for each in written:
            each.remove()
