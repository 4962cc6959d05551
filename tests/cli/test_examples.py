"""`workbench examples` copies the notebooks or writes a repository to start from, over nothing that is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import CommandLine
from tests.kernels import ROOT
from workbench.cli.examples import REPOSITORY, examples

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


@pytest.mark.timeout(120)
def test_a_repository_to_start_from_passes_its_own_commands(fresh: CommandLine) -> None:
    folder = fresh.folder / "orders"
    said = fresh.run("examples", "--repo", "orders").stdout.splitlines()
    assert said == [
        f"Copied {len(REPOSITORY)} files into {folder}: {', '.join(REPOSITORY)}.",
        "Test it there with: workbench test",
    ]
    assert {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()} == REPOSITORY.keys()
    inside = CommandLine(folder)
    linted = inside.run("lint")
    assert (linted.returncode, linted.stdout) == (0, "There is nothing to mend.\n"), linted
    tested = inside.run("test", "--", "-v", "-p", "no:cacheprovider")
    assert tested.returncode == 0, tested
    for name in ("an order without a sku is refused", "test_an_order_without_a_sku_is_refused"):
        assert f"{name} PASSED" in tested.stdout


def test_the_ci_file_and_the_hooks_run_both_commands(fresh: CommandLine) -> None:
    fresh.run("examples", "--repo", "orders")
    folder = fresh.folder / "orders"
    steps = yaml.safe_load((folder / ".github/workflows/notebooks.yml").read_text())["jobs"]["notebooks"]["steps"]
    ran = [each["run"] for each in steps if "run" in each]
    assert {" ".join(each.split()[:2]) for each in ran} >= {"workbench lint", "workbench test"}
    hooks = yaml.safe_load((folder / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [each["entry"] for each in hooks] == ["workbench lint", "workbench test"]


def test_a_repository_is_written_over_nothing(fresh: CommandLine) -> None:
    (fresh.folder / "orders").mkdir()
    (fresh.folder / "orders" / "README.md").write_text("my own")
    told = json.loads(fresh.run("examples", "--repo", "orders", "--json").stdout)
    assert told["kept"] == ["README.md"]
    assert (fresh.folder / "orders" / "README.md").read_text() == "my own"
