"""A process that is one of several at one address: what it knows of them, and how its own addresses reach them all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from workbench.app.serving.asking import relay
from workbench.channels.own import Admin, Page


class WorkerFacts(msgspec.Struct, frozen=True):
    """What is told of one worker process.

    Attributes:
        number: From 1; the one that is started in its place has it, too.
        pid: Of its process.
        state: `starting`, `ready`, `leaving` or `ended`.
        since: When it was started [s since the epoch, UTC].
        answered: How many requests it has answered.
        failed: How many of them with 500 or more.
        clients: How many clients each WebSocket channel has there.
    """

    number: int
    pid: int
    state: str
    since: float
    answered: int = 0
    failed: int = 0
    clients: dict[str, int] = {}


class Member(msgspec.Struct):
    """What one worker process knows of all that serve a file at one address.

    Attributes:
        number: Which one it is, from 1.
        supervisor: Process that started it.
        own_url: Where the supervisor answers for all of them.
        token: What opens that, and the own addresses of each.
        crew: All of them, as last told.
    """

    number: int
    supervisor: int
    own_url: str
    token: str
    crew: tuple[WorkerFacts, ...] = ()

    def clients_of_others(self, channel: str) -> int:
        """How many clients a WebSocket channel has in the others, as last told."""
        others = (each for each in self.crew if each.pid != os.getpid() and each.state != "ended")
        return sum(each.clients.get(channel, 0) for each in others)


class Whole(Mapping[tuple[str, str], Admin]):
    """The own addresses of one process, those below /workbench/ answered for all by their supervisor.

    Args:
        own: What this process answers by itself.
        url: Where the supervisor answers.
    """

    def __init__(self, own: Mapping[tuple[str, str], Admin], url: str) -> None:
        self._own, self._url = own, url

    def __getitem__(self, address: tuple[str, str]) -> Admin:
        own = self._own[address]
        if not address[1].startswith("/workbench/"):  # whose callers have credentials of their own, and it is the same
            return own
        is_public = isinstance(own, Page) and own.is_public

        def ask(exchange: Any) -> Any:
            return relay(self._url, exchange)

        return Page(ask, is_public=is_public, waits=True)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)
