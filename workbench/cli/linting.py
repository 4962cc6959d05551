"""`workbench lint`: what is to be mended in notebooks, before they are committed; none of them runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.cli.testing import notebooks_in
from workbench.core.errors import WorkbenchError
from workbench.testing.lint.linting import lint


def findings(paths: Sequence[str]) -> list[dict[str, Any]]:
    """What is to be mended, one row a finding: `notebook`, `cell` (from 1), `line` (in the cell), `rule`, `says`.

    Args:
        paths: Notebooks and folders of them, the current folder if there are none.

    Raises:
        WorkbenchError: There is no such notebook or folder.
    """
    paths = paths or ["."]
    for path in paths:
        if not Path(path).exists():
            raise WorkbenchError(f"There is no notebook or folder {path!r}. Fix: correct the path.")
    return [
        {"notebook": str(notebook), "cell": each.cell, "line": each.line, "rule": each.rule, "says": each.says}
        for notebook in notebooks_in(paths)
        for each in lint(notebook)
    ]


def said(rows: Sequence[dict[str, Any]]) -> str:
    """The same as lines."""
    lines = [f"{row['notebook']}: cell {row['cell']}, line {row['line']}: {row['rule']}: {row['says']}" for row in rows]
    return "\n".join(lines or ["There is nothing to mend."])
