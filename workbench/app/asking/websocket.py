"""`wb.websocket`: a WebSocket client by hand, through the real server, with answers to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from ssl import SSLContext
from typing import Any

import msgspec

from workbench.app.asking.inline import SHOWN_CHARACTERS
from workbench.channels.websocket.asking import CLIENT_RESPONSE
from workbench.core.errors import DeadlineExceeded, MissingDependency, ServiceUsage, WorkbenchError
from workbench.core.masking import mask
from workbench.core.payload.response import encode_json
from workbench.core.ports import Showable
from workbench.core.trace import Trace

Find = Callable[[str], Trace | None]
LONGEST_SECONDS = 60.0
"""How long an answer is waited for unless something else is said [s]."""


class NotConnected(WorkbenchError):
    """A WebSocket was not opened, or has ended."""


class Message(Showable):
    """What a client got: an answer, an error, or what a service sent by itself.

    Attributes:
        data: What it says; bytes as they came.
        meta: What stands beside it: `id`, `msg_type`, `status`, `in_reply_to`, `error_message`.
    """

    def __init__(self, meta: Mapping[str, Any], data: Any, find: Find) -> None:
        self.meta, self.data, self._find = meta, data, find

    @property
    def cid(self) -> str:
        """The CID under which the call is found in traces and logs."""
        return str(self.meta.get("id", ""))

    @property
    def status(self) -> int:
        """The status, as in HTTP."""
        return int(self.meta.get("status", 200))

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def error(self) -> str:
        """What went wrong, as an outsider learns it; '' if nothing did."""
        return str(self.meta.get("error_message", ""))

    @property
    def trace(self) -> Trace | None:
        """What the call did, if it is still kept."""
        return self._find(self.cid)

    def __repr__(self) -> str:
        if isinstance(self.data, bytes):
            return f"{self.status}, {len(self.data)} bytes"
        said = self.error or self.data
        text = mask(said if isinstance(said, str) else msgspec.json.encode(said).decode())
        tail = f" ... {len(text) - SHOWN_CHARACTERS} more characters" if len(text) > SHOWN_CHARACTERS else ""
        return f"{self.status}, {text[:SHOWN_CHARACTERS]}{tail}"


class WebSocket(Showable):
    """A connection to a WebSocket channel; leave it with `close`, or use it in a `with` block.

    Args:
        url: Where to connect.
        headers: What goes out with the handshake, as what holds credentials.
        timeout_seconds: Longest wait for the handshake [s].
        find: Gives the trace of a CID.
        trust: What TLS is spoken by; None speaks plain HTTP.

    Raises:
        NotConnected: The server refuses.
        MissingDependency: The package `websockets` is not installed.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        timeout_seconds: float,
        find: Find,
        trust: SSLContext | None = None,
    ) -> None:
        try:
            from websockets.exceptions import InvalidHandshake, InvalidStatus
            from websockets.sync.client import connect
        except ImportError as exc:
            raise MissingDependency("wb.websocket", "websockets", "websocket") from exc
        self.url, self._find, self._ends = url, find, ExitStack()
        how: dict[str, Any] = {"open_timeout": timeout_seconds, "proxy": None, "max_size": None, "ssl": trust}
        how["ping_interval"] = None  # The server pings, and so no thread need do it here.
        try:
            self._connection = self._ends.enter_context(connect(url, additional_headers=headers, **how))
        except InvalidStatus as exc:
            raise NotConnected(_why(url, exc.response.status_code)) from None
        except (OSError, TimeoutError, InvalidHandshake) as exc:
            raise NotConnected(f"{url} does not answer: {exc}. Fix: see that the server runs, by wb.start().") from exc

    def send(self, data: Any) -> WebSocket:
        """Send a message: text as it is, bytes as they are, anything else as JSON.

        Raises:
            NotConnected: The connection has ended.
            TypeError: JSON cannot say the data.
        """
        from websockets.exceptions import ConnectionClosed

        is_as_it_is = isinstance(data, str | bytes | bytearray | memoryview)
        message = data if is_as_it_is else encode_json(data).decode()
        try:
            self._connection.send(message)
        except ConnectionClosed as exc:
            raise self._ended(exc) from None
        return self

    def reply(self, question: Message, data: Any) -> WebSocket:
        """Answer what a service asked, by `self.wsx.client.invoke(...)`.

        Args:
            question: As it came.
            data: Anything that JSON can say.

        Raises:
            NotConnected: The connection has ended.
        """
        return self.send({"meta": {"action": CLIENT_RESPONSE, "in_reply_to": question.cid}, "data": data})

    def receive(self, timeout_seconds: float = LONGEST_SECONDS) -> Message:
        """The next message, waited for.

        Args:
            timeout_seconds: Longest wait [s].

        Raises:
            DeadlineExceeded: None came in time.
            NotConnected: The connection has ended; the error says why.
        """
        from websockets.exceptions import ConnectionClosed

        try:
            said = msgspec.json.decode(self._connection.recv(timeout_seconds))
            meta, data = said["meta"], said["data"]
            if "binary_bytes" in meta:
                data = self._connection.recv(timeout_seconds)
        except TimeoutError as exc:
            raise DeadlineExceeded(
                f"{self.url} sent nothing within {timeout_seconds:g} s. Fix: wait longer, by timeout_seconds=..."
            ) from exc
        except ConnectionClosed as exc:
            raise self._ended(exc) from None
        return Message(meta, data, self._find)

    def ask(self, data: Any, timeout_seconds: float = LONGEST_SECONDS) -> Message:
        """Send a message, and wait for what comes next."""
        return self.send(data).receive(timeout_seconds)

    def close(self) -> None:
        """Take leave of the server."""
        self._ends.close()

    def _ended(self, exc: Any) -> NotConnected:
        received = exc.rcvd
        why = f"closed by the server, {received.code} {received.reason}".rstrip() if received else "cut off"
        return NotConnected(f"The connection to {self.url} is {why}. Fix: connect anew.")

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"WebSocket to {self.url}, {self._connection.state.name.lower()}"


def _why(url: str, status: int) -> str:
    fixes = {
        401: "give the credentials, by user=...",
        404: "a path of wb.channels; one that a cell defines together with its service opens when the cell has ended",
        503: "have clients leave, or raise max_clients of the channel",
    }
    return f"{url} refused the connection with {status}. Fix: {fixes.get(status, 'see its call in wb.traffic')}."


def path_of_websocket(asked: str) -> str:
    """The path of `"/ws/echo?x=1"` or `"GET /ws/echo"`."""
    path = asked.strip().removeprefix("GET").strip()
    if not path.startswith("/") or any(each.isspace() for each in path):
        raise ServiceUsage(
            f"wb.websocket takes a path, as wb.websocket('/ws/echo'), not {asked!r:.80}. "
            f"Fix: begin it with a slash, without host and blanks."
        )
    return path
