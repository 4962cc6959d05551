"""`%%test` cells, and plain `assert` that says which values it saw, as in pytest; in any shell of IPython."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

from workbench.app.deploy.notebooks import TEST_MAGIC

_CELL = "cell"


def register(shell: Any) -> Callable[[], None]:
    """Take `%%test` cells and rewrite asserts in a shell from now on; returns the call that ends it."""
    if any(isinstance(each, RewrittenAsserts) for each in shell.ast_transformers):
        return lambda: None
    asserts, cleanup = RewrittenAsserts(), shell.input_transformers_cleanup
    shell.ast_transformers.append(asserts)
    cleanup.append(_without_magic)
    shell.register_magic_function(_test, "cell", TEST_MAGIC.strip("%"))

    def end() -> None:
        if asserts in shell.ast_transformers:
            shell.ast_transformers.remove(asserts)
        if _without_magic in cleanup:
            cleanup.remove(_without_magic)
        shell.magics_manager.magics["cell"].pop(TEST_MAGIC.strip("%"), None)

    return end


def test_name(text: str) -> str | None:
    """What a `%%test` cell is called, '' if by nothing; None for any other cell."""
    first = text.lstrip().partition("\n")[0].split(maxsplit=1)
    return " ".join(first[1:]).strip() if first[:1] == [TEST_MAGIC] else None


def _without_magic(lines: list[str]) -> list[str]:
    """A `%%test` cell runs as any other: with `await`, magics, and the line numbers that a person sees."""
    return [f"# {lines[0]}", *lines[1:]] if lines and test_name(lines[0]) is not None else lines


def _test(line: str, cell: str) -> None:
    """`%%test [NAME]`: the cell is a test, and says how it went; `workbench test` runs it, `serve` does not."""
    raise AssertionError("such a cell is read before IPython looks for its magic")


class RewrittenAsserts:
    """Has each `assert` of a cell say which values it saw, by pytest's own rewriting; the first imports pytest."""

    def visit(self, tree: ast.Module) -> ast.Module:
        """Rewrite one cell; IPython's protocol of transformers."""
        if any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
            from _pytest.assertion import rewrite, util

            if util._reprcompare is None:
                util._reprcompare = _compared
            rewrite.rewrite_asserts(tree, b"", _CELL)
            for node in ast.walk(tree):
                # IPython fills in the ends of what has none, as if it stood in line 1.
                if isinstance(node, ast.stmt | ast.expr | ast.alias) and getattr(node, "end_lineno", None) is None:
                    node.end_lineno = getattr(node, "lineno", None)
                    node.end_col_offset = getattr(node, "col_offset", None)
        return tree


_config: list[Any] = []


def _compared(operator: str, left: object, right: object) -> str | None:
    """How two values differ, in pytest's words; None where it has no more to say than what both are."""
    if not _config:
        from _pytest.config import get_config

        # Of pytest itself alone: no plugins, no settings of the project, no hook in imports.
        with TemporaryDirectory() as nowhere:
            config = get_config([])
            config.parse(
                ["-v", "--assert=plain", "--disable-plugin-autoload", "-c", os.devnull, f"--rootdir={nowhere}"]
            )
        _config.append(config)
    for lines in _config[0].hook.pytest_assertrepr_compare(config=_config[0], op=operator, left=left, right=right):
        if lines and (shown := [str(line).replace("\n", "\\n") for line in lines]):
            return "\n~".join(shown).replace("%", "%%")
    return None
