"""Rewrites the call in a cell's text that makes a definition: only the arguments that changed, all else as it was.

One pure function from text to text. What it cannot read with certainty it refuses, and says why.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from workbench.app.code import secrets_of
from workbench.core.definition import Definition
from workbench.core.errors import InvalidDefinition, WorkbenchError
from workbench.core.secret import Secret
from workbench.core.source import literal, tree_of

_NEWLINE = re.compile(rb"\r\n|\r|\n")
_MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)
_AGAIN = (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_IDENTITY = ("on",)


class SetInCode(WorkbenchError):
    """A definition is made by code in a way that a form does not rewrite."""

    def __init__(self, definition: Definition, why: str) -> None:
        super().__init__(f"{definition} is set in code: {why}. Fix: change it in its cell.")


class _Code(Exception):
    """An argument that is no literal."""


class _Argument(NamedTuple):
    """One argument of the call, in bytes of the text: `start` is that of its keyword."""

    field: str
    node: ast.expr
    start: int
    value_start: int
    end: int


class _Text:
    """A cell's text in bytes, as positions of a tree count it.

    Raises:
        SyntaxError: It is no Python, lines of magics apart.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.bytes = source.encode()
        self.tree = _tree(source)
        self._lines = [0, *(each.end() for each in _NEWLINE.finditer(self.bytes))]

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
        found = _NEWLINE.search(self.bytes, place)
        return max(each for each in self._lines if each <= place), found.start() if found else len(self.bytes)


def _tree(source: str) -> ast.Module:
    try:
        return tree_of(source)
    except SyntaxError:
        # Lines of magics, as comments of the same length: every position stays.
        plain = _MAGIC.sub(lambda found: found[1] + "#" * (len(found[0].encode()) - len(found[1])), source)
        return tree_of(plain)


def rewritten(source: str, before: Definition, after: Definition, known: Mapping[str, Any]) -> str:
    """A cell's text in which the call that makes `before` makes `after`.

    Args:
        source: The text of the cell.
        before: What the call makes.
        after: What it is to make; of the same name.
        known: What the names of the cell mean, as of the notebook.

    Raises:
        SetInCode: The call is not there once, in so many words; an argument that would change is no literal; or the
            text would not make what it is to make.
    """
    if not isinstance(after, type(before)):
        return _of_other_kind(source, before, after, known)
    text, call = _found(source, before, known)
    arguments = _arguments(text, call)
    values = _values(arguments)
    changed = {field: getattr(after, field) for field in _differing(before, after)}
    for field in changed:
        if field in arguments and field not in values:
            raise SetInCode(before, f"{field} is no literal there")
    defaults = _defaults(after)
    edits: list[tuple[int, int, str]] = []
    new: dict[str, Any] = {}
    gone: list[_Argument] = []
    for field, value in changed.items():
        if field not in arguments:
            new[field] = value
        elif field != "name" and defaults.get(field, _Code) == value:
            gone.append(arguments[field])
        else:
            edits.append((arguments[field].value_start, arguments[field].end, literal(value)))
    # What comes takes the place of what goes, as minutes do of hours.
    for argument, field in list(zip(gone, new, strict=False)):
        edits.append((argument.start, argument.end, f"{field}={literal(new.pop(field))}"))
        gone.remove(argument)
    made = _edited(text, call, arguments, edits, new, gone)
    if any(secrets_of(after)) and "secret(" in made and "secret(" not in source:
        made = _with_import(made, "secret", known)
    return _checked(made, source, before, after, known)


def set_in_code(source: str, definition: Definition, known: Mapping[str, Any]) -> list[str]:
    """The fields of a definition that its cell sets by an expression, which a form does not change.

    Raises:
        SetInCode: The call is not there once, in so many words.
    """
    text, call = _found(source, definition, known)
    arguments = _arguments(text, call)
    return sorted(arguments.keys() - _values(arguments).keys())


def _of_other_kind(source: str, before: Definition, after: Definition, known: Mapping[str, Any]) -> str:
    """A job that runs by cron and ran every hour: the whole call is another one."""
    text, call = _found(source, before, known)
    arguments = _arguments(text, call)
    if locked := sorted(arguments.keys() - _values(arguments).keys()):
        raise SetInCode(before, f"{', '.join(locked)} is no literal there")
    start, end = text.span(call)
    if _comments(text.bytes[start:end].decode()):
        raise SetInCode(before, "its call has comments, which another kind of it would lose")
    head, code = text.bytes[slice(*text.span(call.func))].decode(), after.to_code()
    owner = head.rpartition(".")[0]
    made = _replaced(text.bytes, [(start, end, f"{owner}.{code}" if owner else code)])
    made = made if owner else _with_import(made, type(after).__name__, known)
    return _checked(made, source, before, after, known)


