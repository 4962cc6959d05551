"""Outgoing REST: one pooled `requests.Session` per connection, with retries and a deadline for the whole call."""

from __future__ import annotations

import asyncio
import contextvars
import re
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta, field
from msgspec.structs import force_setattr

from workbench.connections.common.http import bounded
from workbench.connections.common.trying import root_of
from workbench.connections.definition import ConnectionDefinition, Opening, Timeout
from workbench.connections.files.streams import Download
from workbench.connections.rest.credentials import Values, revealed, warn_of_plain_query, without_plain
from workbench.connections.rest.file import fetched
from workbench.connections.rest.session import may_pass, reason, retry_after, session_of
from workbench.core.current import CURRENT, outgoing
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, ServiceUsage
from workbench.core.mood import mood_of_status
from workbench.core.payload.typed import plain
from workbench.core.secret import Secret
from workbench.core.trace import Step

if TYPE_CHECKING:
    from requests import PreparedRequest
    from requests import Response as RequestsResponse

PLACEHOLDER = re.compile(r"{(\w+)}")
RETRIED_STATUS = frozenset((502, 503, 504))
RETRIED_METHODS = frozenset(("GET", "HEAD", "PUT", "DELETE", "OPTIONS"))
BACKOFF_SECONDS = 0.3
LONGEST_BACKOFF_SECONDS = 30.0
_encode = msgspec.json.Encoder(enc_hook=plain).encode


class RESTConnection(ConnectionDefinition, tag="rest", frozen=True, kw_only=True):
    """A REST API to call."""

    kind: ClassVar[str] = "REST"
    attributes: ClassVar[dict[str, str]] = {"out.rest": "item", "out.plain_http": "item", "rest": "for_call"}

    host: Annotated[str, Meta(pattern=r"^https?://[^/\s@]+/?$", description="Scheme and host, as https://example.com.")]
    path: Annotated[str, Meta(description="Path; {name} is filled from params.")] = ""
    data_format: Annotated[Literal["json", "form", ""], Meta(description="How data that is no text is sent.")] = "json"
    username: Annotated[str, Meta(description="User for Basic Auth; empty for none.")] = ""
    password: Annotated[Secret | str | None, Meta(description="Secret that holds the user's password.")] = None
    api_key: Annotated[Secret | str | None, Meta(description="Secret sent in `api_key_header`.")] = None
    api_key_header: Annotated[str, Meta(description="Header for the API key.")] = "X-API-Key"
    headers: Annotated[Values, Meta(description="Headers sent with every call.")] = field(default_factory=dict)
    params: Annotated[Values, Meta(description="Query parameters sent with every call.")] = field(default_factory=dict)
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Annotated[float, Meta(gt=0, le=3600, description="Longest whole call, retries included [s].")] = (
        30.0
    )
    retries: Annotated[int, Meta(ge=0, le=20, description="Further tries after a failure that may pass.")] = 3
    pool_size: Annotated[int, Meta(ge=1, le=1000, description="Most connections kept open.")] = 20
    ping_method: Annotated[Literal["HEAD", "GET", "OPTIONS"], Meta(description="Method of a ping.")] = "HEAD"
    verify_tls: Annotated[bool, Meta(description="Whether the server's certificate is checked.")] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for each in ("headers", "params"):
            force_setattr(self, each, without_plain(str(self), each, getattr(self, each)))
        warn_of_plain_query(str(self), self.path)

    def problems(self) -> dict[str, str]:
        return {"path": "must begin with /"} if self.path and not self.path.startswith("/") else {}

    def open(self, opening: Opening) -> RESTClient:
        """Make the session; nobody is called yet."""
        return RESTClient(self, opening)


