"""What one of several worker processes broadcasts to WebSocket clients, on its way to the clients of all of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from queue import SimpleQueue
from threading import Lock, Thread

from workbench.app.serving.crew.line import LAST_SECONDS, Broadcast, Line, encode
from workbench.channels.live import LiveChannel
from workbench.channels.websocket.live import LiveWebSocketChannel
from workbench.core.errors import ServiceUsage
from workbench.core.forking import forgets_when_forked

log = logging.getLogger("workbench.channels")

LONGEST_BYTES = 32 << 20
"""Of one broadcast, as it is written on the line; half of what a line may have."""
MOST_UNTOLD_BYTES = 64 << 20
"""What may wait until the supervisor takes it [bytes]."""


class Broadcasts:
    """Joins the WebSocket channels of this process with those of the others, for who broadcasts.

    All of it goes by the supervisor, also to the clients here, so that all clients get it in one order; what comes from
    there goes to clients alone. A thread of its own writes, so that nobody waits for the supervisor, nor does the loop.

    Args:
        line: Leads to the supervisor.
        channels: Those of this process, by name.
    """

    def __init__(self, line: Line, channels: Mapping[str, LiveChannel]) -> None:
        self.line, self._channels = line, channels
        self._untold: SimpleQueue[bytes | None] = SimpleQueue()
        self._untold_bytes, self._lock = 0, Lock()
        self._is_on = True
        forgets_when_forked(self)
        line.broadcast = self._take
        self._writing = Thread(target=self._write, name="workbench-broadcasts", daemon=True)
        self._writing.start()

    def forget(self) -> None:
        """In a forked child: the others are its parent's."""
        self._is_on = False

    def close(self) -> None:
        """Hand on nothing more, once all that was broadcast is told."""
        self._is_on = False
        self._untold.put(None)
        self._writing.join(LAST_SECONDS)

    def send(self, channel: str, messages: Sequence[str | bytes]) -> int | None:
        """Have messages sent to all clients of a channel; to how many in others, as last told, or None: to nobody.

        Raises:
            ServiceUsage: They are too long.
        """
        if not self._is_on:
            return None
        text, *body = messages
        said = encode({"type": Broadcast.__name__, "channel": channel, "text": text, "body": body[0] if body else None})
        if (size := len(said)) > LONGEST_BYTES:
            raise ServiceUsage(
                f"What is broadcast to {channel!r} has {size:,} bytes on its way to other worker processes, of at most "
                f"{LONGEST_BYTES:,}. Fix: broadcast it in parts, or where it can be fetched."
            )
        with self._lock:
            if self._untold_bytes > MOST_UNTOLD_BYTES:
                log.warning("clients of %r in other processes miss a broadcast: the supervisor takes nothing", channel)
                return None
            self._untold_bytes += size
        self._untold.put(said)
        return self.line.begin.member.clients_of_others(channel)

    def clients(self) -> dict[str, int]:
        """How many clients each channel has here."""
        return {name: len(live.clients) for name, live in self._sockets() if live.clients}

    def _write(self) -> None:
        while (said := self._untold.get()) is not None:
            self.line.write(said)
            with self._lock:
                self._untold_bytes -= len(said)

    def _take(self, said: Broadcast) -> None:
        """Send the clients here what a process broadcasts."""
        messages: list[str | bytes] = [said.text] if said.body is None else [said.text, said.body]
        for name, live in self._sockets():
            if name == said.channel:
                live.push(messages)

    def _sockets(self) -> Iterator[tuple[str, LiveWebSocketChannel]]:
        for name, live in list(self._channels.items()):
            if isinstance(live, LiveWebSocketChannel):
                yield name, live
