"""Python as text: written from the values of a definition, as a person would, and read as a tree."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from workbench.core.secret import Secret

T = TypeVar("T")
WIDEST = 110
TRIES = 5


def call(name: str, first: Any, fields: Mapping[str, Any], *, one_line: bool = False) -> str:
    """A call as source: `name(first, field=value, ...)`.

    Args:
        name: What is called.
        first: The argument without a keyword.
        fields: The keywords, in order; texts of several lines are written as such, and come last.
        one_line: Write everything on one line, whatever its length; else lines of at most 110 characters, where an
            argument alone is not longer.
    """
    # Last, so that the short arguments stay together in sight.
    order = fields if one_line else sorted(fields, key=lambda each: _is_block(fields[each]))
    arguments = [literal(first, one_line=one_line)]
    arguments += [f"{field}={literal(fields[field], one_line=one_line)}" for field in order]
    flat = ", ".join(arguments)
    if one_line or len(flat.partition("\n")[0]) + len(name) <= WIDEST:
        return f"{name}({flat})"
    return f"{name}(\n    " + ",\n    ".join(arguments) + ",\n)"


def literal(value: Any, *, one_line: bool = False) -> str:
    """A value as a person writes it, in double quotes."""

    def inner(each: Any) -> str:
        return literal(each, one_line=one_line)

    match value:
        case Secret():
            prefix = f", prefix={inner(value.prefix)}" if value.prefix else ""
            return f"secret({inner(value.name)}{prefix})"
        case str():
            return _block(value) if not one_line and _is_block(value) else _quoted(value)
        case tuple():
            return f"({', '.join(map(inner, value))}{',' if len(value) == 1 else ''})"
        case list():
            return f"[{', '.join(map(inner, value))}]"
        case dict():
            return f"{{{', '.join(f'{inner(key)}: {inner(each)}' for key, each in value.items())}}}"
    return repr(value)


def _quoted(text: str) -> str:
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain.startswith("'") and '"' not in text and "'" not in text else plain


def _is_block(value: Any) -> bool:
    return isinstance(value, str) and value.count("\n") > 1 and value_in(_block(value, safe=True)) == value


def _block(text: str, *, safe: bool = False) -> str:
    plain = text.isprintable() or text.replace("\n", "").isprintable()
    if safe and (not plain or "\\" in text or '"""' in text or text.endswith('"')):
        return "None"
    return f'"""{text}"""'


def tree_of(text: str) -> ast.Module:
    """The tree of Python text; raises SyntaxError."""
    return undisturbed(lambda: ast.parse(text))


def expression_of(text: str) -> ast.expr:
    """The tree of one expression; raises SyntaxError."""
    return undisturbed(lambda: ast.parse(text, mode="eval")).body


def value_in(text: str) -> Any:
    """The value that a literal stands for; raises ValueError, SyntaxError."""
    return undisturbed(lambda: ast.literal_eval(text))


def undisturbed(build: Callable[[], T]) -> T:
    """Do what builds a tree, again if another thread's tree came in between.

    CPython 3.11 counts the depth of all trees of a process in one place, and refuses with SystemError what is fine
    when two are built at once (python/cpython#106905). Every traceback that is logged builds trees, on any thread.
    """
    for _ in range(TRIES - 1):
        try:
            return build()
        except SystemError:
            continue
    return build()


def forget_module(name: str) -> None:
    """Have the next import of a module read its text.

    Python would take the bytecode of a text that has been replaced within the same second by one of the same length.
    """
    spec = getattr(sys.modules.pop(name, None), "__spec__", None)
    # A module without a text is its own bytecode.
    if spec is not None and spec.cached not in (None, spec.origin):
        with suppress(OSError):
            Path(spec.cached).unlink()
