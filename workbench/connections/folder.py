"""A folder of this machine, for services whose files may move to FTP or a cloud one day."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from stat import S_ISDIR
from typing import Annotated, ClassVar

from msgspec import Meta

from workbench.connections.common.fields import LARGEST_ANSWER_BYTES, MaxAnswer
from workbench.connections.common.trying import Due
from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.connections.files.errors import (
    AccessRefused,
    FileThere,
    IsAFolder,
    NoSuchFile,
    NotAFolder,
    StorageFull,
    UnsafeName,
)
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import joined, name_of, part_of
from workbench.connections.files.protocol import FileInfo, Hasher
from workbench.core.errors import ConnectionFailed


class LocalFolder(ConnectionDefinition, tag="folder", frozen=True, kw_only=True):
    """A folder of this machine; nothing outside of it can be reached."""

    kind: ClassVar[str] = "Folder"
    attributes: ClassVar[dict[str, str]] = {"out.folder": "conn", "out.files": "conn"}

    path: Annotated[str, Meta(min_length=1, description="The folder; made if it is not there.")]
    max_answer_bytes: MaxAnswer = LARGEST_ANSWER_BYTES

    @property
    def called(self) -> str:
        return ""

    def open(self, opening: Opening) -> LiveFiles:
        return LiveFiles(self, FolderBackend(self), deadline_seconds=None, retries=0)


class FolderBackend:
    """The file system below one folder."""

    def __init__(self, definition: LocalFolder) -> None:
        self._owner = definition
        self.root = Path(definition.path).expanduser().resolve()

    def scan(self, path: str, due: Due) -> Iterator[FileInfo]:
        with self._troubles(path, folder=True), os.scandir(self._at(path)) as entries:
            for entry in entries:
                with suppress(OSError, UnsafeName):
                    yield _info(joined(path, entry.name), self._at(joined(path, entry.name)))

    def info(self, path: str, due: Due) -> FileInfo | None:
        try:
            return _info(path, self._at(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            raise self._refusal(exc, path) from exc

    def reader(self, path: str, offset: int, due: Due) -> FolderSource:
        with self._troubles(path):
            return FolderSource(self._at(path).open("rb", buffering=0), offset)

    def sink(self, path: str, token: str, resume: bool, due: Due) -> FolderSink:
        with self._troubles(path):
            return FolderSink(self, path, self._at(part_of(path, token)), resume)

    def give_up(self, path: str, token: str, due: Due) -> None:
        with suppress(OSError, UnsafeName):
            self._at(part_of(path, token)).unlink(missing_ok=True)

    def remove(self, path: str, due: Due) -> None:
        with self._troubles(path):
            at = self._at(path)
            if at.is_dir() and not at.is_symlink():
                raise IsAFolder(self._owner, path)
            at.unlink()

    def remove_folder(self, path: str, due: Due) -> None:
        with self._troubles(path, folder=True):
            self._at(path).rmdir()

    def rename(self, source: str, target: str, overwrite: bool, due: Due) -> None:
        with self._troubles(source):
            self.put_in_place(self._at(source), target, overwrite)

    def put_in_place(self, source: Path, target: str, overwrite: bool) -> None:
        """Give a file its name, at once."""
        at = self._at(target)
        if at.is_dir():
            raise IsAFolder(self._owner, target)
        if overwrite:
            source.replace(at)
            return
        try:
            # Unlike a rename, a link never replaces what is there.
            at.hardlink_to(source)
        except FileExistsError:
            raise FileThere(self._owner, target) from None
        except OSError as exc:
            if exc.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK) and not source.is_dir():
                raise
            if at.exists():
                raise FileThere(self._owner, target) from None
            source.rename(at)
            return
        try:
            source.unlink()
        except FileNotFoundError:
            # Of several who move one file, the one that takes its old name away has it.
            at.unlink()
            raise

    def make_folder(self, path: str, due: Due) -> None:
        try:
            with self._troubles(path, folder=True):
                self._at(path).mkdir()
        except FileExistsError:
            raise FileThere(self._owner, path) from None

    def ping(self, due: Due) -> str:
        with self._troubles("", folder=True):
            return f"{sum(1 for _ in self._at('').iterdir())} names"

    def hasher(self) -> Hasher:
        return hashlib.sha256()

    def digest(self, path: str, due: Due) -> str:
        with self._troubles(path), self._at(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def close(self) -> None:
        """Nothing stays open."""

    def _at(self, path: str) -> Path:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            said = "is a file, not a folder" if isinstance(exc, FileExistsError) else f"cannot be made: {exc.strerror}"
            raise ConnectionFailed(f"{self._owner} cannot use {self.root}, which {said}. Fix: correct path=") from exc
        at = self.root.joinpath(path)
        if not at.resolve().is_relative_to(self.root):
            raise UnsafeName(self._owner, path, "is a link that leads out of the folder")
        return at

    @contextmanager
    def _troubles(self, path: str, folder: bool = False) -> Iterator[None]:
        try:
            yield
        except (ConnectionFailed, UnsafeName):
            raise
        except FileExistsError as exc:
            raise exc if folder else FileThere(self._owner, path) from None
        except OSError as exc:
            raise self._refusal(exc, path) from exc

    def _refusal(self, exc: OSError, path: str) -> ConnectionFailed:
        said = exc.strerror or str(exc)
        if isinstance(exc, FileNotFoundError):
            return NoSuchFile(self._owner, path)
        if isinstance(exc, IsADirectoryError):
            return IsAFolder(self._owner, path)
        if isinstance(exc, NotADirectoryError):
            return NotAFolder(self._owner, path)
        if isinstance(exc, PermissionError):
            return AccessRefused(f"{self._owner} may not touch {path or '/'!r}: {said}.")
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            return StorageFull(f"{self._owner} has no room for {path!r}: {said}. Fix: make room, then try again.")
        return ConnectionFailed(f"{self._owner} failed at {path or '/'!r}: {said}.")


class FolderSource:
    """An open file."""

    def __init__(self, file: FileIO, offset: int) -> None:
        self._file = file
        stat = os.fstat(file.fileno())
        self.size, self.stamp = stat.st_size, (stat.st_mtime_ns, stat.st_ino)
        file.seek(offset)

    def readinto(self, buffer: memoryview) -> int:
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()


class FolderSink:
    """A file being written beside its place."""

    def __init__(self, backend: FolderBackend, path: str, part: Path, resume: bool) -> None:
        self._backend, self._path, self._part = backend, path, part
        self._file = part.open("ab" if resume else "wb", buffering=0)
        self.offset = self._file.tell()

    def write(self, block: memoryview) -> None:
        with self._backend._troubles(self._path):
            while len(block):
                count = self._file.write(block)
                self.offset += count
                block = block[count:]

    def commit(self, overwrite: bool) -> None:
        with self._backend._troubles(self._path):
            os.fsync(self._file.fileno())
            self._file.close()
            self._backend.put_in_place(self._part, self._path, overwrite)

    def abort(self, keep: bool = False) -> None:
        self._file.close()
        if not keep:
            self._part.unlink(missing_ok=True)


def _info(path: str, at: Path) -> FileInfo:
    stat = at.stat()
    is_dir = S_ISDIR(stat.st_mode)
    modified = datetime.fromtimestamp(stat.st_mtime, UTC)
    return FileInfo(name_of(path), path, 0 if is_dir else stat.st_size, modified, is_dir, at.is_symlink())
