"""What is said of a SOAP service to call."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from msgspec import Meta, field
from msgspec.structs import force_setattr

from workbench.connections.common.fields import LARGEST_ANSWER_BYTES, MaxAnswer
from workbench.connections.common.hosts import host_of, is_outside
from workbench.connections.common.tls import CAFile
from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Timeout
from workbench.connections.rest.credentials import Values, warn_of_plain_query, without_plain
from workbench.core.secret import Secret

HTTP = ("http://", "https://")
PORTS = {"http": 80, "https": 443}
OtherHost = Annotated[str, Meta(pattern=r"^[^/\s@]+$")]


def origin_of(address: str, scheme: str = "https") -> tuple[str, int]:
    """The host and port of an address, or of `host`, `host:port`; raises ValueError."""
    parts = urlsplit(address if "://" in address else f"{scheme}://{address}")
    return (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme, 0)


class SOAPConnection(ConnectionDefinition, tag="soap", frozen=True, kw_only=True):
    """A SOAP service to call, as its WSDL describes it."""

    kind: ClassVar[str] = "SOAP"
    attributes: ClassVar[dict[str, str]] = {"out.soap": "item"}
    opener: ClassVar[str] = "workbench.connections.soap.live:LiveSOAP"

    host: Annotated[str, Meta(pattern=r"^https?://[^/\s]+/?$", description="Scheme and host, as https://example.com.")]
    wsdl: Annotated[
        str, Meta(description="Where the WSDL is: a path on the host, as /orders?wsdl, or a whole address elsewhere.")
    ] = ""
    username: Annotated[str, Meta(description="User name; empty for none.")] = ""
    password: Annotated[Secret | str | None, Meta(description="Secret that holds the user's password.")] = None
    login: Annotated[
        Literal["basic", "wss", "wss-digest"],
        Meta(description="How user and password are sent: HTTP Basic, or WS-Security as text or as a digest."),
    ] = "basic"
    wsdl_file: Annotated[
        str | None, Meta(description="File of this machine that has the WSDL; what it imports lies beside it.")
    ] = None
    path: Annotated[str, Meta(description="Path on the host that is called; empty: as the WSDL says.")] = ""
    hosts: Annotated[
        tuple[OtherHost, ...],
        Meta(description="Other hosts from which the WSDL may import, as schemas.xmlsoap.org; no password goes there."),
    ] = ()
    service_name: Annotated[str, Meta(description="Service of the WSDL; empty: the first that speaks SOAP.")] = ""
    port_name: Annotated[str, Meta(description="Port of that service; empty: the first that speaks SOAP.")] = ""
    headers: Annotated[Values, Meta(description="HTTP headers sent with every call.")] = field(default_factory=dict)
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 30.0
    retries: Retries = 3
    pool_size: Annotated[int, Meta(ge=1, le=1000, description="Most connections kept open.")] = 20
    max_answer_bytes: MaxAnswer = LARGEST_ANSWER_BYTES
    verify_tls: Annotated[bool, Meta(description="Whether the server's certificate is checked.")] = True
    ca_file: CAFile = None

    def __post_init__(self) -> None:
        super().__post_init__()
        force_setattr(self, "headers", without_plain(str(self), "headers", self.headers))
        warn_of_plain_query(str(self), self.wsdl)

    def problems(self) -> dict[str, str]:
        problems = {}
        if "@" in self.host:
            problems["host"] = "must not hold a user or a password: give username= and password=secret('NAME')"
        if bool(self.wsdl) == (self.wsdl_file is not None):
            problems["wsdl"] = "or wsdl_file says where the WSDL is, as wsdl='/orders?wsdl': give one of them"
        elif self.wsdl and not self.wsdl.startswith(("/", *HTTP)):
            problems["wsdl"] = "must begin with /, http:// or https://; a file of this machine is wsdl_file"
        elif "@" in self.wsdl.partition("?")[0]:
            problems["wsdl"] = "must not hold a user or a password: give username= and password=secret('NAME')"
        if self.path and not self.path.startswith("/"):
            problems["path"] = "must begin with /"
        if self.login != "basic" and not self.username:
            problems["username"] = f"is needed for login={self.login!r}"
        if self.ca_file is not None and not self.verify_tls:
            problems["ca_file"] = "has no use with verify_tls=False: leave one of them out"
        for field_name, addresses in (("host", (self.host,)), ("wsdl", (self.wsdl_address,)), ("hosts", self.hosts)):
            for each in filter(None, addresses):
                try:
                    origin_of(each)
                except ValueError as exc:
                    problems.setdefault(field_name, f"is no address: {exc}")
        return problems

    @property
    def wsdl_address(self) -> str:
        """The address of the WSDL; empty where it is a file."""
        return self.wsdl if self.wsdl.startswith(HTTP) else f"{self.host.rstrip('/')}{self.wsdl}" if self.wsdl else ""

    @property
    def called(self) -> str:
        """The host; where that is this machine, another one that the WSDL may come from, if there is any."""
        every = (self.host, self.wsdl_address, *self.hosts)
        return next((each for each in every if is_outside(host_of(each))), self.host)
