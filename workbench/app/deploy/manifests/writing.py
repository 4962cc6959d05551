"""Writes definitions as a file that reads back as equal ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import yaml

from workbench.app.deploy.manifests.enmasse.writing import sections_of
from workbench.app.deploy.manifests.kinds import kinds
from workbench.app.deploy.manifests.tree import scalar
from workbench.app.deploy.manifests.values import written
from workbench.core.definition import Definition

Form = Literal["workbench", "enmasse"]

WIDTH = 100
"""Where long texts are broken [characters]."""

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_DUMPER):  # type: ignore[misc]
    """Puts in quotes all that a reader of YAML 1.1 or 1.2 takes for something else than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    lines = "\n" in text
    # What 1.1 takes for something else, the dumper itself puts in quotes.
    style = "|" if lines else None if isinstance(scalar(text), str) and text != "<<" else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def text_of(definitions: Iterable[Definition], about: str = "", form: Form = "workbench") -> str:
    """The file of definitions: kinds in their usual order, and of each only what differs from its defaults.

    Args:
        definitions: In any order; those of a kind stay in theirs.
        about: A first line that says what it is.
        form: Kinds and fields as in code, or the sections of Zato's enmasse.
    """
    by_kind = sections_of(definitions) if form == "enmasse" else _by_kind(definitions)
    parts = [_dumped({kind: found}) for kind, found in by_kind.items() if found]
    return "\n".join([f"# {about}\n" * bool(about), *parts]).lstrip("\n")


def _by_kind(definitions: Iterable[Definition]) -> dict[str, list[dict[str, Any]]]:
    by_kind: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds()}
    for each in definitions:
        fields = {field: written(value) for field, value in {"name": each.name, **each.changed()}.items()}
        by_kind.setdefault(type(each).__name__, []).append(fields)
    return by_kind


def _dumped(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH))
