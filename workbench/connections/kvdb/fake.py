"""Redis played by fakeredis, for a machine without any server."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, cast

import fakeredis

from workbench.connections.kvdb.client import Client


class FakeClient(Client, fakeredis.FakeRedis):
    """Our client on fakeredis."""


@cache
def _shared(folder: Path) -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


def fake_client(folder: Path | None) -> Client:
    """A client; those of one folder see the same data, as long as this process lives."""
    server = fakeredis.FakeServer() if folder is None else _shared(folder.resolve())
    options: dict[str, Any] = {"server": server, "decode_responses": True}
    client = cast(Client, FakeClient(**options))
    client.address = "fakeredis"
    return client
