"""Reads from a service's source which connections it names, so that a deploy can say which nobody defined."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from workbench.core.source import tree_of


class Mention(NamedTuple):
    """A connection that a source names."""

    kind: str
    name: str


def mentions(source: str, kinds_by_attribute: Mapping[str, str]) -> list[Mention]:
    """Connections named as `self.out.rest["name"]` or `.get("name")`, by text or a variable that holds text.

    Names that are computed cannot be read from the source; they are found at the first call.
    """
    kept = [Mention(kinds_by_attribute[way], name) for way, name in _ways(source) if way in kinds_by_attribute]
    return list(dict.fromkeys(kept))


# A source is read at its deploy, and then at each look at its card.
@lru_cache(maxsize=500)
def _ways(source: str) -> tuple[tuple[str, str], ...]:
    """Each way out that the source looks a name up in, as `out.rest`, and the name."""
    try:
        tree = tree_of(textwrap.dedent(source))
    except SyntaxError:
        return ()
    texts = dict(_assigned_texts(tree))
    nodes = sorted((node for node in ast.walk(tree) if isinstance(node, ast.expr)), key=_place)
    return tuple(found for node in nodes if (found := _asked(node, texts)) is not None)


def _place(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _assigned_texts(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((target.id, node.value.value) for target in node.targets if isinstance(target, ast.Name))


def _asked(node: ast.AST, texts: Mapping[str, str]) -> tuple[str, str] | None:
    if isinstance(node, ast.Subscript):
        way, key = _dotted(node.value), node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        way, key = _dotted(node.func.value), node.args[0]
    else:
        return None
    name = _text(key, texts)
    return (way.replace("outgoing.", "out.", 1), name) if way and name else None


def _text(node: ast.AST, texts: Mapping[str, str]) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return texts.get(node.id, "") if isinstance(node, ast.Name) else ""


def _dotted(node: ast.AST) -> str:
    """`out.rest` of `self.out.rest`; '' for anything that does not begin at `self`."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed(parts)) if isinstance(node, ast.Name) and node.id == "self" else ""
