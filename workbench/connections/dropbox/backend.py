"""The files of a Dropbox account behind the Files protocol, over the SDK's client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.connections.common.trying import Due
from workbench.connections.dropbox.errors import translated
from workbench.connections.dropbox.hash import ContentHash
from workbench.connections.dropbox.session import within
from workbench.connections.dropbox.transfer import DropboxSink
from workbench.connections.files.errors import FileRefused, FileThere, Interrupted, IsAFolder, NoSuchFile, NotAFolder
from workbench.connections.files.names import joined, name_of, path_of
from workbench.connections.files.protocol import FileInfo, Hasher
from workbench.core.errors import ConnectionFailed

if TYPE_CHECKING:
    from dropbox import Dropbox

    from workbench.connections.dropbox.live import DropboxConnection


class Wanted(NamedTuple):
    """What the next upload of this thread is to do besides."""

    progress: Callable[[int], object] | None = None
    rev: str | None = None


class _OfThread(threading.local):
    wanted = Wanted()


class DropboxBackend:
    """The files of one account below its default directory."""

    def __init__(self, definition: DropboxConnection, client: Callable[[], Dropbox]) -> None:
        self.definition, self._client = definition, client
        folder = path_of(definition.default_directory, definition)
        self._root = f"/{folder}" if folder else ""
        self._of_thread = _OfThread()

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
            raise ConnectionFailed(f"{self.definition} was answered by something that is not Dropbox.") from exc

    @contextmanager
    def wanting(self, wanted: Wanted) -> Iterator[None]:
        """Have this thread's uploads report their progress, or replace one revision."""
        self._of_thread.wanted = wanted
        try:
            yield
        finally:
            self._of_thread.wanted = Wanted()

    def scan(self, path: str, due: Due) -> Iterable[FileInfo]:
        try:
            with self.asking(path, due) as client:
                page = client.files_list_folder(self.at(path))
                entries = list(page.entries)
                while page.has_more:
                    page = client.files_list_folder_continue(page.cursor)
                    entries += page.entries
        except NoSuchFile:
            if path:
                raise
            # The default directory comes with the first file.
            return []
        return [_info(joined(path, entry.name), entry) for entry in entries]

    def info(self, path: str, due: Due) -> FileInfo | None:
        if not path:
            return FileInfo("", "", is_dir=True)
        entry = self.entry(path, due)
        return _info(path, entry) if entry is not None else None

    def entry(self, path: str, due: Due) -> Any:
        """What the SDK tells of a file or folder; None if nothing is there."""
        try:
            with self.asking(path, due) as client:
                return client.files_get_metadata(self.at(path))
        except NoSuchFile:
            return None

    def reader(self, path: str, offset: int, due: Due) -> DropboxSource:
        if not path:
            raise IsAFolder(self.definition, path)
        entry = self.entry(path, due) if offset else None
        if entry is not None and entry.size == offset:
            return DropboxSource(self, path, due, entry, None, offset)
        with self.asking(path, due, offset=offset) as client:
            entry, response = client.files_download(self.at(path))
        return DropboxSource(self, path, due, entry, response, offset)

    def sink(self, path: str, token: str, resume: bool, due: Due) -> DropboxSink:
        wanted = self._of_thread.wanted
        return DropboxSink(self, path, due, wanted.progress, wanted.rev)

    def give_up(self, path: str, token: str, due: Due) -> None:
        """Nothing: Dropbox forgets an upload session by itself."""

    def remove(self, path: str, due: Due) -> None:
        entry = self.entry(path, due) if path else None
        if not path or (entry is not None and _is_folder(entry)):
            raise IsAFolder(self.definition, path)
        if entry is None:
            raise NoSuchFile(self.definition, path)
        try:
            with self.asking(path, due) as client:
                client.files_delete_v2(self.at(path), parent_rev=entry.rev)
        except FileThere as exc:
            raise Interrupted(f"{self.definition}: {path!r} was changed while it was being deleted.") from exc

    def remove_folder(self, path: str, due: Due) -> None:
        info = self.info(path, due)
        if info is None:
            raise NoSuchFile(self.definition, path)
        if not info.is_dir:
            raise NotAFolder(self.definition, path)
        with self.asking(path, due) as client:
            if client.files_list_folder(self.at(path), limit=1).entries or not self.at(path):
                raise FileRefused(f"{self.definition}: the folder {path or '/'!r} is not empty.")
            client.files_delete_v2(self.at(path))

    def rename(self, source: str, target: str, overwrite: bool, due: Due) -> None:
        is_other = self.at(source).lower() != self.at(target).lower()
        rev = self._make_room(source, target, due) if overwrite and is_other else None
        try:
            with self.asking(source, due) as client:
                client.files_move_v2(self.at(source), self.at(target))
        except (FileThere, IsAFolder) as exc:
            raise FileThere(self.definition, target) from exc
        except FileRefused as exc:
            # As when somebody else has moved it there meanwhile: then it is his that made room.
            if rev is not None:
                with suppress(ConnectionFailed), self.asking(target, due) as client:
                    client.files_restore(self.at(target), rev)
            if isinstance(exc, NotAFolder):
                raise NotAFolder(self.definition, target) from exc
            raise

    def _make_room(self, source: str, target: str, due: Due) -> str | None:
        """Dropbox cannot move onto a file: the one that is there goes first; gives its revision, which stays."""
        if self.entry(source, due) is None:
            raise NoSuchFile(self.definition, source)
        there = self.entry(target, due)
        if there is not None and _is_folder(there):
            raise IsAFolder(self.definition, target)
        if there is None:
            return None
        self.remove(target, due)
        return str(there.rev)

    def make_folder(self, path: str, due: Due) -> None:
        try:
            with self.asking(path, due) as client:
                client.files_create_folder_v2(self.at(path))
        except IsAFolder as exc:
            raise FileThere(self.definition, path) from exc

    def ping(self, due: Due) -> str:
        with self.asking("", due) as client:
            client.check_user("ping")
        return "token accepted"

    def hasher(self) -> Hasher | None:
        return ContentHash()

    def digest(self, path: str, due: Due) -> str | None:
        entry = self.entry(path, due)
        if entry is None:
            raise NoSuchFile(self.definition, path)
        return getattr(entry, "content_hash", None)

    def close(self) -> None:
        """Nothing: the client belongs to the connection."""


