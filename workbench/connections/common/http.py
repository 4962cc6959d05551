"""What comes back on HTTP connections that are kept open: each caller's own answer, by the deadline of its call.

Every kind that speaks HTTP reads by these classes: urllib3 gives out connections, and leaves what they read to them.
What arrives before a request is sent is never its answer. A server that still sends an answer nobody asked for while
the next request is on its way is beyond this: HTTP/1.1 numbers neither requests nor answers.
"""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from workbench.connections.common.errors import AnswerTooLarge
from workbench.connections.common.hosts import host_of, is_outside
from workbench.connections.common.trying import Due
from workbench.core.errors import MissingDependency

if TYPE_CHECKING:
    from requests import Response as RequestsResponse
    from requests import Session

BLOCK_BYTES = 1 << 16
BACKOFF_SECONDS = 0.3
"""The first wait before another try, where the other side names none."""
SWITCHING_PROTOCOLS = 101
MOST_INTERIM = 64
"""How many interim answers may come before the final one; none of the servers known sends more than a few."""


HEADS_BYTES = 256 * 1024
"""What may come besides bodies in one call: heads, interim answers, what frames a body [bytes]."""


class Most(NamedTuple):
    """How much one call may bring into memory [bytes], and whose it is, for the error."""

    owner: object
    bytes: int


class Bound(threading.local):
    """How long this thread's call may go on, and how much it may read; without a bound of ours, as the client says."""

    deadline = timeout = left = float("inf")
    most = Most("", 0)


_bound = Bound()


@contextmanager
def bounded(due: Due, timeout_seconds: float, most: Most | None = None) -> Iterator[float]:
    """Have every wait of this thread's call end by `due`, and after the timeout [s]; gives the first wait [s].

    With `most`, all that the call reads is counted as it comes from the network, bodies of redirects included.
    """
    _bound.deadline, _bound.timeout = float("inf") if due.at is None else due.at, timeout_seconds
    if most is not None:
        _bound.left, _bound.most = most.bytes + HEADS_BYTES, most
    try:
        yield due.left(timeout_seconds)
    finally:
        _bound.deadline, _bound.timeout, _bound.left = Bound.deadline, Bound.timeout, Bound.left


def read_whole(response: RequestsResponse, most: Most) -> None:
    """Read the rest of an answer, unpacked, so that `response.content` is there.

    Raises:
        AnswerTooLarge: It is over the bound, packed or unpacked.
    """
    raw: Any = response.raw
    if (getattr(raw, "length_remaining", None) or 0) > most.bytes:
        response.close()
        raise AnswerTooLarge(*most)
    pieces, size = [], 0
    for piece in response.iter_content(BLOCK_BYTES):
        pieces.append(piece)
        if (size := size + len(piece)) > most.bytes:
            response.close()
            raise AnswerTooLarge(*most)
    response._content, response._content_consumed = b"".join(pieces), True  # type: ignore[attr-defined]


class _Reader(socket.SocketIO):
    """Reads a socket with what is left of the call's time: a timeout alone starts anew with each drop."""

    is_done = False

    def readinto(self, buffer: Any) -> int | None:
        if self.is_done:
            return None
        left = _bound.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time of the whole call is over")
        if (longest := min(left, _bound.timeout)) != float("inf"):
            cast(Any, self)._sock.settimeout(longest)
        if _bound.left < 0:
            raise AnswerTooLarge(*_bound.most)
        count = super().readinto(buffer)
        _bound.left -= count or 0
        return count

    def holds_more(self) -> bool:
        """Whether TLS has taken more from the network than was read; what is still there, urllib3 looks for itself."""
        connected = cast(Any, self)._sock
        return isinstance(connected, ssl.SSLSocket) and connected.pending() > 0

    def cut(self) -> None:
        """Have nobody read on: a pool gives a connection that has ended to no further call."""
        with suppress(OSError):
            cast(Any, self)._sock.shutdown(socket.SHUT_RDWR)


class _Readable:
    """What `HTTPResponse` asks of a socket."""

    def __init__(self, connected: Any) -> None:
        self._connected = connected

    def makefile(self, mode: str) -> io.BufferedReader:
        self._connected._io_refs += 1
        return io.BufferedReader(_Reader(self._connected, "r"))


