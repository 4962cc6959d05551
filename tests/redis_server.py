"""A Redis server of our own for the time of the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis


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
        self.process.communicate(timeout=30)


@pytest.fixture(scope="session")
def redis_program() -> str:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        reason = "neither redis-server nor valkey-server is on PATH; install one (apt install redis-server)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return str(program)


@pytest.fixture(scope="session")
def redis_server(redis_program: str) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="wb-redis-") as folder:
        server = RedisServer(redis_program, Path(folder))
        yield server
        server.stop()
