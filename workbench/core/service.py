"""`Service`: what a person writes. One class is one service; one instance is one call."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from inspect import getattr_static
from typing import Any, ClassVar, Literal

from workbench.core.call import Call, ChannelInfo
from workbench.core.clock import ServiceTime
from workbench.core.current import CURRENT
from workbench.core.errors import CallerError, ServiceUnavailable, ServiceUsage, TimedOut
from workbench.core.payload.bunch import bunchify
from workbench.core.payload.request import Request
from workbench.core.payload.response import Response, encode_json
from workbench.core.payload.ways import Way, Ways
from workbench.core.payload.wsx import WSX
from workbench.core.payload.zato_names import ZatoNames
from workbench.core.ports import WIDGETS, Decision

ZATO_KEYWORDS = frozenset(
    ("as_bunch", "channel", "data_format", "raise_timeout", "serialize", "skip_response_elem", "timeout", "transport")
)
BACKGROUND_KEYWORDS = frozenset(
    ("channel", "cid", "data", "data_format", "environ", "expiration", "to_json_string", "transport", "zato_ctx")
)
NewVersion = Literal["off", "warn", "gate"]
"""What becomes of a new version that answers recorded calls otherwise: nobody looks, it is said, it waits."""

on_subclass: list[Callable[[type[Service]], None]] = []


class Service(ZatoNames):
    """A piece of business logic with a name, reachable by every channel, job, and other services.

    Write `handle`; read `self.request`, set `self.response.payload` or return the answer. `async def handle` works
    too: it runs on the server's loop, so use the `.aio` forms there.
    """

    name: ClassVar[str] = ""
    limit: ClassVar[str] = ""
    new_version: ClassVar[NewVersion | Literal[""]] = ""

    cid: str
    request: Request
    response: Response
    channel: ChannelInfo
    _call: Call

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for told in on_subclass:
            told(cls)

    def _handle(self) -> Any:
        """Do the work; a returned value that is not None is the answer."""
        raise ServiceUsage(f"Service {self._call.service!r} has no handle. Fix: write def handle(self).")

    # Of any type, so that a type checker lets `def handle(self, order: Order) -> Reply` and `async def` take its place.
    handle: Any = _handle

    # Hooks, in the order they run. Those of jobs run only for jobs of their kind.
    def accept(self) -> bool:
        """Whether to take this call at all; False answers 400."""
        return True

    def before_job(self) -> None:
        """Before any job's run."""

    def before_one_time_job(self) -> None:
        """Before a one-time job's run."""

    def before_interval_based_job(self) -> None:
        """Before an interval job's run."""

    def before_cron_style_job(self) -> None:
        """Before a cron job's run."""

    def before_handle(self) -> None:
        """Before `handle`."""

    def validate_input(self) -> None:
        """Raise to refuse the input."""

    def validate_output(self) -> None:
        """Raise to refuse the output."""

    def after_handle(self) -> None:
        """After `handle`, also when it raised."""

    def after_job(self) -> None:
        """After any job's run."""

    def after_one_time_job(self) -> None:
        """After a one-time job's run."""

    def after_interval_based_job(self) -> None:
        """After an interval job's run."""

    def after_cron_style_job(self) -> None:
        """After a cron job's run."""

    def finalize_handle(self) -> None:
        """Last of all, also when something raised."""

    @classmethod
    def before_add_to_store(cls, logger: logging.Logger) -> bool | None:
        """Before the class goes live; False leaves it out."""
        return True

    @classmethod
    def after_add_to_store(cls, logger: logging.Logger) -> None:
        """After the class went live."""

    @classmethod
    def widget(cls) -> Any:
        """The live card of its service as an ipywidgets widget, as of `wb.services[...]`; yours of this name is yours.

        Raises:
            WorkbenchError: No notebook is there, or another version of the service is live.
        """
        return WIDGETS.of(cls)

    @property
    def logger(self) -> logging.Logger:
        """A logger named after the service; its lines go to the call's trace and to `wb.log`."""
        return logger_of(self._call.service)

    log = logger

    @property
    def time(self) -> ServiceTime:
        """The clock; a virtual one in tests and time travel."""
        return ServiceTime(self._call.surroundings.clock)

    @property
    def job_type(self) -> str:
        """`one_time`, `interval_based` or `cron_style` when a job runs this; else empty."""
        return self._call.task.job_type if self._call.task is not None else ""

    @property
    def in_reply_to(self) -> str:
        """For a callback: the CID of the call whose answer this is."""
        return self._call.task.in_reply_to if self._call.task is not None else ""

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for this call any more: it is past its time, or the server stops."""
        call: Call | None = self._call
        while call is not None and not call.cancelled:
            call = call.parent
        return call is not None

    @property
    def invoke(self) -> Invoke:
        """Call another service: `self.invoke(name, payload)`, or `await self.invoke.aio(name, payload)`."""
        return Invoke(self._call)

    def invoke_async(self, name: str | type[Service], payload: Any = "", callback: Any = None, **more: Any) -> str:
        """Have another service run in the background; returns the CID it runs under.

        `callback` names one or several services (or is `self`) that get the answer as payload, with `in_reply_to` set.
        Of Zato's keywords, `to_json_string` sends JSON text, and `expiration` has no effect, as it begins at once.

        Raises:
            ServiceUsage: A keyword cannot be obeyed.
        """
        callback = self._call.service if callback is self else callback
        payload = _background_payload(name, payload, more) if more else payload
        return self._call.surroundings.invoker.invoke_async(named(name), payload, self._call, callback)

    @property
    def kvdb(self) -> Any:
        """Redis, always there: `self.kvdb.conn`."""
        around = self._call.surroundings
        return around.held(self._call, "Redis", around.kvdb)

    @property
    def cache(self) -> Any:
        """Caches in this process: `self.cache.default`, `self.cache.get_cache("builtin", "my.cache")`."""
        return self._call.surroundings.caches

    @property
    def user_config(self) -> Any:
        """The tables `[user...]` of `workbench.toml`, as `self.user_config.billing.url`."""
        return self._call.surroundings.user_config

    config = user_config

    @property
    def crypto(self) -> Any:
        """`self.crypto.encrypt(data)` and `.decrypt(data)` with the secret WORKBENCH_CRYPTO_KEY, `.hash_secret(data)`
        and `.verify_hash(given, expected)` of passwords, `.generate_secret()`, `.generate_password()`.
        """
        from workbench.core.payload.crypto import Crypto

        return Crypto(self._call)

    @property
    def schedule(self) -> Any:
        """Jobs that a service makes: `self.schedule.onetime(self, "api.order", after_minutes=5, data={...})`."""
        from workbench.core.payload.zato_work import Schedule

        return Schedule(self, named)

    @property
    def patterns(self) -> Any:
        """Several services at once, or one again: `self.patterns.fanout.invoke({"a": 1, "b": 2}, on_final="all")`,
        `self.patterns.parallel.invoke({...}, on_target="each")`, `self.patterns.invoke_retry.invoke("a", repeats=3)`.
        """
        from workbench.core.payload.zato_work import Patterns

        return Patterns(self, named)

    @property
    def wsx(self) -> WSX:
        """Clients of WebSocket channels: `self.wsx.client.send(data)`, `self.wsx.channel["name"].broadcast(data)`."""
        return WSX(self._call)

    @property
    def out(self) -> Ways:
        """Ways out by kind: `self.out.rest["name"]`."""
        return Ways(self._call, "out")

    @property
    def outgoing(self) -> Ways:
        """The long name of `out`."""
        return Ways(self._call, "out")

    @property
    def rest(self) -> Any:
        """REST connections with the CID implied: `self.rest["name"].get(params)`."""
        return Way(self._call, "rest")

    @property
    def email(self) -> Ways:
        """Mail: `self.email.smtp["name"]`."""
        return Ways(self._call, "email")

    @property
    def cloud(self) -> Ways:
        """Cloud storage: `self.cloud.dropbox["name"]`."""
        return Ways(self._call, "cloud")


class Invoke:
    """`self.invoke`, in both colours."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def __call__(self, name: str | type[Service], payload: Any = "", **more: Any) -> Any:
        """Run another service and wait for its answer; its errors come through unchanged.

        Zato's keywords are obeyed: `channel` and `data_format` are what the other service reads of its channel,
        `as_bunch`, `serialize` and `skip_response_elem` shape the answer. Others are the payload, if there is none.

        Raises:
            ServiceUsage: A keyword cannot be obeyed.
        """
        if self._call.on_loop:
            raise ServiceUsage(
                f"Service {self._call.service!r} is async, and self.invoke would block the server. "
                f"Fix: await self.invoke.aio({named(name)!r}, ...)"
            )
        invoker, sent = self._call.surroundings.invoker, _payload(name, payload, more)
        return self._shaped(name, invoker.invoke(named(name), sent, self._call, _channel(more)), more)

    async def aio(self, name: str | type[Service], payload: Any = "", **more: Any) -> Any:
        """The same, awaited."""
        invoker, sent = self._call.surroundings.invoker, _payload(name, payload, more)
        return self._shaped(name, await invoker.invoke_aio(named(name), sent, self._call, _channel(more)), more)

    def _shaped(self, name: str | type[Service], answer: Any, more: dict[str, Any]) -> Any:
        """An answer as the caller wants it."""
        if not more:
            return answer
        if more.get("skip_response_elem") and (version := self._call.services.get(named(name))) is not None:
            elem = version.io.response_elem
            answer = answer[elem] if elem and isinstance(answer, dict) and elem in answer else answer
        if more.get("serialize") and not isinstance(answer, str | bytes):
            return encode_json(answer).decode()
        return bunchify(answer) if more.get("as_bunch") else answer