class Answer(HTTPResponse):
    """The final answer to one request; interim ones are passed over, and nothing that follows it is read as another.

    Source: RFC 9110, 15.2: a client reads any number of 1xx before the answer, and may pass over those it does not
    expect. RFC 9112, 6.3 and 9.3.1: what comes after an answer is no part of it, and not to be taken for another.
    """

    _told: tuple[str, int, str] | None = None

    def __init__(self, connected: Any, *args: Any, **kwargs: Any) -> None:
        # What is no socket is TLS within the TLS of a proxy, which tells nobody what it holds.
        self._is_socket = isinstance(connected, socket.socket)
        super().__init__(cast(Any, _Readable(connected) if self._is_socket else connected), *args, **kwargs)

    def begin(self) -> None:
        super().begin()
        self.will_close |= not self._is_socket

    def wants_body(self) -> bool:
        """Wait for what is said to `Expect: 100-continue`: whether the body is to be sent."""
        self._told = self._next_status()
        return self._told[1] < 200

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM + 1):
            (version, status, words), self._told = self._told or self._next_status(), None
            if status >= 200:
                return version, status, words
        raise HTTPException(f"it sent more than {MOST_INTERIM} interim answers, as 103 Early Hints, and no final one")

    def _next_status(self) -> tuple[str, int, str]:
        version, status, words = cast(Any, super())._read_status()
        if status == SWITCHING_PROTOCOLS:
            raise HTTPException("it answered 101 Switching Protocols, which nobody asked for")
        if status < 200:
            parse_headers(self.fp)
        return version, status, words

    def _close_conn(self) -> None:
        """Close the answer, and the connection too if there is more to read than the answer."""
        reader = cast(Any, self.fp).raw
        if isinstance(reader, _Reader):
            reader.is_done = True
            if self.fp.peek(1) or reader.holds_more():
                reader.cut()
        cast(Any, super())._close_conn()


class _Connection:
    """A connection of urllib3 whose answers are `Answer`s."""

    response_class: Any = Answer

    def connect(self) -> None:
        """Connect, with a TLS handshake, in what is left of the call's time."""
        connection, left = cast(Any, self), _bound.deadline - time.monotonic()
        if left != float("inf"):
            own = connection.timeout
            connection.timeout = max(0.001, left if not isinstance(own, int | float) else min(own, left))
        cast(Any, super()).connect()

    def _handle_expect_response(self, message_body: Any) -> None:
        """Send the body if the other side wants it; botocore calls this where its own would take a 103 for the end."""
        connection = cast(Any, self)
        answer = connection.response_class(connection.sock, method=connection._method)
        try:
            if answer.wants_body():
                connection._send_message_body(message_body)
            else:
                connection._response_received = True
        except BaseException:
            answer.close()
            raise
        connection.response_class = lambda *args, **kwargs: answer


@cache
def _pool_of_answers(pool: Any) -> Any:
    kind = pool.ConnectionCls
    if issubclass(kind, _Connection):
        return pool
    return type(pool.__name__, (pool,), {"ConnectionCls": type(kind.__name__, (_Connection, kind), {})})


def bound_pools(manager: Any) -> None:
    """Have the connections of a urllib3 PoolManager read `Answer`s, as `bounded` says."""
    # A dictionary of its own: the one there may be that of all managers.
    by_scheme = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _pool_of_answers(pool) for scheme, pool in by_scheme.items()}


@cache
def adapter_class() -> Any:
    """An adapter of `requests` whose pools, those to a proxy among them, read `Answer`s."""
    try:
        from requests.adapters import HTTPAdapter
    except ImportError as exc:
        raise MissingDependency("REST", "requests") from exc

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            bound_pools(self.poolmanager)

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            bound_pools(manager)
            return manager

    return Adapter


def settle(session: Session, address: str, verify: bool | str) -> None:
    """Take proxies, certificates and authorities from the environment, once.

    Args:
        session: Of `requests`.
        address: Who is called.
        verify: A file of authorities, which wins over one that the environment names; or whether there are any.
    """
    first = None if isinstance(verify, str) else verify
    settings = session.merge_environment_settings(address, {}, None, first, None)
    # A proxy cannot reach this machine.
    session.proxies = settings["proxies"] if is_outside(host_of(address)) else {}
    session.cert = settings["cert"]
    session.verify = verify if isinstance(verify, str) else settings["verify"]
    # Asking the environment at every call costs a third of the call.
    session.trust_env = False


def may_pass(exc: Exception) -> bool:
    """Whether a failure may be over a moment later."""
    import requests

    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(exc, passing) and not isinstance(exc, requests.exceptions.SSLError)


def retry_after(response: RequestsResponse) -> float:
    """Seconds that the other side asks to wait, 0 if it does not say."""
    said = response.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said)
    try:
        at = parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
