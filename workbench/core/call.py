"""One invocation of one service: who asked, with what, by which way in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Protocol

from msgspec import Struct, field

from workbench.core.cid import new_cid
from workbench.core.payload.asked import Asked, Given
from workbench.core.payload.parts import Parts
from workbench.core.payload.response import Response
from workbench.core.payload.simpleio import Declared
from workbench.core.trace import Kept, Step


class ChannelSecurity:
    """`self.channel.security`: the user whose credentials opened the channel; empty without one."""

    __slots__ = ("id", "name", "type", "username")

    def __init__(self, name: str = "", type: str = "", username: str = "") -> None:
        self.id = self.name = name
        self.type, self.username = type, username


NOBODY = ChannelSecurity()


class ChannelInfo:
    """`self.channel`: the way in that this call took.

    `type` is one of Zato's words: `http-soap` for REST and SOAP, `json-rpc`, `invoke`, `invoke-async`,
    `invoke-async-callback`, `scheduler`, ... `kind` is what people call the channel: `REST`, `SOAP`, `JSON-RPC`; ''
    where there is no channel.
    """

    __slots__ = ("data_format", "id", "kind", "name", "security", "type")

    def __init__(
        self, name: str, type: str, data_format: str = "", security: ChannelSecurity = NOBODY, kind: str = ""
    ) -> None:
        self.id = self.name = name
        self.type, self.data_format, self.security, self.kind = type, data_format, security, kind

    @property
    def sec(self) -> ChannelSecurity:
        """Zato's short name for `security`."""
        return self.security


INVOKE = ChannelInfo("invoke", "invoke", "dict")
INVOKE_ASYNC = ChannelInfo("invoke-async", "invoke-async", "dict")
INVOKE_ASYNC_CALLBACK = ChannelInfo("invoke-async-callback", "invoke-async-callback", "dict")


class HTTPInput:
    """What HTTP says about a request, before anything is parsed.

    Header names are as `Accept-Encoding`; `path_params` are decoded, `query` is the raw query string. `read_parts`
    reads a form in parts from the body's stream; None for any other body.
    """

    __slots__ = ("address", "headers", "method", "path", "path_params", "query", "read_parts")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        address: str,
        path_params: dict[str, str] | None = None,
    ) -> None:
        self.method, self.path, self.query = method, path, query
        self.headers, self.address = headers, address
        self.path_params = path_params or {}
        self.read_parts: Callable[[BinaryIO], Parts] | None = None


class ServiceStep(Step):
    """A run of a service, and the number of the version that runs; 0 where there is no such service.

    Attributes:
        given, answer: What it was given and what it returned; None below another service or a request, which have it.
        asked: What it asked of what it holds, in order; None while that is nothing.
    """

    __slots__ = ("answer", "asked", "given", "version")

    def __init__(self, service: str, version: int) -> None:
        super().__init__("service", service)
        self.version = version
        self.given: Given | None = None
        self.answer: Kept | None = None
        self.asked: list[Asked] | None = None


