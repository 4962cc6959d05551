"""Zato's `zato.common.util`: small conversions."""

from __future__ import annotations

from typing import Any

from workbench.core.payload.elements import Bool


def as_bool(value: Any) -> bool:
    """True or false, by the usual words; raises ValueError for any other."""
    try:
        return bool(Bool("value").convert(value))
    except ValueError as exc:
        raise ValueError(f"{value!r} is neither true nor false. Fix: say true or false, yes or no, 1 or 0.") from exc
