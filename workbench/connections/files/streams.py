"""Files as streams: one that is read goes on after an interruption, one that is written appears when it is closed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from math import inf
from typing import Any, Self

from workbench.connections.common.colours import expect_no_loop
from workbench.connections.common.errors import AnswerTooLarge
from workbench.connections.common.trying import Due, trying
from workbench.connections.files.errors import EndedEarly, Interrupted, NoSuchFile, Refused
from workbench.connections.files.names import name_of
from workbench.connections.files.protocol import Contents, FileInfo, Sink, Source, said_bytes
from workbench.core.errors import ConnectionFailed, ServiceUsage
from workbench.core.trace import Step

BLOCK_BYTES = 1 << 18
SLICE_BYTES = 1 << 20
PEEK_BYTES = 1 << 12
AWAITED = "stream = await conn.aio.open(...), then await its methods"
Reader = Callable[[str, int, Due], Source]
"""Begins to read a path from an offset [bytes] on, as `Backend.reader` does."""


class Download(io.RawIOBase):
    """A file being read, with `read`, `readinto`, `readline` and iteration.

    Args:
        owner: Who keeps it, for errors.
        path: What is read.
        begin: Gives a source from an offset [bytes] on.
        due: Bounds the whole of it.
        retries: How often in a row reading may be interrupted without a byte in between.
        offset: Where to begin [bytes].
    """

    def __init__(
        self, owner: object, path: str, begin: Callable[[int], Source], due: Due, *, retries: int, offset: int = 0
    ) -> None:
        self._owner, self._path, self._begin, self._due, self.retries = owner, path, begin, due, retries
        self._source: Source | None = None
        self._size: int | None = None
        self._stamp: object = None
        self._step: Step | None = None
        self._at_end = self._has_begun = False
        self._ahead = memoryview(b"")
        self.offset = offset

    def recorded(self, step: Step) -> Download:
        """Say in the trace how it ended, when it is closed."""
        self._step = step
        return self

    def begin(self) -> None:
        """Open the file now, so that one that is not there is said at once."""
        expect_no_loop(f"a stream of {self._owner}", AWAITED)
        trying(self._owner, lambda due, attempt: self._opened(), self._due, self.retries)

    @property
    def size(self) -> int | None:
        """The whole file's size as it is told [bytes], None or 0 if it is not; after `begin`."""
        return self._size

    @property
    def stamp(self) -> object:
        """What differs when the file was changed, None if nothing tells; after `begin`."""
        return self._stamp

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.offset

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer's beginning; 0 at the end.

        Raises:
            ConnectionFailed: It was interrupted too often, or changed meanwhile.
        """
        expect_no_loop(f"a stream of {self._owner}", AWAITED)
        # Released here, since the traceback of an interruption may keep it, and with it the buffer, for long.
        with memoryview(buffer) as given, given.cast("B") as view:
            if self._ahead and len(view):
                return self._from_ahead(view)
            if self._at_end or not len(view):
                return 0
            count = trying(self._owner, lambda due, attempt: self._some(view), self._due, self.retries)
        self.offset += count
        if not count:
            self._at_end = True
        return count

    def peek(self, size: int = 0) -> bytes:
        """What comes next, some KiB of it, which stays to be read; without it `readline` would read byte by byte."""
        if not self._ahead:
            block = bytearray(BLOCK_BYTES)
            count = self.readinto(block)
            self.offset -= count
            self._ahead = memoryview(block)[:count]
        return bytes(self._ahead[:PEEK_BYTES])

    def _from_ahead(self, view: memoryview) -> int:
        count = min(len(view), len(self._ahead))
        view[:count], self._ahead = self._ahead[:count], self._ahead[count:]
        self.offset += count
        return count

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, fewer only at the end; all that is left by default."""
        if size is None or size < 0:
            return self.readall()
        contents = bytearray(size)
        return bytes(contents[: self._fill(memoryview(contents))])

    def readall(self, most: int | None = None) -> bytes:
        """All that is left.

        Args:
            most: How much of it may come into memory; none is without a bound [bytes].

        Raises:
            AnswerTooLarge: There is more, or the size that is told is over it.
        """
        self.begin()
        size = max((self._size or 0) - self.offset, 0)
        bound = inf if most is None else most
        if size > bound:
            raise self._too_large(most)
        # Its buffer becomes the answer as it is, where a bytearray would be copied.
        contents = io.BytesIO()
        if size:
            contents.seek(size - 1)
            contents.write(b"\0")
            with contents.getbuffer() as view:
                filled = self._fill(view)
            contents.truncate(filled)
            contents.seek(filled)
        block = bytearray(BLOCK_BYTES)
        # Also where the size was told: the end is confirmed by the other side only once it was reached.
        while count := self.readinto(block):
            contents.write(memoryview(block)[:count])
            if contents.tell() > bound:
                raise self._too_large(most)
        self.close()
        return contents.getvalue()

    def _too_large(self, most: int | None) -> AnswerTooLarge:
        self.close()
        return AnswerTooLarge(f"{self._owner}: {self._path!r}", most or 0, "stream it (with conn.open(...)), or")

    def _fill(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view):
            with view[filled:] as rest:
                count = self.readinto(rest)
            if not count:
                break
            filled += count
        return filled

    def _opened(self) -> Source:
        if self._source is None:
            source = self._begin(self.offset)
            if self._has_begun and (source.size, source.stamp) != (self._size, self._stamp):
                source.close()
                raise ConnectionFailed(f"{self._owner}: {self._path!r} was changed while it was read. Fix: read again")
            self._source, self._size, self._stamp, self._has_begun = source, source.size, source.stamp, True
        return self._source

    def _some(self, view: memoryview) -> int:
        source = self._opened()
        try:
            count = source.readinto(view)
            if not count and self._size is not None and self.offset < self._size:
                raise EndedEarly(self._owner, self._path, self.offset, self._size)
        except BaseException:
            self._let_go()
            raise
        return count

    def _let_go(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            with suppress(ConnectionFailed, OSError):
                source.close()

    def close(self) -> None:
        if not self.closed:
            self._let_go()
            if self._step is not None:
                self._step.end(said_bytes(self.offset))
        super().close()


class Upload:
    """A file being written, with `write`, `flush`, `tell`; nothing is seen of it until `close`.

    An error inside its `with` block, or `abort`, leaves nothing.
    """

    def __init__(self, owner: object, path: str, sink: Sink, overwrite: bool, step: Step) -> None:
        self._owner, self._path, self._overwrite, self._step = owner, path, overwrite, step
        self._sink: Sink | None = sink
        self._waiting = bytearray()
        self._written = 0

    def write(self, block: Any) -> int:
        """Take more bytes; how many."""
        expect_no_loop(f"a stream to {self._owner}", AWAITED)
        sink = self._open_sink()
        view = memoryview(block).cast("B")
        try:
            if self._waiting or len(view) < BLOCK_BYTES:
                self._waiting += view
                if len(self._waiting) >= BLOCK_BYTES:
                    waiting, self._waiting = self._waiting, bytearray()
                    sink.write(memoryview(waiting))
            else:
                sink.write(view)
        except BaseException as exc:
            self._give_up(exc)
            raise
        self._written += len(view)
        return len(view)

    def writelines(self, blocks: Iterable[bytes]) -> None:
        """Take all of them."""
        for block in blocks:
            self.write(block)

    def close(self) -> None:
        """Make the whole file appear."""
        sink = self._sink
        if sink is None:
            return
        expect_no_loop(f"a stream to {self._owner}", AWAITED)
        try:
            if self._waiting:
                sink.write(memoryview(self._waiting))
            sink.commit(self._overwrite)
        except BaseException as exc:
            self._give_up(exc)
            raise
        self._sink = None
        self._step.end(said_bytes(self._written))

    def abort(self) -> None:
        """Leave nothing of it."""
        self._give_up(None)

    def _give_up(self, exc: BaseException | None) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            if exc is not None:
                self._step.fail(exc)
            self._step.end("given up", "attention")
            with suppress(ConnectionFailed, OSError):
                sink.abort()

    def _open_sink(self) -> Sink:
        if self._sink is None:
            raise ServiceUsage(f"{self._owner}: {self._path!r} is closed. Fix: open it again")
        return self._sink

    def tell(self) -> int:
        """Bytes written so far."""
        return self._written

    def flush(self) -> None:
        """Nothing: what was written is seen when it is closed."""

    def readable(self) -> bool:
        """No."""
        return False

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """No."""
        return False

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._sink is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        if exc is None:
            self.close()
        else:
            self._give_up(exc)

    def __del__(self) -> None:
        # Forgotten is not finished: a file that nobody closed may lack its end.
        self._give_up(None)


def ends_at(read: Reader, path: str, size: int, due: Due) -> bool:
    """Whether a file has exactly so many bytes [bytes], as reading its end shows, whatever size is told.

    Raises:
        NoSuchFile: Nothing is there.
        Refused: It may not be read.
    """
    wanted = min(size, 1)
    found, block = 0, memoryview(bytearray(2))
    try:
        source = read(path, size - wanted, due)
    except Refused:
        # Some servers refuse to begin behind the end, as pyftpdlib does (554).
        if size > 1:
            read(path, 0, due).close()
            return False
        raise
    with closing(source):
        while found <= wanted and (count := source.readinto(block)):
            found += count
    return found == wanted


def confirm(owner: object, read: Reader, part: str, path: str, size: int, due: Due) -> None:
    """Make sure by reading that all of an upload was kept, where the size that is told says otherwise, or none is.

    Args:
        owner: Who keeps it, for errors.
        read: Begins to read there.
        part: Where it is now.
        path: What it is to be.
        size: How much was sent [bytes].

    Raises:
        Interrupted: Less was kept, or something else.
        ConnectionFailed: The file cannot be read there, or is gone.
    """
    try:
        is_whole = ends_at(read, part, size, due)
    except NoSuchFile as exc:
        # Not to be tried again: each time something else might take it for a delivery.
        raise ConnectionFailed(
            f"{owner} took all {said_bytes(size)} of {path!r} as {part!r}, and has nothing there now, as where files "
            f"are fetched as soon as they are closed. Fix: set direct_uploads=True, or have {name_of(part)!r} "
            f"ignored there until it is renamed."
        ) from exc
    except Refused as exc:
        raise ConnectionFailed(
            f"{owner} took all {said_bytes(size)} of {path!r}, but tells another size, or none, and does not let the "
            f"file be read, so that nobody can say whether it is whole. Fix: allow this user to read there, or set "
            f"direct_uploads=True to take its word."
        ) from exc
    if not is_whole:
        raise Interrupted(f"{owner} kept something else of {path!r} than the {said_bytes(size)} that were sent.")


def kept_of(info: FileInfo | None, read: Reader, part: str, due: Due) -> int:
    """Where an upload that was cut can be gone on with [bytes]; 0 if it must begin anew, as where sizes are wrong."""
    return info.size if info is not None and info.size and ends_at(read, part, info.size, due) else 0


def blocks_of(contents: Contents) -> tuple[Callable[[int], Iterator[memoryview]], bool]:
    """What gives the blocks from an offset [bytes] on, and whether it can do so more than once."""
    if isinstance(contents, str):
        contents = contents.encode()
    if isinstance(contents, bytes | bytearray | memoryview):
        view = memoryview(contents).cast("B")
        return lambda offset: _slices(view[offset:]), True
    if hasattr(contents, "read"):
        stream: Any = contents
        start = stream.tell() if stream.seekable() else None

        def blocks(offset: int) -> Iterator[memoryview]:
            if start is not None:
                stream.seek(start + offset)
            return _read_from(stream)

        return blocks, start is not None
    given = iter(contents)
    return lambda offset: (memoryview(block) for block in given), False


def _slices(view: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(view), SLICE_BYTES):
        yield view[start : start + SLICE_BYTES]


def _read_from(stream: Any) -> Iterator[memoryview]:
    while block := stream.read(BLOCK_BYTES):
        if not isinstance(block, bytes | bytearray):
            raise ServiceUsage(
                f"A file is written from a stream of bytes, not of {type(block).__name__}. Fix: give bytes."
            )
        yield memoryview(block)
