"""Who is connected to a WebSocket channel, and how a person sends one away."""

from __future__ import annotations

from typing import Any

from workbench.channels.websocket.client import Client
from workbench.channels.websocket.live import channel_named
from workbench.core.errors import WorkbenchError
from workbench.ui.desk import Content, Desk, Tell, Verb

MOST_SHOWN = 100
"""Clients that are shown at once, those that are connected longest."""


def clients(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """Who is connected to a channel of this process now, and since when."""
    connected = channel_named(dict(desk.wb.channels.items()), str(message["name"])).clients
    now = desk.wb.clock.now().timestamp()
    return {"clients": [_facts(each) for each in connected[:MOST_SHOWN]], "number": len(connected), "now": now}


def disconnect(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """End the connection of one client."""
    channel = channel_named(dict(desk.wb.channels.items()), str(message["name"]))
    its = next((each for each in channel.clients if each.id == message["client"]), None)
    if its is None:
        raise WorkbenchError("This client has left already. Fix: look again.")
    its.close("Disconnected by hand")
    return {"said": f"{its} is disconnected."}


def _facts(client: Client) -> dict[str, Any]:
    """A client as its row shows it."""
    received, sent = client.counts
    return {
        "id": client.id,
        "address": client.address,
        "user": client.user,
        "since": client.since.timestamp(),
        "received": received,
        "sent": sent,
    }


CLIENTS: dict[str, Verb] = {"clients": clients, "disconnect client": disconnect}
"""What the clients of a channel are asked for."""
