"""The backends that every test of a store runs over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.redis_server import redis_program as redis_program
from tests.redis_server import redis_server as redis_server
from workbench.stores import open_store
from workbench.stores.opening import OpenStore


@pytest.fixture(params=["memory", "sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.client.flushall()
        return server.url
    return f"sqlite:///{tmp_path}/.workbench/store.db" if request.param == "sqlite" else "memory://"


@pytest.fixture
def store(url: str) -> Iterator[OpenStore]:
    opened = open_store(url)
    yield opened
    opened.close()
