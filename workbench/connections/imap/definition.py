"""What is said of a mailbox to be read."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from workbench.connections.common.fields import LARGEST_ANSWER_BYTES, Host, MaxAnswer, Password, host_problems
from workbench.connections.common.tls import CAFile
from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Timeout

PORTS = {"plain": 143, "starttls": 143, "ssl": 993}


class IMAPConnection(ConnectionDefinition, tag="imap", frozen=True, kw_only=True):
    """A mailbox to be read."""

    kind: ClassVar[str] = "IMAP"
    attributes: ClassVar[dict[str, str]] = {"email.imap": "item"}
    opener: ClassVar[str] = "workbench.connections.imap.live:LiveIMAP"

    host: Host
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="TCP port; by mode if left out: 993 (ssl), 143 (plain, starttls)."),
    ] = None
    mode: Annotated[
        Literal["ssl", "starttls", "plain"],
        Meta(description="Encryption from the first byte, agreed upon before the login, or none."),
    ] = "ssl"
    username: Annotated[str, Meta(min_length=1, description="User name.")]
    password: Password = None
    folder: Annotated[str, Meta(min_length=1, description="Folder that is read.")] = "INBOX"
    get_criteria: Annotated[
        str, Meta(min_length=1, description='Which mails `get` gives, as UNSEEN or FROM "x@example.com".')
    ] = "UNSEEN"
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 60.0
    retries: Retries = 3
    max_answer_bytes: MaxAnswer = LARGEST_ANSWER_BYTES
    ca_file: CAFile = None

    def problems(self) -> dict[str, str]:
        problems = host_problems(self.host, "imap.example.com")
        for field in ("folder", "get_criteria"):
            if any(each in getattr(self, field) for each in "\r\n\0"):
                problems[field] = "must be one line"
        return problems

    @property
    def address(self) -> str:
        """`host:port`, the mode's own port if none was given."""
        return f"{self.host}:{self.port or PORTS[self.mode]}"