def _with_import(source: str, name: str, known: Mapping[str, Any]) -> str:
    has = name in known or any(
        alias.name in (name, "*")
        for node in ast.walk(_tree(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )
    return source if has else f"from workbench import {name}\n{source}"


# How the call is found, and what it says.


def _found(source: str, definition: Definition, known: Mapping[str, Any]) -> tuple[_Text, ast.Call]:
    try:
        text = _Text(source)
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


def _arguments(text: _Text, call: ast.Call) -> dict[str, _Argument]:
    """The arguments of a call by field, in their order in the text."""
    found = [_Argument("name", node, text.span(node)[0], *text.span(node)) for node in call.args]
    for each in call.keywords:
        assert each.arg is not None
        start, end = text.span(each)
        found.append(_Argument(each.arg, each.value, start, _outer_start(text, each), end))
    return {each.field: each for each in sorted(found, key=lambda each: each.start)}


def _outer_start(text: _Text, keyword: ast.keyword) -> int:
    """Where the value of a keyword begins, a bracket around it included: behind its equals sign and blanks."""
    start, _ = text.span(keyword)
    assert keyword.arg is not None
    place = text.bytes.index(b"=", start + len(keyword.arg.encode())) + 1
    while text.bytes[place : place + 1] in (b" ", b"\t"):
        place += 1
    return place


def _values(arguments: Mapping[str, _Argument]) -> dict[str, Any]:
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


def _said_by(text: _Text, call: ast.Call, definition: Definition) -> Definition | None:
    """What a call makes; what it sets by an expression is taken as it is in force."""
    arguments = _arguments(text, call)
    values = _values(arguments)
    given: dict[str, Any] = {field: getattr(definition, field, None) for field in arguments} | values
    try:
        return type(definition)(**given)
    except (InvalidDefinition, TypeError, ValueError):
        return None


def _differing(before: Definition, after: Definition) -> list[str]:
    return [field for field in after.__struct_fields__ if getattr(before, field) != getattr(after, field)]


def _defaults(definition: Definition) -> dict[str, Any]:
    """The value of each field that has its default."""
    told = definition.changed()
    return {each: getattr(definition, each) for each in definition.__struct_fields__ if each not in told}


# How the text is changed.


def _edited(
    text: _Text,
    call: ast.Call,
    arguments: Mapping[str, _Argument],
    edits: list[tuple[int, int, str]],
    new: Mapping[str, Any],
    gone: list[_Argument],
) -> str:
    order = list(arguments.values())
    edits = [*edits, *(_removal(text, each, [one for one in order if one not in gone]) for each in gone)]
    if new:
        edits += _additions(text, call, order[-1], [f"{field}={literal(value)}" for field, value in new.items()])
    return _replaced(text.bytes, edits)


def _removal(text: _Text, argument: _Argument, stay: list[_Argument]) -> tuple[int, int, str]:
    """An argument with its comma; the whole line where it has one to itself, but not its comment."""
    start, end = argument.start, argument.end
    comma = _comma(text.bytes, end)
    first, _ = text.line_of(start)
    _, last = text.line_of(end)
    own_line = not text.bytes[first:start].strip()
    if own_line and comma is not None and comma <= last:
        rest = text.bytes[comma:last]
        if not rest.strip():
            return first, _behind_newline(text.bytes, last), ""
        if rest.lstrip().startswith(b"#"):
            return start, comma + len(rest) - len(rest.lstrip()), ""
    if comma is not None:
        while text.bytes[comma : comma + 1] in (b" ", b"\t"):
            comma += 1
        return start, comma, ""
    # The last one, without a comma: that of the one before may stay where they are in different lines.
    before = max((each.end for each in stay if each.end <= start), default=start)
    between = text.bytes[before:start]
    return (start, end, "") if b"#" in between or b"\n" in between else (before, end, "")


def _comma(text: bytes, place: int) -> int | None:
    """The place behind the comma that follows, closing brackets of the value left behind; None if there is none."""
    while place < len(text):
        rest = text[place : place + 1]
        if rest == b",":
            return place + 1
        if rest == b"#":
            place = found.start() if (found := _NEWLINE.search(text, place)) else len(text)
        elif not rest.isspace() and rest != b"\\":
            return None
        place += 1
    return None


def _behind_newline(text: bytes, place: int) -> int:
    found = _NEWLINE.match(text, place)
    return found.end() if found else place


def _additions(text: _Text, call: ast.Call, last: _Argument, told: list[str]) -> list[tuple[int, int, str]]:
    """New arguments behind the last one: in its line, or in lines of their own where it has one to itself."""
    comma = _comma(text.bytes, last.end)
    line, _ = text.line_of(last.start)
    before = text.bytes[line : last.start]
    _, end_of_last = text.line_of(last.end)
    closing = text.span(call)[1] - 1
    if before.strip() or closing <= end_of_last or (comma is not None and comma > end_of_last):
        joined = ", ".join(told)
        return [(comma, comma, f" {joined},")] if comma is not None else [(last.end, last.end, f", {joined}")]
    indent = before.decode()
    lines = "".join(f"\n{indent}{each}," for each in told)
    edits = [] if comma is not None else [(last.end, last.end, ",")]
    return [*edits, (end_of_last, end_of_last, lines)]


def _replaced(text: bytes, edits: list[tuple[int, int, str]]) -> str:
    merged: list[tuple[int, int, str]] = []
    for start, end, new in sorted(edits):
        # What goes beside each other overlaps.
        if merged and start < merged[-1][1] and not new and not merged[-1][2]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), "")
        else:
            merged.append((start, end, new))
    for start, end, new in reversed(merged):
        text = text[:start] + new.encode() + text[end:]
    return text.decode()


# Whether it became what it was to become.


def _checked(made: str, source: str, before: Definition, after: Definition, known: Mapping[str, Any]) -> str:
    """The text, if it makes `after` and has every comment that it had.

    Raises:
        SetInCode: It does not.
    """
    _found(made, after, known)
    if _comments(made) != _comments(source):
        raise SetInCode(before, "its call cannot be changed without touching a comment")
    return made


def _comments(source: str) -> list[str]:
    plain = _MAGIC.sub(lambda found: "#" + found[0], source)
    try:
        found = list(tokenize.generate_tokens(io.StringIO(plain).readline))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return [line.partition("#")[2] for line in source.splitlines() if "#" in line]
    return [each.string for each in found if each.type == tokenize.COMMENT]
