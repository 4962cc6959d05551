"""Finds the call in a cell's text that makes a definition, and reads what it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from workbench.core.definition import Definition
from workbench.core.errors import InvalidDefinition, WorkbenchError
from workbench.core.secret import Secret
from workbench.core.source import tree_of

NEWLINE = re.compile(rb"\r\n|\r|\n")
MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)
_AGAIN = (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_IDENTITY = ("on",)


class SetInCode(WorkbenchError):
    """A definition, or what is named in words, is made by code in a way that a form does not rewrite."""

    def __init__(self, what: Definition | str, why: str) -> None:
        super().__init__(f"{what} is set in code: {why}. Fix: change it in its cell.")


class _Code(Exception):
    """An argument that is no literal."""


class Argument(NamedTuple):
    """One argument of the call, in bytes of the text: `start` is that of its keyword."""

    field: str
    node: ast.expr
    start: int
    value_start: int
    end: int


class Text:
    """A cell's text in bytes, as positions of a tree count it.

    Raises:
        SyntaxError: It is no Python, lines of magics apart.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.bytes = source.encode()
        self.tree = tree(source)
        self._lines = [0, *(each.end() for each in NEWLINE.finditer(self.bytes))]

    def at(self, line: int, column: int) -> int:
        """The place of a line, from 1, and a column, from 0."""
        return self._lines[line - 1] + column

    def span(self, node: ast.expr | ast.keyword) -> tuple[int, int]:
        """Where a node begins and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def line_of(self, place: int) -> tuple[int, int]:
        """Where the line of a place begins and ends, its newline left out."""
        found = NEWLINE.search(self.bytes, place)
        return max(each for each in self._lines if each <= place), found.start() if found else len(self.bytes)


def tree(source: str) -> ast.Module:
    try:
        return tree_of(source)
    except SyntaxError:
        # Lines of magics, as comments of the same length: every position stays.
        plain = MAGIC.sub(lambda found: found[1] + "#" * (len(found[0].encode()) - len(found[1])), source)
        return tree_of(plain)


def found_call(source: str, definition: Definition, known: Mapping[str, Any]) -> tuple[Text, ast.Call]:
    try:
        text = Text(source)
    except (SyntaxError, ValueError):
        raise SetInCode(definition, "its cell is not plain Python") from None
    names = _names_of(type(definition), text.tree, known)
    calls = [path for path in _calls(text.tree) if _is_of(path[-1], definition, names)]
    if len(calls) != 1:
        why = "no call in its cell says its name" if not calls else f"its cell says it {len(calls)} times"
        raise SetInCode(definition, why)
    *around, call = calls[0]
    assert isinstance(call, ast.Call)
    if any(isinstance(each, (*_AGAIN, *_COMPREHENSIONS)) for each in around):
        raise SetInCode(definition, "its call stands in a loop or a function")
    if isinstance(around[-1], ast.Attribute):
        raise SetInCode(definition, "its cell changes what the call makes")
    if any(each.arg is None for each in call.keywords) or len(call.args) > 1:
        raise SetInCode(definition, "its call takes arguments by * or **")
    if _said_by(text, call, definition) != definition:
        raise SetInCode(definition, "its cell says something else than what is in force")
    return text, call


def _names_of(cls: type[Definition], tree: ast.Module, known: Mapping[str, Any]) -> set[str]:
    """By which names a cell may call a class."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == cls.__name__
    }
    return {cls.__name__, *imported, *(name for name, value in list(known.items()) if value is cls)}


def _calls(node: ast.AST, around: tuple[ast.AST, ...] = ()) -> Iterator[tuple[ast.AST, ...]]:
    """Every call with all that it stands in, the outermost first."""
    path = (*around, node)
    if isinstance(node, ast.Call):
        yield path
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, path)


def _is_of(call: ast.AST, definition: Definition, names: Collection[str]) -> bool:
    """Whether a call makes a definition of this kind and name."""
    assert isinstance(call, ast.Call)
    match call.func:
        case ast.Name(id=name):
            if name not in names:
                return False
        case ast.Attribute(attr=name):
            if name != type(definition).__name__:
                return False
        case _:
            return False
    given = {each.arg: each.value for each in call.keywords if each.arg}
    first = call.args[0] if call.args else given.get("name")
    if not (isinstance(first, ast.Constant) and first.value == definition.name):
        return False
    told = {field: given[field] for field in _IDENTITY if field in given}
    return all(
        not isinstance(node, ast.Constant) or node.value == getattr(definition, field, node.value)
        for field, node in told.items()
    )


def arguments_of(text: Text, call: ast.Call) -> dict[str, Argument]:
    """The arguments of a call by field, in their order in the text."""
    found = [Argument("name", node, text.span(node)[0], *text.span(node)) for node in call.args]
    for each in call.keywords:
        assert each.arg is not None
        start, end = text.span(each)
        found.append(Argument(each.arg, each.value, start, _outer_start(text, each), end))
    return {each.field: each for each in sorted(found, key=lambda each: each.start)}


def _outer_start(text: Text, keyword: ast.keyword) -> int:
    """Where the value of a keyword begins, a bracket around it included: behind its equals sign and blanks."""
    start, _ = text.span(keyword)
    assert keyword.arg is not None
    place = text.bytes.index(b"=", start + len(keyword.arg.encode())) + 1
    while text.bytes[place : place + 1] in (b" ", b"\t"):
        place += 1
    return place


def values_of(arguments: Mapping[str, Argument]) -> dict[str, Any]:
    """What literals say, by field; what an expression says is left out."""
    found = {}
    for field, argument in arguments.items():
        try:
            found[field] = _value(argument.node)
        except _Code:
            continue
    return found


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="secret") | ast.Attribute(attr="secret"), args=[first], keywords=rest):
            if all(each.arg == "prefix" for each in rest):
                return Secret(_value(first), *(_value(each.value) for each in rest))
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_value(key): _value(value) for key, value in zip(keys, values, strict=True) if key is not None}
        case ast.List(elts=elements):
            return [_value(each) for each in elements]
        case ast.Tuple(elts=elements):
            return tuple(_value(each) for each in elements)
        case _:
            try:
                return ast.literal_eval(node)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                raise _Code from None
    raise _Code


def _said_by(text: Text, call: ast.Call, definition: Definition) -> Definition | None:
    """What a call makes; what it sets by an expression is taken as it is in force."""
    arguments = arguments_of(text, call)
    values = values_of(arguments)
    given: dict[str, Any] = {field: getattr(definition, field, None) for field in arguments} | values
    try:
        return type(definition)(**given)
    except (InvalidDefinition, TypeError, ValueError):
        return None
