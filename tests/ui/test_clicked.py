"""What was clicked, as a person meets it: after a kernel's restart, in `wb`, and under `workbench serve`."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.cli.conftest import CommandLine
from tests.cli.conftest import fresh as fresh
from tests.kernels import Kernel
from tests.ui.conftest import Asking
from tests.ui.test_card_in_kernels import HELLO, ON, VIEW, Front, card_of
from workbench import Workbench
from workbench.ui import views
from workbench.ui.desk import Desk

SAID = r"Channel 'by click' was set by click on \d+ \w{3}\."
VALUES = {"name": "by click", "service": "api.hello", "path": "/clicked"}


@pytest.fixture
def kernel(fresh: CommandLine) -> Iterator[Kernel]:
    env = {each: fresh.env[each] for each in ("WORKBENCH_PORT", "JUPYTER_RUNTIME_DIR")}
    env |= {"JPY_SESSION_NAME": str(fresh.folder / "shop.ipynb")}
    with Kernel("workbench", cwd=fresh.folder, env=env) as started:
        started.run(ON)
        yield started


def test_a_click_is_back_after_a_restart_and_under_serve_and_its_line_has_a_card(
    kernel: Kernel, fresh: CommandLine
) -> None:
    _, front = card_of(kernel, HELLO)
    saved = front.answer(front.send(ask="form save", kind="RESTChannel", values=VALUES))
    assert saved["hint"].startswith("Kept: on again after a restart, once its service's cell has run.")
    kernel.kill()
    kernel.restart()
    kernel.run(ON)
    assert kernel.run("print(list(wb.channels))").stdout == "[]\n"
    shown = kernel.run_as("hello", HELLO).displays
    assert [each["text/plain"].partition(" ")[0] for each in shown if VIEW not in each] == ["api.hello", "Channel"]
    card = Front(kernel, [each for each in shown if VIEW in each][-1][VIEW]["model_id"])
    card.acknowledged(card.send(ask="hello"))
    served = _served(fresh)
    assert served.told["channels"] == ["by click"]
    assert urlopen(f"{served.url}/clicked", timeout=30).read() == b"Hello there!"
    assert served.stop(signal.SIGTERM)[0] == 0
    said = card.answer(card.send(ask="click remove", name="channel by click"))
    assert said["said"] == "Channel 'by click' is removed."
    assert kernel.run("print(list(wb.channels), list(wb.clicked))").stdout == "[] []\n"


def _served(fresh: CommandLine) -> Any:
    cells = [
        {"cell_type": "code", "id": f"c{place}", "source": text, "metadata": {}, "outputs": [], "execution_count": None}
        for place, text in enumerate((ON, HELLO))
    ]
    path = fresh.folder / "shop.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return fresh.serve(Path("shop.ipynb"), WORKBENCH_STORE="")


def test_the_panel_lists_what_was_clicked_with_its_code(desk: Desk, ask: Asking, wb: Workbench) -> None:
    assert views.everything(desk)["clicked"] == []
    said = ask("form save", kind="RESTChannel", values=VALUES)
    (row,) = views.everything(desk)["clicked"]
    assert (row["name"], row["code"]) == ("channel by click", said["code"])
    shown = views.clicked(["noted", row["said"]])(desk)
    assert shown == {"clicked": [row], "notes": ["noted"]}, "what a row says is not said below it again"
    ask("undo", undo=said["undo"])
    assert views.everything(desk)["clicked"] == []


def test_a_click_that_is_removed_comes_back_by_undo(desk: Desk, ask: Asking, wb: Workbench) -> None:
    ask("form save", kind="RESTChannel", values=VALUES)
    said = ask("click remove", name="channel by click")
    assert "by click" not in wb.channels
    ask("undo", undo=said["undo"])
    assert ("by click" in wb.channels, list(wb.clicked)) == (True, ["channel by click"])
    assert "No click is named 'job x'" in ask("click remove", name="job x")["failed"]


def test_undo_of_a_change_leaves_the_copy_that_was_kept_before(ask: Asking, wb: Workbench) -> None:
    ask("form save", kind="RESTChannel", values=VALUES)
    edit = {"collection": "channels", "name": "by click"}
    said = ask("form save", edit=edit, values=VALUES | {"path": "/moved"})
    assert wb.clicked["channel by click"].definition.path == "/moved"  # type: ignore[attr-defined]
    ask("undo", undo=said["undo"])
    assert wb.clicked["channel by click"].definition.path == "/clicked"  # type: ignore[attr-defined]


def test_what_lasts_as_long_as_the_kernel_does_not_say_that_it_is_kept(ask: Asking) -> None:
    said = ask("form save", kind="RESTChannel", values=VALUES)
    assert said["hint"] == "On in this kernel. Paste it into a cell to keep it there."
