"""Redis for a call that nobody outside may notice: empty for each, from a server that another call has left."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import Context
from threading import Event, Lock
from typing import TYPE_CHECKING

from workbench.connections.kvdb.live import Kvdb, named

if TYPE_CHECKING:
    from workbench.connections.kvdb.client import Client
    from workbench.connections.kvdb.server import EmbeddedServer

EMPTY_SECONDS = 5.0
"""Longest wait for the answer of a Redis that is emptied [s]."""

STAYS = ("acl", "config|resetstat", "config|set", "debug", "function", "module", "monitor", "replicaof", "slaveof")
"""Commands after which a Redis is another one, also when it is empty, or no longer tells that it is one."""


class SpareRedises:
    """Servers that have played and are empty again, for whoever plays next: to start one takes 0.2 s; at most two."""

    MOST = 2

    def __init__(self) -> None:
        self._servers: list[EmbeddedServer] = []
        self._lock = Lock()
        self._is_closed = False

    def take(self) -> EmbeddedServer | None:
        """One that is empty, and from now the caller's alone; None if there is none."""
        with self._lock:
            return self._servers.pop() if self._servers else None

    def give(self, server: EmbeddedServer) -> None:
        """Take one back: it is emptied and kept, or ended if that fails or enough are there."""
        if self._is_emptied(server):
            with self._lock:
                if not self._is_closed and len(self._servers) < self.MOST:
                    self._servers.append(server)
                    return
        server.close()

    def close(self) -> None:
        """End them."""
        with self._lock:
            self._is_closed = True
            servers, self._servers = self._servers, []
        for each in servers:
            each.close()

    @staticmethod
    def _is_emptied(server: EmbeddedServer) -> bool:
        from redis import Redis, RedisError

        try:
            with Redis(unix_socket_path=server.path, socket_timeout=EMPTY_SECONDS, **named()) as client:
                asked = (name.removeprefix("cmdstat_") for name in client.info("commandstats"))
                if any(name.startswith(STAYS) for name in asked) or len(client.client_list()) > 1:
                    return False
                client.flushall()
                client.script_flush()
        except (RedisError, OSError):
            return False
        return True


class PlayedRedis(Kvdb):
    """A Redis of its own, whatever `WORKBENCH_REDIS` names; nothing of it is kept.

    Args:
        spares: Where its server comes from, and goes to.
        seed: Puts into it what it is to have, through its client.
    """

    def __init__(self, spares: SpareRedises, seed: Callable[[Client], object] = lambda client: None) -> None:
        super().__init__(None, {"PATH": os.environ.get("PATH", "")})
        self._spares, self._seed, self._ended = spares, seed, Event()

    def _opened(self) -> Client:
        return Context().run(self._seeded)

    def _seeded(self) -> Client:
        client = super()._opened()
        self._seed(client)
        return client

    def _entered(self, server: str) -> EmbeddedServer:
        return self._spares.take() or super()._entered(server)

    def _embedded(self, server: str) -> Client:
        client = super()._embedded(server)
        client.connection_pool.connection_kwargs["ended"] = self._ended = Event()
        return client

    def close(self) -> None:
        """Let go of the server, which may play for another call now."""
        with self._lock:
            client, self._client = self._client, None
            server, self._server = self._server, None
        # A thread of the call may still be there, and is not to write to whoever plays next. What it holds now stays
        # connected, so that the server is seen to be in use.
        self._ended.set()
        if client is not None:
            client.connection_pool.disconnect(inuse_connections=False)
        if server is not None:
            self._spares.give(server)
