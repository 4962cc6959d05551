"""Takes secrets out of what travels: a literal of code becomes `secret("NAME")` or `"***"`, any other place `***`."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.core.masking import MARK, Masker
from workbench.sharing.secrets import lines_of, plain, text_of, tokens_of, tree_of

IMPORT = "from workbench import secret"


def mended_code(text: str, taken: Mapping[str, str], masker: Masker, has_import: bool = True) -> str:
    """A cell or module without these values.

    Args:
        text: As it is written.
        taken: Each value, with the name that stands for it from now on; '' removes it.
        masker: Masks the same values.
        has_import: Whether `secret` can be used in it without an import of its own.
    """
    tree = tree_of(text)
    lines = lines_of(text)
    names = False
    for node in sorted(_literals(tree, taken), key=lambda node: (node.lineno, node.col_offset), reverse=True):
        name = taken[text_of(node)]
        names = names or bool(name)
        _replace(lines, node, f'secret("{name}")' if name else f'"{MARK}"')
    mended = _masked_words("".join(lines), masker)
    if not names or has_import:
        return mended
    lines = lines_of(mended)
    lines.insert(_first_line(mended), f"{IMPORT}\n")
    return "".join(lines)


def _first_line(text: str) -> int:
    """Where an import may stand first: below the magic of a cell, a docstring, and what is imported from the future."""
    at = 1 if text.startswith("%%") else 0
    tree = tree_of(text)
    for number, node in enumerate(tree.body if tree is not None else ()):
        is_docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_docstring and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        at = node.end_lineno or at
    return at


def _literals(tree: ast.Module | None, taken: Mapping[str, str]) -> Iterator[ast.Constant]:
    """The literals that are one of the values as a whole; parts of f-strings are none, and their places not theirs."""
    waiting: list[ast.AST] = [tree] if tree is not None else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and text_of(node) in taken:
            yield node
        if not isinstance(node, ast.JoinedStr):
            waiting += ast.iter_child_nodes(node)


def _replace(lines: list[str], node: ast.Constant, new: str) -> None:
    """Put text in place of a node, whose columns count bytes of UTF-8."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    before = lines[first].encode()[: node.col_offset].decode()
    after = lines[last].encode()[node.end_col_offset :].decode()
    # As in `return"..."`, where the quote alone ends the word before it.
    room = " " if before[-1:].isidentifier() else ""
    lines[first : last + 1] = [f"{before}{room}{new}{after}"]


def _masked_words(text: str, masker: Masker) -> str:
    """Mask in texts and comments alone: a weak password may be a word of the language."""
    if masker.mask(text) == text:
        return text
    try:
        words = tokens_of(text)
    except (tokenize.TokenError, SyntaxError):
        return masker.mask(text)
    lines = lines_of(plain(text))
    for each in reversed(words):
        (first, start), (last, end) = each.start, each.end
        before, after = lines[first - 1][:start], lines[last - 1][end:]
        lines[first - 1 : last] = [f"{before}{masker.mask(each.string)}{after}"]
    masked = "".join(lines)
    return f"%{masked[1:]}" if text.startswith("%%") else masked


def mended_notebook(notebook: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """A notebook without the values, but for its code, which `mended_code` mends; its own keys stay as they are."""
    cells = [_cell(each, masker) for each in notebook["cells"]]
    return {**notebook, "metadata": _mended(notebook.get("metadata", {}), masker), "cells": cells}


def _cell(cell: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    made = {**cell, "metadata": _mended(cell.get("metadata", {}), masker)}
    if cell.get("cell_type") != "code":
        made["source"] = masker.mask(_joined(cell.get("source", "")))
    if "attachments" in cell:
        made["attachments"] = {masker.mask(name): _mended(each, masker) for name, each in cell["attachments"].items()}
    if "outputs" in cell:
        made["outputs"] = [_output(each, masker) for each in cell["outputs"]]
    return made


def _output(output: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    kept = {"output_type", "name", "execution_count"}
    return {key: value if key in kept else _mended(value, masker) for key, value in output.items()}


def _mended(value: Any, masker: Masker) -> Any:
    """JSON without the values; a list of the lines of a text is mended as one."""
    if isinstance(value, str):
        return masker.mask(value)
    if isinstance(value, dict):
        return {key: _mended(each, masker) for key, each in value.items()}
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        text = "".join(value)
        return value if masker.mask(text) == text else [masker.mask(text)]
    return [_mended(each, masker) for each in value] if isinstance(value, list) else value


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)
