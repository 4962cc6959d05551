"""What `workbench jobs` and `workbench cache` can do, by its word."""

from __future__ import annotations

from typing import Literal

CacheAction = Literal["list", "get", "set", "delete"]
JobAction = Literal[
    "list",
    "calendar",
    "show",
    "preview",
    "runs",
    "account",
    "execute",
    "backfill",
    "pause",
    "resume",
    "remove",
    "import-crontab",
]
