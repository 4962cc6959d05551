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
        self._whole, self._block, self._in_block = hashlib.sha256(), hashlib.sha256(), 0
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
                self._whole.update(self._block.digest())
                self._block, self._in_block = hashlib.sha256(), 0

    def hexdigest(self) -> str:
        """The hash of all that was taken, as `content_hash` writes it."""
        whole = self._whole.copy()
        if self._in_block:
            whole.update(self._block.digest())
        return whole.hexdigest()

    def copy(self) -> ContentHash:
        """Another one that has taken the same."""
        copied = ContentHash()
        copied._whole, copied._block, copied._in_block = self._whole.copy(), self._block.copy(), self._in_block
        return copied
