"""A pooled `requests.Session` whose calls end by their deadline, however slowly the other side drips."""

from __future__ import annotations

import io
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from workbench.connections.file_errors import Interrupted
from workbench.connections.trying import root_of
from workbench.core.errors import MissingDependency

if TYPE_CHECKING:
    from requests import PreparedRequest, Session
    from requests import Response as RequestsResponse

    from workbench.connections.rest import RESTConnection

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class Bound(threading.local):
    """How long this thread's call may go on."""

    deadline = float("inf")
    timeout = 3600.0


_bound = Bound()


@contextmanager
def bounded(deadline: float, timeout: float) -> Iterator[float]:
    """Have every wait of this thread's call end by `deadline` (monotonic), and after `timeout` [s]; gives the first."""
    _bound.deadline, _bound.timeout = deadline, timeout
    try:
        yield max(0.001, min(timeout, deadline - time.monotonic()))
    finally:
        _bound.deadline, _bound.timeout = Bound.deadline, Bound.timeout


class _Reader(socket.SocketIO):
    """Reads a socket with what is left of the call's time: a timeout alone starts anew with each drop."""

    def readinto(self, buffer: Any) -> int | None:
        left = _bound.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time of the whole call is over")
        cast(Any, self)._sock.settimeout(min(left, _bound.timeout))
        return super().readinto(buffer)


class _Readable:
    """What `HTTPResponse` asks of a socket."""

    def __init__(self, connected: Any) -> None:
        self._connected = connected

    def makefile(self, mode: str) -> io.BufferedReader:
        self._connected._io_refs += 1
        return io.BufferedReader(_Reader(self._connected, "r"))


class _Response(HTTPResponse):
    def __init__(self, connected: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(cast(Any, _Readable(connected)), *args, **kwargs)


@cache
def _bound_pool(pool: Any) -> Any:
    """A class of urllib3's pools, or of one made from it, whose connections read as `bounded` says."""
    kind = pool.ConnectionCls
    answering = type(kind.__name__, (kind,), {"response_class": _Response})
    return type(pool.__name__, (pool,), {"ConnectionCls": answering})


def bound_pools(manager: Any) -> None:
    """Have the connections of a urllib3 PoolManager read as `bounded` says."""
    by_scheme = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _bound_pool(pool) for scheme, pool in by_scheme.items()}


@cache
def _classes() -> tuple[Any, Any]:
    """The session and its adapter; made when first needed, since their library is imported lazily."""
    try:
        import requests
        import requests.adapters
    except ImportError as exc:
        raise MissingDependency("REST", "requests") from exc
    # The library's own annotations leave these classes open.
    session_class: Any = requests.Session
    adapter_class: Any = requests.adapters.HTTPAdapter

    class Adapter(adapter_class):  # type: ignore[misc]
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            bound_pools(self.poolmanager)

    class KeepsKeys(session_class):  # type: ignore[misc]
        """Leaves a key at home when an answer redirects to another host, as `requests` does with Authorization."""

        key_header = ""

        def rebuild_auth(self, prepared_request: PreparedRequest, response: RequestsResponse) -> None:
            super().rebuild_auth(prepared_request, response)
            if self.should_strip_auth(response.request.url, prepared_request.url):
                prepared_request.headers.pop(self.key_header, None)

    return KeepsKeys, Adapter


def session_of(definition: RESTConnection, key: str | None) -> Session:
    """A session for one connection; `key` goes out in its API key header."""
    session_class, adapter_class = _classes()
    session = session_class()
    settings = session.merge_environment_settings(definition.host, {}, None, definition.verify_tls, None)
    # A proxy cannot reach the loopback of this machine, and a sandbox must not leave it.
    is_here = urlsplit(definition.host).hostname in LOOPBACK
    session.proxies, session.cert = {} if is_here else settings["proxies"], settings["cert"]
    session.verify = settings["verify"]
    # Read once here: asking the environment at every call costs a third of the call.
    session.trust_env = False
    adapter = adapter_class(pool_connections=1, pool_maxsize=definition.pool_size, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.headers["User-Agent"] = "workbench"
    session.headers.update(definition.headers)
    if key is not None:
        session.headers[definition.api_key_header] = key
    session.key_header = definition.api_key_header
    return cast("Session", session)


def unreachable(owner: object, host: str, timeout_seconds: float, exc: BaseException) -> Interrupted:
    """The error of an HTTP client whose other side is not there, hung up, or did not answer in time."""
    root = root_of(exc)
    if isinstance(root, TimeoutError):
        return Interrupted(
            f"{owner} at {host} did not answer within {timeout_seconds:g} s. "
            f"Mend: check that it is up and reachable, or raise timeout_seconds"
        )
    return Interrupted(f"{owner} at {host} cannot be reached, or hung up: {reason(root)}.")


def reason(exc: BaseException) -> str:
    """What went wrong, in the system's words, without addresses of objects."""
    exc = root_of(exc)
    said = re.sub(r"<[^>]*>[:,]?\s*", "", str(exc)).strip("() \n")
    return said[:300] or type(exc).__name__


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
