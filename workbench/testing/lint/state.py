"""Rules on state that a notebook had when it was saved, and that a run from the top has not."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator
from importlib import import_module

from workbench.testing.lint.notebook import CodeCell, Finding, Notebook

_SHELL = frozenset(("In", "Out", "display", "exit", "get_ipython", "quit"))
_NAMELESS = frozenset(
    (
        *("autoreload", "cd", "conda", "config", "env", "load_ext", "ls", "mamba", "matplotlib", "mkdir", "pinfo"),
        *("pinfo2", "pip", "pwd", "reload_ext", "uv", "who", "whos"),
    )
)
"""Magics of a line that define no name."""
_GIVEN = re.compile(r"_i?\d*|_{1,3}|_ii|_iii|_dh|_ih|_oh|__\w+__")
"""Names that IPython gives to what cells had and showed, and Python to what it knows of a module or class."""
_COMPREHENSIONS = frozenset(("listcomp", "setcomp", "dictcomp", "genexpr"))


def out_of_order(notebook: Notebook) -> Iterator[Finding]:
    """A cell ran before one that stands above it."""
    latest: CodeCell | None = None
    for cell in notebook.cells:
        if cell.ran is None:
            continue
        if latest is not None and latest.ran is not None and cell.ran <= latest.ran:
            says = f"The cell ran as [{cell.ran}], and cell {latest.number} above it as [{latest.ran}]. "
            yield Finding(cell.number, 1, 1, "out-of-order", says + "Fix: restart, run all cells, and save.")
        else:
            latest = cell


def undefined_name(notebook: Notebook) -> Iterator[Finding]:
    """A cell uses a name that no cell above it defines; a function, one that no cell defines at all."""
    package = import_module("workbench").__all__
    known = {*dir(builtins), *_SHELL, *package}
    read = [(cell, Names(cell)) for cell in notebook.cells]
    if any(names.are_unknown for _, names in read):
        return
    everywhere = known.union(*(names.bound for _, names in read))
    for cell, names in read:
        known |= names.bound
        missing = (names.at_once - known) | (names.later - everywhere)
        for name in sorted(each for each in missing if not _GIVEN.fullmatch(each)):
            if "raises-exception" not in cell.tags:
                above = " above" if name in everywhere else ""
                says = f"No cell{above} defines {name!r}. Fix: define it above, import it, or correct the name."
                yield cell.at(_first(cell.tree, name), "undefined-name", says)


def _first(tree: ast.Module, name: str) -> ast.expr | ast.stmt:
    return next(
        (each for each in ast.walk(tree) if isinstance(each, ast.Name) and each.id == name),
        tree.body[0],
    )


class Names:
    """The names of one cell.

    Attributes:
        bound: Those that it defines for cells below it.
        at_once: Those that it reads as it runs.
        later: Those that functions in it read when they are called.
        are_unknown: Whether it imports whatever there is, or runs another file's cells.
    """

    def __init__(self, cell: CodeCell) -> None:
        self.bound, self.at_once, self.later = set[str](), set[str](), set[str]()
        self.are_unknown = _brings_any_names(cell)
        for symbol in cell.symbols.get_symbols():
            if symbol.is_assigned() or symbol.is_imported():
                self.bound.add(symbol.get_name())
            if symbol.is_referenced():
                self.at_once.add(symbol.get_name())
        for child in cell.symbols.get_children():
            self._read(child, False)

    def _read(self, table: symtable.SymbolTable, is_later: bool) -> None:
        is_later = is_later or (table.get_type() == "function" and table.get_name() not in _COMPREHENSIONS)
        for symbol in table.get_symbols():
            # Lib/symtable.py takes any table called `top`, as a function may be, for the module's own.
            if symbol.is_global() and not symbol.is_local():
                if symbol.is_referenced():
                    (self.later if is_later else self.at_once).add(symbol.get_name())
                if symbol.is_assigned():
                    self.bound.add(symbol.get_name())
        for child in table.get_children():
            self._read(child, is_later)


def _brings_any_names(cell: CodeCell) -> bool:
    """`from x import *` but of the workbench, whose names are known, and magics that may define names."""
    if "globals()" in cell.text or cell.text.startswith("# %%capture "):
        return True
    return any(_is_star(node) or _is_naming_magic(node) for node in ast.walk(cell.tree))


def _is_star(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module != "workbench" and node.names[0].name == "*"


def _is_naming_magic(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != "get_ipython().run_line_magic":
        return False
    return not (isinstance(name := node.args[0], ast.Constant) and name.value in _NAMELESS)
