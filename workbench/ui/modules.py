"""Joins the front end's ES modules into the one that a widget is sent as: no build, no address to fetch from."""

from __future__ import annotations

import re
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.-]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)


def joined(entry: str) -> str:
    """A module with those it imports from beside it, each once and before its use; names must differ between them."""
    texts: dict[str, str] = {}
    _collect(entry, texts)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts.values())


def _collect(name: str, texts: dict[str, str]) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    for imported in _IMPORT.findall(text):
        if imported not in texts:
            _collect(imported, texts)
    texts[name] = text
