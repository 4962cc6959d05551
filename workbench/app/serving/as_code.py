"""What the workbench's own addresses do with files of definitions, and with one that the command line says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from workbench.app.deploy.applying import Applying
from workbench.app.deploy.manifests.comparing import Compared
from workbench.app.deploy.manifests.writing import Form
from workbench.core.masking import masked


class AskedOfFile(msgspec.Struct):
    """What the command line asks of definitions.

    Args:
        path: The file, as a path from the root on.
        shown: What a person calls it.
        kind, name, fields: In place of a file one definition, with the text of each field.
        prune: Whether what the file had once, and has no longer, is removed.
        about: What an export says of itself.
        form: How it is written.
    """

    path: str = ""
    shown: str = ""
    kind: str = ""
    name: str = ""
    fields: dict[str, str] = {}
    prune: bool = False
    about: str = ""
    form: Form = "workbench"


def _checked(applying: Applying, asked: AskedOfFile) -> Any:
    found = applying.read(Path(asked.path), asked.shown)
    return {"definitions": [_named(each.definition) for each in found.items], "said": found.said}


def _compared(applying: Applying, asked: AskedOfFile) -> Any:
    return told(applying.diff(Path(asked.path), asked.shown))


def _applied(applying: Applying, asked: AskedOfFile) -> Any:
    return told(applying.apply(Path(asked.path), asked.shown, prune=asked.prune))


def _defined(applying: Applying, asked: AskedOfFile) -> Any:
    return told(Compared(applying.define(asked.kind, asked.name, asked.fields), []))


def _exported(applying: Applying, asked: AskedOfFile) -> Any:
    return applying.export(asked.about, asked.form)._asdict()


def _named(definition: Any) -> str:
    return f"{type(definition).__name__} {definition.full_name!r}"


def told(compared: Compared) -> Any:
    """What a file changes as plain data, masked."""
    changes = [
        {
            "word": each.word,
            "definition": _named(each.definition),
            "line": each.line,
            "fields": each.fields,
            "where": each.where,
            "said": str(each),
        }
        for each in compared.changes
    ]
    return masked({"changes": changes, "said": compared.said})


FILE_ACTIONS: dict[str, Callable[[Applying, AskedOfFile], Any]] = {
    "validate": _checked,
    "diff": _compared,
    "apply": _applied,
    "define": _defined,
    "export": _exported,
}
"""What the command line may ask of definitions, by the end of its address."""
