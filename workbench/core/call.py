"""One invocation of one service: who asked, with what, by which way in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.core.trace import Step

if TYPE_CHECKING:
    from workbench.core.ports import Deployment, Spooled, Surroundings
    from workbench.core.response import Response


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

    Header names are as `Accept-Encoding`; `path_params` are decoded, `query` is the raw query string.
    """

    __slots__ = ("address", "headers", "method", "path", "path_params", "query")

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


class Call:
    """A service about to run, running, or ended. A nested call shares its parent's CID and deployment snapshot."""

    __slots__ = (
        "address",
        "cancelled",
        "channel",
        "cid",
        "expired",
        "http",
        "in_reply_to",
        "job_type",
        "on_loop",
        "parent",
        "payload",
        "raw",
        "response",
        "service",
        "services",
        "spool",
        "step",
        "surroundings",
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
        self.in_reply_to = ""
        self.job_type = ""
        self.cancelled = False
        self.expired = False  # past its time, and answered so
        self.on_loop = False
        self.response: Response | None = None
        self.step = Step("service", service)
        if parent is not None:
            parent.step.steps.append(self.step)

    def ancestors(self) -> set[str]:
        """Names of the services whose call led here, this one's left out."""
        names, call = set(), self.parent
        while call is not None:
            names.add(call.service)
            call = call.parent
        return names
