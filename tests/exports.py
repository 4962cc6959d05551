"""Writes the lists that are made of the catalog: what `from workbench import ...` finds, for Python and type checkers.

    python -m tests.exports

A test compares; run this after a kind of connection has come, gone or moved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from workbench.connections.catalog import ROWS

PACKAGE = Path(__file__).resolve().parent.parent / "workbench" / "__init__.py"
OTHERS = {
    "workbench.app.scheduling.travel.events": ("SetClock", "Start", "Stop"),
    "workbench.app.workbench": ("Workbench",),
    "workbench.caching.definition": ("Cache",),
    "workbench.channels.definition": ("ChannelDefinition",),
    "workbench.channels.files.channel": ("FileChannel",),
    "workbench.channels.websocket.channel": ("WebSocketChannel",),
    "workbench.channels.websocket.hook": ("WSXHook",),
    "workbench.channels.json_rpc": ("JSONRPCChannel",),
    "workbench.channels.rest": ("RESTChannel",),
    "workbench.channels.soap": ("SOAPChannel",),
    "workbench.connections.definition": ("ConnectionDefinition",),
    "workbench.connections.smtp.message": ("SMTPMessage",),
    "workbench.connections.soap.errors": ("SOAPFault",),
    "workbench.core.errors": ("BadRequest", "Conflict", "Forbidden", "NotFound", "Unauthorized", "WorkbenchError"),
    "workbench.core.secret": ("secret",),
    "workbench.core.service": ("Service",),
    "workbench.core.current": ("outgoing",),
    "workbench.limiting.definition": ("Limit",),
    "workbench.scheduler.definitions": ("CronJob", "IntervalJob", "OneTimeJob"),
    "workbench.security.definitions": ("APIKey", "BasicAuth"),
}
"""Public names that are no kind of connection."""


def homes() -> dict[str, str]:
    """The module of each public name."""
    found = {name: module for module, names in OTHERS.items() for name in names}
    found |= {row.cls: row.module for row in ROWS}
    return dict(sorted(found.items()))


def written(text: str, homes: Mapping[str, str]) -> str:
    """The package's text with its two lists made anew."""
    places = sorted((module, name) for name, module in homes.items())
    imports = "".join(f"    from {module} import {name} as {name}\n" for module, name in places)
    text = re.sub(r"(if TYPE_CHECKING:\n)(    from .*\n)+", lambda found: found[1] + imports, text, count=1)
    rows = "".join(f'    "{name}": "{module}",\n' for name, module in homes.items())
    return re.sub(r"(HOMES = \{\n)(    .*\n)+", lambda found: found[1] + rows, text, count=1)


if __name__ == "__main__":
    PACKAGE.write_text(written(PACKAGE.read_text(encoding="utf-8"), homes()), encoding="utf-8")
