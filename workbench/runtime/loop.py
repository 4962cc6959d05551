"""The thread `workbench-http` and its asyncio loop: the server's sockets, and services that are `async def`."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Event, Lock, Thread, get_ident
from typing import Any, TypeVar

from workbench.core.forking import forgets_when_forked

log = logging.getLogger("workbench.http")
T = TypeVar("T")
_of_parents: list[asyncio.AbstractEventLoop] = []


class LoopThread:
    """A daemon thread that runs one asyncio loop until closed; started at first use."""

    def __init__(self, name: str = "workbench-http") -> None:
        self._name = name
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._landed: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._landing = False
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: leave the loop to the parent, and start one when it is needed."""
        self._lock = Lock()
        if self._loop is not None:
            _of_parents.append(self._loop)  # its end would take the parent's wake-up out of their common epoll
        self._loop = self._thread = None
        self._landed.clear()
        self._landing = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None:
                self._start()
            assert self._loop is not None
            return self._loop

    def _start(self) -> None:
        loop, started = asyncio.new_event_loop(), Event()
        loop.set_exception_handler(_log_lost)
        self._landed.clear()
        self._landing = False

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.call_soon(started.set)
            loop.run_forever()

        # An empty context: everything scheduled here would otherwise print into the cell that started the server.
        self._thread = Thread(target=contextvars.Context().run, args=(run,), name=self._name, daemon=True)
        self._loop = loop
        self._thread.start()
        started.wait(10)

    @property
    def is_here(self) -> bool:
        """Whether the caller is this thread."""
        return self._thread is not None and self._thread.ident == get_ident()

    def land(self, callback: Callable[..., None], *args: Any) -> None:
        """Have `callback` run on the loop, from any thread; many at once cost one wake-up.

        What lands after the loop was closed is dropped: nobody waits for it any more.
        """
        if (loop := self._loop) is None:
            return
        self._landed.append((callback, args))
        if not self._landing:
            self._landing = True
            try:
                loop.call_soon_threadsafe(self._drain, context=contextvars.Context())
            except RuntimeError:
                self._landing = False

    def _drain(self) -> None:
        # First the flag, then the queue: what is appended from here on schedules another drain.
        self._landing = False
        landed = self._landed
        while landed:
            callback, args = landed.popleft()
            try:
                callback(*args)
            except Exception:
                log.exception("%r failed on the loop", callback)

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the loop and wait for its result, from another thread."""
        done: contextvars.Context = contextvars.Context()
        return done.run(asyncio.run_coroutine_threadsafe, coroutine, self.loop).result(timeout)

    def close(self) -> None:
        """Stop the loop and wait for the thread; the next use starts anew."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        with contextlib.suppress(FutureTimeoutError):
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(2)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(2)
        if thread.is_alive():
            log.warning("The server's thread does not end: an async service holds it. It ends with the process.")
        else:
            loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=1) if tasks else None


def _log_lost(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("%s", context.get("message"), exc_info=context.get("exception"))
