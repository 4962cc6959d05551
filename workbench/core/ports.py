"""The protocols by which rooms on one floor work together without knowing each other."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    from workbench.core.call import Call, ChannelInfo
    from workbench.core.service import Service
    from workbench.core.simpleio import Declared


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        ...

    def time(self) -> float:
        """Seconds since the epoch, UTC [s]."""
        ...

    def monotonic(self) -> float:
        """A reading that never goes back [s]."""
        ...


class Deployment(Protocol):
    """One version of one service, live or kept for rollback."""

    name: str
    cls: type[Service]
    number: int
    io: Declared
    is_async: bool


class Spooled(Protocol):
    """A body too big for memory; it is there as long as somebody holds it."""

    def open(self) -> BinaryIO:
        """A stream of its own place, at the beginning."""
        ...

    def read(self) -> bytes:
        """All of it."""
        ...

    def hold(self) -> None:
        """Keep it until `release`."""
        ...

    def release(self) -> None:
        """Let go; the last one removes it."""
        ...


class Invoker(Protocol):
    """Runs services."""

    def invoke(self, name: str, payload: Any, parent: Call | None = None, channel: ChannelInfo | None = None) -> Any:
        """Run a service on this thread and return what it answered."""
        ...

    async def invoke_aio(
        self, name: str, payload: Any, parent: Call | None = None, channel: ChannelInfo | None = None
    ) -> Any:
        """Run a service without blocking the loop of the caller."""
        ...

    def invoke_async(self, name: str, payload: Any, parent: Call | None = None, callback: Any = None) -> str:
        """Run a service in the background; returns the CID it will run under."""
        ...


class Connections(Protocol):
    """Ways out by kind and name."""

    def item(self, kind: str, name: str) -> Any:
        """The object behind `self.<kind's attribute>[name]`; raises UnknownName."""
        ...

    def names(self, kind: str) -> list[str]:
        """Names of the connections of one kind."""
        ...

    def expect_way(self, attribute: str) -> None:
        """Raise the error of a dotted attribute of a service that leads to no kind; each is an AttributeError too."""
        ...

    def ways(self) -> Mapping[str, str]:
        """The kind that each dotted attribute of a service leads to, as `{"out.rest": "rest"}`."""
        ...


class Surroundings(Protocol):
    """What a service reaches through `self`."""

    invoker: Invoker
    connections: Connections
    clock: Any
    log: Any

    @property
    def kvdb(self) -> Any:
        """Redis."""
        ...

    def inline(self, call: Call) -> bool:
        """Whether a person waits for this call in the cell that made it, and so sees its prints there."""
        ...


class Decision(Protocol):
    """What a limit said about one call."""

    kind: str
    allowed: bool
    denied: str  # why not, or why only shadow lets it through: "limit", "address" or "store"
    headers: tuple[tuple[str, str], ...]  # what the caller is told, if the definition says so

    def describe(self) -> str:
        """The object, the line and the outcome, for the trace."""
        ...

    def log_line(self) -> str:
        """What the author's log says of a refusal, and the caller never learns."""
        ...


class Limiter(Protocol):
    """The limit of one object: a channel, a user, or a service."""

    def check(self, address: str | None, cid: str) -> Decision | Future[Any]:
        """Count one call, or refuse it and count nothing; on the loop's thread.

        A counter in this process answers at once; one in a shared store answers a future.
        """
        ...

    def check_blocking(self, address: str | None, cid: str) -> Decision:
        """The same, for a thread that may wait."""
        ...


class Store(Protocol):
    """Where definitions, counters and runs live: six verbs on bytes, by URL."""

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        ...

    def put(self, key: str, value: bytes) -> None:
        """Set the value."""
        ...

    def delete(self, key: str) -> bool:
        """Remove it; whether it was there."""
        ...

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys that begin with `prefix`, with their values, in order of the key."""
        ...

    def add(self, key: str, value: bytes) -> bool:
        """Set the value only if the key is absent, atomically; whether it was set."""
        ...

    def incr(self, key: str, by: int = 1) -> int:
        """Add to a counter (absent counts as 0), atomically; the new value."""
        ...

    def close(self) -> None:
        """Let go of files and sockets."""
        ...
