"""Dropbox: the official SDK's client as it is, and beside it the files of an account like those of any storage."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from workbench.connections.common.trying import Deadline, Due, Retries
from workbench.connections.definition import ConnectionDefinition, Opening, Timeout
from workbench.connections.dropbox.backend import DropboxBackend, Wanted
from workbench.connections.dropbox.errors import NoToken
from workbench.connections.dropbox.session import session_of
from workbench.connections.files.errors import FileThere, IsAFolder
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import path_of
from workbench.connections.files.protocol import FileInfo
from workbench.core.errors import MissingDependency, ServiceUsage
from workbench.core.secret import Secret, keep_given

if TYPE_CHECKING:
    from dropbox import Dropbox


class DropboxConnection(ConnectionDefinition, tag="dropbox", frozen=True, kw_only=True):
    """A Dropbox account."""

    kind: ClassVar[str] = "Dropbox"
    attributes: ClassVar[dict[str, str]] = {"cloud.dropbox": "item", "out.files": "conn"}

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
    http_headers: Annotated[dict[str, str], Meta(description="Headers sent with every call.")] = msgspec.field(
        default_factory=dict
    )
    api_url: Annotated[
        str, Meta(pattern=r"^(https?://[^/\s@]+)?$", description="Server that stands in for Dropbox; empty for itself.")
    ] = ""
    ca_file: Annotated[str | None, Meta(description="File of the authorities to trust instead of the usual ones.")] = (
        None
    )

    def problems(self) -> dict[str, str]:
        problems: dict[str, str] = {}
        if self.refresh_token is not None and not self.app_key:
            problems["app_key"] = "is missing; a refresh token belongs to an application"
        if any("\n" in each or "\r" in each for pair in self.http_headers.items() for each in pair):
            problems["http_headers"] = "must not contain line ends"
        try:
            path_of(self.default_directory, "default_directory")
        except ValueError as exc:
            problems["default_directory"] = str(exc)
        return problems

    def open(self, opening: Opening) -> LiveDropbox:
        return LiveDropbox(self, opening)

    @property
    def host(self) -> str:
        """Who is called."""
        return urlsplit(self.api_url).netloc or "api.dropboxapi.com"


class LiveDropbox(LiveFiles):
    """`self.cloud.dropbox["name"].conn`: the SDK's client as `client`, and the file methods."""

    definition: DropboxConnection

    def __init__(self, definition: DropboxConnection, opening: Opening) -> None:
        self._opening = opening
        self._token: Secret | str | None = definition.token
        self._client: Dropbox | None = None
        self._lock = RLock()
        self._files = DropboxBackend(definition, lambda: self.client)
        super().__init__(
            definition,
            self._files,
            deadline_seconds=definition.deadline_seconds,
            retries=definition.max_retries_on_error,
        )

    @property
    def client(self) -> Dropbox:
        """The official `dropbox.Dropbox`, made at first use; its errors are the SDK's own.

        Raises:
            MissingDependency: The package `dropbox` is not installed.
            NoToken: The definition names no token, and none was given since.
        """
        with self._lock:
            if self._client is None:
                self._client = self._new_client()
            return self._client

    def _new_client(self) -> Dropbox:
        try:
            import dropbox
        except ImportError as exc:
            raise MissingDependency("Dropbox", "dropbox") from exc
        definition, owner = self.definition, str(self.definition)
        token, refresh_token, secret = (
            self._opening.reveal(each if isinstance(each, Secret) else None, owner)
            for each in (self._token, definition.refresh_token, definition.app_secret)
        )
        if token is None and refresh_token is None:
            raise NoToken(definition)
        return dropbox.Dropbox(
            token,
            # Tries are counted below the client, where a deadline can end them.
            max_retries_on_error=0,
            max_retries_on_rate_limit=0,
            user_agent=definition.user_agent,
            session=session_of(definition),
            headers=dict(definition.http_headers) or None,
            timeout=definition.timeout_seconds,
            oauth2_refresh_token=refresh_token,
            app_key=definition.app_key or None,
            app_secret=secret,
            scope=list(definition.scope) or None,
        )

    def change_token(self, token: Secret | str) -> None:
        """Use another access token from now on, until the connection is defined anew.

        To keep it, name it in the definition: `token=secret("...")`.
        """
        if not token:
            raise ServiceUsage(f"{self.definition} needs a token. Fix: conn.change_token(secret('DROPBOX_TOKEN'))")
        named = token if isinstance(token, Secret) else keep_given(f"{self.definition} token", token)
        self._opening.reveal(named, str(self.definition))
        with self._lock:
            self._token, client, self._client = named, self._client, None
        if client is not None:
            client.close()

    def upload(  # type: ignore[override]
        self,
        path: str,
        file: Any,
        mode: str = "overwrite",
        progress: Callable[[int], object] | None = None,
    ) -> FileInfo:
        """Write a file, above 8 MiB by an upload session, and check what Dropbox made of it by its content hash.

        Args:
            path: Where it will be, below the default directory.
            file: Bytes, text, a stream of bytes, blocks of bytes, or a local file (a Path).
            mode: `overwrite`, `add` (nothing may have that name), or a revision to be replaced, as `rev:0123...`.
            progress: Told how much has arrived so far [bytes].

        Raises:
            FileThere: Something else has that name, or another revision.
        """
        if mode not in ("add", "overwrite") and not mode.startswith("rev:"):
            raise ServiceUsage(f"mode is 'add', 'overwrite' or 'rev:...', not {mode!r}.")
        with self._files.wanting(Wanted(progress, mode.removeprefix("rev:") if mode.startswith("rev:") else None)):
            if not hasattr(file, "open") or hasattr(file, "read"):
                return self.write(path, file, overwrite=mode != "add")
            with file.open("rb") as stream:
                return self.write(path, stream, overwrite=mode != "add")

    def open(self, path: str, mode: str = "rb", *, overwrite: bool = False) -> Any:
        if mode[:1] in ("w", "x"):
            name = self._path(path)
            info = self._trying(lambda due, _: self.backend.info(name, due))
            if info is not None and (info.is_dir or not overwrite):
                raise IsAFolder(self.definition, name) if info.is_dir else FileThere(self.definition, name)
        return super().open(path, mode, overwrite=overwrite)

    def _expect_no(self, name: str, overwrite: bool, due: Due) -> None:
        # Dropbox refuses a name that is taken by itself; asking first would double the calls of every small file.
        if not name:
            raise IsAFolder(self.definition, name)

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
