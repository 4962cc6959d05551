"""The stores that leases and signs of life are kept in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.redis_server import RedisServer, redis_program, redis_server
from tests.stores.conftest import shared_url, store, url
from workbench.core.clock import VirtualClock

__all__ = ["later", "redis_program", "redis_server", "redis_url", "shared_url", "store", "url"]


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    redis_server.client.flushall()
    return redis_server.url


def later() -> VirtualClock:
    """A clock that stands where every lease of now has lapsed."""
    return VirtualClock(datetime.now(UTC) + timedelta(hours=1))
