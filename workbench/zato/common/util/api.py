"""Zato's `zato.common.util.api`: the same small conversions."""

from __future__ import annotations

from workbench.zato.common.util import as_bool, asbool, grouper, new_cid

__all__ = ["as_bool", "asbool", "grouper", "new_cid"]
