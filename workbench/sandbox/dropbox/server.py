"""A Dropbox: serves the official SDK, unchanged, over HTTP or TLS, and shows what it keeps."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import secrets
import ssl
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self, cast
from urllib.parse import parse_qs

from msgspec import Meta

from workbench.connections.files.names import path_of
from workbench.connections.files.protocol import said_bytes
from workbench.sandbox import certificates
from workbench.sandbox.dropbox.account import ROOT_NAMESPACE, AccountRoutes
from workbench.sandbox.dropbox.files import Arg, FileRoutes
from workbench.sandbox.dropbox.folders import BadCursor, FolderRoutes, as_rows, strange
from workbench.sandbox.dropbox.tree import Blob, DropboxTree, FilesView, Node, Refused, summary_of
from workbench.sandbox.faults import Faults, StrangeNames
from workbench.sandbox.file_tree import Asked
from workbench.sandbox.http.source import HTTPFaults, beside
from workbench.sandbox.http.wire import HTTPAnswer, Request, http_protocol
from workbench.sandbox.journal import Journal
from workbench.sandbox.network.loop import PEERS
from workbench.sandbox.peer import Peer

SHOWN = 20
SPACE_BYTES = 2 << 30
# The two ways in which the API's documentation lets a path be written.
WRITTEN = re.compile(r"(/(.|[\r\n])*)|(ns:[0-9]+(/.*)?)|(id:.*)", re.DOTALL)
READ = re.compile(rf"{WRITTEN.pattern}|(rev:[0-9a-f]{{9,}})", re.DOTALL)
PATHS = {"path": READ, "from_path": WRITTEN, "to_path": WRITTEN}
ROOTED = ("files/list_folder", "files/list_folder/get_latest_cursor")
RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class DropboxFaults(HTTPFaults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with a Dropbox; `status=429` with `retry_after_seconds` is its rate limit."""

    expired_token: Annotated[bool, Meta(description="Have tokens expired, but those it refreshes from now on.")] = False
    revoked_token: Annotated[bool, Meta(description="Have every token and refresh token revoked.")] = False
    missing_scope: Annotated[str, Meta(description="A permission that the token lacks, as files.content.write.")] = ""
    quota_bytes: Annotated[int | None, Meta(description="Have room for this much in all [bytes].")] = None
    strange_names: StrangeNames = ()
    wrong_hash: Annotated[bool, Meta(description="Keep something else than was sent, as its content hash shows.")] = (
        False
    )


class NoAccess(Exception):
    """Who asks may not: an error of 401."""

    def __init__(self, tag: str, **fields: Any) -> None:
        self.error = {".tag": tag, **fields}
        super().__init__(tag)


class BadCall(Exception):
    """What is asked makes no sense: an error of 400."""


