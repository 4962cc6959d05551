"""A SOAP service that answers what it was told to, by a WSDL drawn from that, and keeps every call."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, ClassVar, NamedTuple, Self, cast

from msgspec import Meta

from workbench.channels.soap import CONTENT_TYPES, SOAP_11, SOAP_12
from workbench.core.errors import ServiceUsage, UnknownName, listed
from workbench.core.secret import given
from workbench.sandbox.http.replies import Replies, problems_of
from workbench.sandbox.http.source import HTTPFaults, amid_faults, beside
from workbench.sandbox.http.wire import HTTPAnswer, Request, http_protocol
from workbench.sandbox.journal import Journal
from workbench.sandbox.peer import Peer
from workbench.sandbox.soap.drawn import NAME, Drawn, as_mapping, bad_names, document
from workbench.sandbox.soap.engine import Engine, Refusal, expect_token, fault, opened

SHOWN = 20
ECHO = Drawn("Echo", ({"text": ""},), ({"text": ""},))
"""What there is before anything was told: it gives the text back that it takes."""


class SOAPFaults(HTTPFaults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with a SOAP service."""

    fault: Annotated[str | None, Meta(description="Answer every call with a SOAP fault of this text.")] = None


class SOAPCall(NamedTuple):
    """One call that arrived; `answered` is `ok`, or what the fault says."""

    operation: str
    arguments: Mapping[str, Any]
    answered: str = "ok"
    size: int = 0

    def __repr__(self) -> str:
        words = ", ".join(f"{name}={value!r:.60}" for name, value in self.arguments.items())
        return f"{self.operation}({words}) -> {self.answered}"


class Login(NamedTuple):
    """Who is let in, and how that is said: `basic`, `wss` or `wss-digest`."""

    how: str
    username: str
    password: str


class Reply:
    """What one operation answers: a value, or a fault."""

    __slots__ = ("after", "operation", "refusal", "takes", "times", "value")

    def __init__(
        self, operation: str, value: Any, refusal: Refusal | None, takes: Any, after: float, times: int | None
    ) -> None:
        self.operation, self.value, self.refusal, self.takes = operation, value, refusal, takes
        self.after, self.times = after, times


