"""What an SFTP connection is defined by."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from workbench.connections.common.fields import LARGEST_ANSWER_BYTES, DirectUploads, Host, MaxAnswer, host_problems
from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Timeout
from workbench.connections.files.names import folder_problems
from workbench.core.secret import Secret


class SFTPConnection(ConnectionDefinition, tag="sftp", frozen=True, kw_only=True):
    """An account on a server that speaks SFTP."""

    kind: ClassVar[str] = "SFTP"
    attributes: ClassVar[dict[str, str]] = {"out.sftp": "item", "out.files": "conn"}
    opener: ClassVar[str] = "workbench.connections.sftp.backend:open_sftp"

    host: Host
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port.")] = 22
    username: Annotated[str, Meta(min_length=1, description="User name.")]
    password: Annotated[
        Secret | str | None, Meta(description="Secret that holds the password, or the private key's passphrase.")
    ] = None
    private_key_file: Annotated[str | None, Meta(description="File of the private key to log in with.")] = None
    fingerprint: Annotated[
        Annotated[str, Meta(pattern=r"^SHA256:[A-Za-z0-9+/]{43}=?$")] | None,
        Meta(description="The key that the server must show, as SHA256:...; else known_hosts must have it."),
    ] = None
    default_directory: Annotated[
        str, Meta(description="Folder that a service sees as the root; the one after login if empty.")
    ] = ""
    timeout_seconds: Timeout = 10.0
    deadline_seconds: Deadline = 60.0
    retries: Retries = 3
    pool_size: Annotated[int, Meta(ge=1, le=100, description="Most sessions at once.")] = 8
    max_answer_bytes: MaxAnswer = LARGEST_ANSWER_BYTES
    known_hosts: Annotated[str, Meta(min_length=1, description="File of the servers' keys.")] = "~/.ssh/known_hosts"
    direct_uploads: DirectUploads = False
    passphrase: Annotated[
        Secret | str | None,
        Meta(description="Secret that holds the private key's passphrase, where the server wants a password besides."),
    ] = None

    def problems(self) -> dict[str, str]:
        return host_problems(self.host, "sftp.example.com") | folder_problems(self.default_directory)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"
