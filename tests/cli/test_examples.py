"""`workbench examples` copies the notebooks, and writes over nothing."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import CommandLine
from tests.kernels import ROOT
from workbench.cli.examples import examples

NAMES = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_the_notebooks_are_copied_and_what_is_there_is_left(fresh: CommandLine) -> None:
    folder = fresh.folder / "mine"
    folder.mkdir()
    (folder / NAMES[0]).write_text("my own")
    said = fresh.run("examples", "mine").stdout.splitlines()
    assert said == [
        f"Copied {len(NAMES) - 1} notebooks into {folder}: {', '.join(NAMES[1:])}.",
        f"Left as they are in {folder}: {NAMES[0]}.",
        "Open them with: workbench lab",
    ]
    assert (folder / NAMES[0]).read_text() == "my own"
    assert (folder / NAMES[1]).read_bytes() == (ROOT / "notebooks" / NAMES[1]).read_bytes()
    assert json.loads(fresh.run("examples", "--json").stdout)["folder"] == str(fresh.folder / "workbench-examples")


def test_a_folder_that_cannot_be_made_is_said(fresh: CommandLine) -> None:
    Path(fresh.folder, "taken").write_text("a file")
    assert "File exists" in fresh.refused("examples", "taken")


def test_those_of_a_clone_are_its_own() -> None:
    assert [path.parent for path in examples()] == [ROOT / "notebooks"] * len(NAMES)
