"""Python text as a tree, for rooms that read what a person wrote."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
TRIES = 5


def tree_of(text: str) -> ast.Module:
    """The tree of Python text; raises SyntaxError."""
    return undisturbed(lambda: ast.parse(text))


def undisturbed(build: Callable[[], T]) -> T:
    """Do what builds a tree, again if another thread's tree came in between.

    CPython 3.11 counts the depth of all trees of a process in one place, and refuses with SystemError what is fine
    when two are built at once (python/cpython#106905). Every traceback that is logged builds trees, on any thread.
    """
    for _ in range(TRIES - 1):
        try:
            return build()
        except SystemError:
            continue
    return build()
