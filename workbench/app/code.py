"""The code that definitions stand for: what a person pastes to keep what they clicked."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from typing import Any

from workbench.core.definition import Definition
from workbench.core.secret import Secret
from workbench.core.source import expression_of

LONGEST_LINE = 88
"""As formatters of Python break lines [characters]. Source: https://black.readthedocs.io"""


def code_of(*definitions: Definition, namespace: Mapping[str, Any] | None = None) -> str:
    """`wb.define(...)` of each definition, only with what differs from its defaults.

    Args:
        definitions: What to write.
        namespace: Names the cell can use already, the person's own by default; the others are imported first.
    """
    known = vars(sys.modules["__main__"]) if namespace is None else namespace
    missing = [name for name in dict.fromkeys(each for one in definitions for each in _names(one)) if name not in known]
    imports = f"from workbench import {', '.join(missing)}\n\n" if missing else ""
    return imports + "\n".join(laid_out(f"wb.define({each.to_code()})") for each in definitions)


def laid_out(code: str) -> str:
    """`wb.define(X(...))` with one argument of X a line where it is too long for one."""
    if len(code) <= LONGEST_LINE:
        return code
    outer = expression_of(code)
    assert isinstance(outer, ast.Call)
    inner = outer.args[0]
    assert isinstance(inner, ast.Call)
    told = [ast.get_source_segment(code, each) for each in (*inner.args, *inner.keywords)]
    head = ast.get_source_segment(code, inner.func)
    return "\n".join([f"wb.define({head}(", *(f"    {each}," for each in told), "))"])


def _names(definition: Definition) -> list[str]:
    """What the code uses besides `wb`, as far as `from workbench import` brings it: our own kinds are all exported."""
    ours = type(definition).__module__.partition(".")[0] == "workbench"
    names = [type(definition).__name__] if ours else []
    return [*names, *(["secret"] if secrets_of(definition) else [])]


def secrets_of(definition: Definition) -> list[Secret]:
    """The secrets that a definition names, in headers and the like, too."""
    fields = definition.changed().values()
    values = [each for value in fields for each in (value.values() if isinstance(value, dict) else (value,))]
    return [each for each in values if isinstance(each, Secret)]
