"""A ZeroMQ peer: pulls, subscribes or answers, as whoever connects to it wants, and keeps every message."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Annotated, Any, ClassVar, NamedTuple, Self, cast

from msgspec import Meta

from workbench.core.errors import ServiceUsage
from workbench.sandbox.faults import Faults
from workbench.sandbox.journal import Journal
from workbench.sandbox.peer import Peer

SHOWN = 20
MOST_BYTES = 64 << 20
SIGNATURE = b"\xff\0\0\0\0\0\0\0\1\x7f"
GREETING = SIGNATURE + b"\3\0" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
MORE, LONG, COMMAND = 1, 2, 4
OTHER_END = {"PUSH": "PULL", "PUB": "SUB", "XPUB": "SUB", "REQ": "REP", "DEALER": "REP"}
"""What a socket is to one that connects. Source: ZMTP 3.0 (ZeroMQ RFC 23), `socket-type` and its table."""


class ZeroMQFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with a ZeroMQ peer."""

    hang_up: Annotated[bool, Meta(description="Read a message, then hang up without an answer.")] = False
    mute: Annotated[bool, Meta(description="Read a message that wants an answer, and give none.")] = False


class ZeroMQMessage(NamedTuple):
    """One message that arrived: the type of the socket that sent it, and its parts."""

    sender: str
    parts: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """The last part, as text."""
        return self.parts[-1].decode(errors="replace")

    def __repr__(self) -> str:
        return f"{self.sender}: {' | '.join(each.decode(errors='replace')[:60] for each in self.parts)}"


class Broken(Exception):
    """What came is not as ZMTP says."""


class ZeroMQPeer(Peer):
    """Plays who is at the other end of a ZeroMQ connection; what is asked it gives back, until it is told otherwise."""

    kind: ClassVar[str] = "zmq"
    label: ClassVar[str] = "ZeroMQ peer"
    fault_fields: ClassVar[type[Faults]] = ZeroMQFaults

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.messages: Journal[ZeroMQMessage] = Journal("message")
        self.topics: tuple[str, ...] = ("",)
        self._answer: list[bytes] | None = None
        self._once: deque[list[bytes]] = deque()

    def reply(self, *parts: str | bytes, times: int | None = None) -> None:
        """Say what is answered from now on, of REQ.

        Args:
            parts: The parts of the answer; without any, what was asked is given back.
            times: How many are answered so, before what is said without; without it, all.
        """
        if not all(isinstance(each, str | bytes) for each in parts) or (times is not None and times < 1):
            raise ServiceUsage(f"{self} cannot reply so: parts are text or bytes, and times is at least 1.")
        answer = [each.encode() if isinstance(each, str) else each for each in parts]
        if times is None:
            self._answer = answer or None
        else:
            self._once.extend([answer] * times)

    def subscribe(self, *topics: str) -> None:
        """Subscribe to messages that begin with these, of connections that come from now on; to all by default."""
        self.topics = topics or ("",)

    def _fill_from(self, other: Self) -> None:
        self.topics, self._answer, self._once = other.topics, other._answer, deque(other._once)

    @property
    def url(self) -> str:
        """Its address."""
        return f"tcp://{self.address}"

    def pointed(self, definition: Any) -> dict[str, Any]:
        return {"address": self.url, "socket_method": "connect"}

    def protocol(self) -> asyncio.BaseProtocol:
        reader = asyncio.StreamReader()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._converse(reader, writer)
            except (Broken, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                # Cancelled only when the loop ends, and a stream that was cancelled is reported as a failure.
                pass
            finally:
                writer.close()

        return asyncio.StreamReaderProtocol(reader, converse)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        greeting = await reader.readexactly(len(GREETING))
        if greeting[0] != 0xFF or greeting[9] != 0x7F or greeting[10] < 3 or greeting[12:32].rstrip(b"\0") != b"NULL":
            raise Broken
        _, body = await _frame(reader)
        sender = _properties(body).get("socket-type", "")
        if (own := OTHER_END.get(sender)) is None:
            raise Broken
        writer.write(_framed(b"\5READY" + _property("Socket-Type", own) + _property("Identity", ""), COMMAND))
        if own == "SUB":
            for topic in self.topics:
                writer.write(_framed(b"\1" + topic.encode()))
        while True:
            await writer.drain()
            if not await self._took("PUB" if own == "SUB" else sender, await _message(reader), writer):
                return

    async def _took(self, sender: str, parts: list[bytes], writer: asyncio.StreamWriter) -> bool:
        """Take one message, and answer it if it wants that; whether to go on."""
        trouble = self.trouble
        faults = cast(ZeroMQFaults, trouble.faults)
        if faults.hang_up and trouble.strikes():
            return False
        wants_answer = OTHER_END[sender] == "REP"
        # An answer goes back behind what the question came behind: an empty part, of REQ.
        at = parts.index(b"") + 1 if wants_answer and b"" in parts else 0
        before, body = parts[:at], parts[at:]
        self.messages.add(ZeroMQMessage(sender, tuple(body)), sum(map(len, body)))
        if wants_answer and not (faults.mute and trouble.strikes()):
            answer = (self._once.popleft() if self._once else self._answer) or body
            every = [*before, *answer]
            for number, part in enumerate(every, 1):
                writer.write(_framed(part, MORE if number < len(every) else 0))
        return True

    def rows(self) -> list[dict[str, Any]]:
        return [{"from": each.sender, "parts": len(each.parts), "text": each.text} for each in self.messages]

    def summary(self) -> str:
        messages = self.messages[:]
        first = max(0, len(messages) - SHOWN)
        count = f"{len(messages) or 'no'} message{'' if len(messages) == 1 else 's'}"
        lines = [f"{number}. {each!r}" for number, each in enumerate(messages[first:], first + 1)]
        return "\n".join([f"{self}: {count}{'.' if messages else ''}", *lines])


async def _message(reader: asyncio.StreamReader) -> list[bytes]:
    """The parts of the next message; commands between are for others."""
    parts: list[bytes] = []
    while True:
        flags, body = await _frame(reader)
        if flags & COMMAND:
            continue
        parts.append(body)
        if sum(map(len, parts)) > MOST_BYTES:
            raise Broken
        if not flags & MORE:
            return parts


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    flags = (await reader.readexactly(1))[0]
    size = int.from_bytes(await reader.readexactly(8 if flags & LONG else 1), "big")
    if size > MOST_BYTES:
        raise Broken
    return flags, await reader.readexactly(size)


def _framed(body: bytes, flags: int = 0) -> bytes:
    if len(body) < 256:
        return bytes((flags, len(body))) + body
    return bytes((flags | LONG,)) + len(body).to_bytes(8, "big") + body


def _property(name: str, value: str) -> bytes:
    return bytes((len(name),)) + name.encode() + len(value).to_bytes(4, "big") + value.encode()


def _properties(body: bytes) -> dict[str, str]:
    """What a READY command says, by names in lower case; raises Broken."""
    if not body.startswith(b"\5READY"):
        raise Broken
    found, at = {}, 6
    while at < len(body):
        length = body[at]
        name, at = body[at + 1 : at + 1 + length], at + 1 + length
        size = int.from_bytes(body[at : at + 4], "big")
        value, at = body[at + 4 : at + 4 + size], at + 4 + size
        found[name.decode("latin-1").lower()] = value.decode("latin-1")
    return found
