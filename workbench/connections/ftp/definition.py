"""What an FTP connection is defined by."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from workbench.connections.common.fields import (
    LARGEST_ANSWER_BYTES,
    DirectUploads,
    Host,
    MaxAnswer,
    Password,
    host_problems,
    pair_problems,
)
from workbench.connections.common.tls import CAFile
from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Timeout
from workbench.connections.files.names import folder_problems


class FTPConnection(ConnectionDefinition, tag="ftp", frozen=True, kw_only=True):
    """An FTP account, plain or under TLS."""

    kind: ClassVar[str] = "FTP"
    attributes: ClassVar[dict[str, str]] = {"out.ftp": "conn", "out.files": "conn"}
    opener: ClassVar[str] = "workbench.connections.ftp.backend:open_ftp"

    host: Host
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port.")] = 21
    username: Annotated[str | None, Meta(description="User name; none for the anonymous user.")] = None
    password: Password = None
    account: Annotated[
        str, Meta(description="Account that some servers ask for after the password (ACCT); empty for none.")
    ] = ""
    tls: Annotated[
        Literal["off", "explicit"], Meta(description="No encryption, or agreed upon before the password is sent.")
    ] = "off"
    default_directory: Annotated[
        str,
        Meta(
            description="Folder that a service sees as the root: below the one that the login leads to, or below the "
            "server's own if it begins with a slash."
        ),
    ] = ""
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 60.0
    retries: Retries = 3
    pool_size: Annotated[int, Meta(ge=1, le=100, description="Most sessions at once.")] = 8
    max_answer_bytes: MaxAnswer = LARGEST_ANSWER_BYTES
    passive: Annotated[bool, Meta(description="Whether the client opens the data connections.")] = True
    ca_file: CAFile = None
    direct_uploads: DirectUploads = False

    def problems(self) -> dict[str, str]:
        return (
            host_problems(self.host, "ftp.example.com")
            | pair_problems(self, "username", "password")
            | ({"account": "needs username and password"} if self.account and self.username is None else {})
            | {name: "must be one line" for name in ("username", "account") if _ends_a_line(getattr(self, name) or "")}
            | folder_problems(self.default_directory)
        )

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


def _ends_a_line(text: str) -> bool:
    """Whether FTP, whose commands are lines, cannot say a text."""
    return "\r" in text or "\n" in text
