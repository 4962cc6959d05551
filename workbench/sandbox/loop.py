"""The one thread on which all peers live, with an asyncio loop of its own."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


class PeerLoop:
    """A daemon thread named `workbench-peers`; started by the first peer, stopped with the process.

    What runs here starts from an empty context, so that nothing a peer prints or logs lands in the cell that
    happened to start it. `at_end` is awaited when the loop ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.at_end: set[Callable[[], Coroutine[Any, Any, None]]] = set()

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, started now if need be."""
        with self._lock:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._live, args=(self._loop,), name="workbench-peers", daemon=True
                )
                self._thread.start()
            return self._loop

    def _live(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(self._end())
            loop.close()

    async def _end(self) -> None:
        for close in list(self.at_end):
            await close()
        self.at_end.clear()
        # First what is under way, such as a connection being accepted; then what waits for a client.
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if tasks:
            await asyncio.wait(tasks, timeout=0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run(self, step: Callable[[], Coroutine[Any, Any, T]], seconds: float = 10.0) -> T:
        """Run `step()` on the loop and wait for its result, at most `seconds` [s]; not from the loop itself."""
        loop = self.loop()
        if threading.current_thread() is self._thread:
            raise RuntimeError("a peer cannot wait for its own thread; call this from another one")
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        async def report() -> None:
            try:
                future.set_result(await step())
            except BaseException as exc:
                future.set_exception(exc)

        def begin() -> None:
            self._task = loop.create_task(report(), context=Context())

        loop.call_soon_threadsafe(begin, context=Context())
        return future.result(seconds)

    def stop(self) -> None:
        """End the thread; the next use starts another."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None and thread.is_alive():
            loop.call_soon_threadsafe(loop.stop)
            thread.join(2.0)

    def forget(self) -> None:
        """In a forked child: the thread was left behind with the parent."""
        self._lock = threading.Lock()
        self._loop = self._thread = None
        self.at_end = set()


PEERS = PeerLoop()
atexit.register(PEERS.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PEERS.forget)
