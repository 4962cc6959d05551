"""What a WebSocket channel says of its address, its service and its clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, structs

from workbench.channels.definition import ChannelDefinition, path_of, problems_of_path
from workbench.core.definition import Reference

MIB = 1024 * 1024


class SocketAddress(ChannelDefinition, frozen=True, kw_only=True):
    """The fields of a WebSocket channel, and what is wrong with them."""

    kind: ClassVar[str] = "WebSocket"
    type: ClassVar[str] = "web-socket"
    takes_limit: ClassVar[bool] = False
    first_fields: ClassVar[tuple[str, ...]] = ("path", "name", "service", "security", "data_format")

    path: Annotated[str, Meta(max_length=2000, description="Address, as /ws/orders/{id}; empty: made of the name.")] = (
        ""
    )
    service: Annotated[str, Meta(description="Name of the service that answers; empty: of this name.")] = ""
    hook_service: Annotated[
        str, Meta(description="Name of a service, a WSXHook, that is told who comes and leaves; empty: nobody is.")
    ] = ""
    security: Annotated[str, Meta(description="Security definition whose user may connect; empty: anyone.")] = ""
    data_format: Annotated[
        Literal["json", "raw"], Meta(description="How a text message is read: as JSON, or as it is.")
    ] = "json"
    timeout_seconds: Annotated[float, Meta(gt=0, le=86400, description="Longest wait for the service [s].")] = 60.0
    max_message_bytes: Annotated[
        int, Meta(ge=1, le=1 << 30, description="Largest message, in all its parts [bytes].")
    ] = MIB
    max_waiting: Annotated[
        int, Meta(ge=1, le=10_000, description="Messages of a client that may wait; no more are read meanwhile.")
    ] = 32
    max_unsent_bytes: Annotated[
        int, Meta(ge=1, description="What a client has not taken yet; beyond it, it is cut off [bytes].")
    ] = 8 * MIB
    max_clients: Annotated[int, Meta(ge=1, description="Clients at once, of each process that serves.")] = 1000
    ping_seconds: Annotated[float, Meta(gt=0, le=3600, description="Time between two pings [s].")] = 45.0
    pings_missed: Annotated[
        int, Meta(ge=1, le=100, description="Pings without an answer, or with half a message, that end a connection.")
    ] = 2
    idle_seconds: Annotated[float, Meta(gt=0, description="Longest time without a message either way [s].")] = 3600.0
    compression: Annotated[
        bool, Meta(description="Whether messages are compressed for clients that offer it (permessage-deflate).")
    ] = False
    active: Annotated[bool, Meta(description="Whether it answers at all.")] = True

    def __post_init__(self) -> None:
        if not self.path:
            structs.force_setattr(self, "path", path_of(self.name))
        if not self.service:
            structs.force_setattr(self, "service", self.name)
        super().__post_init__()

    @property
    def open_to(self) -> str:
        return "anyone on this machine may connect"

    @property
    def address(self) -> str:
        return self.path

    @property
    def match_slash(self) -> bool:
        """Whether {name} may hold slashes."""
        return False

    @property
    def leads_to(self) -> tuple[str, ...]:
        return (self.service,)

    def references(self) -> Iterator[Reference]:
        yield from super().references()
        if self.hook_service:
            yield Reference("services", self.hook_service, "hook_service")

    def problems(self) -> dict[str, str]:
        return problems_of_path(self.path)

    def changed(self) -> dict[str, Any]:
        changed = super().changed()
        if self.path == path_of(self.name):
            del changed["path"]
        if self.service == self.name:
            del changed["service"]
        return changed
