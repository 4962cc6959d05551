"""What is said of a REST API to call."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, field
from msgspec.structs import force_setattr

from workbench.connections.common.fields import LARGEST_ANSWER_BYTES, MaxAnswer
from workbench.connections.common.tls import CAFile
from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Timeout
from workbench.connections.rest.credentials import Values, warn_of_plain_query, without_plain
from workbench.core.secret import Secret

OF_A_CALL = (
    *("timeout_seconds", "deadline_seconds", "retries", "pool_size", "max_answer_bytes"),
    *("verify_tls", "ca_file"),
)
"""Fields that say how a call goes, and not where."""


class RESTConnection(ConnectionDefinition, tag="rest", frozen=True, kw_only=True):
    """A REST API to call."""

    kind: ClassVar[str] = "REST"
    attributes: ClassVar[dict[str, str]] = {"out.rest": "item", "out.plain_http": "item", "rest": "for_call"}
    opener: ClassVar[str] = "workbench.connections.rest.live:LiveREST"

    host: Annotated[str, Meta(pattern=r"^https?://[^/\s]+/?$", description="Scheme and host, as https://example.com.")]
    path: Annotated[str, Meta(description="Path; {name} is filled from params.")] = ""
    data_format: Annotated[Literal["json", "form", ""], Meta(description="How data that is no text is sent.")] = "json"
    username: Annotated[str, Meta(description="User for Basic Auth; empty for none.")] = ""
    password: Annotated[Secret | str | None, Meta(description="Secret that holds the user's password.")] = None
    api_key: Annotated[Secret | str | None, Meta(description="Secret sent in `api_key_header`.")] = None
    api_key_header: Annotated[str, Meta(description="Header for the API key.")] = "X-API-Key"
    headers: Annotated[Values, Meta(description="Headers sent with every call.")] = field(default_factory=dict)
    params: Annotated[Values, Meta(description="Query parameters sent with every call.")] = field(default_factory=dict)
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 30.0
    retries: Retries = 3
    pool_size: Annotated[int, Meta(ge=1, le=1000, description="Most connections kept open.")] = 20
    max_answer_bytes: MaxAnswer = LARGEST_ANSWER_BYTES
    ping_method: Annotated[Literal["HEAD", "GET", "OPTIONS"], Meta(description="Method of a ping.")] = "HEAD"
    verify_tls: Annotated[bool, Meta(description="Whether the server's certificate is checked.")] = True
    ca_file: CAFile = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for each in ("headers", "params"):
            force_setattr(self, each, without_plain(str(self), each, getattr(self, each)))
        warn_of_plain_query(str(self), self.path)

    def problems(self) -> dict[str, str]:
        problems = {"path": "must begin with /"} if self.path and not self.path.startswith("/") else {}
        if "@" in self.host:
            problems["host"] = "must not hold a user or a password: give username= and password=secret('NAME')"
        if self.ca_file is not None and not self.verify_tls:
            problems["ca_file"] = "has no use with verify_tls=False: leave one of them out"
        return problems


def beneath(definition: ConnectionDefinition, host: str, **more: Any) -> RESTConnection:
    """The REST connection by which a connection of another kind speaks: what both have a field for is that one's.

    Args:
        definition: The other kind's; of its fields those for times, bounds and TLS are taken.
        host: Scheme and host.
        more: Fields that it has under other names, or none of.
    """
    both = {name: getattr(definition, name) for name in OF_A_CALL if hasattr(definition, name)}
    return RESTConnection(definition.name, host=host, **{**both, **more})
