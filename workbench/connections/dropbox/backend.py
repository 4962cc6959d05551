"""The files of a Dropbox account behind the Files protocol, over the SDK's client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from workbench.connections.common.trying import Due
from workbench.connections.dropbox.account import DropboxAccount, info_of, is_folder
from workbench.connections.dropbox.hash import ContentHash
from workbench.connections.dropbox.transfer import DropboxSink, DropboxSource
from workbench.connections.files.errors import FileThere, Interrupted, IsAFolder, NoSuchFile, NotAFolder, Refused
from workbench.connections.files.names import joined
from workbench.connections.files.protocol import FileInfo, Hasher
from workbench.core.errors import ConnectionFailed


class Wanted(NamedTuple):
    """What the next upload of this thread is to do besides."""

    progress: Callable[[int], object] | None = None
    rev: str | None = None


class _OfThread(threading.local):
    wanted = Wanted()


class DropboxBackend:
    """The files of one account below its default directory."""

    def __init__(self, account: DropboxAccount) -> None:
        self.account, self.definition = account, account.definition
        self._of_thread = _OfThread()

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
            with self.account.asking(path, due) as client:
                page = client.files_list_folder(self.account.at(path))
                entries = list(page.entries)
                while page.has_more:
                    page = client.files_list_folder_continue(page.cursor)
                    entries += page.entries
        except NoSuchFile:
            if path:
                raise
            # The default directory comes with the first file.
            return []
        return [info_of(joined(path, entry.name), entry) for entry in entries]

    def info(self, path: str, due: Due) -> FileInfo | None:
        if not path:
            return FileInfo("", "", is_dir=True)
        entry = self.account.entry(path, due)
        return info_of(path, entry) if entry is not None else None

    def reader(self, path: str, offset: int, due: Due) -> DropboxSource:
        if not path:
            raise IsAFolder(self.definition, path)
        entry = self.account.entry(path, due) if offset else None
        if entry is not None and entry.size == offset:
            return DropboxSource(self.account, path, due, entry, None, offset)
        with self.account.asking(path, due, offset=offset) as client:
            entry, response = client.files_download(self.account.at(path))
        return DropboxSource(self.account, path, due, entry, response, offset)

    def sink(self, path: str, token: str, resume: bool, due: Due) -> DropboxSink:
        wanted = self._of_thread.wanted
        return DropboxSink(self.account, path, due, wanted.progress, wanted.rev)

    def give_up(self, path: str, token: str, due: Due) -> None:
        """Nothing: Dropbox forgets an upload session by itself."""

    def remove(self, path: str, due: Due) -> None:
        entry = self.account.entry(path, due) if path else None
        if not path or (entry is not None and is_folder(entry)):
            raise IsAFolder(self.definition, path)
        if entry is None:
            raise NoSuchFile(self.definition, path)
        try:
            with self.account.asking(path, due) as client:
                client.files_delete_v2(self.account.at(path), parent_rev=entry.rev)
        except FileThere as exc:
            raise Interrupted(
                f"{self.definition}: {path!r} was changed while it was being deleted. Fix: try again."
            ) from exc

    def remove_folder(self, path: str, due: Due) -> None:
        info = self.info(path, due)
        if info is None:
            raise NoSuchFile(self.definition, path)
        if not info.is_dir:
            raise NotAFolder(self.definition, path)
        with self.account.asking(path, due) as client:
            if client.files_list_folder(self.account.at(path), limit=1).entries or not self.account.at(path):
                raise Refused(
                    f"{self.definition}: the folder {path or '/'!r} is not empty. Fix: delete what is in it first."
                )
            client.files_delete_v2(self.account.at(path))

    def rename(self, source: str, target: str, overwrite: bool, due: Due) -> None:
        is_other = self.account.at(source).lower() != self.account.at(target).lower()
        rev = self._make_room(source, target, due) if overwrite and is_other else None
        try:
            with self.account.asking(source, due) as client:
                client.files_move_v2(self.account.at(source), self.account.at(target))
        except (FileThere, IsAFolder) as exc:
            raise FileThere(self.definition, target) from exc
        except Refused as exc:
            # As when somebody else has moved it there meanwhile: then it is his that made room.
            if rev is not None:
                with suppress(ConnectionFailed), self.account.asking(target, due) as client:
                    client.files_restore(self.account.at(target), rev)
            if isinstance(exc, NotAFolder):
                raise NotAFolder(self.definition, target) from exc
            raise

    def _make_room(self, source: str, target: str, due: Due) -> str | None:
        """Dropbox cannot move onto a file: the one that is there goes first; gives its revision, which stays."""
        if self.account.entry(source, due) is None:
            raise NoSuchFile(self.definition, source)
        there = self.account.entry(target, due)
        if there is not None and is_folder(there):
            raise IsAFolder(self.definition, target)
        if there is None:
            return None
        self.remove(target, due)
        return str(there.rev)

    def make_folder(self, path: str, due: Due) -> None:
        try:
            with self.account.asking(path, due) as client:
                client.files_create_folder_v2(self.account.at(path))
        except IsAFolder as exc:
            raise FileThere(self.definition, path) from exc

    def ping(self, due: Due) -> str:
        with self.account.asking("", due) as client:
            client.check_user("ping")
        return "token accepted"

    def hasher(self) -> Hasher | None:
        return ContentHash()

    def digest(self, path: str, due: Due) -> str | None:
        entry = self.account.entry(path, due)
        if entry is None:
            raise NoSuchFile(self.definition, path)
        return getattr(entry, "content_hash", None)

    def close(self) -> None:
        """Nothing: the client belongs to the connection."""
