"""Looks at notebooks by all rules, and leaves out what a comment allows with a reason."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from workbench.testing.lint.code import blocking_in_async, non_determinism
from workbench.testing.lint.notebook import CodeCell, Finding, Notebook
from workbench.testing.lint.secrets import secret_in_notebook
from workbench.testing.lint.state import out_of_order, undefined_name
from workbench.testing.lint.wiring import early_delete, undefined_connection, unguarded_channel, unsaid_missed
from workbench.testing.saved import NotTestable

Rule = Callable[[Notebook], Iterator[Finding]]
_RULES: tuple[Rule, ...] = (
    undefined_connection,
    unguarded_channel,
    unsaid_missed,
    early_delete,
    blocking_in_async,
    secret_in_notebook,
    out_of_order,
    undefined_name,
    non_determinism,
)
RULES: dict[str, Rule] = {rule.__name__.replace("_", "-"): rule for rule in _RULES}
"""Each rule by its name, as comments and findings say it."""

_ALLOW = re.compile(r"#\s*workbench:\s*allow\b[\s:]*(?P<rules>[\w-]+(?:\s*,\s*[\w-]+)*)?\s*(?::\s*(?P<reason>.*))?$")


class Allowed(NamedTuple):
    """What a comment allows: a rule in one line, with `line` 0 in a whole cell, with `cell` 0 in the notebook."""

    rule: str
    cell: int
    line: int

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is allowed by it."""
        in_cell = self.cell in (0, finding.cell)
        return self.rule == finding.rule and in_cell and (not self.line or finding.line <= self.line <= finding.last)


def lint(path: Path) -> list[Finding]:
    """What is to be mended in a notebook, in the order of its cells; nothing of it runs.

    A comment `# workbench: allow RULE: REASON` silences a rule: at the end of a line for what stands there, in a line
    of its own for the cell, and in a line of its own in the first cell of code for the notebook.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        notebook = Notebook(path)
    except NotTestable as exc:
        return [Finding(0, 1, 1, "unreadable", str(exc))]
    allowed, unclear = allowances(notebook)
    found = [*notebook.broken, *unclear]
    for rule in RULES.values():
        found += [each for each in rule(notebook) if not any(one.covers(each) for one in allowed)]
    return sorted(found)


def allowances(notebook: Notebook) -> tuple[list[Allowed], list[Finding]]:
    """What comments of a notebook allow, and findings about those that are unclear."""
    allowed, unclear = list[Allowed](), list[Finding]()
    for at, cell in enumerate(notebook.cells):
        for line, is_alone, comment in _comments(cell):
            if match := _ALLOW.search(comment):
                rules = [each.strip() for each in (match["rules"] or "").split(",")]
                if said := _unclear(rules, match["reason"] or ""):
                    unclear.append(Finding(cell.number, line, line, "unclear-allow", said))
                    continue
                place = (0 if at == 0 else cell.number, 0) if is_alone else (cell.number, line)
                allowed += [Allowed(rule, *place) for rule in rules]
    return allowed, unclear


def _comments(cell: CodeCell) -> Iterator[tuple[int, bool, str]]:
    """Each comment of a cell: its line, whether it has the line to itself, its text."""
    for token in tokenize.generate_tokens(io.StringIO(cell.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], not token.line[: token.start[1]].strip(), token.string


def _unclear(rules: list[str], reason: str) -> str:
    """What is wrong with a comment that allows something; '' if nothing is."""
    if unknown := [each for each in rules if each not in RULES]:
        what = f"There is no rule {unknown[0]!r}" if unknown[0] else "The comment names no rule"
        return f"{what}; there are: {', '.join(RULES)}. Fix: # workbench: allow RULE: REASON"
    if not reason.strip():
        return f"It is not said why {rules[0]} is allowed. Fix: # workbench: allow {', '.join(rules)}: REASON"
    return ""
