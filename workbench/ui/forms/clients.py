"""Who is connected to a WebSocket channel, and how a person sends one away."""

from __future__ import annotations

from workbench.app.serving.clients import AskedOfClient, clients_of, disconnect
from workbench.ui.desk import Verb

CLIENTS: dict[str, Verb] = {
    "clients": lambda desk, message, tell: clients_of(desk.wb, str(message["name"])),
    "disconnect client": lambda desk, message, tell: disconnect(
        desk.wb, AskedOfClient(str(message["name"]), str(message["client"]))
    ),
}
"""What the clients of a channel are asked for."""
