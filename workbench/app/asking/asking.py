"""The part of a `Workbench` that asks: requests made by hand, what tests expect, and cassettes that answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from workbench.app.about import About
from workbench.app.asking import inline
from workbench.app.asking.curl import Sent
from workbench.app.asking.expecting import ExpectedAnswer, expect
from workbench.app.cassettes.playing import own_headers
from workbench.app.cassettes.using import InUse, in_use
from workbench.app.collections import Collection
from workbench.app.limits import LimitsInForce
from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage, UnknownName
from workbench.core.trace import Trace
from workbench.runtime.traffic import Traffic


class Asking(About):
    """What asks in a `Workbench`."""

    folder: Path
    traffic: Traffic

    @property
    def limits(self) -> LimitsInForce:
        """Limits by object."""
        raise NotImplementedError

    @property
    def security(self) -> Collection[Definition]:
        """Who may call."""
        raise NotImplementedError

    def start(self, port: int | None = None) -> str:
        """Start the HTTP server."""
        raise NotImplementedError

    def call(
        self,
        call: str,
        data: Any = None,
        *,
        json: Any = None,
        user: str = "",
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 60.0,
    ) -> inline.Answer:
        """Make a request through the real server: `wb.call("POST /api/sync?x=1", data=..., user="my.user")`.

        Text and bytes go as they are, a `Path` or a file opened in mode `rb` piece by piece, anything else, and
        whatever `json` is, as JSON; `user` adds a security definition's credentials.
        """
        self._not_on_loop("wb.call", "call from a service that is not async")
        method, target = inline.read_call(call)
        told = dict(headers or {})
        body = inline.body_of(data, json, told)
        definition: Any = self.security[user] if user else None
        more = definition.credentials(self._parts.secrets.reveal) if user else {}
        sent = Sent(method, f"{self.start()}{target}", told, body, definition)
        with own_headers(self._parts) as ours:
            return inline.Answer(*inline.send(sent, more | ours, timeout_seconds), sent, self._find_trace)

    def expect(self, seen: Any, **answer: Any) -> Any:
        """Say what a test expects: `wb.expect(wb.call("GET /api/x"), status=200, json={...})`.

        `...` within `json` stands for anything.

        Of a peer it is `.has("a.txt", b"...")`, of a job `.fired(3)`, of a limit `.refused(1)`, of `wb.log`
        `.has(text)`, of a connection `.pings()`. Before each, `.eventually(within_seconds=5)` waits until it is so.

        Args:
            seen: An answer, or what is called to get one; what a service returned, of which `json` is expected; a
                peer, job, limit or connection; `wb.log`.
            answer: What is expected of an answer: `status`, `json`, `text`, `body`, `headers`, `schema`.

        Raises:
            ExpectationFailed: It is not so; an AssertionError.
            ServiceUsage: Nothing can be expected of it.
        """
        expected = expect(seen, self.limits.use, is_value=answer.keys() == {"json"})
        if not answer:
            return expected
        if not isinstance(expected, ExpectedAnswer):
            raise ServiceUsage(f"{', '.join(answer)} can be expected of an answer alone. Fix: leave it out.")
        return expected.answers(**answer)

    def cassette(self, name: str, *, raises: str = "") -> AbstractContextManager[InUse]:
        """Have the calls of a block answered by a cassette: `with wb.cassette("api-sample"): wb.call("GET /api/x")`.

        Nobody outside is called: peers of its own answer, with what the other sides had when it was recorded, or the
        record does. `workbench test --live` lets the outside answer, and compares.

        Args:
            name: A file in the folder `cassettes` beside the notebook, as `.make_test()` of a call writes it.
            raises: The error that the block is to raise, as `BadRequest: No such order`.

        Raises:
            NoCassette, DamagedCassette, NewerCassette: It cannot be read.
            StaleCassette: A connection's definition, or what the service asks, is not as it was.
            Drifted: The outside answers otherwise.
            ExpectationFailed: Another error was raised than `raises`, or none.
        """
        return in_use(self._parts, self.folder, name, raises)

    def _not_on_loop(self, what: str, fix: str) -> None:
        if self._parts.loop.is_here:
            raise ServiceUsage(f"{what} would hold the server, which waits for this very code. Fix: {fix}")

    def _find_trace(self, cid: str) -> Trace | None:
        try:
            return self.traffic.find(cid)
        except UnknownName:
            return None