class RESTClient:
    """An open REST connection: `get`, `post`, ... with the CID first, as in Zato.

    A status that is not 2xx is no error: look at `.status_code`. What never answered is ConnectionFailed.
    """

    def __init__(self, definition: RESTConnection, opening: Opening, owner: object = None) -> None:
        self.definition = definition
        # Another kind that speaks by it is the one to be named in errors.
        self.owner = owner = str(owner or definition)
        self.reveal = lambda each: opening.reveal(each if isinstance(each, Secret) else None, owner)
        self.session = session_of(definition, self.reveal)
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
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Any method.

        Raises:
            ConnectionFailed: The other side refused, hung up, or sent what is no HTTP.
            DeadlineExceeded: It did not answer within `deadline_seconds`, all tries together.
        """
        call = CURRENT.get()
        if call is not None and call.on_loop:
            raise ServiceUsage(
                f"Service {call.service!r} is async, and {self.owner} would block the server. "
                f"Fix: await conn.aio.{method.lower()}(...)"
            )
        return self._call(method, cid, data, params, headers)

    def _call(
        self, method: str, cid: str, data: Any, params: Mapping[str, Any] | None, headers: Mapping[str, str] | None
    ) -> Response:
        path, query = self.path_of(dict(params or {}))
        url = self.url_of(path, query)
        body, content_type = self._body(data)
        sent = {"X-Zato-CID": cid, **({"Content-Type": content_type} if content_type else {}), **(headers or {})}
        with outgoing("rest", f"{method} {self.definition.name} {path or '/'}") as step:
            response = self._with_retries(method, url, body, sent, self.definition.retries)
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
            NoSuchFile, AccessRefused, FileRefused: A status that is not 200.
        """
        call = CURRENT.get()
        if call is not None and call.on_loop:
            raise ServiceUsage(
                f"Service {call.service!r} is async, and a stream of {self.owner} would block the server. "
                f"Fix: make it a plain def handle."
            )
        stream = fetched(self, path, params=params)
        step = Step("rest", f"GET {self.definition.name} {path or self.definition.path or '/'}")
        if call is not None:
            call.step.steps.append(step)
        return stream.recorded(step)

    def url_of(self, path: str, query: str) -> str:
        """The whole address of an encoded path and query."""
        return f"{self.definition.host.rstrip('/')}{path}{'?' if query else ''}{query}"

    def path_of(self, params: dict[str, Any]) -> tuple[str, str]:
        """The path with its placeholders filled, and the query made of the rest."""
        params, wanted = revealed(params, self.reveal), PLACEHOLDER.findall(self.definition.path)
        if missing := [name for name in wanted if name not in params]:
            raise ServiceUsage(
                f"{self.definition} has the path {self.definition.path}; params miss {', '.join(map(repr, missing))}, "
                f"given: {', '.join(params) or 'none'}."
            )
        values = {name: quote(str(params.pop(name)), safe="") for name in wanted}
        if dots := [name for name, value in values.items() if value in (".", "..")]:
            raise ServiceUsage(f"{self.definition}: {dots[0]!r} may not be . or .., which would lead to another path.")
        query = urlencode({name: value for name, value in params.items() if value is not None}, doseq=True)
        return PLACEHOLDER.sub(lambda match: values[match[1]], self.definition.path), query

    def _body(self, data: Any) -> tuple[bytes | None, str]:
        if data is None or data == "":
            return None, ""
        if isinstance(data, str | bytes | bytearray):
            body = data.encode() if isinstance(data, str) else bytes(data)
            return body, "application/json" if self.definition.data_format == "json" else ""
        if self.definition.data_format == "form":
            return urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded"
        return _encode(data), "application/json"

    def _with_retries(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: dict[str, str],
        retries: int,
        deadline: float | None = None,
    ) -> RequestsResponse:
        """The answer of the last try; without `deadline` (monotonic), the definition's own begins now."""
        import requests

        if deadline is None:
            deadline = time.monotonic() + self.definition.deadline_seconds
        request = self.prepared(method, url, body, headers)
        for attempt in range(1, retries + 2):
            wait = min(BACKOFF_SECONDS * 2 ** (attempt - 1), LONGEST_BACKOFF_SECONDS)
            may_repeat = attempt <= retries and method in RETRIED_METHODS
            try:
                response = self._attempt(request, deadline)
                if response.status_code not in RETRIED_STATUS or not may_repeat:
                    return response
                wait = retry_after(response) or wait
                if time.monotonic() + wait >= deadline:
                    return response
            except requests.RequestException as exc:
                never_sent = attempt <= retries and isinstance(root_of(exc), ConnectionRefusedError)
                if not (may_repeat or never_sent) or not may_pass(exc) or time.monotonic() + wait >= deadline:
                    raise self.failure(exc, attempt) from exc
            except UnicodeEncodeError:
                raise self._unsendable() from None
            time.sleep(wait)
        raise AssertionError("every try returns or raises")

    def prepared(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> PreparedRequest:
        """A request with all that the connection adds to it."""
        import requests

        headers = revealed(headers, self.reveal)
        try:
            return self.session.prepare_request(requests.Request(method, url, data=body, headers=headers))
        except (requests.exceptions.InvalidHeader, UnicodeError):
            raise self._unsendable() from None

    def _unsendable(self) -> ServiceUsage:
        # Without the library's words: they repeat the header, which may be a key.
        return ServiceUsage(
            f"{self.owner}: a header cannot be sent, it holds a line break, is no text, or has letters beyond "
            f"Latin-1. Fix: look at the headers given, and at the secret for a line break at its end."
        )

    def _attempt(self, request: PreparedRequest, deadline: float) -> RequestsResponse:
        """One try; all of it is under the deadline, since a peer may send it drop by drop."""
        with bounded(deadline, self.definition.timeout_seconds) as timeout:
            response = self.session.send(request, timeout=timeout, stream=True)
            content = b"".join(response.iter_content(65536))
        response._content, response._content_consumed = content, True  # type: ignore[attr-defined]
        return response

    def failure(self, exc: Exception, attempt: int) -> ConnectionFailed:
        """What to say of a try that got no answer."""
        import requests

        where = f"{self.owner} at {self.definition.host}"
        tries = f"{attempt} {'try' if attempt == 1 else 'tries'}"
        if isinstance(root_of(exc), TimeoutError):
            return DeadlineExceeded(
                f"{where} did not answer in time ({self.definition.timeout_seconds:g} s a try, {tries}, "
                f"{self.definition.deadline_seconds:g} s in all). Fix: check that it is up and reachable, or raise "
                f"timeout_seconds, deadline_seconds"
            )
        if isinstance(root := root_of(exc), ssl.SSLCertVerificationError):
            return ConnectionFailed(
                f"{where} has a certificate that cannot be trusted: {root.verify_message}. "
                f"Fix: host= must be the name in the certificate; for a private authority set REQUESTS_CA_BUNDLE"
            )
        if isinstance(exc, requests.ConnectionError):
            return ConnectionFailed(f"{where} cannot be reached: {reason(exc)} ({tries}).")
        return ConnectionFailed(f"{where} answered what cannot be read: {reason(exc)} ({tries}).")

    def for_call(self, cid: str) -> BoundREST:
        """The short form `self.rest["name"]`, with the CID implied."""
        return BoundREST(self, cid)

    @property
    def aio(self) -> AsyncREST:
        """The same methods to be awaited, for `async def handle`."""
        return AsyncREST(self, self._pool)

    def ping(self, cid: str = "") -> str:
        """Ask for the path once and say what came back."""
        began = time.monotonic()
        path = PLACEHOLDER.sub("ping", self.definition.path)
        headers = {"X-Zato-CID": cid} if cid else {}
        url = self.definition.host.rstrip("/") + path
        response = self._with_retries(self.definition.ping_method, url, None, headers, 0)
        return f"{self.definition.ping_method} {response.status_code} in {(time.monotonic() - began) * 1000:.0f} ms"

    def close(self) -> None:
        """Close pooled connections."""
        self.session.close()
        self._pool.shutdown(wait=False)


class BoundREST:
    """A REST connection within one call: `get(params=...)`, `post(data, ...)`."""

    __slots__ = ("_cid", "_client")

    def __init__(self, client: RESTClient | AsyncREST, cid: str) -> None:
        self._client: Any = client
        self._cid = cid

    @property
    def aio(self) -> BoundREST:
        """The same methods to be awaited, for `async def handle`."""
        return BoundREST(self._client.aio, self._cid)

    def open(self, path: str = "", params: Mapping[str, Any] | None = None) -> Download:
        """What is behind a path, as a stream of bytes."""
        stream: Download = self._client.open(path, params)
        return stream

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._client, method)
        return lambda *args, **kwargs: call(self._cid, *args, **kwargs)


