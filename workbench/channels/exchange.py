"""One HTTP request and the way to answer it: all that the pipeline and the wire know of each other."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from workbench.channels.answers import Answer, readable_by
from workbench.channels.bodies.body import Spool
from workbench.channels.bodies.coding import Unpacking
from workbench.channels.endpoint import Endpoint, View
from workbench.channels.http.own_headers import PRINTABLE
from workbench.core.call import Call
from workbench.core.cid import new_cid
from workbench.core.mood import mood_of_status
from workbench.core.ports import Decision
from workbench.core.service import log_refusal
from workbench.core.trace import KEPT_CHARACTERS, RequestStep

Keep = Callable[[RequestStep], None]


class Link(Protocol):
    """A connection that was an HTTP request's, and belongs to whoever took it over."""

    @property
    def unsent_bytes(self) -> int:
        """How much of what was written the other side has not taken yet [bytes]."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the other side sends nothing more than what can be taken already."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether it is closed, by whichever side: nothing is sent any more."""
        ...

    def hear(self, changed: Callable[[], None]) -> None:
        """Have the owner told of bytes that have come, of an end, and once all that was written is taken."""
        ...

    def take(self) -> bytes:
        """What has come by now; empty if nothing has."""
        ...

    async def read(self) -> bytes:
        """What comes next; empty when nothing more does."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes, in their order; who takes them too slowly is cut off."""
        ...

    def end(self) -> None:
        """Say that nothing more is sent, once all is; what the other side sends can still be read."""
        ...

    def close(self) -> None:
        """Cut it now."""
        ...

    def forget(self) -> None:
        """In a forked child: let go of the parent's socket."""
        ...


class Talk(Protocol):
    """What answers a request that no channel does.

    Attributes:
        may_take_over: Whether the request asks for a WebSocket, whose connection it may be given.
    """

    may_take_over: bool

    def serve(self, exchange: Exchange, scheme: str) -> None:
        """Have a complete request answered, which came by `http` or `https`."""
        ...

    def lost(self) -> None:
        """The caller is gone."""
        ...

    def may_be_lost(self) -> None:
        """The caller sends nothing more, and may be gone."""
        ...


class Answered(NamedTuple):
    """A request has its answer, which is about to be sent."""

    cid: str
    step: RequestStep


class Exchange:
    """A request on its way through the pipeline; answered exactly once.

    Attributes:
        path, query: Raw, percent-encoded; bytes that came as they are, as curl sends é, are encoded here.
        headers: By name, as `Accept-Encoding`.
        spool: A body too big for memory, held until the answer; `body` is empty then.
        page: Origin of a page of another site that may call; ''.
        heard: Told once it is answered; nobody by default.
        keep: Told of a trace that holds a long body or answer; nobody by default.
        is_lost: Whether its connection is gone, so that nobody can have the answer.
        is_admitted: Whether the gate has let it through, as it has where the body was too big for memory.
        unpacking: What unpacks the body, if it came packed.
        view, endpoint, params, call: What it reaches and the call it makes; none for the server's own addresses.
        talk: What answers it if an application is mounted at its path; none for a channel's or our own.
        socket: The WebSocket channel at its path, if a browser asks for the page to try it: its name, and the header
            whose value the page has to ask for, or ''.
        takes_over: Is given the connection, which speaks another protocol from here on, or from the answer on if it
            is set after the head; None for what is only answered.
        work: What runs for it on the loop, kept here since asyncio holds its tasks but weakly.
    """

    __slots__ = (
        "_send",
        "address",
        "body",
        "call",
        "cid",
        "endpoint",
        "headers",
        "heard",
        "is_admitted",
        "is_lost",
        "keep",
        "method",
        "page",
        "params",
        "path",
        "query",
        "root",
        "socket",
        "spool",
        "takes_over",
        "talk",
        "unpacking",
        "view",
        "work",
    )

    def __init__(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        address: str,
        send: Callable[[Answer], None],
    ) -> None:
        self.method, self.headers, self.address = method, headers, address
        if not target.isascii():
            target = quote(target.encode("latin-1"), safe=PRINTABLE)
        self.path, _, self.query = target.partition("?")
        self._send: Callable[[Answer], None] | None = send
        self.body = b""
        self.spool: Spool | None = None
        self.unpacking: Unpacking | None = None
        self.cid = new_cid()
        self.root = RequestStep(f"{method} {self.path}", address)
        self.is_admitted = self.is_lost = False
        self.view: View | None = None
        self.endpoint: Endpoint | None = None
        self.params: dict[str, str] = {}
        self.call: Call | None = None
        self.work: Sequence[Future[Any]] = ()
        self.page = ""
        self.socket: tuple[str, str] | None = None
        self.talk: Talk | None = None
        self.takes_over: Callable[[Link], None] | None = None
        self.heard: Callable[[Answered], object] | None = None
        self.keep: Keep | None = None

    @property
    def answered(self) -> bool:
        """Whether it has its answer, or nobody waits for one."""
        return self._send is None

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks for a page that may call, before the call itself."""
        asks = self.method == "OPTIONS" and "Access-Control-Request-Method" in self.headers
        return asks and bool(self.page)

    def note(self, decision: Decision) -> None:
        """Keep what a limit decided in the trace; log a refusal under the call."""
        self.root.steps.append(decision)
        if decision.denied and self.call is not None:
            log_refusal(self.call, decision)

    def answer(self, answer: Answer) -> None:
        """Send the answer; a second one is dropped.

        The wire is let go of, which holds the exchange in turn: a circle of them would keep the body until the cyclic
        collector comes, and that counts objects, not bytes.
        """
        if (send := self._send) is not None:
            self._send = None
            self.root.end(str(answer.status), mood_of_status(answer.status))
            self._remember(answer.body)
            if self.heard is not None:
                self.heard(Answered(self.cid, self.root))
            send(readable_by(self.page, answer) if self.page else answer)
            self._let_go()

    def _remember(self, answer: bytes) -> None:
        """Have the trace keep what it came with and what it got, so that it can be run again."""
        root, body = self.root, self.body
        # All as it is, and nothing made: this is on the way of every request. `Given` leaves credentials out.
        root.came, root.answer = (body, self.query, self.headers, "" if body else self._unread()), answer
        if self.keep is not None and (len(body) > KEPT_CHARACTERS or len(answer) > KEPT_CHARACTERS):
            self.keep(root)

    def _unread(self) -> str:
        """Why there is no body, if there was one."""
        if self.spool is not None:
            return "was too large to be kept"
        is_announced = self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers
        return "was not read before the answer" if is_announced else ""

    def end_here(self, last: Answer | None = None) -> None:
        """End it: the connection is another protocol's, which has its own words behind the last ones of HTTP."""
        send, self._send = self._send, None
        self.root.end("101", "ok")
        if self.heard is not None:
            self.heard(Answered(self.cid, self.root))
        if send is not None and last is not None:
            send(last)

    def drop(self) -> None:
        """Forget it: its sender is gone before it was complete."""
        if self._send is not None:
            self._send = None
            self._let_go()

    def _let_go(self) -> None:
        if self.spool is not None:
            self.spool.release()


def declared_length(headers: Mapping[str, str]) -> int:
    """What Content-Length says [bytes]; 0 if it is not there, or has more digits than a length can have."""
    declared = headers.get("Content-Length", "")
    return int(declared) if declared.isdecimal() and len(declared) <= 18 else 0