class Call:
    """A service about to run, running, or ended. A nested call shares its parent's CID and deployment snapshot."""

    __slots__ = (
        "address",
        "cancelled",
        "channel",
        "cid",
        "client",
        "expired",
        "http",
        "on_loop",
        "parent",
        "payload",
        "raw",
        "replay",
        "response",
        "service",
        "services",
        "spool",
        "step",
        "surroundings",
        "task",
    )

    def __init__(
        self,
        service: str,
        raw: Any,
        *,
        cid: str,
        channel: ChannelInfo,
        services: Mapping[str, Deployment],
        surroundings: Surroundings,
        http: HTTPInput | None = None,
        parent: Call | None = None,
    ) -> None:
        self.service, self.raw, self.cid, self.channel = service, raw, cid, channel
        self.services, self.surroundings, self.http, self.parent = services, surroundings, http, parent
        self.address = http.address if http else None
        self.payload: Any = None  # what the channel has parsed already, if it has
        self.spool: Spooled | None = None  # what came, if it is too big for memory; then `raw` is None until it is read
        self.client: Any = None  # whose message it is, by a WebSocket; more can be sent to it than the answer
        self.task: Task | None = None  # what it performs, if nobody waits for its answer
        self.cancelled = False
        self.expired = False  # past its time, and answered so
        self.on_loop = False
        self.response: Response | None = None
        self.replay: Replay | None = None  # what answers it first, if it is a call that is run again
        live = services.get(service)
        self.step = ServiceStep(service, live.number if live is not None else 0)
        if parent is not None:
            parent.step.steps.append(self.step)

    def play(self, replay: Replay | None) -> None:
        """Have the record of an earlier call answer this one first, among what that brings."""
        self.replay = replay
        if replay is not None:
            self.surroundings = replay.around(self.surroundings)

    def ancestors(self) -> set[str]:
        """Names of the services whose call led here, this one's left out."""
        names, call = set(), self.parent
        while call is not None:
            names.add(call.service)
            call = call.parent
        return names


class Task(Struct, frozen=True):
    """A piece of work as a value: a service to be run, with nobody waiting for its answer.

    What `invoke_async` sends, what answers it sends to callbacks, and each run of a job are tasks.

    `services` is the snapshot that it runs on, as a nested call keeps its parent's; None takes what is live when it
    begins. A repeated `attempt` (the first is 1) and another delivery have the same `key`; empty where nothing can be
    repeated. `callbacks` names the services that get the answer, `in_reply_to` the CID of the call whose answer this
    is, `job_type` Zato's word for the kind of job, and `address` the caller whose limits count.
    """

    service: str
    payload: Any = ""
    channel: ChannelInfo = INVOKE_ASYNC
    cid: str = field(default_factory=new_cid)
    services: Mapping[str, Deployment] | None = None
    attempt: int = 1
    key: str = ""
    address: str | None = None
    callbacks: tuple[str, ...] = ()
    in_reply_to: str = ""
    job_type: str = ""


class Fan(Struct, frozen=True):
    """Services that run side by side in the background, each with its payload, and those that are told how they ended.

    `pattern` is `fanout` or `parallel`. Services in `on_target` are told of each target as it has ended, those in
    `on_final` of all together, once. `cid` is what they know it by.
    """

    pattern: str
    targets: tuple[tuple[str, Any], ...]
    cid: str
    on_target: tuple[str, ...] = ()
    on_final: tuple[str, ...] = ()

    @property
    def names(self) -> str:
        """Those that run, by name."""
        return ", ".join(name for name, _ in self.targets)

    @property
    def sent(self) -> Any:
        """What was asked, as arguments of a call."""
        told = {"on_target": list(self.on_target), "on_final": list(self.on_final)}
        return (dict(self.targets),), {name: each for name, each in told.items() if each}


class Replay(Protocol):
    """The record of an earlier call, which answers a later one up to some step."""

    def next(self, connection: str, operation: str, sent: Any, cid: str) -> Asked | None:
        """The record of what is asked now; None once it is to be asked for real. Raises what stops the run."""
        ...

    def entered(self) -> Replay | None:
        """What answers the service that is invoked now; None if it runs for real."""
        ...

    def past(self, what: str) -> None:
        """Something is asked past what the service holds, as the end of a sentence; may raise what stops the run."""
        ...

    def around(self, usual: Surroundings) -> Surroundings:
        """What a call that it answers reaches through `self`, in place of the usual."""
        ...


class Deployment(Protocol):
    """One version of one service, live or kept for rollback."""

    name: str
    cls: type[Any]
    number: int
    io: Declared
    is_async: bool


class Spooled(Protocol):
    """A body too big for memory; it is there as long as somebody holds it."""

    def open(self) -> BinaryIO:
        """A stream of its own place, at the beginning."""
        ...

    def read(self) -> bytes:
        """All of it."""
        ...

    def hold(self) -> None:
        """Keep it until `release`."""
        ...

    def release(self) -> None:
        """Let go; the last one removes it."""
        ...


