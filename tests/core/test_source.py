"""Trees of text, while other trees are built."""

from __future__ import annotations

import ast
import gc
import importlib
import os
import py_compile
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from workbench.core.source import forget_module, tree_of

TEXT = "a = 1\n" * 50


@contextmanager
def another_tree_in_between(times: int) -> Iterator[list[str]]:
    """Has the next collections of garbage, which come while a tree is built, build trees of their own."""
    built: list[str] = []

    def build(phase: str, info: Any) -> None:
        if phase == "start" and len(built) < times:
            built.append(ast.dump(ast.parse("x")))

    threshold = gc.get_threshold()
    gc.callbacks.append(build)
    gc.set_threshold(1)
    try:
        yield built
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(build)


def test_text_becomes_its_tree() -> None:
    assert len(tree_of(TEXT).body) == 50
    with pytest.raises(SyntaxError):
        tree_of("a = ")


def test_a_tree_that_is_built_in_between_does_no_harm() -> None:
    with another_tree_in_between(times=1) as built:
        tree = tree_of(TEXT)
    assert len(tree.body) == 50
    assert len(built) == 1


def test_a_module_that_is_forgotten_is_read_from_its_text_whatever_bytecode_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "forgotten_tax.py"
    for rate in (2, 3):
        path.write_text(f"rate = {rate}\n")
        os.utime(path, (1_700_000_000, 1_700_000_000))  # within one second, at one length
        found = importlib.import_module("forgotten_tax")
        assert found.rate == rate
        forget_module("forgotten_tax")


def test_a_module_without_a_text_is_forgotten_and_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    text = tmp_path / "text.py"
    text.write_text("rate = 2\n")
    py_compile.compile(str(text), str(tmp_path / "forgotten_bare.pyc"))
    for _ in range(2):
        assert importlib.import_module("forgotten_bare").rate == 2
        forget_module("forgotten_bare")
