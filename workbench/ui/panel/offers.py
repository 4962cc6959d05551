"""Everything that can be made by click, in groups, each by the form of its class."""

from __future__ import annotations

from typing import Any

from workbench.caching.definition import Cache
from workbench.channels.definition import ChannelDefinition
from workbench.channels.files.channel import FileChannel
from workbench.channels.json_rpc import JSONRPCChannel
from workbench.channels.rest import RESTChannel
from workbench.channels.soap import SOAPChannel
from workbench.channels.websocket.channel import WebSocketChannel
from workbench.connections import catalog
from workbench.core.definition import Definition
from workbench.security.definitions import APIKey, BasicAuth, SecurityDefinition

CHANNELS: dict[str, type[ChannelDefinition]] = {
    each.__name__: each for each in (RESTChannel, SOAPChannel, JSONRPCChannel, WebSocketChannel, FileChannel)
}
"""The channels that there is a form for."""

USERS: dict[str, type[SecurityDefinition]] = {each.__name__: each for each in (BasicAuth, APIKey)}
"""The users that there is a form for."""

FORMS: dict[str, type[Definition]] = {**CHANNELS, **USERS, Cache.__name__: Cache}
"""All that there is a form for but connections, which have a catalog."""


def offers() -> list[dict[str, Any]]:
    """What has a form of its own: its group, its label, and what to ask for."""
    connections = sorted(catalog.rows().values(), key=lambda row: row.label.casefold())
    return [
        *(_offer("Channel", cls.kind, name, {"kind": name}) for name, cls in CHANNELS.items()),
        *(_offer("User", cls.kind, name, {"kind": name}) for name, cls in USERS.items()),
        _offer("Cache", "in memory", Cache.__name__, {"kind": Cache.__name__}),
        *(_offer("Connection", row.label, row.kind, {"connection": row.kind}) for row in connections),
    ]


def _offer(group: str, label: str, kind: str, ask: dict[str, str]) -> dict[str, Any]:
    return {"group": group, "label": label, "kind": kind, "ask": ask}
