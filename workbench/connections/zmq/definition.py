"""What is said of a ZeroMQ socket to send by."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from workbench.connections.common.fields import LARGEST_ANSWER_BYTES, MaxAnswer
from workbench.connections.common.trying import Deadline
from workbench.connections.definition import ConnectionDefinition, Timeout


class ZeroMQConnection(ConnectionDefinition, tag="zmq", frozen=True, kw_only=True):
    """A ZeroMQ socket that messages go out by; they are not encrypted, and nobody is asked who they are."""

    kind: ClassVar[str] = "ZeroMQ"
    attributes: ClassVar[dict[str, str]] = {"out.zmq": "conn"}
    opener: ClassVar[str] = "workbench.connections.zmq.live:LiveZeroMQ"

    address: Annotated[
        str,
        Meta(pattern=r"^(tcp|ipc)://\S+$", description="Where, as tcp://queue.example.com:5555 or ipc:///run/queue."),
    ]
    socket_type: Annotated[
        Literal["PUSH", "PUB", "REQ"],
        Meta(description="PUSH gives a message to one who pulls, PUB to all who subscribe, REQ waits for an answer."),
    ] = "PUSH"
    socket_method: Annotated[
        Literal["connect", "bind"],
        Meta(description="Whether to connect to the address, or to listen there for others that connect."),
    ] = "connect"
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 30.0
    pool_size: Annotated[int, Meta(ge=1, le=1000, description="Most sockets that ask at once, of REQ.")] = 20
    max_answer_bytes: MaxAnswer = LARGEST_ANSWER_BYTES

    def problems(self) -> dict[str, str]:
        problems = {}
        if self.address.startswith("tcp://"):
            try:
                parts = urlsplit(self.address)
                is_whole = bool(parts.hostname and parts.port) and not (parts.path or parts.query or parts.username)
            except ValueError:
                is_whole = False
            if not is_whole:
                problems["address"] = "must be a host and a port, as tcp://queue.example.com:5555"
            elif self.place[0] == "*" and self.socket_method == "connect":
                problems["address"] = "names no host to connect to; * is for socket_method='bind'"
        if self.socket_type == "REQ" and self.socket_method == "bind":
            problems["socket_method"] = "must be connect where socket_type is REQ"
        return problems

    @property
    def place(self) -> tuple[str, int]:
        """The host and port of a TCP address; the path and 0 of another."""
        if not self.address.startswith("tcp://"):
            return self.address.removeprefix("ipc://"), 0
        parts = urlsplit(self.address)
        return parts.hostname or "", parts.port or 0

    @property
    def called(self) -> str:
        """The host it connects to; '' where others connect to it, or it stays on this machine."""
        is_far = self.address.startswith("tcp://") and self.socket_method == "connect"
        return self.place[0] if is_far else ""