def _channel(more: dict[str, Any]) -> ChannelInfo | None:
    """The channel that an invoked service reads of; None for the usual."""
    channel, data_format = more.get("channel") or "invoke", more.get("data_format") or "dict"
    return None if (channel, data_format) == ("invoke", "dict") else ChannelInfo(channel, channel, data_format)


def _payload(name: str | type[Service], payload: Any, more: dict[str, Any]) -> Any:
    """What an invoked service gets: the payload, or the keywords if there is none; Zato's own keywords left out."""
    if not more:
        return payload
    if more.get("timeout"):
        raise ServiceUsage(
            f"self.invoke({named(name)!r}) cannot stop a service after a time. Fix: bound the waits of that service, "
            f"or the channel's timeout_seconds."
        )
    if more.get("transport"):
        raise ServiceUsage(
            f"self.invoke({named(name)!r}) has no transport {more['transport']!r:.80}: it is a call in this process. "
            f"Fix: leave transport out."
        )
    keywords = {key: value for key, value in more.items() if key not in ZATO_KEYWORDS}
    if keywords and payload not in ("", None):
        raise ServiceUsage(
            f"self.invoke({named(name)!r}) has a payload, and {', '.join(keywords)} besides. Fix: put all in one dict."
        )
    return keywords or payload