class SOAPServer(Peer):
    """Plays a SOAP service.

    Its WSDL is at `/?wsdl`. Before anything was told it has one operation, `Echo(text)`.
    """

    kind: ClassVar[str] = "soap"
    label: ClassVar[str] = "SOAP server"
    fault_fields: ClassVar[type[HTTPFaults]] = SOAPFaults

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.calls: Journal[SOAPCall] = Journal("call")
        self._replies: Replies[Reply] = Replies()
        self._drawn: dict[str, Drawn] = {ECHO.name: ECHO}
        self._wsdl: Path | None = None
        self._engine: Engine | None = None
        self._login: Login | None = None
        self._was_asked = False
        self._lock = Lock()

    def reply(
        self,
        operation: str,
        value: Any = None,
        *,
        takes: Mapping[str, Any] | None = None,
        fault: str | None = None,
        code: str = "Server",
        after: float = 0.0,
        times: int | None = None,
    ) -> None:
        """Say what an operation answers from now on; a WSDL that is not given has it from now on too.

        Replies with `times` are used in the order in which they were given, before the one without, which stays until
        another takes its place.

        Args:
            operation: Its name.
            value: The answer: a dict by the names of its elements, with dicts, lists and plain values in it, or a plain
                value alone. The drawn WSDL has the types of these examples.
            takes: An example of the arguments, as {"id": 7}, from which the drawn WSDL has them; without it, none.
            fault: Answer with a SOAP fault of this text instead.
            code: The fault's code: Client for what the caller did, Server for what happened here.
            after: Wait before the answer [s].
            times: How many calls are answered so; without it, all.
        """
        self._check(operation, value, takes, fault, after, times)
        refusal = None if fault is None else Refusal(code, fault)
        reply = Reply(operation, value, refusal, takes, after, times)
        with self._lock:
            drawn = self._with(operation, takes, () if refusal is not None else (value,))
            engine = Engine(self._wsdl or document(drawn.values(), self._url))
            if refusal is None:
                for version in engine.versions:
                    engine.answer(version, operation, value)
            self._replies.put(reply, lambda each: each.operation == operation)
            self._drawn, self._engine = drawn, engine

    def _with(self, operation: str, takes: Mapping[str, Any] | None, gives: tuple[Any, ...]) -> dict[str, Drawn]:
        """The operations that are drawn, one of them with one more example."""
        former = self._drawn.get(operation, Drawn(operation, (), ()))
        if operation == ECHO.name and former == ECHO and takes is not None:
            former = Drawn(operation, (), ())
        more = former.takes if takes is None else (*former.takes, dict(takes))
        made = Drawn(operation, more, (*former.gives, *map(as_mapping, gives)))
        return {**self._drawn, operation: made}

    def _check(
        self, operation: str, value: Any, takes: Any, fault: str | None, after: float, times: int | None
    ) -> None:
        problems = []
        if not isinstance(operation, str) or not NAME.fullmatch(operation):
            problems.append(f"an operation is called as GetOrder, not {operation!r:.60}")
        if bad := [*bad_names(value), *bad_names(takes or {})]:
            problems.append(f"elements are called as orderId, not {', '.join(bad)[:200]}")
        if fault is not None and value is not None:
            problems.append("give a value or a fault, not both")
        if problems := [*problems, *problems_of(after, times)]:
            raise ServiceUsage(f"{self} cannot reply so: {'; '.join(problems)}.")
        if self._wsdl is not None and operation not in self.operations:
            raise UnknownName(f"operation of {self}", operation, self.operations)

    def serve(self, wsdl: str | Path) -> None:
        """Go by a WSDL of this machine from now on; what it imports lies beside it, and what it has not has no reply.

        Raises:
            ServiceUsage: It cannot be used.
        """
        path = Path(wsdl)
        engine = Engine(path)
        with self._lock:
            self._wsdl, self._engine = path, engine
            self._replies.keep(lambda each: each.operation in engine.operations)

    def forget(self) -> None:
        """Take back every reply."""
        with self._lock:
            self._replies.clear()

    def asked_in_vain(self) -> str:
        asked, self._was_asked = self._was_asked, False
        is_blank = self._wsdl is None and self._drawn == {ECHO.name: ECHO}
        return ".reply(operation, value, takes=...)" if asked and is_blank else ""

    def _fill_from(self, other: Self) -> None:
        with other._lock:
            self._replies, self._drawn = other._replies.copy(), dict(other._drawn)
            self._wsdl, self._engine = other._wsdl, None

    @property
    def _url(self) -> str:
        return f"http://{self.address}/"

    @property
    def url(self) -> str:
        """Its address."""
        return self._url.rstrip("/")

    @property
    def wsdl(self) -> bytes:
        """The WSDL, as clients get it."""
        return self._wsdl.read_bytes() if self._wsdl is not None else document(self._drawn.values(), self._url)

    @property
    def operations(self) -> list[str]:
        """The operations of the WSDL."""
        return self._ready.operations

    @property
    def _ready(self) -> Engine:
        if self._engine is None:
            self._engine = Engine(self._wsdl or document(self._drawn.values(), self._url))
        return self._engine

    def pointed(self, definition: Any) -> dict[str, Any]:
        if definition.username:
            password = given(self.credential(definition, "password").name) if definition.password is not None else ""
            self._login = Login(definition.login, definition.username, password or "")
        if definition.wsdl_file is None:
            own = {"wsdl": "/?wsdl", "path": "", "service_name": "", "port_name": ""}
        else:
            own = {"path": "/"}
            # One that is not there, its client names.
            if self._wsdl is None and Path(definition.wsdl_file).is_file():
                self.serve(definition.wsdl_file)
        return {"host": self.url, "hosts": (), **own}

    def protocol(self) -> asyncio.BaseProtocol:
        return http_protocol(beside(self, self.respond))

    async def respond(self, request: Request) -> HTTPAnswer | None:
        """What to say to one request; None hangs up."""
        return await amid_faults(self, lambda: self._told(request))

    async def _told(self, request: Request) -> HTTPAnswer:
        self._was_asked = True
        login = self._login
        if login is not None and login.how == "basic" and not _is_let_in(login, request):
            fields = [("WWW-Authenticate", 'Basic realm="SOAP"'), ("Content-Type", "text/plain")]
            return HTTPAnswer(401, b"Unauthorized\n", fields)
        if request.method != "POST":
            return HTTPAnswer(200, self.wsdl, [("Content-Type", "text/xml; charset=utf-8")])
        version = SOAP_12 if "application/soap+xml" in request.headers.get("Content-Type", "") else SOAP_11
        try:
            envelope = opened(request.body)
            version = envelope.version
            if login is not None and login.how != "basic":
                expect_token(envelope.header, login.username, login.password)
            operation, arguments = self._ready.asked(envelope)
        except Refusal as exc:
            return self._refused(version, exc)
        return await self._answered(version, SOAPCall(operation, arguments, size=len(request.body)))

    async def _answered(self, version: str, call: SOAPCall) -> HTTPAnswer:
        trouble = self.trouble
        faults = cast(SOAPFaults, trouble.faults)
        refusal, value = None, None
        if faults.fault is not None and trouble.strikes():
            refusal = Refusal("Server", faults.fault)
        elif (reply := self._next(call.operation)) is not None:
            await asyncio.sleep(reply.after)
            refusal, value = reply.refusal, reply.value
        elif call.operation == ECHO.name and self._drawn.get(ECHO.name) is ECHO and self._wsdl is None:
            value = dict(call.arguments)
        else:
            refusal = Refusal("Server", self._unknown(call.operation))
        body = b""
        try:
            body = self._ready.answer(version, call.operation, value) if refusal is None else b""
        except ServiceUsage as exc:  # of a WSDL that came after the reply
            refusal = Refusal("Server", str(exc))
        said = "ok" if refusal is None else f"fault: {refusal.text}"
        self.calls.add(call._replace(answered=said), call.size)
        return HTTPAnswer(200, body, _type(version)) if refusal is None else self._refused(version, refusal)

    def _next(self, operation: str) -> Reply | None:
        with self._lock:
            return self._replies.next(lambda reply: reply.operation == operation)

    def _unknown(self, operation: str) -> str:
        there = listed(dict.fromkeys(reply.operation for reply in self._replies))
        spent = " Its replies are used up." if any(operation == each.operation for each in self._replies.spent) else ""
        return f"{self} has no reply to {operation}; it has: {there}.{spent} Fix: .reply({operation!r}, ...)"

    @staticmethod
    def _refused(version: str, refusal: Refusal) -> HTTPAnswer:
        # 500 for every fault: SOAP 1.1, 6.2; in 1.2 that of the sender is 400 (part 2, 7.5.2.2).
        is_senders = version == SOAP_12 and (refusal.code in ("Client", "Sender") or bool(refusal.namespace))
        return HTTPAnswer(400 if is_senders else 500, fault(version, refusal), _type(version))

    def rows(self) -> list[dict[str, Any]]:
        return [
            {"operation": each.operation, "arguments": dict(each.arguments), "answered": each.answered}
            for each in self.calls
        ]

    def summary(self) -> str:
        calls = self.calls[:]
        first = max(0, len(calls) - SHOWN)
        lines = [f"{number}. {each!r}" for number, each in enumerate(calls[first:], first + 1)]
        return "\n".join([f"{self}: operations {listed(self.operations)}.", *lines])


def _type(version: str) -> list[tuple[str, str]]:
    return [("Content-Type", CONTENT_TYPES[version])]


def _is_let_in(login: Login, request: Request) -> bool:
    wanted = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    return request.headers.get("Authorization", "") == f"Basic {wanted}"
