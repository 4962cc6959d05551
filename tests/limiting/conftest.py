"""Counters that processes share, each on a file or server of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from workbench.core.clock import VirtualClock
from workbench.limiting.redis import RedisCounters
from workbench.limiting.sqlite import SQLiteCounters

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def sqlite_counters(tmp_path: Path, clock: VirtualClock) -> Iterator[SQLiteCounters]:
    counters = SQLiteCounters(tmp_path / "limits.sqlite", clock, patience_seconds=10.0)
    yield counters
    counters.close()


class RedisServer:
    """A Redis server on a unix socket in a folder of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.socket = program, folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.client = redis.Redis(unix_socket_path=str(self.socket))
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self.program, "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"],
            cwd=self.socket.parent,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "ready to accept connections" in line.lower():
                return
        raise AssertionError(f"{self.program} did not start")

    def stop(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.communicate(timeout=10)


@pytest.fixture(scope="session")
def redis_program() -> str:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        reason = "neither redis-server nor valkey-server is on PATH; install one (apt install redis-server)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return str(program)


@pytest.fixture(scope="session")
def redis_server(redis_program: str) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="wb-limits-") as folder:
        server = RedisServer(redis_program, Path(folder))
        yield server
        server.stop()


@pytest.fixture
def redis_counters(redis_server: RedisServer) -> Iterator[RedisCounters]:
    redis_server.client.flushall()
    counters = RedisCounters(redis_server.url, app="tests", patience_seconds=10.0)
    yield counters
    counters.close()
