"""Joins the front end's ES modules and style sheets as a widget is sent them: no build, no address to fetch from."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).resolve().parent / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "(\.[\w./-]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)


@cache
def joined(entry: str) -> str:
    """A module with those it imports, each once and before its use; names must differ between them."""
    texts: dict[Path, str] = {}
    _collect(STATIC / entry, texts)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts.values())


@cache
def styles(*names: str) -> str:
    """Style sheets, one after another."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def _collect(module: Path, texts: dict[Path, str]) -> None:
    text = module.read_text(encoding="utf-8")
    for imported in _IMPORT.findall(text):
        path = (module.parent / imported).resolve()
        if path not in texts:
            _collect(path, texts)
    texts[module] = text