class DropboxSource:
    """A file being downloaded from some offset on."""

    def __init__(self, backend: DropboxBackend, path: str, due: Due, entry: Any, response: Any, offset: int) -> None:
        self._backend, self._path, self._due, self._entry, self._response = backend, path, due, entry, response
        self._hash = ContentHash() if offset == 0 else None
        self._offset = offset

    @property
    def size(self) -> int | None:
        return int(self._entry.size)

    @property
    def stamp(self) -> object:
        return self._entry.rev

    def readinto(self, buffer: memoryview) -> int:
        import urllib3

        if self._response is None:
            return 0
        try:
            block = self._response.raw.read(len(buffer))
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise Interrupted(
                f"{self._backend.definition} hung up after {self._offset:,} of {self._entry.size:,} bytes of "
                f"{self._path!r}."
            ) from exc
        buffer[: len(block)] = block
        self._offset += len(block)
        if self._hash is not None:
            self._hash.update(block)
        if not block:
            self._confirm()
        return len(block)

    def _confirm(self) -> None:
        hash_, told = self._hash, self._entry.content_hash
        if hash_ is not None and told and self._offset >= self._entry.size and hash_.hexdigest() != told:
            raise ConnectionFailed(
                f"{self._backend.definition}: what arrived of {self._path!r} is not what Dropbox keeps, as its content "
                f"hash shows. Fix: read it again"
            )

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


def _is_folder(entry: Any) -> bool:
    from dropbox.files import FolderMetadata

    return isinstance(entry, FolderMetadata)


def _info(path: str, entry: Any) -> FileInfo:
    if _is_folder(entry):
        return FileInfo(name_of(path), path, is_dir=True)
    return FileInfo(name_of(path), path, entry.size, entry.server_modified.replace(tzinfo=UTC))
