"""What `workbench jobs` can do, by its word."""

from __future__ import annotations

from typing import Literal

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
