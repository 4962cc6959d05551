"""An HTTP server that answers what it was told to, and keeps every request."""

from __future__ import annotations

import asyncio
import json as json_codec
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, ClassVar, Self, cast

from msgspec import UNSET, Meta

from workbench.core.errors import ServiceUsage, listed
from workbench.sandbox.faults import Faults
from workbench.sandbox.http.file import Contents
from workbench.sandbox.http.replies import Replies, problems_of
from workbench.sandbox.http.wire import HTTPAnswer, Request, Responder, http_protocol
from workbench.sandbox.journal import Journal
from workbench.sandbox.peer import Peer

SHOWN = 20


class HTTPFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with an HTTP server."""

    status: Annotated[int | None, Meta(description="HTTPAnswer with this status, whatever was asked, as 503.")] = None
    retry_after_seconds: Annotated[int | None, Meta(description="Retry-After beside that status [s].")] = None
    cut_body_after_bytes: Annotated[
        int | None, Meta(description="Promise the whole body, send this much of it, hang up [bytes].")
    ] = None
    garbage: Annotated[bool, Meta(description="HTTPAnswer with what is no HTTP.")] = False
    ignore_range: Annotated[bool, Meta(description="Give the whole to who asks for a part.")] = False
    no_etag: Annotated[bool, Meta(description="Tell nothing by which one version is told from another.")] = False
    hang_up: Annotated[bool, Meta(description="Read the request, then hang up without a word.")] = False
    interim: Annotated[
        tuple[Annotated[int, Meta(ge=100, le=199)], ...],
        Meta(description="Send these statuses before the answer, as (103, 100)."),
    ] = ()
    surplus: Annotated[str, Meta(description="Send this after the answer, as a second one that nobody asked for.")] = ""
    close_after_answer: Annotated[bool, Meta(description="Hang up after the answer, without having said so.")] = False


def beside(peer: Peer, respond: Responder) -> Responder:
    """`respond` of a peer, with what its faults have it say before and after each answer."""

    async def answered(request: Request) -> HTTPAnswer | None:
        answer = await respond(request)
        trouble = peer.trouble
        faults = cast(HTTPFaults, trouble.faults)
        has_more = faults.interim or faults.surplus or faults.close_after_answer
        if answer is None or answer.raw is not None or not has_more or not trouble.strikes():
            return answer
        return replace(
            answer, interim=faults.interim, surplus=faults.surplus.encode(), hangs_up=faults.close_after_answer
        )

    return answered


async def amid_faults(peer: Peer, tell: Callable[[], Awaitable[HTTPAnswer]]) -> HTTPAnswer | None:
    """What a peer answers to one request, if its faults have it say nothing else; None hangs up."""
    trouble = peer.trouble
    faults = cast(HTTPFaults, trouble.faults)
    if faults.hang_up and trouble.strikes():
        return None
    if faults.garbage and trouble.strikes():
        return HTTPAnswer(raw=b"\x00\x01 this is no HTTP\r\n\r\n")
    if faults.status is not None and trouble.strikes():
        words = f"{peer} has the fault status={faults.status}.\n".encode()
        waits = faults.retry_after_seconds
        fields = [("Content-Type", "text/plain")] + ([] if waits is None else [("Retry-After", str(waits))])
        return HTTPAnswer(faults.status, words, fields)
    answer = await tell()
    most = faults.cut_body_after_bytes
    if most is not None and most < max(len(answer.body), answer.length) and trouble.strikes():
        answer = replace(answer, cut_body_after_bytes=most)
    return answer


class Reply:
    """What one path answers."""

    __slots__ = ("after", "answer", "contents", "method", "path", "query", "times")

    def __init__(
        self,
        target: str,
        method: str | None,
        answer: HTTPAnswer,
        contents: Contents | None,
        after: float,
        times: int | None,
    ) -> None:
        self.path, mark, query = target.partition("?")
        self.query = query if mark else None
        self.method, self.answer, self.contents = method, answer, contents
        self.after, self.times = after, times

    def fits(self, request: Request) -> bool:
        """Whether it answers this request; a reply to GET answers HEAD too."""
        methods = (None, request.method, "GET" if request.method == "HEAD" else None)
        return (
            self.path == request.path and self.method in methods and (self.query is None or self.query == request.query)
        )

    def describe(self) -> str:
        """What it answers, in words."""
        target = self.path if self.query is None else f"{self.path}?{self.query}"
        return f"{self.method} {target}" if self.method else target


class HTTPSource(Peer):
    """Plays the other side of a REST connection."""

    kind: ClassVar[str] = "rest"
    label: ClassVar[str] = "HTTP source"
    fault_fields: ClassVar[type[Faults]] = HTTPFaults

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.requests: Journal[Request] = Journal("request")
        self._replies: Replies[Reply] = Replies()
        self._lock = Lock()

    def reply(
        self,
        path: str,
        *,
        json: Any = UNSET,
        text: str | None = None,
        data: bytes | None = None,
        file: Path | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
        after: float = 0.0,
        times: int | None = None,
    ) -> None:
        """Say what a path answers from now on.

        Replies with `times` are used in the order in which they were given, before the one without, which stays until
        another takes its place.

        Args:
            path: As it is asked for, decoded; with `?query`, for exactly that query, otherwise for any.
            json: The body as JSON; or give `text`, `data` or `file`, or no body at all.
            text: The body as text.
            data: The body as bytes, of which a part may be asked for.
            file: A file of this machine, of any size, of which a part may be asked for.
            status: HTTP status.
            headers: Header fields, the type of the body among them if it is not what it seems.
            method: The only method that is answered so; without it, all are.
            after: Wait before the answer [s].
            times: How many requests are answered so; without it, all.
        """
        bodies = {"json": json, "text": text, "data": data, "file": file}
        given = [name for name, value in bodies.items() if value not in (UNSET, None)]
        if json is None:
            given.insert(0, "json")
        self._check(path, given, status, after, times)
        contents = None if data is None and file is None else Contents(file or bytes(data or b""))
        kind, body = _encoded(json, text, contents)
        fields = dict(headers or {})
        if kind and "content-type" not in map(str.lower, fields):
            fields["Content-Type"] = kind
        answer = HTTPAnswer(status, body, list(fields.items()))
        reply = Reply(path, method.upper() if method else None, answer, contents, after, times)
        with self._lock:
            self._replies.put(reply, lambda each: each.describe() == reply.describe())

    def _check(self, path: str, given: list[str], status: int, after: float, times: int | None) -> None:
        problems = []
        if not path.startswith("/"):
            problems.append(f"path must begin with /, as in {'/' + path!r}")
        if len(given) > 1:
            problems.append(f"give one body, not {' and '.join(given)}")
        if not 200 <= status <= 999:
            problems.append("status must be between 200 and 999")
        if problems := [*problems, *problems_of(after, times)]:
            raise ServiceUsage(f"{self} cannot reply so: {'; '.join(problems)}.")

    def _fill_from(self, other: Self) -> None:
        with other._lock:
            self._replies = other._replies.copy()

    def forget(self) -> None:
        """Take back every reply."""
        with self._lock:
            self._replies.clear()

    @property
    def replies(self) -> list[str]:
        """What it answers now, in words."""
        with self._lock:
            return [f"{reply.describe()} -> {reply.answer.status}" for reply in self._replies]

    def asked_in_vain(self) -> str:
        with self._lock:
            is_blank = not self._replies and not self._replies.spent
        if not is_blank or not self.requests:
            return ""
        self.requests.clear()
        return ".reply(path, json=...)"

    @property
    def url(self) -> str:
        """The address to ask."""
        return f"http://{self.address}"

    def pointed(self, definition: Any) -> dict[str, Any]:
        return {"host": self.url}

    def protocol(self) -> asyncio.BaseProtocol:
        return http_protocol(beside(self, self.respond))

    async def respond(self, request: Request) -> HTTPAnswer | None:
        """What to say to one request; None hangs up."""
        answer = await amid_faults(self, lambda: self._told(request))
        request.status = 0 if answer is None or answer.raw is not None else answer.status
        self.requests.add(request, len(request.body))
        return answer

    async def _told(self, request: Request) -> HTTPAnswer:
        faults = cast(HTTPFaults, self.faults)
        reply = self._next(request)
        if reply is None:
            return HTTPAnswer(404, self._unknown(request).encode(), [("Content-Type", "text/plain; charset=utf-8")])
        if reply.after:
            await asyncio.sleep(reply.after)
        if reply.contents is None:
            return reply.answer
        return reply.contents.answer(
            request, reply.answer, ranges=not faults.ignore_range, validators=not faults.no_etag
        )

    def _next(self, request: Request) -> Reply | None:
        with self._lock:
            return self._replies.next(lambda reply: reply.fits(request))

    def _unknown(self, request: Request) -> str:
        spent = " Its replies are used up." if any(request.path == each.path for each in self._replies.spent) else ""
        return (
            f"{self} was asked {request.method} {request.target} and has no reply to it; it has: "
            f"{listed(reply.describe() for reply in self._replies)}.{spent} "
            f"Fix: .reply({request.path!r}, json=...)\n"
        )

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "method": request.method,
                "path": request.target,
                "status": request.status,
                "sent": len(request.body),
            }
            for request in self.requests
        ]

    def summary(self) -> str:
        replies, requests = self.replies, self.requests[:]
        lines = [f"{self}: replies to {listed(replies)}."]
        first = max(0, len(requests) - SHOWN)
        lines += [f"{number}. {each!r}" for number, each in enumerate(requests[first:], first + 1)]
        return "\n".join(lines)


def _encoded(json: Any, text: str | None, contents: Contents | None) -> tuple[str, bytes]:
    if json is not UNSET:
        return "application/json", json_codec.dumps(json, ensure_ascii=False).encode()
    if text is not None:
        return "text/plain; charset=utf-8", text.encode()
    return "" if contents is None else "application/octet-stream", b""