class DropboxServer(Peer):
    """Plays Dropbox.

    Args:
        name: What it is called.
        encrypted: Whether it speaks TLS.
    """

    kind: ClassVar[str] = "dropbox"
    label: ClassVar[str] = "Dropbox"
    fault_fields: ClassVar[type[Faults]] = DropboxFaults

    def __init__(self, name: str = "", *, encrypted: bool = False) -> None:
        super().__init__(name)
        self.encrypted = encrypted
        self.asked: Journal[Asked] = Journal("request")
        self.tree = DropboxTree(self._changed)
        self.files = FilesView(self.tree)
        self.user_agents: list[str] = []
        self._contents = FileRoutes(self.tree, lambda: self.allocated)
        self._folders = FolderRoutes(self.tree)
        self._account = AccountRoutes(self.tree, lambda: self.allocated, lambda: self.url)
        self._rpc = {**self._contents.rpc, **self._folders.rpc, **self._account.rpc}
        self._rpc["files/list_folder/longpoll"] = self._folders.longpoll
        self._fresh: tuple[object, set[str]] = (None, set())

    # For a person and a test
    def put(self, path: str, contents: bytes | str) -> Self:
        """Have a file arrive, folders and all; one of that name is replaced."""
        blob = Blob.of(contents.encode() if isinstance(contents, str) else contents)
        self.tree.put(f"/{path_of(path, self)}", blob)
        return self

    def make_folder(self, path: str) -> Self:
        """Have a folder there."""
        if self.tree.find(name := f"/{path_of(path, self)}") is None:
            self.tree.put(name, None)
        return self

    def _fill_from(self, other: Self) -> None:
        self.tree.take(other.tree)

    def clear(self) -> None:
        """Throw every file away; cursors that clients hold must be made anew."""
        self.tree.clear()
        self._folders.forget()

    def reset_cursors(self) -> None:
        """Have every cursor answer `reset`, as Dropbox does now and then."""
        self._folders.forget()

    def rows(self) -> list[dict[str, Any]]:
        return as_rows(self.tree)

    def summary(self) -> str:
        rows = self.rows()
        lines = [f"{row['file']} ({said_bytes(row['bytes'])})" for row in rows[:SHOWN]]
        more = [f"and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
        count = f"{len(rows) or 'no'} file{'' if len(rows) == 1 else 's'}"
        return "\n".join([f"{self}: {count}{'.' if rows else ''}", *lines, *more])

    @property
    def allocated(self) -> int:
        """Room for files in all [bytes]."""
        quota = self._faults.quota_bytes
        return SPACE_BYTES if quota is None else quota

    # As a peer
    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.encrypted else 'http'}://{self.address}"

    def tls(self) -> ssl.SSLContext | None:
        return certificates.loopback() if self.encrypted else None

    def pointed(self, definition: Any) -> dict[str, Any]:
        told: dict[str, Any] = {"api_url": self.url}
        if definition.token is None and definition.refresh_token is None:
            told["token"] = self.credential(definition, "token")
        if self.encrypted:
            told["ca_file"] = str(certificates.authority().file)
        return told

    def protocol(self) -> asyncio.BaseProtocol:
        return http_protocol(beside(self, self.respond))

    @property
    def _faults(self) -> DropboxFaults:
        return cast(DropboxFaults, self.faults)

    def _changed(self) -> None:
        if self._folders.is_awaited:
            PEERS.loop.call_soon_threadsafe(self._folders.wake)

    # One request
    async def respond(self, request: Request) -> HTTPAnswer | None:
        """HTTPAnswer one request; None hangs up."""
        trouble = self.trouble
        faults = self._faults
        route = request.path.removeprefix("/2/").removeprefix("/")
        if faults.hang_up and trouble.strikes():
            return self._noted(route, None)
        if faults.garbage and trouble.strikes():
            return HTTPAnswer(raw=b"\x00\x01 this is no HTTP\r\n\r\n")
        if faults.status is not None and trouble.strikes():
            return self._noted(route, self._spoilt(faults))
        answer = await self._answer(route, request)
        most = faults.cut_body_after_bytes
        length = answer.length if answer.blocks is not None else len(answer.body)
        if most is not None and most < length and trouble.strikes():
            answer.cut_body_after_bytes = most
        return answer

    def _noted(self, route: str, answer: HTTPAnswer | None) -> HTTPAnswer | None:
        self.asked.add(Asked(route, "", None, str(answer.status) if answer is not None else "no answer"), 0)
        return answer

    def _spoilt(self, faults: DropboxFaults) -> HTTPAnswer:
        waits = faults.retry_after_seconds
        fields = [] if waits is None else [("Retry-After", str(waits))]
        if faults.status == 429:
            reason = {"reason": {".tag": "too_many_requests"}, "retry_after": 1 if waits is None else waits}
            return _json({"error_summary": "too_many_requests/..", "error": reason}, 429, fields)
        words = f"{self} has the fault status={faults.status}.\n".encode()
        return HTTPAnswer(faults.status or 500, words, [("Content-Type", "text/plain"), *fields])

    async def _answer(self, route: str, request: Request) -> HTTPAnswer:
        self.user_agents = [*self.user_agents, request.headers.get("User-Agent", "")][-SHOWN:]
        if request.path == "/oauth2/token":
            return self._refresh(request)
        if request.method in ("GET", "HEAD"):
            return self._linked(request)
        path = ""
        try:
            arg = self._argument(route, request)
            path = str(arg.get("path") or arg.get("from_path") or (arg.get("commit") or {}).get("path") or "")
            answer = await self._routed(route, request, arg)
            outcome = "ok"
        except Refused as exc:
            summary = summary_of(exc.error)
            answer, outcome = _json({"error_summary": summary, "error": exc.error}, 409), summary
        except NoAccess as exc:
            answer = _json({"error_summary": f"{exc}/..", "error": exc.error}, 401)
            outcome = str(exc)
        except BadCall as exc:
            words = f'Error in call to API function "{route}": {exc}'
            answer, outcome = HTTPAnswer(400, words.encode(), [("Content-Type", "text/plain; charset=utf-8")]), "400"
        answer.headers.append(("X-Dropbox-Request-Id", secrets.token_hex(16)))
        self.asked.add(Asked(route, path.removeprefix("/"), len(request.body), outcome), 0)
        return answer

    def _argument(self, route: str, request: Request) -> Arg:
        self._admit(route, request)
        in_body = request.headers.get("Content-Type", "").partition(";")[0] == "application/json"
        text = request.body.decode(errors="replace") if in_body else request.headers.get("Dropbox-API-Arg", "null")
        try:
            arg = json.loads(text or "null")
        except ValueError as exc:
            raise BadCall(f"request body: could not decode input as JSON: {exc}") from exc
        if arg is None:
            arg = {}
        if not isinstance(arg, dict):
            raise BadCall("request body: expected object")
        for each in [arg, *(arg.get("entries") or ())]:
            self._check_paths(route, each)
        return arg

    def _check_paths(self, route: str, arg: Arg) -> None:
        told = {**arg, **(arg.get("commit") or {})}
        for field, pattern in PATHS.items():
            path = told.get(field)
            if path is None or (path == "" and (route in ROOTED or route.startswith("sharing/"))):
                continue
            if route in ROOTED and path == "/":
                raise BadCall('request body: path: Specify the root folder as an empty string rather than as "/".')
            if not isinstance(path, str) or not pattern.fullmatch(path):
                raise BadCall(f"request body: {field}: {path!r} did not match pattern '{pattern.pattern}'")

    def _admit(self, route: str, request: Request) -> None:
        how, _, token = request.headers.get("Authorization", "").partition(" ")
        if route == "files/list_folder/longpoll" or (route == "check/app" and how == "Basic"):
            return
        trouble, faults = self.trouble, self._faults
        if how != "Bearer" or not token.strip():
            raise NoAccess("invalid_access_token")
        if faults.revoked_token and trouble.strikes():
            raise NoAccess("invalid_access_token")
        if faults.expired_token and token not in self._refreshed() and trouble.strikes():
            raise NoAccess("expired_access_token")
        if faults.missing_scope and trouble.strikes():
            raise NoAccess("missing_scope", required_scope=faults.missing_scope)

    def _refreshed(self) -> set[str]:
        if self._fresh[0] is not self._trouble:
            self._fresh = (self._trouble, set())
        return self._fresh[1]

    def _refresh(self, request: Request) -> HTTPAnswer:
        form = {key: values[0] for key, values in parse_qs(request.text).items()}
        self.asked.add(Asked("oauth2/token", "", None, form.get("scope", "")), 0)
        if form.get("grant_type") != "refresh_token" or not form.get("refresh_token"):
            return _json({"error": "unsupported_grant_type"}, 400)
        if self._faults.revoked_token:
            return _json({"error": "invalid_grant", "error_description": "refresh token is invalid or revoked"}, 400)
        token = f"sl.{secrets.token_urlsafe(16)}"
        self._refreshed().add(token)
        return _json({"access_token": token, "token_type": "bearer", "expires_in": 14400})

    async def _routed(self, route: str, request: Request, arg: Arg) -> HTTPAnswer:
        if root := request.headers.get("Dropbox-API-Path-Root"):
            _check_root(root)
        with self.tree.lock:
            if route in self._contents.uploads:
                return _json(self._kept(self._contents.uploads[route](arg, request.body)))
            if route == "files/download":
                return _file(self._contents.download(arg), request)
            if route == "sharing/get_shared_link_file":
                return _file(self._account.shared_file(arg), request, self._account)
            if route not in self._rpc:
                raise BadCall(f"Unknown API function: {route!r}")
            try:
                result = self._rpc[route](arg)
            except KeyError as exc:
                raise BadCall(f"request body: missing required field {exc}") from exc
            except BadCursor as exc:
                raise BadCall('request body: cursor: Invalid "cursor" parameter') from exc
        if route == "files/list_folder":
            result["entries"] += [strange(name) for name in self._faults.strange_names]
        try:
            return _json(await result if inspect.isawaitable(result) else result)
        except BadCursor as exc:
            raise BadCall('request body: cursor: Invalid "cursor" parameter') from exc

    def _kept(self, told: Arg | None) -> Arg | None:
        if told and "content_hash" in told and self._faults.wrong_hash and self.trouble.strikes():
            return {**told, "content_hash": "0" * 64}
        return told

    def _linked(self, request: Request) -> HTTPAnswer:
        """What a link that needs no token leads to."""
        _, _, rest = request.path.partition("/")
        where, _, key = rest.partition("/")
        node = self._account.temporary.get(key) if where == "link" else self._account.shared_node(key)
        if where not in ("link", "s") or node is None or node.blob is None:
            return HTTPAnswer(404, b"Not found\n", [("Content-Type", "text/plain")])
        return _file(node, request)


