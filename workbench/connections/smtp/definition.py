"""What is said of a server that takes outgoing mail."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from workbench.connections.common.fields import Host, Password, host_problems, pair_problems
from workbench.connections.common.tls import CAFile
from workbench.connections.common.trying import Deadline
from workbench.connections.definition import ConnectionDefinition, Timeout
from workbench.connections.smtp.message import one_address
from workbench.core.errors import ServiceUsage

PORTS = {"plain": 25, "ssl": 465, "starttls": 587}


class SMTPConnection(ConnectionDefinition, tag="smtp", frozen=True, kw_only=True):
    """A mail server that takes outgoing mail."""

    kind: ClassVar[str] = "SMTP"
    attributes: ClassVar[dict[str, str]] = {"email.smtp": "item"}
    opener: ClassVar[str] = "workbench.connections.smtp.live:LiveSMTP"

    host: Host
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="TCP port; by mode if left out: 25, 465 (ssl), 587 (starttls)."),
    ] = None
    mode: Annotated[
        Literal["plain", "ssl", "starttls"],
        Meta(description="No encryption, from the first byte, or agreed upon before anything is said."),
    ] = "plain"
    username: Annotated[str | None, Meta(description="User name, if the server asks for one.")] = None
    password: Password = None
    from_: Annotated[str | None, Meta(description="Sender of messages that name none.")] = None
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 60.0
    ca_file: CAFile = None

    def problems(self) -> dict[str, str]:
        problems = pair_problems(self, "username", "password") | host_problems(self.host, "smtp.example.com")
        if self.from_ is not None:
            try:
                one_address(self.from_, "from_")
            except ServiceUsage as exc:
                problems["from_"] = str(exc)
        return problems

    @property
    def address(self) -> str:
        """`host:port`, the mode's own port if none was given."""
        return f"{self.host}:{self.port or PORTS[self.mode]}"
