"""The code that a form stands for: what a person pastes to keep what they clicked."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from typing import Any

from workbench import __all__
from workbench.core.definition import Definition
from workbench.core.secret import Secret

WIDEST = 110


def code_of(definition: Definition, namespace: Mapping[str, Any] | None = None) -> str:
    """`wb.define(...)` of a definition, only with what differs from its defaults.

    Args:
        definition: What to write.
        namespace: Names the cell can use already, the person's own by default; the others are imported first.
    """
    known = vars(sys.modules["__main__"]) if namespace is None else namespace
    missing = [name for name in _names(definition) if name not in known]
    imports = f"from workbench import {', '.join(missing)}\n\n" if missing else ""
    return f"{imports}wb.define({call_of(definition)})"


def call_of(definition: Definition) -> str:
    """The call that makes a definition; texts of several lines are written as such, and come last."""
    changed = definition.changed()
    arguments = [literal(definition.name)]
    # Last, so that the short arguments stay together in sight.
    for field in sorted(changed, key=lambda each: _is_block(changed[each])):
        arguments.append(f"{field}={literal(changed[field])}")
    name, flat = type(definition).__name__, ", ".join(arguments)
    if len(flat.partition("\n")[0]) + len(name) <= WIDEST:
        return f"{name}({flat})"
    return f"{name}(\n    " + ",\n    ".join(arguments) + ",\n)"


def literal(value: Any) -> str:
    """A value as a person writes it, in double quotes."""
    match value:
        case Secret():
            return f"secret({literal(value.name)})"
        case str():
            return _block(value) if _is_block(value) else _quoted(value)
        case tuple():
            return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{literal(key)}: {literal(each)}' for key, each in value.items())}}}"
    return repr(value)


def _quoted(text: str) -> str:
    said = repr(text)
    return f'"{said[1:-1]}"' if said.startswith("'") and '"' not in text and "'" not in text else said


def _is_block(value: Any) -> bool:
    return isinstance(value, str) and value.count("\n") > 1 and ast.literal_eval(_block(value, safe=True)) == value


def _block(text: str, *, safe: bool = False) -> str:
    plain = text.isprintable() or text.replace("\n", "").isprintable()
    if safe and (not plain or "\\" in text or '"""' in text or text.endswith('"')):
        return "None"
    return f'"""{text}"""'


def _names(definition: Definition) -> list[str]:
    """What the code uses besides `wb`."""
    changed = definition.changed().values()
    names = [type(definition).__name__, *(["secret"] if any(isinstance(each, Secret) for each in changed) else [])]
    return [name for name in names if name in __all__]
