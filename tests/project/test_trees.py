"""Trees of Python text are built in one place, where another thread's tree that comes in between does no harm."""

from __future__ import annotations

import ast
from pathlib import Path

ROOM = Path(__file__).resolve().parents[2] / "workbench"
BUILDERS = {("ast", "parse"), ("ast", "literal_eval"), ("inspect", "getsource"), ("inspect", "getsourcelines")}
OF_TREES = {"ast.literal_eval(node)", "ast.literal_eval(each.value)"}
"""Where the tree is there already."""
BY_ITSELF = {"cli", "testing"}
"""Rooms that run in a process of their own, with nothing beside them."""


def unguarded(path: Path) -> list[int]:
    """The lines at which a module builds a tree, or hands over what does, outside of `undisturbed`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (ast.unparse(node.func) == "undisturbed" or ast.unparse(node) in OF_TREES):
            guarded.update(ast.walk(node))
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in BUILDERS
        and node not in guarded
    ]


def test_a_tree_is_built_again_where_another_came_in_between() -> None:
    modules = [path for path in ROOM.rglob("*.py") if path.relative_to(ROOM).parts[0] not in BY_ITSELF]
    found = {str(path.relative_to(ROOM)): lines for path in modules if (lines := unguarded(path))}
    assert len(modules) > 300
    assert not found, f"{found}. Fix: use tree_of, expression_of, value_in or undisturbed of workbench.core.source."
