"""A notebook that a person renames while its kernel runs is found under its new name."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from tests.ui.conftest import Asking
from workbench import Workbench
from workbench.app.serving.choosing import chosen
from workbench.app.serving.runtime_file import Running, RuntimeFile, running, runtime_folder
from workbench.cli.remote import statuses, statuses_said
from workbench.core.errors import UnknownName


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other workbench of this machine is found."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))


def test_the_command_line_follows_the_name_that_the_front_end_tells(wb: Workbench, ask: Asking) -> None:
    wb.start()
    assert [each.name for each in running() if each.pid == os.getpid()] == [wb.app]
    ask("renamed", path="reports/Sales.ipynb")
    (mine,) = [each for each in statuses() if each["pid"] == os.getpid()]
    assert mine["app"] == "Sales.ipynb"
    assert mine["file"].endswith("/Sales.ipynb")
    assert f"Sales.ipynb (pid {os.getpid()})" in statuses_said([mine])
    assert chosen("Sales.ipynb").pid == os.getpid()
    with pytest.raises(UnknownName):
        chosen(wb.app)
    ask("renamed", path="reports/Costs.ipynb")
    assert chosen("Costs.ipynb").pid == os.getpid()


@pytest.mark.parametrize("renamed", ["", "Sales.ipynb"])
def test_the_former_name_is_free_for_another_notebook(renamed: str) -> None:
    other = Running(os.getppid(), "http://localhost:1", "token", "Untitled.ipynb", folder="/reports", renamed=renamed)
    runtime_folder().mkdir(parents=True, exist_ok=True)
    path = runtime_folder() / f"workbench-{other.pid}-1.json"
    path.write_bytes(msgspec.json.encode(other))
    try:
        assert RuntimeFile("Untitled.ipynb", "/reports").is_held_elsewhere() == (not renamed)
    finally:
        path.unlink()
