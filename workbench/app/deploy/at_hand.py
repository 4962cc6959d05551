"""The names that need no import: those of the package, where a notebook's cells find them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def at_hand() -> dict[str, Any]:
    """Every public name of the package with its value, without `wb`, which is for the caller to say.

    Imported when asked for: the package's own names are imported when first used.
    """
    package = import_module("workbench")
    return {name: getattr(package, name) for name in package.HOMES}
