"""Names on `self` that services written for Zato use beside ours; of those that are not here, `differences` tells."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from workbench.core.call import Call, ChannelInfo
from workbench.core.payload.simpleio import Output
from workbench.core.trace import kept

T = TypeVar("T")


class Told(Generic[T]):
    """A property that a service may put a value of its own in the place of, as `self.server = ...`."""

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read, self.__doc__ = read, read.__doc__

    def __get__(self, service: Any, owner: Any = None) -> T:
        return self if service is None else self._read(service)  # type: ignore[return-value]  # on the class, itself


class ZatoServer:
    """`self.server`: the part of Zato's server that a service asks for."""

    cluster_id = 1

    def __init__(self, call: Call, invoke: Callable[..., Any]) -> None:
        self.invoke = invoke
        self.name = self.cluster_name = "workbench"
        self.pid = os.getpid()
        self.user_config = call.surroundings.user_config
        self._call = call

    @property
    def fs_server_config(self) -> Any:
        """What `server.conf` says, and settings under its names: `fs_server_config.main.port`."""
        return self._call.surroundings.server_config()

    if not TYPE_CHECKING:  # to a type checker, what is not here is an error

        def __getattr__(self, name: str) -> Any:
            """Say what to write for what Zato's server has and this has not."""
            from workbench.core.payload.differences import no_attribute

            raise no_attribute("self.server", name, (each for each in dir(self) if not each.startswith("_")))


class ZatoNames:
    """The part of `Service` that only services written for Zato need."""

    channel: ChannelInfo
    request: Any
    response: Any
    logger: Any
    invoke: Any
    kvdb: Any
    _call: Call

    @Told
    def chan(self) -> ChannelInfo:
        """The short name of `channel`."""
        return self.channel

    @Told
    def server(self) -> ZatoServer:
        """`self.server.invoke`, `.name`, `.cluster_id`, `.user_config`, `.fs_server_config`."""
        return ZatoServer(self._call, self.invoke)

    @Told
    def data_format(self) -> str:
        """How the channel reads bodies: `json`, `form`, `raw`, `xml`, `dict`."""
        return self.channel.data_format

    @Told
    def transport(self) -> str:
        """Nothing: what carried a call is `self.channel.type`."""
        return ""

    @Told
    def impl_name(self) -> str:
        """Module and class, with dots."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    @Told
    def wsgi_environ(self) -> Mapping[str, Any]:
        """What HTTP says of the call, under WSGI's names (PEP 3333), read-only; empty where it did not come by HTTP."""
        http = self._call.http
        if http is None:
            return MappingProxyType({})
        found = {
            "REQUEST_METHOD": http.method,
            "PATH_INFO": http.path,
            "QUERY_STRING": http.query,
            "REMOTE_ADDR": http.address,
            "zato.http.remote_addr": http.address,
            "zato.http.path_info": http.path,
        }
        for name, value in http.headers.items():
            word = name.upper().replace("-", "_")
            found[word if word in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{word}"] = value
        return MappingProxyType(found)

    def lock(self, name: str = "", ttl: float = 20, block: float = 10) -> Any:
        """A lock over processes, in Redis: `with self.lock("orders"):`.

        Args:
            name: Of what is locked; '' is the service.
            ttl: How long it holds at most [s].
            block: Longest wait for it [s]; then it is `redis.exceptions.LockError`.
        """
        return self.kvdb.conn.lock(f"lock:{name or self._call.service}", timeout=ttl, blocking_timeout=block)

    @Told
    def environ(self) -> dict[str, Any]:
        """A dict of this call's own, for what its hooks and `handle` tell each other; empty at first."""
        own: dict[str, Any] = vars(self).setdefault("environ", {})
        return own

    @Told
    def invocation_time(self) -> datetime:
        """When this call began (aware, UTC)."""
        now: datetime = self._call.surroundings.clock.now()
        return now - timedelta(seconds=perf_counter() - self._call.step.started)

    @Told
    def processing_time_raw(self) -> timedelta:
        """How long this call has run, or did run."""
        seconds = self._call.step.seconds
        return timedelta(seconds=perf_counter() - self._call.step.started if seconds is None else seconds)

    @Told
    def processing_time(self) -> int:
        """The same in milliseconds [ms]."""
        return round(self.processing_time_raw.total_seconds() * 1000)

    def log_input(self, msg: str = "") -> None:
        """Log what came in, masked and cut."""
        self.logger.info("%s%s", f"{msg} " if msg else "", kept(self.request.payload))

    def log_output(self, msg: str = "") -> None:
        """Log what goes back so far, masked and cut."""
        value = self.response.payload
        self.logger.info("%s%s", f"{msg} " if msg else "", kept(value.value() if isinstance(value, Output) else value))

    if not TYPE_CHECKING:  # to a type checker, what is not here is an error

        def __getattr__(self, name: str) -> Any:
            """Say what to write for a name of Zato's that is not here."""
            if hasattr(type(self), name):  # a property has raised this
                return object.__getattribute__(self, name)
            from workbench.core.payload.differences import LACKING  # here, since it costs the start some 3 ms

            if (row := LACKING.get(f"self.{name}")) is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            raise AttributeError(row.sentence)
