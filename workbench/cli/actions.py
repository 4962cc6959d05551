"""What is typed at the command line: the words of `workbench jobs`, and ports."""

from __future__ import annotations

from typing import Literal

from typer import BadParameter

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
"""What `workbench jobs` can do."""


def port_of(text: str) -> int:
    """A port as it is typed."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise BadParameter(f"{text!r} is no port; give a number from 0 to 65535")
    return int(text)
