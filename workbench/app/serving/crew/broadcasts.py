"""What one of several worker processes broadcasts to WebSocket clients, on its way to the clients of all of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, cast

from workbench.app.serving.crew.line import LAST_SECONDS, Broadcast, Line, encode
from workbench.channels.live import LiveChannel
from workbench.channels.websocket.live import LiveWebSocketChannel
from workbench.core.errors import ServiceUsage
from workbench.core.forking import forgets_when_forked

log = logging.getLogger("workbench.channels")

LONGEST_BYTES = 32 << 20
"""Of one broadcast, as it is written on the line; half of what a line may have."""
MOST_UNTOLD_BYTES = MOST_UNSENT_BYTES = 64 << 20
"""What may wait until the supervisor takes it, and until the loop does, which sends it to clients [bytes]."""


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
        self._untold_bytes = self._unsent_bytes = 0
        self._lock = Lock()
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
        said = encode(Broadcast(channel, *cast("Any", messages)))  # one text, and bytes behind it if there are any
        if (size := len(said)) > LONGEST_BYTES:
            raise ServiceUsage(
                f"What is broadcast to {channel!r} has {size:,} bytes on its way to other worker processes, of at most "
                f"{LONGEST_BYTES:,}. Fix: broadcast it in parts, or where it can be fetched."
            )
        with self._lock:
            if self._untold_bytes > MOST_UNTOLD_BYTES:
                log.warning(
                    "clients of %r in other processes miss a broadcast: the supervisor takes nothing. "
                    "Fix: see what holds it, or restart workbench serve.",
                    channel,
                )
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
        size = sum(map(len, messages))
        for name, live in self._sockets():
            if name != said.channel or not live.clients:
                continue
            if self._unsent_bytes > MOST_UNSENT_BYTES:
                log.warning(
                    "clients of %r miss a broadcast: an async service holds the loop that sends. "
                    "Fix: await in it what takes long, or make it a def.",
                    name,
                )
                continue
            self._count_unsent(size)
            live.push(messages, partial(self._count_unsent, -size))

    def _count_unsent(self, size: int) -> None:
        with self._lock:
            self._unsent_bytes += size

    def _sockets(self) -> Iterator[tuple[str, LiveWebSocketChannel]]:
        for name, live in list(self._channels.items()):
            if isinstance(live, LiveWebSocketChannel):
                yield name, live
