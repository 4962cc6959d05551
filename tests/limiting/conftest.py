"""Counters that processes share, each on a file or server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.redis_server import redis_program as redis_program
from tests.redis_server import redis_server as redis_server
from workbench.core.clock import VirtualClock
from workbench.limiting.shared.redis import RedisCounters
from workbench.limiting.shared.sqlite import SQLiteCounters

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def sqlite_counters(tmp_path: Path, clock: VirtualClock) -> Iterator[SQLiteCounters]:
    counters = SQLiteCounters(tmp_path / "limits.sqlite", clock, patience_seconds=10.0)
    yield counters
    counters.close()


@pytest.fixture
def redis_counters(redis_server: RedisServer) -> Iterator[RedisCounters]:
    redis_server.client.flushall()
    counters = RedisCounters(redis_server.url, app="tests", patience_seconds=10.0)
    yield counters
    counters.close()
