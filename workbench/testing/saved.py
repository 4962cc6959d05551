"""Reads a notebook as tests: its code cells in order, what each is called, and what it showed when it was saved."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from workbench.app.deploy.notebooks import SCRATCH, Cell
from workbench.core.errors import WorkbenchError
from workbench.testing.cell_tests import test_name

LONGEST_NAME = 80
"""Characters of a heading that name a cell; the rest is left out."""

_HEADING = re.compile(r"^\s*(?:#{1,6}\s+(?P<heading>.+?)\s*#*|\*\*(?P<bold>.+?)\*\*.*)\s*$")
_MARKUP = re.compile(r"[*_`]|:(?=:)|(?<=:):")


class NotTestable(WorkbenchError):
    """A notebook that cannot be run as tests."""


class WrittenCell(Cell):
    """A cell as its file has it, with what it showed and when it ran last."""

    outputs: list[dict[str, Any]] = msgspec.field(default_factory=list)
    attachments: dict[str, Any] = msgspec.field(default_factory=dict)
    execution_count: int | None = None


class WrittenNotebook(msgspec.Struct):
    """A notebook as its file has it."""

    cells: list[WrittenCell] | None = None
    metadata: dict[str, Any] = {}
    nbformat: int = 4


class SavedCell(NamedTuple):
    """One code cell: its number over all cells, from 1; its id; what it is called; its text and tags; whether it is a
    test; its outputs as saved, None where it was saved without having run.
    """

    number: int
    cell_id: str
    name: str
    text: str
    tags: frozenset[str]
    is_test: bool
    outputs: list[dict[str, Any]] | None

    @property
    def is_setup(self) -> bool:
        """Whether it prepares tests and is none."""
        return "setup" in self.tags

    @property
    def may_raise(self) -> bool:
        """Whether its author says that it raises."""
        return "raises-exception" in self.tags

    def parameters(self) -> frozenset[str]:
        """The names that it gives values to, if it is tagged `parameters`, as papermill has it."""
        if "parameters" not in self.tags:
            return frozenset()
        try:
            nodes = list(ast.walk(ast.parse(self.text)))
        except SyntaxError:
            return frozenset()
        return frozenset(each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))


class SavedNotebook(NamedTuple):
    """A notebook as tests: its cells, and the name of its kernel."""

    cells: list[SavedCell]
    kernel: str


def read(path: Path) -> SavedNotebook:
    """The cells that a test run of a notebook runs.

    Raises:
        NotTestable: It is no notebook of nbformat 4, or not of Python.
    """
    notebook = written(path)
    kernel = notebook.metadata.get("kernelspec", {})
    return SavedNotebook(list(_cells(notebook.cells or [])), str(kernel.get("name", "python3")))


def written(path: Path) -> WrittenNotebook:
    """A notebook with all its cells, as its file has it; raises NotTestable as `read` does."""
    try:
        notebook = msgspec.json.decode(path.read_bytes(), type=WrittenNotebook)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise NotTestable(
            f"{path.name} is no notebook: {exc}. Fix: mend its JSON as text, or take it from version control."
        ) from exc
    if notebook.nbformat != 4 or notebook.cells is None:
        raise NotTestable(
            f"{path.name} is of nbformat {notebook.nbformat}, and tests read nbformat 4. "
            f"Fix: jupyter nbconvert --to notebook --inplace {path.name}"
        )
    kernel = notebook.metadata.get("kernelspec", {})
    if (language := str(kernel.get("language", "python")).lower()) != "python":
        raise NotTestable(f"{path.name} is written in {language}, and tests run Python. Fix: leave it out.")
    return notebook


def parameters_of(paths: Iterable[Path]) -> frozenset[str]:
    """The names of all parameters that these notebooks have; what cannot be read has none."""
    names = set[str]()
    for path in paths:
        with suppress(NotTestable, OSError):
            names.update(*(cell.parameters() for cell in read(path).cells))
    return frozenset(names)


def not_a_parameter(name: str, known: Iterable[str]) -> str:
    """What to say of a value for a parameter that no notebook has."""
    return (
        f"No notebook has the parameter {name!r}; there are: {', '.join(sorted(known)) or 'none'}. "
        f"Fix: correct it, or give {name} a value in a cell tagged `parameters`."
    )


def _cells(cells: list[WrittenCell]) -> Iterator[SavedCell]:
    heading, seen = "", Counter[str]()
    for number, cell in enumerate(cells, 1):
        if cell.cell_type == "markdown":
            heading = heading_of(cell.text) or heading
        # A cell without text runs nothing and shows nothing.
        if cell.cell_type != "code" or cell.tags & SCRATCH or "skip" in cell.tags or not cell.text.strip():
            continue
        name = _plain(test_name(cell.text) or "") or heading or "cell"
        seen[name] += 1
        called = name if seen[name] == 1 and name != "cell" else f"{name} {seen[name]}"
        outputs = cell.outputs if cell.execution_count is not None or cell.outputs else None
        yield SavedCell(number, cell.id, called, cell.text, cell.tags, cell.is_test, outputs)


def heading_of(text: str) -> str:
    """The last heading of a Markdown cell, else the first line that begins in bold; '' if it has neither."""
    found = [match for line in text.splitlines() if (match := _HEADING.match(line))]
    headings = [match["heading"] for match in found if match["heading"]]
    return _plain(headings[-1]) if headings else _plain(found[0]["bold"]) if found else ""


def _plain(text: str) -> str:
    """Without markup, and without `::`, which separates names in what pytest is told."""
    said = _MARKUP.sub("", text).strip().rstrip(".:")
    return said if len(said) <= LONGEST_NAME else f"{said[:LONGEST_NAME].rstrip()}..."
