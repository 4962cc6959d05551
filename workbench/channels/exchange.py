"""One HTTP request and the way to answer it: all that the pipeline and the wire know of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from workbench.channels.body import Spool
from workbench.core.cid import new_cid
from workbench.core.mood import mood_of_status
from workbench.core.trace import RequestStep


class Answer(NamedTuple):
    """What goes back: status, headers besides the wire's own, body; `reason` replaces the status's own words."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    close: bool = False
    reason: str = ""


class Exchange:
    """A request on its way through the pipeline; answered exactly once.

    `path` and `query` are raw (percent-encoded); header names are as `Accept-Encoding`. A body too big for memory is in
    `spool`, which the exchange holds until it is answered.
    """

    __slots__ = (
        "_send",
        "address",
        "answered",
        "body",
        "call",
        "cid",
        "endpoint",
        "headers",
        "heard",
        "judged",
        "method",
        "page",
        "params",
        "path",
        "query",
        "root",
        "spool",
        "task",
        "view",
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
        if not target.startswith("/") and "://" in target:  # a proxy's form: the whole address
            target = f"/{target.partition('://')[2].partition('/')[2]}"
        self.path, _, self.query = target.partition("?")
        self._send = send
        self.body = b""
        self.spool: Spool | None = None
        self.cid = new_cid()
        self.root = RequestStep(f"{method} {self.path}", address)
        self.answered = self.judged = False
        self.call: Any = None
        self.endpoint: Any = None
        self.params: dict[str, str] = {}
        self.task: Any = None
        self.view: Any = None
        self.heard: Any = None
        self.page = ""  # the origin of a page of another site that may call

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks for a page that may call, before the call itself."""
        asks = self.method == "OPTIONS" and "Access-Control-Request-Method" in self.headers
        return asks and bool(self.page)

    def answer(self, answer: Answer) -> None:
        """Send the answer; a second one is dropped."""
        if not self.answered:
            self.answered = True
            self.root.end(str(answer.status), mood_of_status(answer.status))
            self._send(readable_by(self.page, answer) if self.page else answer)
            if self.spool is not None:
                self.spool.release()

    def drop(self) -> None:
        """Forget it: its sender is gone before it was complete."""
        if not self.answered:
            self.answered = True
            if self.spool is not None:
                self.spool.release()


def readable_by(origin: str, answer: Answer) -> Answer:
    """The answer with what lets a page of that origin read it; what a service says of that itself stands."""
    if any(name.lower() == "access-control-allow-origin" for name, _ in answer.headers):
        return answer
    allowed = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin"), ("Access-Control-Expose-Headers", "*")]
    return answer._replace(headers=[*answer.headers, *allowed])


def declared_length(headers: Mapping[str, str]) -> int:
    """What Content-Length says [bytes]; 0 if it is not there, or has more digits than a length can have."""
    declared = headers.get("Content-Length", "")
    return int(declared) if declared.isdecimal() and len(declared) <= 18 else 0
