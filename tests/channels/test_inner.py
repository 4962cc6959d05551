"""The wire uses what Tornado and asyncio promise, and nothing that is private to them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.kernels import ROOT

HTTP = ROOT / "workbench" / "channels" / "http"


def privates_of(path: Path) -> set[str]:
    """Private attributes that a file reads or sets on anything but `self` and `cls`."""
    return {
        each.attr
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.Attribute)
        and each.attr.startswith("_")
        and not each.attr.startswith("__")
        and not (isinstance(each.value, ast.Name) and each.value.id in ("self", "cls"))
    }


@pytest.mark.parametrize("path", sorted(HTTP.rglob("*.py")), ids=lambda path: path.stem)
def test_nobody_reaches_into_what_is_private(path: Path) -> None:
    assert (
        privates_of(path) - {"_replace", "_fields"} == set()
    )  # of a NamedTuple, whose names these are to keep ours free
