"""Rewrites what a service's class says of itself in a cell, as `new_version = "gate"`; all else stays as it was."""

from __future__ import annotations

import ast

from workbench.app.deploy.calls import SetInCode, Text
from workbench.core.source import literal


def with_attribute(source: str, cls: str, attribute: str, value: str) -> str:
    """A cell's text in which a class says an attribute: its value replaced, or a line more behind its first lines.

    Args:
        source: The text of the cell.
        cls: The name of the class; it stands once in the cell, in no other class, function or condition.
        attribute: The attribute's name.
        value: What it is to be.

    Raises:
        SetInCode: The class is not there once, stands in one line, or sets the attribute by more than a literal.
    """
    what = f"{attribute} of class {cls}"
    try:
        text = Text(source)
    except (SyntaxError, ValueError):
        raise SetInCode(what, "its cell is not plain Python") from None
    found = [each for each in text.tree.body if isinstance(each, ast.ClassDef) and each.name == cls]
    if len(found) != 1:
        raise SetInCode(what, f"its cell has {len(found) or 'no'} class{'es' if found else ''} of this name")
    body = found[0].body
    sets = [each for each in ast.walk(text.tree) if _sets(each, attribute)]
    values = [given for each in body if (given := _given(each, attribute)) is not None]
    if len(sets) != len(values) or len(values) > 1:
        raise SetInCode(what, "its cell sets it elsewhere than once in the class")
    if values:
        if not (isinstance(values[0], ast.Constant) and isinstance(values[0].value, str)):
            raise SetInCode(what, "it is no literal there")
        start, end = text.span(values[0])
        return _put(text, start, end, literal(value))
    start, _ = text.line_of(text.at(body[0].lineno, 0))
    indent = text.bytes[start : start + body[0].col_offset].decode()
    if indent.strip():
        raise SetInCode(what, "its class stands in one line")
    return _with_line(text, body, indent, f"{attribute} = {literal(value)}")


def _sets(node: ast.AST, attribute: str) -> bool:
    """Whether a node sets the attribute, of whatever it is."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
            return name == attribute
    return False


def _given(statement: ast.stmt, attribute: str) -> ast.expr | None:
    """What a statement gives the attribute; None if it is about something else."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) if name == attribute:
            return statement.value
        case ast.AnnAssign(target=ast.Name(id=name)) if name == attribute:
            return statement.value
    return None


def _with_line(text: Text, body: list[ast.stmt], indent: str, line: str) -> str:
    """The text with a line more in a class: behind the lines that say what it is, else above all in it."""
    last: ast.stmt | None = None
    for each in body:
        if not (_is_said(each) or (last is not None and each.lineno <= _end(last))):
            break
        last = each
    if last is None:
        # Decorators stand above what they decorate, comments above what they are about.
        top = min(each.lineno for each in (body[0], *getattr(body[0], "decorator_list", ())))
        while text.bytes[text.at(top - 1, 0) : text.at(top, 0)].lstrip().startswith(b"#"):
            top -= 1
        place = text.at(top, 0)
        return _put(text, place, place, f"{indent}{line}\n\n")
    _, place = text.line_of(text.at(_end(last), 0))
    return _put(text, place, place, f"\n{indent}{line}")


def _is_said(statement: ast.stmt) -> bool:
    """Whether a statement says what a class is: its docstring, or a value of its own."""
    match statement:
        case ast.Assign() | ast.AnnAssign() | ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def _end(statement: ast.stmt) -> int:
    assert statement.end_lineno is not None
    return statement.end_lineno


def _put(text: Text, start: int, end: int, new: str) -> str:
    return (text.bytes[:start] + new.encode() + text.bytes[end:]).decode()
