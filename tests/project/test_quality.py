"""Style, types, floors and sizes hold for the whole project."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels import ROOT

PACKAGE = ROOT / "workbench"
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
MOST_ENTRIES = 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("ruff", "check", "."), id="style"),
        pytest.param(("ruff", "format", "--check", "."), id="format"),
        pytest.param(("mypy",), id="types"),
        pytest.param(("lint-imports",), id="floors"),
    ],
)
def test_the_tree_passes(command: tuple[str, ...]) -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name(command[0]), *command[1:]],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )
    assert run.returncode == 0, run.stdout


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_every_folder_of_modules_is_a_package_so_that_the_floors_see_it() -> None:
    bare = {path.parent for path in modules()} - {path.parent for path in PACKAGE.rglob("__init__.py")}
    assert not bare, f"Without __init__.py: {sorted(map(str, bare))}"


def test_no_file_is_too_long_to_read() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert not {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE}


NO_ENTRIES = {"__pycache__", "__init__.py", "README.md", "py.typed", "node_modules"}
"""What stands in a folder, and is no module or folder of them."""


def test_no_folder_holds_more_than_one_sees_at_a_glance() -> None:
    counts = {str(path.parent.relative_to(ROOT)): 0 for path in PACKAGE.rglob("*.py")}
    for folder in counts:
        counts[folder] = sum(each.name not in NO_ENTRIES for each in (ROOT / folder).iterdir())
    assert not {folder: count for folder, count in counts.items() if count > MOST_ENTRIES}


def functions() -> Iterator[tuple[str, int]]:
    """Every function with its lines, docstring not counted."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                doc = ast.get_docstring(node) and first.end_lineno
                begins = first.lineno if not doc else doc + 1
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or 0) - begins + 1


def test_no_function_is_too_long_to_read() -> None:
    assert not {name: lines for name, lines in functions() if lines > LONGEST_FUNCTION}
