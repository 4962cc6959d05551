"""A notebook as its rules read it: cells as trees, and the definitions and imports that they make."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from workbench.app.deploy.notebooks import SCRATCH
from workbench.connections import catalog
from workbench.core.source import tree_of
from workbench.testing.saved import WrittenCell, written

_PYTHON_MAGICS = frozenset(("%%test", "%%time", "%%timeit", "%%capture", "%%prun"))
"""Magics of a whole cell whose cell is Python."""
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python raises for a text that is none, or is nested deeper than it reads."""


class Finding(NamedTuple):
    """What a rule has found: its cell, from 1 over all cells, 0 for the notebook; its line in it, from 1; what it says.

    The place is `line` to `last`, so that a comment at the end of any of these lines belongs to it.
    """

    cell: int
    line: int
    last: int
    rule: str
    says: str


class Made(NamedTuple):
    """A definition that a cell makes: its class, its name (None where it is computed), and the call."""

    cls: str
    name: str | None
    call: ast.Call
    cell: CodeCell

    def told(self, field: str) -> ast.expr | None:
        """The argument of a field, None where it is left out or None; of `**fields` nothing is known."""
        found = [each.value for each in self.call.keywords if each.arg in (field, None)]
        return None if not found or (isinstance(found[0], ast.Constant) and found[0].value is None) else found[0]


class CodeCell(NamedTuple):
    """One cell of code: its number, its text as Python, its tree and names, its tags, and under which number it ran."""

    number: int
    text: str
    tree: ast.Module
    symbols: symtable.SymbolTable
    tags: frozenset[str]
    ran: int | None

    def at(self, node: ast.expr | ast.stmt, rule: str, says: str) -> Finding:
        """A finding at a node."""
        return Finding(self.number, node.lineno, node.end_lineno or node.lineno, rule, says)


class Notebook:
    """What rules look at.

    Attributes:
        written: All cells as they are saved, whatever their type.
        metadata: What is saved of the notebook as a whole, the state of its widgets too.
        cells: Those of Python that some run of the file runs.
        broken: Findings about cells that are no Python.
    """

    def __init__(self, path: Path) -> None:
        saved = written(path)
        self.written, self.metadata = saved.cells or [], saved.metadata
        self.cells: list[CodeCell] = []
        self.broken: list[Finding] = []
        for number, cell in enumerate(self.written, 1):
            if cell.cell_type == "code" and not cell.tags & SCRATCH:
                self._take(number, cell)

    def _take(self, number: int, cell: WrittenCell) -> None:
        if magic_of(cell.text):
            return
        try:
            text, tree = python_of(cell.text)
            symbols = symtable.symtable(text, f"cell {number}", "exec")
        except UNREADABLE as exc:
            if "raises-exception" not in cell.tags:
                line = getattr(exc, "lineno", None) or 1
                why = getattr(exc, "msg", str(exc)) or "it is nested too deep"
                says = f"The cell is no Python: {why}. Fix: correct it, or tag the cell `scratch`."
                self.broken.append(Finding(number, line, line, "unreadable", says))
            return
        self.cells.append(CodeCell(number, text, tree, symbols, cell.tags, cell.execution_count))

    @cached_property
    def made(self) -> list[Made]:
        """Calls of classes, as `RESTChannel("api.hello", ...)`, in any cell."""
        return [made for cell in self.cells for node in ast.walk(cell.tree) if (made := self._made(node, cell))]

    def of(self, *classes: str) -> list[Made]:
        """Definitions of these classes."""
        return [each for each in self.made if each.cls in classes]

    def _made(self, node: ast.AST, cell: CodeCell) -> Made | None:
        if not isinstance(node, ast.Call) or not (cls := self.called(node).rpartition(".")[2])[:1].isupper():
            return None
        names = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "name")]
        return Made(cls, self._text(names[0]) if names else None, node, cell)

    def _text(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        return self._texts.get(node.id) if isinstance(node, ast.Name) else None

    @cached_property
    def _texts(self) -> dict[str, str]:
        """Variables of cells that hold text."""
        assigned = (each for cell in self.cells for each in cell.tree.body if isinstance(each, ast.Assign))
        return {
            target.id: each.value.value
            for each in assigned
            if isinstance(each.value, ast.Constant) and isinstance(each.value.value, str)
            for target in each.targets
            if isinstance(target, ast.Name)
        }

    @cached_property
    def imported(self) -> dict[str, str]:
        """What imported names mean, as `{"sleep": "time.sleep", "np": "numpy"}`."""
        found: dict[str, str] = {}
        for cell in self.cells:
            for node in ast.walk(cell.tree):
                if isinstance(node, ast.Import):
                    found |= {each.asname: each.name for each in node.names if each.asname}
                    found |= {each.name.partition(".")[0]: each.name.partition(".")[0] for each in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    found |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        return found

    def called(self, call: ast.Call) -> str:
        """What a call calls, by where it was imported from, as `datetime.datetime.now`; '' for what is computed."""
        first, dot, rest = dotted(call.func).partition(".")
        return f"{self.imported.get(first, first)}{dot}{rest}"

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The kind of connection that each class defines, those that the notebook writes included."""
        return {row.cls: row.kind for row in catalog.rows().values()} | {name: tag for name, tag, _ in self._own_kinds}

    @cached_property
    def kinds_by_attribute(self) -> dict[str, str]:
        """The kind, or family of kinds, behind each attribute of a service, as `out.rest`."""
        own = {attribute: tag for _, tag, attributes in self._own_kinds for attribute in attributes}
        return catalog.kinds_by_attribute() | own

    @cached_property
    def _own_kinds(self) -> list[tuple[str, str, list[str]]]:
        """Classes of connections in cells: name, tag and attributes."""
        classes = (each for cell in self.cells for each in ast.walk(cell.tree) if isinstance(each, ast.ClassDef))
        return [
            (each.name, str(key.value.value), list(_own_attributes(each)))
            for each in classes
            for key in each.keywords
            if key.arg == "tag" and isinstance(key.value, ast.Constant)
        ]


def _own_attributes(cls: ast.ClassDef) -> Iterator[str]:
    for each in cls.body:
        if (
            isinstance(each, ast.Assign)
            and dotted(each.targets[0]) == "attributes"
            and isinstance(each.value, ast.Dict)
        ):
            yield from (str(key.value) for key in each.value.keys if isinstance(key, ast.Constant))


def magic_of(text: str) -> str:
    """The magic that makes a whole cell something else than Python, as `%%bash`; '' for a cell of Python."""
    first = "".join(text.split(maxsplit=1)[:1])
    return first if first.startswith("%%") and first not in _PYTHON_MAGICS else ""


def python_of(text: str) -> tuple[str, ast.Module]:
    """A cell's text as Python, line by line as it is written, and its tree; raises one of `UNREADABLE`."""
    try:
        return text, tree_of(text)
    except SyntaxError:
        # IPython takes 0.4 s to be imported, which only a cell with magics is worth.
        from IPython.core.inputtransformer2 import TransformerManager

        plain = f"# {text.lstrip()}" if text.lstrip().startswith("%%") else text
        changed = TransformerManager().transform_cell(plain)  # type: ignore[no-untyped-call]
        return changed, tree_of(changed)


def dotted(node: ast.AST) -> str:
    """`time.sleep` of such an expression; '' for anything that does not begin with a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join((node.id, *reversed(parts))) if isinstance(node, ast.Name) else ""
