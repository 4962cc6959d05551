"""A thread with an asyncio loop: `workbench-http` for the server and `async def` services, `workbench-peers` for peers.

It stands here and not in the core, which does no I/O: a thread that sleeps on sockets is how services run. The sandbox,
one floor up, imports it from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
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
    """A daemon thread that runs one asyncio loop until closed; started at first use, and anew after its end.

    What runs here starts from an empty context, so that nothing it prints or logs lands in the cell that happened to
    start it. `at_end` is awaited before the loop is closed.

    Args:
        new_loop: Makes the loop.
    """

    def __init__(
        self,
        name: str = "workbench-http",
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        self._name, self._new_loop = name, new_loop
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._landed: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._landing = False
        self.at_end: set[Callable[[], Coroutine[Any, Any, None]]] = set()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: leave the loop to the parent, and start one when it is needed."""
        self._lock = Lock()
        if self._loop is not None:
            if self._thread is not None and self._thread.ident == get_ident():
                # An async service has forked: its child must not go on as a second server once it awaits something.
                self._loop.call_soon(os._exit, 1)
            _of_parents.append(self._loop)  # closing it would unregister the parent's wake-up fd: they share one epoll
        self._loop = self._thread = None
        self._landed.clear()
        self._landing = False
        self.at_end = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None:
                self._start()
            assert self._loop is not None
            return self._loop

    def _start(self) -> None:
        loop, started = self._new_loop(), Event()
        loop.set_exception_handler(_log_lost)
        if isinstance(loop, asyncio.BaseEventLoop):  # uvloop has no such heap
            _let_cancelled_timers_go(loop)
        self._landed.clear()
        self._landing = False

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.call_soon(started.set)
            try:
                loop.run_forever()
            finally:
                with self._lock:
                    if self._loop is loop:
                        self._loop = self._thread = None
                loop.close()

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
        """Run a coroutine on the loop and wait for its result, at most `timeout` [s], from another thread.

        Raises:
            TimeoutError: It takes longer; it goes on.
            RuntimeError: The caller is this thread, which would wait for itself.
        """
        if self.is_here:
            coroutine.close()
            raise RuntimeError(f"{self._name} would wait for its own thread for ever. Fix: await the coroutine.")
        done: contextvars.Context = contextvars.Context()
        return done.run(asyncio.run_coroutine_threadsafe, coroutine, self.loop).result(timeout)

    def close(self) -> None:
        """Stop the loop and wait for the thread; the next use starts anew."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        ending = self._end()
        try:
            with contextlib.suppress(FutureTimeoutError):
                asyncio.run_coroutine_threadsafe(ending, loop).result(2)
            loop.call_soon_threadsafe(loop.stop)
        except RuntimeError:  # it has ended by itself meanwhile
            ending.close()
        thread.join(2)
        if thread.is_alive():
            log.warning(
                "The thread %s does not end: what runs on its loop holds it. It ends with the process.", self._name
            )

    async def _end(self) -> None:
        closing, self.at_end = self.at_end, set()
        for close in closing:
            try:
                await close()
            except Exception:
                log.exception("%r failed at the end of %s", close, self._name)
        if (tasks := asyncio.all_tasks() - {asyncio.current_task()}) and closing:
            # First what is under way, such as a connection being accepted; then what waits for a client.
            await asyncio.wait(tasks, timeout=0.05)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1) if tasks else None


def _let_cancelled_timers_go(loop: Any) -> None:
    """Take the context off a timer that is cancelled, which stays in the loop's heap until its time has come.

    The context holds the call that set it, and the call its body: `asyncio.timeout(60)` would keep both for a minute.
    """
    cancelled = loop._timer_handle_cancelled

    def let_go(timer: Any) -> None:
        cancelled(timer)
        timer._context = None

    loop._timer_handle_cancelled = let_go


def _log_lost(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("%s", context.get("message"), exc_info=context.get("exception"))


def settle(waiting: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    """Give a future its answer or its error, unless nobody waits for it any more."""
    if waiting.cancelled():
        return
    if error is None:
        waiting.set_result(answer)
    else:
        waiting.set_exception(error)
