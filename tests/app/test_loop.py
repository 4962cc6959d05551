"""Which loop the server runs on."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest

from workbench.app.workbench import Workbench
from workbench.core.errors import WorkbenchError
from workbench.core.service import Service


class OnWhich(Service):
    name = "on.which"

    async def handle(self) -> str:
        return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def on_which(folder: Path) -> tuple[str, str]:
    """The loop that an async service runs on, and what settings say of it."""
    with Workbench(port=0, folder=folder) as wb:
        wb.deploy(OnWhich)
        return str(wb.invoke("on.which")), wb.settings.loop


@pytest.mark.parametrize(
    ("told", "headless", "loop"),
    [
        ("", "0", "asyncio"),
        ("", "1", "uvloop" if find_spec("uvloop") else "asyncio"),
        ("asyncio", "1", "asyncio"),
        ("asyncio", "0", "asyncio"),
        *([("uvloop", "0", "uvloop")] if find_spec("uvloop") else []),
    ],
)
def test_a_served_file_has_uvloop_if_it_is_there_unless_somebody_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, headless: str, loop: str
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("WORKBENCH_LOOP", told)
    monkeypatch.setenv("WORKBENCH_HEADLESS", headless)
    assert on_which(tmp_path) == (loop, loop)


def test_another_loop_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_LOOP", "trio")
    with pytest.raises(WorkbenchError, match="'trio'. Fix: asyncio or uvloop"):
        Workbench(port=0, folder=tmp_path)