class AsyncREST:
    """Awaitable `get`, `post`, ...; the session's calls run on a few threads of its own."""

    __slots__ = ("_client", "_pool")

    def __init__(self, client: RESTClient, pool: ThreadPoolExecutor) -> None:
        self._client, self._pool = client, pool

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method not in ("get", "post", "put", "patch", "delete", "options", "send"):
            raise AttributeError(f"conn.aio has get, post, put, patch, delete, options and send, not {method!r}")
        verb = "POST" if method == "send" else method.upper()

        async def call(cid: str, *args: Any, **kwargs: Any) -> Response:
            given = (
                dict(zip(("params",) if verb in ("GET", "OPTIONS") else ("data", "params"), args, strict=False))
                | kwargs
            )
            work = (verb, cid, given.get("data"), given.get("params"), given.get("headers"))
            context = contextvars.copy_context()
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, lambda: context.run(self._client._call, *work)
            )

        return call


class Response:
    """`requests.Response` with `.data`: the body parsed, when it is JSON."""

    __slots__ = ("_definition", "_response")

    def __init__(self, response: RequestsResponse, definition: RESTConnection) -> None:
        self._response, self._definition = response, definition

    @property
    def data(self) -> Any:
        """The parsed body if the connection or the answer says JSON, else its text.

        Raises:
            ConnectionFailed: The answer says JSON and is not.
        """
        said = self._response.headers.get("Content-Type", "")
        if not self._response.content:
            return ""
        if self._definition.data_format != "json" and "json" not in said:
            return self._response.text
        try:
            return msgspec.json.decode(self._response.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise ConnectionFailed(
                f"{self._definition} answered {self._response.status_code} with a body that is no JSON ({exc}). "
                f"Fix: read .text, or set data_format=''."
            ) from exc

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    def __repr__(self) -> str:
        return f"<Response [{self._response.status_code}]>"
