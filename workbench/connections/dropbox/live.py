"""Dropbox: the official SDK's client as it is, and beside it the files of an account like those of any storage."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any

from workbench.connections.common.trying import Due
from workbench.connections.definition import Opening
from workbench.connections.dropbox.account import DropboxAccount
from workbench.connections.dropbox.backend import DropboxBackend, Wanted
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.dropbox.errors import NoToken
from workbench.connections.dropbox.session import session_of
from workbench.connections.files.errors import FileThere, IsAFolder
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.protocol import FileInfo
from workbench.core.errors import MissingDependency, ServiceUsage
from workbench.core.secret import Secret, keep_given

if TYPE_CHECKING:
    from dropbox import Dropbox


class LiveDropbox(LiveFiles):
    """`self.cloud.dropbox["name"].conn`: the SDK's client as `client`, and the file methods."""

    definition: DropboxConnection

    def __init__(self, definition: DropboxConnection, opening: Opening) -> None:
        self._opening = opening
        self._token: Secret | str | None = definition.token
        self._client: Dropbox | None = None
        self._lock = RLock()
        self._files = DropboxBackend(DropboxAccount(definition, lambda: self.client))
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
            self._opening.reveal(each, owner) for each in (self._token, definition.refresh_token, definition.app_secret)
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
            raise ServiceUsage(f"mode is 'add', 'overwrite' or 'rev:...', not {mode!r}. Fix: pass one of them.")
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
