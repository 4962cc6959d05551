"""Rewrites the call in a cell's text that makes a definition: only the arguments that changed, all else as it was.

One pure function from text to text. What it cannot read with certainty it refuses, and says why.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping
from typing import Any

from workbench.app.code import secrets_of
from workbench.app.deploy.calls import (
    MAGIC,
    NEWLINE,
    Argument,
    SetInCode,
    Text,
    arguments_of,
    found_call,
    tree,
    values_of,
)
from workbench.core.definition import Definition
from workbench.core.source import literal


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
    text, call = found_call(source, before, known)
    arguments = arguments_of(text, call)
    values = values_of(arguments)
    if locked := [field for field in _differing(before, after) if field in arguments and field not in values]:
        raise SetInCode(before, f"{locked[0]} is no literal there")
    made = _changed(text, call, arguments, before, after)
    if any(secrets_of(after)) and "secret(" in made and "secret(" not in source:
        made = _with_import(made, "secret", known)
    return _checked(made, source, before, after, known)


def set_in_code(source: str, definition: Definition, known: Mapping[str, Any]) -> list[str]:
    """The fields of a definition that its cell sets by an expression, which a form does not change.

    Raises:
        SetInCode: The call is not there once, in so many words.
    """
    text, call = found_call(source, definition, known)
    arguments = arguments_of(text, call)
    return sorted(arguments.keys() - values_of(arguments).keys())


def _of_other_kind(source: str, before: Definition, after: Definition, known: Mapping[str, Any]) -> str:
    """A job that runs by cron and ran every hour: the whole call is another one."""
    text, call = found_call(source, before, known)
    arguments = arguments_of(text, call)
    if locked := sorted(arguments.keys() - values_of(arguments).keys()):
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
        for node in ast.walk(tree(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )
    return source if has else _imported(source, name)


def _imported(source: str, name: str) -> str:
    """An import above the first statement that one may stand above: below cell magics, a docstring, `__future__`."""
    text = Text(source)
    first = next(each for each in text.tree.body if not _is_of_the_top(each))
    place = text.at(min(each.lineno for each in (first, *getattr(first, "decorator_list", ()))), 0)
    return _replaced(text.bytes, [(place, place, f"from workbench import {name}\n")])


def _is_of_the_top(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())) | ast.ImportFrom(module="__future__"):
            return True
    return False


def _differing(before: Definition, after: Definition) -> list[str]:
    return [field for field in after.__struct_fields__ if getattr(before, field) != getattr(after, field)]


def _defaults(definition: Definition) -> dict[str, Any]:
    """The value of each field that has its default."""
    told = definition.changed()
    return {each: getattr(definition, each) for each in definition.__struct_fields__ if each not in told}


# How the text is changed.


def _changed(
    text: Text, call: ast.Call, arguments: Mapping[str, Argument], before: Definition, after: Definition
) -> str:
    """The text with each argument that differs replaced, taken out where it is as by default, or added."""
    defaults = _defaults(after)
    edits: list[tuple[int, int, str]] = []
    new: dict[str, Any] = {}
    gone: list[Argument] = []
    for field in _differing(before, after):
        value = getattr(after, field)
        if field not in arguments:
            new[field] = value
        elif field in defaults and field != "name":
            gone.append(arguments[field])
        else:
            edits.append((arguments[field].value_start, arguments[field].end, literal(value)))
    # What comes takes the place of what goes, as minutes do of hours.
    for argument, field in list(zip(gone, new, strict=False)):
        edits.append((argument.start, argument.end, f"{field}={literal(new.pop(field))}"))
        gone.remove(argument)
    return _edited(text, call, arguments, edits, new, gone)


def _edited(
    text: Text,
    call: ast.Call,
    arguments: Mapping[str, Argument],
    edits: list[tuple[int, int, str]],
    new: Mapping[str, Any],
    gone: list[Argument],
) -> str:
    order = list(arguments.values())
    edits = [*edits, *(_removal(text, each, [one for one in order if one not in gone]) for each in gone)]
    if new:
        edits += _additions(text, call, order[-1], [f"{field}={literal(value)}" for field, value in new.items()])
    return _replaced(text.bytes, edits)


def _removal(text: Text, argument: Argument, stay: list[Argument]) -> tuple[int, int, str]:
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
            place = found.start() if (found := NEWLINE.search(text, place)) else len(text)
        elif not rest.isspace() and rest != b"\\":
            return None
        place += 1
    return None


def _behind_newline(text: bytes, place: int) -> int:
    found = NEWLINE.match(text, place)
    return found.end() if found else place


def _additions(text: Text, call: ast.Call, last: Argument, told: list[str]) -> list[tuple[int, int, str]]:
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
    # What is put in at one place stays in its order: a comma, then the line behind it.
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
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
    found_call(made, after, known)
    if _comments(made) != _comments(source):
        raise SetInCode(before, "its call cannot be changed without touching a comment")
    return made


def _comments(source: str) -> list[str]:
    plain = MAGIC.sub(lambda found: "#" + found[0], source)
    try:
        found = list(tokenize.generate_tokens(io.StringIO(plain).readline))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return [line.partition("#")[2] for line in source.splitlines() if "#" in line]
    return [each.string for each in found if each.type == tokenize.COMMENT]
