"""Zato's `zato.common.util`: small conversions."""

from __future__ import annotations

from typing import Any

from workbench.core.elements import Bool


def as_bool(value: Any) -> bool:
    """True or false, by the usual words; raises ValueError for any other."""
    return bool(Bool("value").convert(value))
