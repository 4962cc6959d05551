"""What a request can reach: endpoints by path, and the services behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from workbench.channels.definition import HTTPChannel
from workbench.channels.dialect import Dialect
from workbench.channels.gate import Gate
from workbench.channels.routes import Routes
from workbench.core.call import ChannelInfo, Deployment, Replay


class Endpoint:
    """An HTTP channel with all that a call by it needs, looked up once."""

    __slots__ = ("channel", "dialect", "gate", "info", "service")

    def __init__(self, channel: HTTPChannel, gate: Gate) -> None:
        self.channel, self.gate = channel, gate
        self.dialect: Dialect[Any] | None = channel.dialect()
        self.service = (*channel.leads_to, channel.name)[0]
        self.info = ChannelInfo(channel.name, channel.type, channel.payload_format, gate.user, channel.kind)


class View(NamedTuple):
    """What a request can reach: the routes, the services behind them, and what answers them first, if anything.

    `sockets` leads to the live channels that take a connection over; None while there are none.
    """

    routes: Routes[Endpoint]
    services: Mapping[str, Deployment]
    replay: Replay | None = None
    sockets: Routes[Any] | None = None


def routes_of(endpoints: Iterable[Endpoint]) -> Routes[Endpoint]:
    """The table of active channels."""
    return Routes(endpoint for endpoint in endpoints if endpoint.channel.active)
