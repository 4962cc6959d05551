"""TLS to another side that is gone before it begins."""

from __future__ import annotations

import gc
import select
import socket
import struct
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from workbench.connections.common.tls import Sockets, Trust


def reset() -> socket.socket:
    """A connection that the other side has reset, as this side knows."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        mine = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.close()
    waiting = select.poll()
    waiting.register(mine, select.POLLIN)
    assert waiting.poll(30_000)
    return mine


def noticed() -> socket.socket:
    """The same, after this side has read of it, so that no error waits any more."""
    mine = reset()
    with pytest.raises(ConnectionResetError):
        mine.recv(1)
    return mine


def by_context(made: socket.socket) -> Any:
    return Trust("Shop", None).context.wrap_socket(made, server_hostname="localhost")


def by_sockets(made: socket.socket) -> Any:
    sockets = Sockets([made])
    try:
        return sockets.securing(Trust("Shop", None)).wrap_socket(made, server_hostname="localhost")
    finally:
        sockets.close()


@pytest.mark.parametrize("wrap", [by_context, by_sockets])
@pytest.mark.parametrize("gone", [reset, noticed])
def test_a_connection_that_was_reset_before_the_handshake_is_refused_and_closed(
    gone: Callable[[], socket.socket], wrap: Callable[[socket.socket], Any]
) -> None:
    said = ""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            wrap(gone())
        except OSError as exc:
            said = str(exc)
        gc.collect()
    assert said.endswith("the other side has hung up")
    assert [str(each.message) for each in told] == []
