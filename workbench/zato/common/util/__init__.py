"""Zato's `zato.common.util`: small conversions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from workbench.core.cid import new_cid
from workbench.core.payload.elements import Bool


def as_bool(value: Any) -> bool:
    """True or false, by the usual words; raises ValueError for any other."""
    try:
        return bool(Bool("value").convert(value))
    except ValueError as exc:
        raise ValueError(f"{value!r} is neither true nor false. Fix: say true or false, yes or no, 1 or 0.") from exc


asbool = as_bool


def grouper(n: int, iterable: Iterable[Any], fillvalue: Any = None) -> Iterator[tuple[Any, ...]]:
    """Groups of `n`; the last one is filled up."""
    return zip_longest(*[iter(iterable)] * n, fillvalue=fillvalue)


__all__ = ["as_bool", "asbool", "grouper", "new_cid"]
