"""One list of kinds: what the package exports is made of the catalog."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import workbench
from tests.exports import PACKAGE, homes, written
from workbench.connections.catalog import ROWS
from workbench.connections.coming import CLASSES, COMING
from workbench.core.definition import Definition


def test_the_package_s_lists_are_those_of_the_catalog() -> None:
    text = PACKAGE.read_text(encoding="utf-8")
    assert text == written(text, homes()), "run: python -m tests.exports"
    assert homes() == workbench.HOMES


def test_a_kind_that_comes_is_written_into_both_lists() -> None:
    text = written(PACKAGE.read_text(encoding="utf-8"), {**homes(), "NewConnection": "workbench.connections.new"})
    assert "    from workbench.connections.new import NewConnection as NewConnection\n" in text
    assert '    "NewConnection": "workbench.connections.new",\n' in text


@pytest.mark.parametrize("name", homes())
def test_a_public_name_is_found_where_the_list_says(name: str) -> None:
    found = getattr(workbench, name)
    assert found is getattr(import_module(workbench.HOMES[name]), name)
    assert name in dir(workbench)


def test_a_kind_is_there_or_to_come_and_never_both() -> None:
    assert not {row.kind for row in ROWS} & COMING.keys()
    assert not workbench.HOMES.keys() & CLASSES.keys()
    assert [*CLASSES] == [each.cls for each in COMING.values()]


def test_the_core_knows_no_product() -> None:
    """No kind of connection, there or to come, is named in the lowest room."""
    words = (
        {row.cls for row in ROWS} | {each.cls for each in COMING.values()} | {each.package for each in COMING.values()}
    )
    core = PACKAGE.parent / "core"
    named = {
        (path.name, word)
        for path in core.glob("*.py")
        for word in words - {"requests"}
        if word in path.read_text(encoding="utf-8")
    }
    assert named == set()


def test_an_import_of_the_package_imports_no_kind() -> None:
    code = "import sys, workbench; print([name for name in sys.modules if name.startswith('workbench.')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == "[]\n"


def test_a_name_that_is_not_there_is_no_attribute() -> None:
    assert not hasattr(workbench, "NoSuchConnection")
    assert issubclass(workbench.RESTConnection, Definition)


def test_the_readme_names_every_kind() -> None:
    line = next(
        line
        for line in (PACKAGE.parent.parent / "README.md").read_text().splitlines()
        if line.startswith("| a way out:")
    )
    assert [row.label for row in ROWS if row.label.casefold() not in line.casefold()] == []
