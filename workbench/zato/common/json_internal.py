"""Zato's `zato.common.json_internal`: JSON, from the standard library."""

from __future__ import annotations

from json import dumps, loads

json_dumps, json_loads = dumps, loads

__all__ = ["dumps", "json_dumps", "json_loads", "loads"]