def _background_payload(name: str | type[Service], payload: Any, more: dict[str, Any]) -> Any:
    """What a service in the background gets; raises ServiceUsage for a keyword that cannot be obeyed."""
    usual = {"channel": "invoke-async", "data_format": "dict"}
    for key, value in more.items():
        if key not in BACKGROUND_KEYWORDS:
            raise ServiceUsage(f"self.invoke_async({named(name)!r}) takes no {key}. Fix: put it into the payload.")
        if key in ("cid", "environ", "transport", *usual) and value and value != usual.get(key):
            raise ServiceUsage(
                f"self.invoke_async({named(name)!r}) cannot obey {key}={value!r:.80}: the other service has its own. "
                f"Fix: leave {key} out; what that service has to know goes into the payload."
            )
    payload = more.get("data", payload)
    return encode_json(payload).decode() if more.get("to_json_string") else payload


_loggers: dict[str, logging.Logger] = {}


def logger_of(service: str) -> logging.Logger:
    """The logger of one service, below `workbench.service`."""
    if (logger := _loggers.get(service)) is None:
        logger = _loggers[service] = logging.getLogger(f"workbench.service.{service}")
    return logger


def log_refusal(call: Call, decision: Decision) -> None:
    """Log what a limit refused, under the call's CID and in its service's log."""
    token = CURRENT.set(call)
    try:
        logger_of(call.service).warning("%s", decision.log_line())
    finally:
        CURRENT.reset(token)


def log_failure(call: Call, error: BaseException) -> None:
    """Log what a service raised, with its traceback, under its CID; what callers are told is no failure of ours."""
    token = CURRENT.set(call)
    try:
        logger = logger_of(call.service)
        if isinstance(error, CallerError):
            logger.info("%s refused: %s", call.service, error)
        elif isinstance(error, ServiceUnavailable | TimedOut):
            logger.error("%s failed: %s", call.service, error)
        else:
            logger.error("%s failed: %s", call.service, error, exc_info=error)
    finally:
        CURRENT.reset(token)


def named(service: str | type[Service]) -> str:
    """A service's name, of its name or class."""
    return service if isinstance(service, str) else service_name(service)


def service_name(cls: type[Service]) -> str:
    """The name a class deploys under: what its class method `get_name` says, its own or inherited `name`, else made of
    module and class.

    `SyncData` of a cell is `sync-data`; `GetCRMData` of the file `api.py` is `api.get-crm-data`. The cells of a loaded
    notebook are a module below `__main__`.
    """
    if isinstance(own := getattr_static(cls, "get_name", None), classmethod | staticmethod):
        return own.__get__(None, cls)()  # type: ignore[no-any-return]
    if cls.name:
        return cls.name
    words = hyphenated(cls.__name__)
    module = cls.__module__.removesuffix(".__init__")
    return words if module.partition(".")[0] == "__main__" else f"{module.replace('_', '-').lower()}.{words}"


def hyphenated(name: str) -> str:
    """CamelCase as hyphenated lower case, by Zato's rule: `SyncDataV2` is `sync-data-v2`."""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1-\2", name)
    return re.sub(r"([a-z\d])([A-Z])", r"\1-\2", name).lower()
