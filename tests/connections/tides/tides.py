"""Tide gauges as a kind of connection: what another distribution brings."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.rest.live import LiveREST
from workbench.sandbox.http.source import HTTPSource


class TidesConnection(ConnectionDefinition, tag="tides", frozen=True, kw_only=True):
    """A tide gauge."""

    kind: ClassVar[str] = "Tides"
    attributes: ClassVar[dict[str, str]] = {"out.tides": "conn"}

    host: Annotated[str, Meta(description="Its address.")]

    def open(self, opening: Opening) -> Gauge:
        return Gauge(LiveREST(RESTConnection(self.name, host=self.host, path="/level"), opening, self))


class Gauge:
    """`self.out.tides["name"]`."""

    def __init__(self, rest: LiveREST) -> None:
        self._rest = rest
        self.ping, self.close = rest.ping, rest.close

    def level(self) -> float:
        """How high the water stands [m]."""
        return float(self._rest.get("").data["level"])


class Sea(HTTPSource):
    """Plays a gauge."""

    kind: ClassVar[str] = "tides"
    label: ClassVar[str] = "Sea"
