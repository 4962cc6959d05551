"""Bodies that take long to understand are read beside the loop, one at a time: no other caller waits for them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

log = logging.getLogger("workbench.http")
LARGE_BYTES = 16 * 1024
"""From when on a body is read beside the loop [bytes]; below, changing threads costs more than reading."""

Done = Callable[[Any, Exception | None], None]


class Aside:
    """Work in the loop's own pool, begun and told on the loop.

    One at a time: of many threads that each want the interpreter's lock, the loop would be but one.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], Any], Done]] = deque()
        self._doing: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting) + self.is_busy

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return self._doing is not None and not self._doing.done()

    def do(self, work: Callable[[], Any], done: Done) -> None:
        """Have `work` called on another thread; `done` is told on the loop what it gave or raised."""
        self._waiting.append((work, done))
        if not self.is_busy:
            self._doing = asyncio.ensure_future(self._do_all())

    async def _do_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            work, done = self._waiting.popleft()
            found, error = None, None
            try:
                found = await loop.run_in_executor(None, work)
            except Exception as exc:
                error = exc
            try:
                done(found, error)
            except Exception:
                log.exception("what was read beside the loop cannot be answered")
            # Nothing of a body is kept while the next one is read.
            del work, done, found, error
