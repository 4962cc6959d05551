"""Outgoing REST: one pooled `requests.Session` per connection, with retries and a deadline for the whole call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workbench.connections.common.colours import Aio, expect_no_loop
from workbench.connections.definition import Live, Opening, Pinged
from workbench.connections.files.streams import Download
from workbench.connections.rest.answer import Response
from workbench.connections.rest.credentials import shown_headers, shown_path, shown_query
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.rest.file import fetched
from workbench.connections.rest.options import Options, multipart, options_of
from workbench.connections.rest.sender import PLACEHOLDER, Sender
from workbench.core.current import begin, outgoing
from workbench.core.mood import mood_of_status

METHODS = ("get", "post", "put", "patch", "delete", "options", "send", "call", "open", "ping")
"""What can be awaited."""


class LiveREST(Live):
    """An open REST connection: `get`, `post`, ... with the CID first, as in Zato.

    A status that is not 2xx is no error: look at `.status_code`. What never answered is ConnectionFailed.
    """

    def __init__(self, definition: RESTConnection, opening: Opening, owner: object = None) -> None:
        self.definition: RESTConnection = definition
        self.sender = Sender(definition, opening, owner)
        self._pool = ThreadPoolExecutor(definition.pool_size, f"workbench-rest-{definition.name}")

    def get(self, cid: str, params: Mapping[str, Any] | None = None, **more: Any) -> Response:
        """GET; `params` fill the path's {placeholders}, the rest becomes the query."""
        return self.call("GET", cid, None, params, **more)

    def delete(self, cid: str, data: Any = None, params: Mapping[str, Any] | None = None, **more: Any) -> Response:
        """DELETE."""
        return self.call("DELETE", cid, data, params, **more)

    def options(self, cid: str, params: Mapping[str, Any] | None = None, **more: Any) -> Response:
        """OPTIONS."""
        return self.call("OPTIONS", cid, None, params, **more)

    def post(self, cid: str, data: Any = None, params: Mapping[str, Any] | None = None, **more: Any) -> Response:
        """POST; text and bytes go as they are, anything else in the connection's data format."""
        return self.call("POST", cid, data, params, **more)

    send = post

    def put(self, cid: str, data: Any = None, params: Mapping[str, Any] | None = None, **more: Any) -> Response:
        """PUT."""
        return self.call("PUT", cid, data, params, **more)

    def patch(self, cid: str, data: Any = None, params: Mapping[str, Any] | None = None, **more: Any) -> Response:
        """PATCH."""
        return self.call("PATCH", cid, data, params, **more)

    def call(
        self,
        method: str,
        cid: str,
        data: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Response:
        """Any method.

        Args:
            method: In upper case.
            cid: Sent as X-Zato-CID.
            data: Text and bytes go as they are, anything else in the connection's data format; beside files, fields.
            params: Fill the path's {placeholders}; the rest becomes the query.
            headers: Besides those of the connection.
            more: In the words of `requests`. `files` makes it multipart/form-data. `timeout` is the longest wait, or
                two, to connect and to read [s], within the connection's deadline. `auth` is a user and a password.
                `cookies` are texts by name. `allow_redirects=False` gives a redirect as the answer; True lets the body
                follow one (307, 308) to another host.

        Raises:
            AnswerTooLarge: The answer is over `max_answer_bytes`; `open` streams it.
            ConnectionFailed: The other side refused, hung up, or sent what is no HTTP.
            DeadlineExceeded: It did not answer within `deadline_seconds`, all tries together.
            Refused: It sends the call on to another host, where its body does not go unasked.
            ServiceUsage: Something of it cannot be sent.
        """
        expect_no_loop(self.sender.owner, f"await conn.aio.{method.lower()}(...)")
        sender = self.sender
        options = options_of(sender.owner, sender.reveal, more)
        path, query = sender.path_of(dict(params or {}))
        sent: dict[str, Any] = {"X-Zato-CID": cid, **(headers or {})}
        body: bytes | None
        if options.files is not None:
            body, content_type = multipart(sender.owner, options.files, data)
            # Another one would not say where its parts begin.
            sent = {name: value for name, value in sent.items() if name.lower() != "content-type"}
        else:
            body, content_type = sender.body_of(data)
        sent = {**({"Content-Type": content_type} if content_type else {}), **sent}
        name, at = self.definition.name, shown_path(path or "/")
        asked: dict[str, Any] = {"path": at, "query": shown_query(query)}
        asked |= {"headers": shown_headers(headers or {}), "body": body}
        arguments = {key: value for key, value in asked.items() if value}
        with outgoing("rest", f"{method} {name} {at}", arguments, connection=name, operation=method) as step:
            response = sender.send(method, sender.url_of(path, query), body, sent, options)
            step.answered(response.content)
            step.end(str(response.status_code), mood_of_status(response.status_code))
            return Response(response, self.definition)

    def open(self, path: str = "", params: Mapping[str, Any] | None = None) -> Download:
        """What is behind a path, as a stream of bytes: `with conn.open("/exports/big.csv") as stream:`.

        One that is interrupted goes on where it was, if the server tells versions apart (ETag, Last-Modified). The
        connection's deadline is that of the answer, and of each 256 KiB of it.

        Args:
            path: Below the host, not encoded; without one, the connection's own, its {placeholders} from `params`.
            params: The query, or what else the query has besides that of `path`.

        Raises:
            NoSuchFile, AccessRefused, Refused: A status that is not 200.
        """
        expect_no_loop(self.sender.owner, "make it a plain def handle, or await conn.aio.open(...)")
        stream = fetched(self.sender, path, params=params)
        at, name = shown_path(path or self.definition.path or "/"), self.definition.name
        return stream.recorded(begin("rest", f"GET {name} {at}", {"path": at}, connection=name, operation="GET"))

    def for_call(self, cid: str) -> BoundREST:
        """The short form `self.rest["name"]`, with the CID implied."""
        return BoundREST(self, cid)

    @property
    def aio(self) -> Aio:
        """The same methods to be awaited, for `async def handle`; on a few threads of its own."""
        return Aio(self, self._pool, METHODS)

    def ping(self, cid: str = "") -> str:
        """Ask for the path once and say what came back."""
        expect_no_loop(self.sender.owner, "await conn.aio.ping()")
        began = time.monotonic()
        path = PLACEHOLDER.sub("ping", self.definition.path)
        headers = {"X-Zato-CID": cid} if cid else {}
        url = self.definition.host.rstrip("/") + path
        response = self.sender.send(self.definition.ping_method, url, None, headers, Options(retries=0))
        status, milliseconds = response.status_code, (time.monotonic() - began) * 1000
        return Pinged(f"{self.definition.ping_method} {status} in {milliseconds:.0f} ms", mood_of_status(status))

    def close(self) -> None:
        """Close pooled connections."""
        self.sender.session.close()
        self._pool.shutdown(wait=False)


class BoundREST:
    """A REST connection within one call: `get(params=...)`, `post(data, ...)`."""

    __slots__ = ("_cid", "_client")

    def __init__(self, client: LiveREST | Aio, cid: str) -> None:
        self._client: Any = client
        self._cid = cid

    @property
    def aio(self) -> BoundREST:
        """The same methods to be awaited, for `async def handle`."""
        return BoundREST(self._client.aio, self._cid)

    def open(self, path: str = "", params: Mapping[str, Any] | None = None) -> Any:
        """What is behind a path, as a stream of bytes."""
        return self._client.open(path, params)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._client, method)
        return lambda *args, **kwargs: call(self._cid, *args, **kwargs)
