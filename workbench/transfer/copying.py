"""One file from where it is to where it shall be: copied in blocks, gone on with after a cut, and confirmed."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from workbench.connections.common.trying import Due, trying
from workbench.connections.files.errors import AccessRefused, EndedEarly, FileThere, Interrupted
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import joined, part_of
from workbench.connections.files.protocol import FileInfo, Hasher, Sink, said_bytes
from workbench.connections.files.streams import Download
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, WorkbenchError

BLOCK_BYTES = 1 << 20
CHECKED_BYTES = 1 << 16
LEAST_RETRIES = 5
LOOKS = 3
"""How often a file may be found to have grown since it was read to its end, before it counts as unfinished."""
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

    A source may be read-only (REST).
    """

    name: str
    conn: Any
    path: str

    def __str__(self) -> str:
        return f"{self.name}:{self.path}" if self.path else self.name


class Original(NamedTuple):
    """A file to copy: its name, where it is now, its size as it is told [bytes], and what tells its version.

    Without a version, a partial upload cannot be resumed; nor with a size of 0, which a server may tell of any file.
    """

    name: str
    path: str
    size: int | None
    version: str

    @property
    def may_go_on(self) -> bool:
        """Whether another try can know what an earlier one has left."""
        return bool(self.version) and self.size != 0


class Unfinished(ConnectionFailed):
    """Somebody still writes to a file of the source."""

    def __init__(self, source: Place, name: str) -> None:
        super().__init__(
            f"{source} is not done with {name!r}, which grew or changed each of {LOOKS} times that it was copied. "
            f"The source keeps it. Fix: transfer it when nobody writes to it any more; with overwrite=True if the "
            f"target has got a part of it."
        )


