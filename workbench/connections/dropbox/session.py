"""The HTTP session below the SDK's client: tries again within a deadline, and can be led to a peer."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from workbench.connections.common.colours import expect_no_loop
from workbench.connections.common.errors import Refused
from workbench.connections.common.http import BACKOFF_SECONDS, Most, adapter_class, bounded, read_whole, settle
from workbench.connections.common.tls import file_of
from workbench.connections.common.trying import Due, backoff
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.files.protocol import said_bytes
from workbench.core.current import outgoing
from workbench.core.mood import mood_of_status

if TYPE_CHECKING:
    from requests import PreparedRequest, Session
    from requests import Response as RequestsResponse

REAL = "https://api.dropboxapi.com"
# What the SDK waits after a 429 that says no time.
RATE_LIMIT_SECONDS = 5.0
LARGEST_ARGUMENT = 1 << 16


class Asking(threading.local):
    """The call of the file methods that this thread makes; None while a service uses the SDK's client by itself."""

    due: Due | None = None
    offset = 0


ASKING = Asking()


@contextmanager
def within(due: Due, offset: int = 0) -> Iterator[None]:
    """Have what this thread asks of Dropbox end by `due`, as part of a step that is already in the trace.

    A download begins at `offset` [bytes]; not every version of the SDK can say so itself.
    """
    before = ASKING.due, ASKING.offset
    ASKING.due, ASKING.offset = due, offset
    try:
        yield
    finally:
        ASKING.due, ASKING.offset = before


class Slow:
    """A body that is yet to be read: each read ends in time."""

    def __init__(self, raw: Any, due: Due, timeout: float) -> None:
        self._raw, self._due, self._timeout = raw, due, timeout

    def read(self, *args: Any, **kwargs: Any) -> bytes:
        """Some of it."""
        with bounded(self._due, self._timeout):
            return cast(bytes, self._raw.read(*args, **kwargs))

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        """All of it, piece by piece."""
        pieces = self._raw.stream(*args, **kwargs)
        while True:
            with bounded(self._due, self._timeout):
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


@cache
def _adapter_class() -> Any:
    bounded_adapter: Any = adapter_class()

    class Adapter(bounded_adapter):  # type: ignore[misc]
        """Sends one request of the SDK, as often as it takes."""

        def __init__(self, definition: DropboxConnection) -> None:
            self.definition = definition
            super().__init__(pool_connections=4, pool_maxsize=definition.pool_size, max_retries=0)

        def send(self, request: PreparedRequest, stream: bool = False, timeout: Any = None, **more: Any) -> Any:
            send = partial(super().send, request, **more)
            return _sent(self.definition, request, stream, timeout, send)

    return Adapter


def _sent(
    definition: DropboxConnection, request: PreparedRequest, stream: bool, timeout: float | None, send: Any
) -> RequestsResponse:
    expect_no_loop(definition, "await asyncio.to_thread(conn.client...), or await conn.aio.upload(...)")
    argument = _argument(request)
    route = _route(request, argument)
    if definition.api_url:
        parts = urlsplit(request.url or "")
        request.url = definition.api_url.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
    if ASKING.offset:
        request.headers["Range"] = f"bytes={ASKING.offset}-"
    seconds = float(timeout or definition.timeout_seconds)
    if (due := ASKING.due) is not None:
        return _tried(definition, partial(_once, definition, send, stream, due, seconds), due)
    # A longpoll is meant to take long.
    due = Due(max(definition.deadline_seconds, seconds))
    name, asked = definition.name, {"argument": argument} if argument else {}
    with outgoing("dropbox", f"Dropbox {name} {route}", asked, connection=name, operation=route) as step:
        response = _tried(definition, partial(_once, definition, send, stream, due, seconds), due)
        if not (stream and response.status_code < 300):
            step.answered(response.content)
        step.end(_outcome(request, response), mood_of_status(response.status_code))
        return response


def _once(definition: DropboxConnection, send: Any, stream: bool, due: Due, timeout: float) -> RequestsResponse:
    most = Most(definition, definition.max_answer_bytes)
    with bounded(due, timeout, most) as left:
        response: RequestsResponse = send(stream=True, timeout=left)
        if stream and response.status_code < 300:
            response.raw = Slow(response.raw, due, timeout)
        else:
            # Now, while the time is bounded.
            read_whole(response, most)
    return response


def _expect_no_redirect(definition: DropboxConnection, response: RequestsResponse) -> RequestsResponse:
    """Raise Refused where an answer sends a call on: its body would go to whoever is named there."""
    if response.is_redirect:
        parts = urlsplit(response.headers["Location"])
        raise Refused(
            f"{definition} at {definition.host} answered {response.status_code} and sends the call on to "
            f"{parts.netloc.rpartition('@')[2] or 'another path'}, which Dropbox does not do. Fix: check api_url, and "
            f"whether a proxy stands between"
        )
    return response


def session_of(definition: DropboxConnection) -> Session:
    """A session for one account; nobody is called yet."""
    import requests

    session = requests.Session()
    settle(session, definition.api_url or REAL, file_of(definition, definition.ca_file) or True)
    session.mount("https://", _adapter_class()(definition))
    return session


def _tried(definition: DropboxConnection, once: Callable[[], RequestsResponse], due: Due) -> RequestsResponse:
    """Send until the answer is no 429 and no 5xx, or the tries or the time are over."""
    tries: Counter[str] = Counter()
    most = {"rate": definition.max_retries_on_rate_limit, "error": definition.max_retries_on_error}
    while True:
        response = _expect_no_redirect(definition, once())
        if response.status_code < 500 and response.status_code != 429:
            return response
        kind = "rate" if response.status_code == 429 else "error"
        wait = _wanted(response) if kind == "rate" else None
        if wait is None:
            wait = RATE_LIMIT_SECONDS if kind == "rate" else backoff(tries[kind] + 1, BACKOFF_SECONDS)
        tries[kind] += 1
        if tries[kind] > most[kind] or due.over_in(wait):
            return response
        time.sleep(wait)


def _wanted(response: RequestsResponse) -> float | None:
    """How long Dropbox wants to be left alone [s]; None if it does not say."""
    said = response.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said)
    try:
        return float(response.json()["error"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return None


def _argument(request: PreparedRequest) -> str | bytes:
    """What is said of the route in JSON; empty where it is too long, or no argument."""
    body = request.body if request.headers.get("Content-Type") == "application/json" else None
    return request.headers.get("Dropbox-API-Arg") or (body if body and len(body) < LARGEST_ARGUMENT else "")


def _route(request: PreparedRequest, argument: str | bytes) -> str:
    """What is asked, and of which path."""
    route = urlsplit(request.url or "").path.removeprefix("/2/").removeprefix("/")
    try:
        arg = json.loads(argument) if argument else {}
    except ValueError:
        return route
    if not isinstance(arg, dict):
        return route
    commit = arg.get("commit")
    path = arg.get("path") or arg.get("from_path") or (commit.get("path") if isinstance(commit, dict) else "")
    return f"{route} {path}" if path else route


def _outcome(request: PreparedRequest, response: RequestsResponse) -> str:
    if response.status_code < 300:
        is_upload = request.headers.get("Content-Type") == "application/octet-stream"
        return said_bytes(len(request.body or b"")) if is_upload else "ok"
    try:
        return f"{response.status_code} {response.json()['error_summary']}"
    except (ValueError, KeyError, TypeError):
        return str(response.status_code)