def _json(told: Any, status: int = 200, headers: list[tuple[str, str]] | None = None) -> HTTPAnswer:
    return HTTPAnswer(status, json.dumps(told).encode(), [("Content-Type", "application/json"), *(headers or [])])


def _check_root(text: str) -> None:
    try:
        root = json.loads(text)
        tag = root[".tag"]
    except (ValueError, KeyError, TypeError) as exc:
        raise BadCall("HTTP header Dropbox-API-Path-Root: could not decode input as JSON") from exc
    if tag != "home" and root.get(tag) != ROOT_NAMESPACE:
        raise BadCall(f"HTTP header Dropbox-API-Path-Root: there is no namespace {root.get(tag)!r}")


def _file(node: Node, request: Request, account: AccountRoutes | None = None) -> HTTPAnswer:
    """The contents of a file, or the range that is asked for."""
    blob = cast(Blob, node.blob)
    told = account.link(node) if account is not None else node.as_json()
    # A header is ASCII, and DEL would end it for some.
    headers = [
        ("Content-Type", "application/octet-stream"),
        ("Dropbox-API-Result", json.dumps(told).replace("\x7f", "\\u007f")),
        ("Accept-Ranges", "bytes"),
        ("ETag", f'W/"{node.rev}"'),
    ]
    start, end, status = 0, blob.size, 200
    if found := RANGE.fullmatch(request.headers.get("Range", "")):
        start, end = int(found[1]), min(int(found[2]) + 1 if found[2] else blob.size, blob.size)
        if start >= blob.size:
            return HTTPAnswer(416, b"", [("Content-Range", f"bytes */{blob.size}")])
        status = 206
        headers.append(("Content-Range", f"bytes {start}-{end - 1}/{blob.size}"))
    blocks: Iterator[bytes] = blob.blocks(start, end)
    return HTTPAnswer(status, b"", headers, blocks=blocks, length=end - start)
