"""The hash by which Dropbox tells contents apart."""

from __future__ import annotations

import hashlib
from typing import Any

BLOCK_BYTES = 4 << 20


class ContentHash:
    """SHA-256 over the SHA-256 of every 4 MiB, with the methods of `hashlib`.

    Source: https://www.dropbox.com/developers/reference/content-hash
    """

    def __init__(self, contents: Any = b"") -> None:
        self._blocks: list[bytes] = []
        self._block, self._in_block = hashlib.sha256(), 0
        self.update(contents)

    def update(self, block: Any, /) -> None:
        """Take more bytes."""
        view = memoryview(block).cast("B")
        while len(view):
            part = view[: BLOCK_BYTES - self._in_block]
            self._block.update(part)
            self._in_block += len(part)
            view = view[len(part) :]
            if self._in_block == BLOCK_BYTES:
                self._blocks.append(self._block.digest())
                self._block, self._in_block = hashlib.sha256(), 0

    def hexdigest(self) -> str:
        """The hash of all that was taken, as `content_hash` writes it."""
        return self.of_piece(0)

    def of_piece(self, start: int, end: int | None = None) -> str:
        """The hash of a piece alone; both ends [bytes] are multiples of 4 MiB, or the end is that of all."""
        blocks = self._blocks[start // BLOCK_BYTES : None if end is None else end // BLOCK_BYTES]
        if end is None and self._in_block:
            blocks = [*blocks, self._block.digest()]
        return hashlib.sha256(b"".join(blocks)).hexdigest()
