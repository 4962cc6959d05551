"""A kind of channel as another distribution would bring it: lines over TCP, on a port of its own, no HTTP.

A line is `KEY payload`; the answer is a line: the service's, or the status that HTTP would have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta, structs

from workbench.channels.definition import ChannelDefinition
from workbench.channels.gate import Gate
from workbench.channels.live import LiveChannel, Opening
from workbench.core.call import Call, ChannelInfo, ChannelSecurity
from workbench.core.errors import CallerError
from workbench.core.ports import Decision
from workbench.core.service import log_refusal


class LineChannel(ChannelDefinition, tag="line channel", frozen=True, kw_only=True):
    """A TCP port that leads to a service."""

    kind: ClassVar[str] = "Line"
    type: ClassVar[str] = "line"
    first_fields: ClassVar[tuple[str, ...]] = ("port", "name")

    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port on this machine; 0 takes any.")] = 0
    service: Annotated[str, Meta(description="Name of the service that answers.")] = ""
    security: Annotated[str, Meta(description="API key in the header X-API-Key.")] = ""
    limit: Annotated[str, Meta(description="Calls allowed.")] = ""

    def __post_init__(self) -> None:
        if not self.service:
            structs.force_setattr(self, "service", self.name)
        super().__post_init__()

    @property
    def address(self) -> str:
        return f"tcp://localhost:{self.port}"

    @property
    def leads_to(self) -> tuple[str, ...]:
        return (self.service,)

    def live(self, opening: Opening) -> LiveChannel:
        return LiveLineChannel(self, opening)


class Line:
    """One line: who sent it, and the call it makes."""

    def __init__(self, call: Call, address: str, key: str) -> None:
        self.call, self.address, self.cid = call, address, call.cid
        self.headers: Mapping[str, str] = {"X-Api-Key": key}

    def note(self, decision: Decision) -> None:
        if decision.denied:
            log_refusal(self.call, decision)


class LiveLineChannel(LiveChannel):
    """Listens while it is open."""

    def __init__(self, definition: LineChannel, opening: Opening) -> None:
        super().__init__(definition)
        self._channel, self._opening = definition, opening
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def state(self) -> str:
        return "open" if self._server is not None else "closed"

    def open(self, instead_of: LiveChannel | None = None) -> None:
        if instead_of is not None:
            instead_of.close()
        self._server = self._opening.run(asyncio.start_server(self._serve, "127.0.0.1", self._channel.port))
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:

            async def down() -> None:
                server.close()

            self._opening.run(down())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while text := (await reader.readline()).decode().rstrip("\n"):
                key, _, payload = text.partition(" ")
                writer.write(f"{await self._answer(writer.get_extra_info('peername')[0], key, payload)}\n".encode())
        finally:
            writer.close()

    async def _answer(self, address: str, key: str, payload: str) -> Any:
        gate: Gate = self._opening.gate(self.definition)
        info = ChannelInfo(self._channel.name, self._channel.type, "raw", gate.user, self._channel.kind)
        call = self._opening.invoker.new_call(self._channel.service, payload, info)
        call.address = address
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(value: Any, error: BaseException | None) -> None:
            done.set_result(value if error is None else error)

        try:
            admitted = gate.admit(Line(call, address, key))
            if not isinstance(admitted, ChannelSecurity):
                await admitted
        except CallerError as exc:
            return exc.status
        self._opening.turns.run(call, 30.0, settle)
        answer = await done
        return type(answer).__name__ if isinstance(answer, BaseException) else answer
