"""Reads definitions of a file, or says all that is wrong in it: each mistake with its line and key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from workbench.app.deploy.manifests.errors import Mistake, WrongManifest
from workbench.app.deploy.manifests.kinds import kinds
from workbench.app.deploy.manifests.tree import Node, tree_of
from workbench.app.deploy.manifests.values import Environ, Unusable, read
from workbench.core.definition import Definition, field_types
from workbench.core.errors import InvalidDefinition, WorkbenchError, listed, nearest, short

MOST_BYTES = 2 << 20
"""Largest file; 10,000 jobs take 1.5 MB."""


class Item(NamedTuple):
    """A definition of a file, and the lines where it and each of its fields stand."""

    definition: Definition
    line: int
    lines: dict[str, int]


def text_of(path: Path, file: str) -> str:
    """The text of a file.

    Raises:
        WrongManifest: It is not there, too large, or no UTF-8 text.
    """
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            fix = "keep definitions in it and no data, or write several files."
            raise WrongManifest(
                [Mistake(file, 0, f"the file has {size:,} bytes of at most {MOST_BYTES:,}. Fix: {fix}")]
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        said = str(exc.strerror).lower()
        raise WrongManifest([Mistake(file, 0, f"the file cannot be read: {said}. Fix: correct the path.")]) from None
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        said = f"the file is no UTF-8 text: byte {exc.start:,}. Fix: save it as UTF-8."
        raise WrongManifest([Mistake(file, line, said)]) from None


def items_of(text: str, file: str, environ: Environ) -> list[Item]:
    """The definitions of a text, in its order.

    Args:
        text: YAML: a list of definitions for each kind.
        file: What mistakes call it.
        environ: What the environment has for a name; None for what is not set.

    Raises:
        WrongManifest: All that is wrong in it.
    """
    return items_in(tree_of(text, file), file, environ)


def items_in(tree: Node, file: str, environ: Environ) -> list[Item]:
    """The definitions of a tree; see `items_of`."""
    reading = _Reading(file, environ)
    items = list(reading.items(tree))
    if reading.mistakes:
        raise WrongManifest(reading.mistakes)
    return items


class _Reading:
    """One reading of a file, which collects what is wrong."""

    def __init__(self, file: str, environ: Environ) -> None:
        self.file, self.mistakes = file, list[Mistake]()
        self._environ, self._kinds = environ, kinds()
        self._lines: dict[tuple[str, str], tuple[Definition, int]] = {}

    def items(self, tree: Node) -> Iterator[Item]:
        """Each definition that is valid."""
        if tree.value is None:
            return
        if not isinstance(tree.value, dict):
            self._mistake(
                tree.line, "the file is no mapping. Fix: write kinds as its keys, as RESTChannel: and a list."
            )
            return
        for kind, node in tree.value.items():
            if kind not in self._kinds:
                close = nearest(kind, self._kinds)
                fix = f"write {close}." if close else f"take one of {listed(self._kinds, at_most=40)}."
                self._mistake(node.line, f"{short(kind)} is no kind of definition. Fix: {fix}")
            elif node.value is not None and not isinstance(node.value, list):
                self._mistake(node.line, f"{kind} holds no list. Fix: begin each definition with '- name:'.")
            else:
                yield from self._of_kind(kind, node.value or [])

    def _of_kind(self, kind: str, nodes: list[Node]) -> Iterator[Item]:
        try:
            cls = self._kinds[kind]()
        except WorkbenchError as exc:  # of another distribution, and broken
            self._mistake(nodes[0].line if nodes else 0, str(exc))
            return
        for node in nodes:
            if not isinstance(node.value, dict):
                said = f"a {kind} is no mapping of fields here. Fix: write '- name: ...' and a line for each field."
                self._mistake(node.line, said)
            elif (definition := self._made(cls, node)) is not None and self._is_new(definition, node.line):
                yield Item(definition, node.line, {key: each.line for key, each in node.value.items()})

    def _made(self, cls: type[Definition], node: Node) -> Definition | None:
        """The definition that a mapping of fields stands for; None if something is wrong with it."""
        types, given, before = field_types(cls), dict[str, Any](), len(self.mistakes)
        name = node.value["name"].value if "name" in node.value else "?"
        of = f"{cls.__name__} {short(name)}"
        for field, each in node.value.items():
            try:
                given[field] = read(each.plain, types[field], self._environ) if field in types else each.plain
            except Unusable as exc:
                self._mistake(each.line, f"{field} of {of} {exc}")
        unusable = node.value.keys() - given.keys()
        try:
            made = cls(**given)
        except InvalidDefinition as exc:
            for field, problem in exc.problems.items():
                if field not in unusable:
                    line = node.value[field].line if field in node.value else node.line
                    self._mistake(line, _sentence(cls, of, field, problem))
            return None
        return made if len(self.mistakes) == before else None

    def _is_new(self, definition: Definition, line: int) -> bool:
        key = definition.collection, definition.full_name
        first, at = self._lines.setdefault(key, (definition, line))
        if first is not definition:
            there = f"{type(first).__name__} {short(first.full_name)} has that name at line {at}"
            self._mistake(
                line,
                f"{type(definition).__name__} {short(definition.full_name)} is there twice: {there}. "
                "Fix: rename or remove one.",
            )
        return first is definition

    def _mistake(self, line: int, sentence: str) -> None:
        self.mistakes.append(Mistake(self.file, line, sentence))


def _sentence(cls: type[Definition], of: str, field: str, problem: str) -> str:
    if problem == "is missing":
        return f"{field} of {of} is missing. Fix: add {field}: and its value."
    if problem.startswith("is not a field; did you mean") and (close := nearest(field, cls.__struct_fields__)):
        return f"{field} of {of} is not a field. Fix: write {close}."
    fix = f"leave {field} out" if problem.startswith("is not a field") else f"correct {field}"
    return f"{field} of {of} {problem.rstrip('.?')}. Fix: {fix}."
