"""Bytes that wait until there are enough of them to be sent as one piece."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator


class Waiting:
    """A queue of bytes, copied only when they are taken."""

    __slots__ = ("_blocks", "size")

    def __init__(self) -> None:
        self._blocks: deque[memoryview] = deque()
        self.size = 0

    def add(self, block: memoryview) -> None:
        """Put some at the end; what its owner could still change is copied."""
        self._blocks.append(block if block.readonly else memoryview(bytes(block)))
        self.size += len(block)

    def pieces(self, block: memoryview, size: int) -> Iterator[bytes]:
        """Put some at the end, and take each piece of `size` [bytes] behind which something is left."""
        self.add(block)
        while self.size > size:
            yield self.take(size)

    def take(self, count: int) -> bytes:
        """Take the first `count` [bytes], of which there must be as many."""
        taken: list[memoryview] = []
        left = count
        while left:
            first = self._blocks.popleft()
            taken.append(first[:left])
            if len(first) > left:
                self._blocks.appendleft(first[left:])
            left -= len(taken[-1])
        self.size -= count
        return b"".join(taken)

    def clear(self) -> None:
        """Forget them."""
        self._blocks.clear()
        self.size = 0
