"""A Dropbox account: every call of the SDK about its files, its errors in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any

from workbench.connections.common.trying import Due
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.dropbox.errors import translated
from workbench.connections.dropbox.session import within
from workbench.connections.files.errors import NoSuchFile
from workbench.connections.files.names import name_of, path_of
from workbench.connections.files.protocol import FileInfo
from workbench.core.errors import ConnectionFailed

if TYPE_CHECKING:
    from dropbox import Dropbox


class DropboxAccount:
    """One account below its default directory.

    Args:
        definition: Whose account.
        client: Gives the SDK's client.
    """

    def __init__(self, definition: DropboxConnection, client: Callable[[], Dropbox]) -> None:
        self.definition, self._client = definition, client
        folder = path_of(definition.default_directory, definition)
        self._root = f"/{folder}" if folder else ""

    def at(self, path: str) -> str:
        """The path as the API wants it: from the account's root, which is ''."""
        return f"{self._root}/{path}" if path else self._root

    @contextmanager
    def asking(self, path: str, due: Due, size: int = 0, offset: int = 0) -> Iterator[Dropbox]:
        """The client, its errors turned into those of files; a download begins at `offset` [bytes]."""
        client = self._client()
        import requests
        from dropbox.exceptions import DropboxException
        from dropbox.stone_validators import ValidationError

        try:
            with within(due, offset):
                yield client
        except (DropboxException, requests.RequestException) as exc:
            raise translated(exc, self.definition, path, size) from exc
        except (AssertionError, KeyError, ValueError, ValidationError) as exc:
            # So the SDK says that an answer is not of Dropbox's kind.
            raise ConnectionFailed(
                f"{self.definition} was answered by something that is not Dropbox. Fix: look for a proxy on the way."
            ) from exc

    def entry(self, path: str, due: Due) -> Any:
        """What the SDK tells of a file or folder; None if nothing is there."""
        try:
            with self.asking(path, due) as client:
                return client.files_get_metadata(self.at(path))
        except NoSuchFile:
            return None


def is_folder(entry: Any) -> bool:
    """Whether the SDK tells of a folder."""
    from dropbox.files import FolderMetadata

    return isinstance(entry, FolderMetadata)


def info_of(path: str, entry: Any) -> FileInfo:
    """What the SDK tells, as files have it."""
    if is_folder(entry):
        return FileInfo(name_of(path), path, is_dir=True)
    return FileInfo(name_of(path), path, entry.size, entry.server_modified.replace(tzinfo=UTC))
