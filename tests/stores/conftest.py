"""The backends that every test of a store runs over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.redis_server import redis_program as redis_program
from tests.redis_server import redis_server as redis_server
from workbench.core.ports import Store
from workbench.stores import open_store


@pytest.fixture(params=["memory", "sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.client.flushall()
        return server.url
    return f"sqlite:///{tmp_path}/.workbench/store.db" if request.param == "sqlite" else "memory://"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "redis"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.client.flushall()
        return server.url
    return f"sqlite:///{tmp_path}/store.db"
