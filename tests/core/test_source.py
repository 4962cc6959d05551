"""Trees of text, while other trees are built."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from workbench.core.source import tree_of

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
