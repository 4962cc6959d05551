"""What a Dropbox connection is defined by."""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from workbench.connections.common.fields import LARGEST_ANSWER_BYTES, MaxAnswer
from workbench.connections.common.tls import CAFile
from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Timeout
from workbench.connections.files.names import folder_problems
from workbench.core.secret import Secret


class DropboxConnection(ConnectionDefinition, tag="dropbox", frozen=True, kw_only=True):
    """A Dropbox account."""

    kind: ClassVar[str] = "Dropbox"
    attributes: ClassVar[dict[str, str]] = {"cloud.dropbox": "item", "out.files": "conn"}
    opener: ClassVar[str] = "workbench.connections.dropbox.live:LiveDropbox"

    user_agent: Annotated[
        str,
        Meta(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$", description="Who calls, as MyApp-test/1.0."),
    ]
    token: Annotated[Secret | str | None, Meta(description="Secret that holds an access token.")] = None
    refresh_token: Annotated[
        Secret | str | None, Meta(description="Secret that holds a refresh token, which does not expire.")
    ] = None
    app_key: Annotated[str, Meta(description="The application's key; goes with a refresh token.")] = ""
    app_secret: Annotated[Secret | str | None, Meta(description="Secret that holds the application's secret.")] = None
    scope: Annotated[list[str], Meta(description="Permissions to ask for when refreshing; empty for all.")] = (
        msgspec.field(default_factory=list)
    )
    default_directory: Annotated[str, Meta(description="Folder that the file methods see as the root.")] = ""
    timeout_seconds: Timeout = 60.0
    deadline_seconds: Deadline = 300.0
    max_retries_on_error: Retries = 5
    max_retries_on_rate_limit: Retries = 5
    pool_size: Annotated[int, Meta(ge=1, le=100, description="Most connections kept open.")] = 10
    max_answer_bytes: MaxAnswer = LARGEST_ANSWER_BYTES
    http_headers: Annotated[dict[str, str], Meta(description="Headers sent with every call.")] = msgspec.field(
        default_factory=dict
    )
    api_url: Annotated[
        str, Meta(pattern=r"^(https?://[^/\s@]+)?$", description="Server that stands in for Dropbox; empty for itself.")
    ] = ""
    ca_file: CAFile = None

    def problems(self) -> dict[str, str]:
        problems: dict[str, str] = {}
        if self.refresh_token is not None and not self.app_key:
            problems["app_key"] = "is missing; a refresh token belongs to an application"
        if any("\n" in each or "\r" in each for pair in self.http_headers.items() for each in pair):
            problems["http_headers"] = "must not contain line ends"
        return problems | folder_problems(self.default_directory)

    @property
    def host(self) -> str:
        """Who is called."""
        return urlsplit(self.api_url).netloc or "api.dropboxapi.com"
