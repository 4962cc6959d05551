"""What stands around a call of a service in tests of connections alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from workbench.runtime.traffic import Traffic


def surroundings(**more: Any) -> Any:
    """Somewhere to keep what is logged meanwhile, and `more`."""
    return SimpleNamespace(traffic=Traffic(), **more)
