"""A workbench with a connection of every kind, and how the cell of a test is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.again import everything
from workbench import Workbench

Ran = Callable[[str], None]


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    with everything(tmp_path) as wb:
        yield wb


@pytest.fixture
def run(wb: Workbench) -> Ran:
    """Runs the text of a test's cell, as a kernel does: its first line is a comment."""

    def run(code: str) -> None:
        exec(compile(f"# {code}", "<cell>", "exec"), {"wb": wb})

    return run
