"""What a cell did to the names of the notebook, and which live services that reaches."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from workbench.core.source import tree_of
from workbench.runtime.registry import Version
from workbench.runtime.uses import Code, is_code, is_same


class Bindings:
    """The functions, classes and modules of a notebook, and the text that last made each of them well.

    Args:
        namespace: The notebook's names.
    """

    def __init__(self, namespace: Callable[[], MutableMapping[str, Any]]) -> None:
        self._namespace = namespace
        self._before: dict[str, Code] = {}
        self._good: dict[str, Code] = {}
        self._texts: dict[str, str] = {}

    def begin(self) -> None:
        """A cell begins."""
        self._before = {name: value for name, value in self._namespace().items() if is_code(value)}
        for name, value in self._before.items():
            self._good.setdefault(name, value)

    def changed(self, text: str) -> set[str]:
        """Names whose function, class or module the cell of this text has made another; the same text is no change."""
        now, texts = self._namespace(), _texts(text)
        return {
            name
            for name, was in self._before.items()
            if now.get(name) is not was
            and now.get(name) is not self._good.get(name)
            and not (name in texts and texts[name] == self._texts.get(name))
            and not is_same(now.get(name), was)
        }

    def new(self) -> dict[str, Code]:
        """What the cell has bound."""
        return {
            name: value
            for name, value in self._namespace().items()
            if is_code(value) and self._before.get(name) is not value
        }

    def keep(self, text: str) -> None:
        """The cell has ended well."""
        self._texts |= _texts(text)
        self._good = {name: value for name, value in (self._good | self.new()).items() if name in self._namespace()}
        self._before = {}


def _texts(text: str) -> dict[str, str]:
    """The functions and classes that a cell's text makes: each as a tree, so that layout and comments do not count."""
    try:
        tree = tree_of(text)
    except SyntaxError:
        return {}
    made = (node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name: ast.dump(node) for node in made}


def late(versions: Iterable[Version], names: set[str]) -> list[str]:
    """A sentence on the services that look up, at each call, what a failing cell has made another."""
    return [
        f"This cell failed, and {services} {'use' if several else 'uses'} what it has changed: {used}. "
        f"Fix: correct the cell and run it again."
        for services, used, several in _by_names(versions, names, lambda version: version.helpers)
    ]


def stale(versions: Iterable[Version], names: set[str]) -> list[str]:
    """A sentence on the services that were made of what a cell has made anew."""
    return [
        f"{services} still {'use' if several else 'uses'} the former {used}. "
        f"Fix: run {'their cells' if several else 'its cell'} again."
        for services, used, several in _by_names(versions, names, lambda version: version.parts)
    ]


def _by_names(
    versions: Iterable[Version], names: set[str], uses: Callable[[Version], Mapping[str, Code]]
) -> list[tuple[str, str, bool]]:
    """The services that use some of these names, those of the same names together; and whether there are several."""
    by_names: dict[str, list[str]] = {}
    for version in versions:
        if used := sorted(names & uses(version).keys()):
            by_names.setdefault(", ".join(used), []).append(version.name)
    return [(_several(sorted(services)), used, len(services) > 1) for used, services in by_names.items()]


def _several(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
