"""A port for servers that want to be told one, and when it is theirs."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

START_SECONDS = 20


def free_port() -> int:
    """One that nobody has now on 127.0.0.1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_until_it_listens(port: int) -> None:
    """Wait until a server takes connections at a port; raises RuntimeError after 20 s."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise RuntimeError(f"Nobody listens at port {port} after {START_SECONDS} s")
