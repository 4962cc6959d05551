"""A peer: the same raw ASGI application as on uvicorn, on granian with uvloop, one worker."""

from __future__ import annotations

from granian.constants import HTTPModes, Interfaces, Loops
from granian.server import Server

from tests.bench.servers.ports import free_port


def serve() -> None:
    """Serve until the process is ended; its worker is a child."""
    port = free_port()
    print(port, flush=True)
    target = "tests.bench.servers.asgi_uvicorn:app"
    how = {"interface": Interfaces.ASGI, "loop": Loops.uvloop, "http": HTTPModes.http1, "websockets": False}
    Server(target, port=port, workers=1, log_enabled=False, **how).serve()


if __name__ == "__main__":
    serve()
