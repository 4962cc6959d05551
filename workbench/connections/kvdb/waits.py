"""Commands of Redis that wait by their own words: the client waits as long, and its own time on top.

Source: redis.io/docs/latest/commands, the group "blocking" and the commands named here.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis

SECONDS_AT = {
    **dict.fromkeys(("BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BZPOPMIN", "BZPOPMAX"), -1),
    **dict.fromkeys(("BLMPOP", "BZMPOP"), 1),
    "BLMOVEM": 5,
}
"""Which argument is the longest wait [s]; 0 is without end."""
MILLISECONDS_AT = {"WAIT": 2, "WAITAOF": 3, "MIGRATE": 5}
"""Which argument is the longest wait [ms]; 0 is without end."""
STREAMS = ("XREAD", "XREADGROUP")
"""Commands with a wait behind the word BLOCK [ms]."""


def wait_of(args: tuple[Any, ...]) -> float | None:
    """How long a command may wait by its own words [s]; 0 for one that waits at no time, None without end."""
    name = word_of(args[0])
    try:
        if (at := SECONDS_AT.get(name)) is not None:
            return float(args[at]) or None
        if (at := MILLISECONDS_AT.get(name)) is not None:
            return float(args[at]) / 1000 or None
        if name in STREAMS:
            return _block_of(args, 4 if name == "XREADGROUP" else 1)
    except (IndexError, ValueError, TypeError):
        # The server says what is wrong with it.
        return 0.0
    return 0.0


def _block_of(args: tuple[Any, ...], start: int) -> float | None:
    for at in range(start, len(args)):
        if (word := word_of(args[at])) == "STREAMS":
            break
        if word == "BLOCK":
            return float(args[at + 1]) / 1000 or None
    return 0.0


def word_of(arg: Any) -> str:
    """A name or word of a command, text or bytes, in capitals."""
    return (arg.decode("latin-1") if isinstance(arg, bytes) else str(arg)).upper()


@contextmanager
def waiting(connection: Any, seconds: float | None) -> Iterator[None]:
    """Let this connection be silent for longer than it may be otherwise: by so much [s], or, with None, for ever."""
    connection.connect()
    sock, own = connection._sock, connection.socket_timeout
    if own is None or not isinstance(sock, socket.socket):
        # fakeredis waits by itself.
        yield
        return
    sock.settimeout(None if seconds is None else own + seconds)
    try:
        yield
    finally:
        if connection._sock is sock:
            sock.settimeout(own)


class Patient(redis.Redis):
    """Waits as long as a command says."""

    def _send_command_parse_response(self, conn: Any, command_name: Any, *args: Any, **options: Any) -> Any:
        send: Callable[..., Any] = super()._send_command_parse_response
        if (seconds := wait_of(args)) == 0:
            return send(conn, command_name, *args, **options)
        with waiting(conn, seconds):
            return send(conn, command_name, *args, **options)