class Copying:
    """Copies files of a source to a target; every size that is told is a hint, see `Source`.

    Args:
        source, target: From where to where.
        overwrite: Replace what the target has under the same name; otherwise a file of other contents is an error.
        tell: Told how far each file is.
    """

    def __init__(self, source: Place, target: Place, overwrite: bool, tell: Callable[[Progress], object]) -> None:
        self.source, self.target, self._overwrite = source, target, overwrite
        self._conn: LiveFiles = target.conn
        self._tell, self._told_at = tell, 0.0
        self._written: set[str] = set()

    def has_size(self, original: Original, size: int) -> bool:
        """Whether the source's file ends there now [bytes]."""
        return original.size in (None, size)

    def begins_at(self, sink: Sink) -> int:
        """Where the source must be read from, to go on with what a sink has [bytes]."""
        return 0

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
        if there is not None and (same := self._same(original, path, there)) is not None:
            return Moved(original.name, same[0], "there already")
        if there is not None and not self._may_replace(path):
            raise FileThere(self._conn.definition, path)
        size = self._copy(original, path)
        self._written.add(path)
        return Moved(original.name, size, "copied")

    def _may_replace(self, path: str) -> bool:
        return self._overwrite or path in self._written

    def said(self, original: Original, done: Moved) -> None:
        """Tell that a file is where it shall be."""
        self._say(original.name, done.size, done.size, last=True)

    def _at_target(self, path: str) -> FileInfo | None:
        try:
            return self._conn.look(path)
        except AccessRefused:
            if self._conn.may_look:
                raise
            return None

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
        if not conn.may_look:
            return sent
        is_there = self._hash_at_target(path) == digest if digest is not None else self._has_size(path, sent)
        if not is_there:
            raise ConnectionFailed(
                f"{conn.definition} has {path!r} with {said_bytes(conn.stat(path).size)} and other contents than the "
                f"{said_bytes(sent)} that were sent. The source keeps its file. Fix: transfer it again."
            )
        return sent

    def _has_size(self, path: str, size: int) -> bool:
        return self._conn.stat(path).size == size or self._conn.ends_at(path, size)

    def _send(self, original: Original, path: str, token: str, attempt: int) -> tuple[int, str | None]:
        # The try before this one may have done it without living to hear so.
        there = self._at_target(path) if attempt > 1 else None
        if there is not None and (same := self._same(original, path, there)) is not None:
            return same
        sink = self._begin(original, path, token)
        hasher = self._conn.hasher()
        try:
            # Without a hash, what is there already would be read for nothing.
            sent = self._pour(original, sink, hasher, 0 if hasher is not None else self.begins_at(sink))
            for _ in range(LOOKS):
                if self.has_size(original, sent):
                    break
                sent = self._pour(original, sink, hasher, sent)
            else:
                raise Unfinished(self.source, original.name)
            sink.commit(self._may_replace(path))
        except BaseException as exc:
            # What is only interrupted, a connection or this process, may go on from there.
            is_over = isinstance(exc, WorkbenchError) and not isinstance(exc, Interrupted | DeadlineExceeded)
            sink.abort(keep=original.may_go_on and not is_over)
            raise
        return sent, None if hasher is None else hasher.hexdigest()

    def _pour(self, original: Original, sink: Sink, hasher: Hasher | None, offset: int) -> int:
        """Read the source from an offset to its end, and write what the sink has not got; where the end is [bytes]."""
        told = original.size or 0
        try:
            with closing(self.stream(original, offset)) as stream:
                while block := stream.read(BLOCK_BYTES):
                    if hasher is not None:
                        hasher.update(block)
                    fresh = memoryview(block)[max(0, sink.offset - (stream.offset - len(block))) :]
                    if len(fresh):
                        sink.write(fresh)
                    self._say(original.name, stream.offset, max(told, stream.offset) if told else 0)
            if stream.offset < max(told, sink.offset):
                raise EndedEarly(self.source, original.name, stream.offset, max(told, sink.offset))
        except EndedEarly as exc:
            raise ConnectionFailed(
                f"{exc} It ended there each time, so that it is not taken for whole, and stays. "
                f"Fix: find out at the server which of both is right."
            ) from exc
        return stream.offset

    def _begin(self, original: Original, path: str, token: str) -> Sink:
        """Where to write, going on with what an earlier try has left if that is of this file."""
        part = part_of(path, token)
        # Storage that gathers uploads elsewhere shows no part, and checks it itself.
        left = self._at_target(part) if original.may_go_on else None
        resume = original.may_go_on and (left is None or self._agrees(original, part, left.size))
        return self._conn.backend.sink(path, token, resume, Due())

    def _agrees(self, original: Original, part: str, size: int) -> bool:
        """Whether the end of what is there is what the source has at that place."""
        start = max(0, size - CHECKED_BYTES)
        try:
            with (
                closing(self.stream(original, start)) as ours,
                closing(self._conn.stream(part, start)) as theirs,
            ):
                return ours.read(size - start) == theirs.read(size - start)
        except EndedEarly:
            return False

    def _hash_at_target(self, path: str) -> str | None:
        """The hash of what the target has: as it tells it, else of what is read there."""
        if (told := self._conn.digest(path)) is not None or (hasher := self._conn.hasher()) is None:
            return told
        with closing(self._conn.stream(path)) as stream:
            while block := stream.read(BLOCK_BYTES):
                hasher.update(block)
        return hasher.hexdigest()

    def _same(self, original: Original, path: str, there: FileInfo) -> tuple[int, str | None] | None:
        """Size [bytes] and hash of the target's file if it has our contents, so that it need not be copied again."""
        if there.is_dir or not self._may_be_same(original, path, there):
            return None
        hasher = self._conn.hasher()
        if hasher is None:
            return self._compared(original, path)
        with closing(self.stream(original)) as stream:
            while block := stream.read(BLOCK_BYTES):
                hasher.update(block)
        digest = hasher.hexdigest()
        return (stream.offset, digest) if self._hash_at_target(path) == digest else None

    def _compared(self, original: Original, path: str) -> tuple[int, None] | None:
        with closing(self.stream(original)) as ours, closing(self._conn.stream(path)) as theirs:
            while block := ours.read(BLOCK_BYTES):
                if block != theirs.read(len(block)):
                    return None
            return None if theirs.read(1) else (ours.offset, None)

    def _may_be_same(self, original: Original, path: str, there: FileInfo) -> bool:
        """What sizes say before contents are read; of two that differ, one may be wrong."""
        if not original.size or original.size == there.size:
            return True
        return self._conn.ends_at(path, original.size) or self.has_size(original, there.size)

    def _say(self, name: str, done_bytes: int, size_bytes: int, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            self._tell(Progress(str(self.source), str(self.target), name, done_bytes, size_bytes))
