"""Who is connected to a WebSocket channel, and how a person sends one away; of several processes, in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode

import msgspec

from workbench.app.serving.asking import ask
from workbench.app.serving.crew.member import Member
from workbench.app.serving.runtime_file import Running
from workbench.channels.websocket.client import Client
from workbench.channels.websocket.live import channel_named
from workbench.core.errors import WorkbenchError
from workbench.core.ports import Clock

CLIENTS, DISCONNECT = "/workbench/clients", "/workbench/clients/disconnect"
MOST_TOLD = 100
"""Clients that are told of at once, those that are connected longest."""
ASK_SECONDS = 30.0
"""Longest wait for what all processes say [s]."""


class AskedOfClient(msgspec.Struct):
    """A client, by its channel and its own id."""

    channel: str
    client: str


class Hosting(Protocol):
    """A workbench to whose channels clients are connected."""

    app: str
    member: Member | None

    @property
    def clock(self) -> Clock:
        """Where time comes from."""
        ...

    @property
    def channels(self) -> Mapping[str, Any]:
        """Its channels, by name."""
        ...


def clients_here(wb: Hosting, query: str) -> dict[str, Any]:
    """Who is connected to a channel of this process now, and since when; of `channel=` in a query.

    Raises:
        UnknownName: There is no such WebSocket channel.
    """
    connected = channel_named(dict(wb.channels), parse_qs(query).get("channel", [""])[-1]).clients
    told = [_facts(each) for each in connected[:MOST_TOLD]]
    return {"clients": told, "number": len(connected), "now": wb.clock.now().timestamp()}


def disconnect_here(wb: Hosting, asked: AskedOfClient) -> dict[str, Any]:
    """End the connection of one client of this process.

    Raises:
        WorkbenchError: It has left.
    """
    connected = channel_named(dict(wb.channels), asked.channel).clients
    its = next((each for each in connected if each.id == asked.client), None)
    if its is None:
        raise WorkbenchError("This client has left already. Fix: look again.")
    its.close("Disconnected by hand")
    return {"said": f"{its} is disconnected."}


def clients_of(wb: Hosting, channel: str) -> Any:
    """Who is connected to a channel, each with the number of its `worker` process where there are several.

    Raises:
        UnknownName, Refused: There is no such WebSocket channel.
        ConnectionFailed: There are several processes, and their supervisor does not answer.
    """
    query = urlencode({"channel": channel})
    if wb.member is None:
        return clients_here(wb, query)
    return ask(_supervisor(wb, wb.member), "GET", f"{CLIENTS}?{query}", timeout_seconds=ASK_SECONDS)


def disconnect(wb: Hosting, asked: AskedOfClient) -> Any:
    """End the connection of one client, whichever process it is connected to.

    Raises:
        WorkbenchError: It has left; or there are several processes, and their supervisor does not answer.
    """
    if wb.member is None:
        return disconnect_here(wb, asked)
    return ask(_supervisor(wb, wb.member), "POST", DISCONNECT, msgspec.to_builtins(asked), ASK_SECONDS)


def _supervisor(wb: Hosting, member: Member) -> Running:
    return Running(member.supervisor, member.own_url, member.token, wb.app, own_url=member.own_url)


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