class Invoker(Protocol):
    """Runs services."""

    def invoke(self, name: str, payload: Any, parent: Call | None = None, channel: ChannelInfo | None = None) -> Any:
        """Run a service on this thread and return what it answered."""
        ...

    async def invoke_aio(
        self, name: str, payload: Any, parent: Call | None = None, channel: ChannelInfo | None = None
    ) -> Any:
        """Run a service without blocking the loop of the caller."""
        ...

    def invoke_async(self, name: str, payload: Any, parent: Call | None = None, callback: Any = None) -> str:
        """Run a service in the background; returns the CID it will run under."""
        ...

    def fan_out(self, fan: Fan, parent: Call) -> str:
        """Run services side by side in the background; returns the CID by which others are told of them."""
        ...

    # What channels call, from the loop's thread.
    def new_call(
        self,
        name: str,
        raw: Any,
        channel: ChannelInfo = ...,
        *,
        cid: str = "",
        parent: Call | None = None,
        services: Mapping[str, Deployment] | None = None,
    ) -> Call:
        """A call of a service by name, not run yet; on the live services unless others are given."""
        ...

    def start(self, call: Call, done: Callable[[Any, BaseException | None], None]) -> asyncio.Task[Any] | None:
        """Run a call where its colour belongs; `done` is called on the loop. The task, if it waits on the loop."""
        ...

    def record(self, call: Call, root: Step) -> None:
        """Keep a call that did not come by HTTP from its beginning, with what it was given."""
        ...

    def failed(self, call: Call, error: BaseException) -> None:
        """Log what a call raised, and take its traceback off."""
        ...

    def background(self, task: Callable[[], None]) -> None:
        """Run a task on a worker."""
        ...

    @property
    def is_stuck(self) -> bool:
        """Whether as many workers hang as may, and none has taken a call for a while."""
        ...

    def lend_spare(self) -> bool:
        """Allow one worker more, since one hangs; whether the bound let it."""
        ...

    def return_spare(self) -> None:
        """The worker that hung came back."""
        ...


class Encryption(Protocol):
    """Encrypts for services, with the key of the workbench."""

    def encrypt(self, data: bytes, service: str) -> bytes:
        """What only who has the key can read."""
        ...

    def decrypt(self, encrypted: bytes, service: str) -> str:
        """The text again."""
        ...


class Connections(Protocol):
    """Ways out by kind and name."""

    def item(self, kind: str, name: str) -> Any:
        """The object behind `self.<kind's attribute>[name]`; raises UnknownName."""
        ...

    def names(self, kind: str) -> list[str]:
        """Names of the connections of one kind."""
        ...

    def expect_way(self, attribute: str) -> None:
        """Raise the error of a dotted attribute of a service that leads to no kind; each is an AttributeError too."""
        ...

    def ways(self) -> Mapping[str, str]:
        """The kind that each dotted attribute of a service leads to, as `{"out.rest": "rest"}`."""
        ...


class Surroundings(Protocol):
    """What a service reaches through `self`."""

    invoker: Invoker
    connections: Connections
    clock: Any
    log: Any
    traffic: Any
    caches: Any
    user_config: Any
    server_config: Callable[[], Any]
    encryption: Encryption
    client: Any  # stands for the WebSocket client of a call that none has made; None where that is an error

    @property
    def kvdb(self) -> Any:
        """Redis."""
        ...

    def websocket(self, name: str) -> Any:
        """The WebSocket channel of that name, to whose clients can be sent; raises UnknownName."""
        ...

    def held(self, call: Call, connection: str, live: Any) -> Any:
        """A connection as the service of this call holds it: what is asked of it goes into the call's record."""
        ...

    def inline(self, call: Call) -> bool:
        """Whether a person waits for this call in the cell that made it, and so sees its prints there."""
        ...
