"""What keeps files, as a service sees it and as a kind of storage brings it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple, Protocol

from workbench.connections.common.trying import Due

Contents = bytes | bytearray | memoryview | str | BinaryIO | Iterable[bytes]


class FileInfo(NamedTuple):
    """One file or folder: its path below the connection's root, as `in/a.txt`.

    The size [bytes] is what the other side tells, which may be wrong; it is 0 where none is told, and for a folder.
    A link, where the other side tells of them, is listed as what it leads to; one that leads nowhere has no size.
    """

    name: str
    path: str
    size: int = 0
    modified: datetime | None = None
    is_dir: bool = False
    is_link: bool = False

    def __repr__(self) -> str:
        return f"{self.path}/" if self.is_dir else f"{self.path} ({said_bytes(self.size)})"


Infos = list[FileInfo]
Names = list[str]


class Files(Protocol):
    """What a service does with files, wherever they are: FTP, SFTP, S3, Dropbox, a folder.

    Paths begin at the connection's root, with or without a slash. Beside these names, an open connection has those of
    PyFilesystem and fsspec (`aliases.py`).
    """

    def list(self, path: str = "") -> Infos:
        """What is in a folder, by name; names that may not be used are left out, and the log says so."""
        ...

    def read(self, path: str) -> bytes:
        """The whole file."""
        ...

    def write(self, path: str, contents: Contents, *, overwrite: bool = False) -> FileInfo:
        """Write a file; it appears whole or not at all."""
        ...

    def open(self, path: str, mode: str = "rb", *, overwrite: bool = False) -> Any:
        """A stream of bytes, for files that need not fit in memory.

        One that is written appears when it is closed; an error inside `with` leaves nothing.
        """
        ...

    def delete(self, path: str) -> None:
        """Remove a file."""
        ...

    def move(self, source: str, target: str, *, overwrite: bool = False) -> None:
        """Give a file another name or folder."""
        ...

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        ...

    def stat(self, path: str) -> FileInfo:
        """What is there; raises NoSuchFile."""
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; one that is there is left alone."""
        ...

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        ...


class Source(Protocol):
    """A file being read from some offset on.

    A size that is told is a hint, and the end of the file is the truth: what is there beyond the size is read as well,
    and a size of 0, or none, says nothing. The end must be said by the other side in so many words:

      SFTP     the status EOF, in answer to a read at that place
      FTP      a closed data connection and then 226; without 226 it was cut
      REST     the length or the last chunk of the answer, which HTTP is framed by (RFC 9112), or a hash of the whole
      Dropbox  the length of the answer, and the content hash of a file that was read from its beginning
      S3       the length of the answer
      folder   the operating system's end of file

    An end before the size that was told is a contradiction, which no protocol decides: it may be a cut. The file is
    asked for again from there, and if that changes nothing it is an error, so that nobody takes it for whole.

    Source: RFC 959 (226), draft-ietf-secsh-filexfer-02 section 6.4 (EOF), RFC 9112 section 6.
    """

    @property
    def size(self) -> int | None:
        """The whole file's size as it is told [bytes]; None or 0 if it is not."""
        ...

    @property
    def stamp(self) -> object:
        """Something that differs when the file was changed meanwhile; None if unknown."""
        ...

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer's beginning; 0 at the end of the file, which was then confirmed by the other side.

        Raises:
            Interrupted: Reading may go on from here with another source.
        """
        ...

    def close(self) -> None:
        """Let go of it, at its end or before."""
        ...


class Sink(Protocol):
    """A file being written, unseen until `commit`."""

    @property
    def offset(self) -> int:
        """What an earlier try has left there already [bytes]: the first block to come begins here."""
        ...

    def write(self, block: memoryview) -> None:
        """Take more; all of the block, or raise."""
        ...

    def commit(self, overwrite: bool) -> None:
        """Make the whole file appear once the other side has confirmed its size, by its word or as read there.

        Raises:
            FileThere: The name is taken.
            Interrupted: The other side kept less, or something else.
            ConnectionFailed: It tells no size, or another, and does not let the file be read.
        """
        ...

    def abort(self, keep: bool = False) -> None:
        """Give up; with `keep`, what was written may stay (unseen) for another try."""
        ...


class Hasher(Protocol):
    """As of `hashlib`."""

    def update(self, block: Any, /) -> None: ...

    def hexdigest(self) -> str: ...


class Backend(Protocol):
    """What one kind of storage brings; `LiveFiles` makes a connection of it.

    Paths have been checked and look like `in/a.txt`; '' is the root. Every method raises the errors of
    `errors.py`, Interrupted for what may pass. `due` bounds the call: give each step `due.left(timeout)` seconds,
    and wrap what may wait for long in `due.cutting(close)`. Safe to use from many threads at once.
    """

    def scan(self, path: str, due: Due) -> Iterable[FileInfo]:
        """What is in a folder, in any order, with names as the other side sent them; raises NotAFolder, NoSuchFile."""
        ...

    def info(self, path: str, due: Due) -> FileInfo | None:
        """What is there; None if nothing is."""
        ...

    def reader(self, path: str, offset: int, due: Due) -> Source:
        """Begin to read; raises NoSuchFile, IsAFolder."""
        ...

    def sink(self, path: str, token: str, resume: bool, due: Due) -> Sink:
        """Begin to write; `token` (8 hexadecimal digits) tells writers of one path apart.

        With `resume`, go on where the last one of this path and token was given up, if that can be done.
        """
        ...

    def give_up(self, path: str, token: str, due: Due) -> None:
        """Remove what a sink of this path and token has left, if anything; says nothing of what goes wrong."""
        ...

    def remove(self, path: str, due: Due) -> None:
        """Remove a file; raises NoSuchFile, IsAFolder."""
        ...

    def remove_folder(self, path: str, due: Due) -> None:
        """Remove an empty folder."""
        ...

    def rename(self, source: str, target: str, overwrite: bool, due: Due) -> None:
        """Move a file at once, so that of two who try only one succeeds; raises NoSuchFile, FileThere."""
        ...

    def make_folder(self, path: str, due: Due) -> None:
        """Make one folder, whose parent is there; raises FileThere if anything has that name."""
        ...

    def ping(self, due: Due) -> str:
        """One round trip; what answered, in a few words."""
        ...

    def hasher(self) -> Hasher | None:
        """A new hash of the kind that `digest` gives; None if the other side tells none."""
        ...

    def digest(self, path: str, due: Due) -> str | None:
        """The hash that the other side gives for a file; None if it tells none."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


def said_bytes(count: int) -> str:
    """`12 bytes`."""
    return f"{count:,} byte{'' if count == 1 else 's'}"
