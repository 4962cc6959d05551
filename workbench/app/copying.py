"""One file from where it is to where it shall be: copied in blocks, gone on with after a cut, and confirmed."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from workbench.connections.file_errors import FileThere, StorageFull
from workbench.connections.file_names import joined, part_of
from workbench.connections.file_streams import Download
from workbench.connections.files import FileInfo, Sink, said_bytes
from workbench.connections.live_files import LiveFiles
from workbench.connections.trying import Due, trying
from workbench.core.errors import ConnectionFailed, WorkbenchError

BLOCK_BYTES = 1 << 20
CHECKED_BYTES = 1 << 16
LEAST_RETRIES = 5
TELL_SECONDS = 0.1


class Progress(NamedTuple):
    """An event: how far a file is; `done_bytes` may fall back when an interrupted upload begins again.

    `size_bytes` is 0 if nobody tells it.
    """

    source: str
    target: str
    name: str
    done_bytes: int
    size_bytes: int


class Moved(NamedTuple):
    """What became of one file: `copied`, or `there already` with the same contents; or why it stayed."""

    name: str
    size: int
    outcome: str
    error: WorkbenchError | None = None


class Place(NamedTuple):
    """One side of a transfer: an open connection, and a folder (or, of a source, a single file) in it.

    The connection of a source may be one that keeps no files, but can be read.
    """

    name: str
    conn: Any
    path: str

    def __str__(self) -> str:
        return f"{self.name}:{self.path}" if self.path else self.name


class Original(NamedTuple):
    """A file to copy: its name, where it is now, its size [bytes] if that is known, and what tells its version.

    Without a version, what an earlier try has left at the target is of no use.
    """

    name: str
    path: str
    size: int | None
    version: str


class Copying:
    """Copies files of a source to a target.

    Args:
        source, target: From where to where.
        overwrite: Replace what the target has under the same name; otherwise a file of other contents is an error.
        tell: Told how far each file is.
    """

    def __init__(self, source: Place, target: Place, overwrite: bool, tell: Callable[[Progress], object]) -> None:
        self.source, self.target, self._overwrite = source, target, overwrite
        self._conn: LiveFiles = target.conn
        self._tell, self._told_at = tell, 0.0

    def stream(self, original: Original, offset: int = 0) -> Download:
        """The source's file from an offset [bytes] on."""
        raise NotImplementedError

    def copied(self, original: Original) -> Moved:
        """Have the file at the target, confirmed; what is there already with the same contents is not copied again.

        Raises:
            FileThere: The target has a file of that name and other contents.
            ConnectionFailed: It could not be copied, or what arrived is not what was sent.
        """
        path = joined(self.target.path, original.name)
        there = self._at_target(path)
        if there is not None and self._is_same(original, path, there):
            return Moved(original.name, there.size, "there already")
        if there is not None and not self._overwrite:
            raise FileThere(self._conn.definition, path)
        return Moved(original.name, self._copy(original, path), "copied")

    def said(self, original: Original, done: Moved) -> None:
        """Tell that a file is where it shall be."""
        self._say(original.name, done.size, done.size, last=True)

    def _at_target(self, path: str) -> FileInfo | None:
        return self._conn.look(path)

    def _copy(self, original: Original, path: str) -> int:
        conn = self._conn
        # The same file has the same token whoever copies it, so that an upload that was cut can go on.
        identity = f"{self.source} {original.name} {original.size} {original.version or secrets.token_hex(16)} {path}"
        token = hashlib.sha256(identity.encode()).hexdigest()[:8]
        if self.target.path:
            conn.make_folder(self.target.path)
        retries = max(conn.retries, LEAST_RETRIES)
        sent, digest = trying(
            conn.definition, lambda due, attempt: self._send(original, path, token, attempt), Due(), retries
        )
        there = conn.stat(path)
        found = self._hash_at_target(path) if digest is not None else None
        if original.size not in (None, sent) or there.size != sent or found != digest:
            raise ConnectionFailed(
                f"{conn.definition} has {path!r} with {said_bytes(there.size)} and other contents than the "
                f"{said_bytes(sent)} that were sent. The source keeps its file. Mend: transfer it again."
            )
        return sent

    def _send(self, original: Original, path: str, token: str, attempt: int) -> tuple[int, str | None]:
        conn = self._conn
        if attempt > 1 and (there := self._at_target(path)) is not None and self._is_same(original, path, there):
            # The try before this one did it and did not live to hear so.
            return there.size, self._hash_of(original)
        sink = self._begin(original, path, token)
        hasher = conn.hasher()
        try:
            with closing(self.stream(original)) as stream:
                while block := stream.read(BLOCK_BYTES):
                    if hasher is not None:
                        hasher.update(block)
                    fresh = memoryview(block)[max(0, sink.offset - (stream.offset - len(block))) :]
                    if len(fresh):
                        sink.write(fresh)
                    self._say(original.name, stream.offset, original.size or 0)
                sent = stream.offset
            sink.commit(self._overwrite)
        except BaseException as exc:
            sink.abort(keep=bool(original.version) and not isinstance(exc, StorageFull | FileThere))
            raise
        return sent, None if hasher is None else hasher.hexdigest()

    def _begin(self, original: Original, path: str, token: str) -> Sink:
        """Where to write, going on with what an earlier try has left if that is of this file."""
        part = part_of(path, token)
        # Storage that gathers uploads elsewhere shows no part, and checks it itself.
        left = self._at_target(part) if original.version else None
        resume = bool(original.version) and (left is None or self._agrees(original, part, left.size))
        return self._conn.backend.sink(path, token, resume, Due())

    def _agrees(self, original: Original, part: str, size: int) -> bool:
        """Whether the end of what is there is what the source has at that place."""
        start = max(0, size - CHECKED_BYTES)
        with (
            closing(self.stream(original, start)) as ours,
            closing(self._conn.stream(part, start)) as theirs,
        ):
            return ours.read(size - start) == theirs.read(size - start)

    def _is_same(self, original: Original, path: str, there: FileInfo) -> bool:
        """Whether the target's file has our contents, so that a repeated transfer need not copy it again."""
        if there.is_dir or original.size not in (None, there.size):
            return False
        if self._conn.hasher() is not None:
            return self._hash_at_target(path) == self._hash_of(original)
        with closing(self.stream(original)) as ours, closing(self._conn.stream(path)) as theirs:
            while block := ours.read(BLOCK_BYTES):
                if block != theirs.read(len(block)):
                    return False
            return not theirs.read(1)

    def _hash_at_target(self, path: str) -> str | None:
        """The hash of what the target has: as it tells it, else of what is read there."""
        return self._conn.digest(path) or self._hash_in(lambda: self._conn.stream(path))

    def _hash_of(self, original: Original) -> str | None:
        return self._hash_in(lambda: self.stream(original))

    def _hash_in(self, begin: Callable[[], Download]) -> str | None:
        hasher = self._conn.hasher()
        if hasher is None:
            return None
        with closing(begin()) as stream:
            while block := stream.read(BLOCK_BYTES):
                hasher.update(block)
        return hasher.hexdigest()

    def _say(self, name: str, done_bytes: int, size_bytes: int, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            self._tell(Progress(str(self.source), str(self.target), name, done_bytes, size_bytes))
