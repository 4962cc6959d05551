"""Where a body too big for memory lies until its service has ended: in a file without a name."""

from __future__ import annotations

import io
from collections.abc import Sequence
from tempfile import TemporaryFile
from threading import Lock
from typing import Any, BinaryIO

IN_MEMORY_BYTES = 8 * 1024 * 1024
BLOCK_BYTES = 1024 * 1024
TOGETHER = 64


class Spool:
    """One body in the system's folder for temporary files (`TMPDIR`); it ends when its last holder lets go.

    Whoever makes it holds it. Safe to use from many threads at once.
    """

    def __init__(self) -> None:
        self._lock, self._holders = Lock(), 1
        self._file: Any = None

    def write(self, chunks: Sequence[bytes]) -> None:
        """Add to its end; waits for the disk.

        Raises:
            OSError: There is no room, or no folder for temporary files.
        """
        with self._lock:
            if self._file is None:
                self._file = TemporaryFile(buffering=0)  # noqa: SIM115
            for start in range(0, len(chunks), TOGETHER):
                left = memoryview(b"".join(chunks[start : start + TOGETHER]))
                while left:
                    left = left[self._file.write(left) :]

    def open(self) -> BinaryIO:
        """A stream of its own place, at the beginning."""
        return io.BufferedReader(_Reading(self), BLOCK_BYTES)

    def read(self, at: int = 0) -> bytes:
        """All of it, from a place [bytes] on."""
        with self._lock:
            self._go_to(at)
            rest: bytes = self._file.readall()
            return rest

    def fill(self, at: int, buffer: Any) -> int:
        """Read from a place [bytes] on into a buffer; how much, 0 at the end [bytes]."""
        with self._lock:
            self._go_to(at)
            return int(self._file.readinto(buffer))

    def _go_to(self, at: int) -> None:
        if self._file is None or self._file.closed:
            raise ValueError("This body is gone, since its call has ended. Fix: read it before that.")
        self._file.seek(at)

    @property
    def size(self) -> int:
        """How much there is [bytes]."""
        with self._lock:
            self._go_to(0)
            return int(self._file.seek(0, io.SEEK_END))

    def hold(self) -> None:
        """Keep it until `release`, whatever others do."""
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        """Let go; the last one removes it."""
        with self._lock:
            self._holders -= 1
            if not self._holders:
                self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __del__(self) -> None:
        # A server that stops forgets requests that are half there.
        self._close()


class _Reading(io.RawIOBase):
    """One reader's place in a spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool, self._at = spool, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._spool.fill(self._at, buffer)
        self._at += count
        return count

    def readall(self) -> bytes:
        rest = self._spool.read(self._at)
        self._at += len(rest)
        return rest

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = (0, self._at, self._spool.size)[whence] if whence else 0
        if start + offset < 0:
            raise ValueError(f"There is nothing before the beginning of a body: {start + offset}")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at
