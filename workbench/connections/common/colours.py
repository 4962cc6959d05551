"""Calls from `async def handle`: the refusal of one that would block the server, and `conn.aio`, which does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextvars import copy_context
from functools import partial
from types import GeneratorType
from typing import Any, Self

from workbench.core.current import CURRENT
from workbench.core.errors import ServiceUsage


def expect_no_loop(owner: object, fix: str) -> None:
    """Raise ServiceUsage if this thread runs the loop of an async service: it must not wait for `owner`."""
    call = CURRENT.get()
    # Inside `aio` the call is the same and its thread another, which runs no loop.
    if call is not None and call.on_loop and asyncio._get_running_loop() is not None:
        raise ServiceUsage(f"Service {call.service!r} is async, and {owner} would block the server. Fix: {fix}")


class Aio:
    """Every method of an object, to be awaited: it runs on another thread.

    What a generator gives comes as a list, and a stream as an `AsyncStream`.

    Args:
        target: The object.
        executor: Whose threads; asyncio's own by default.
        only: The methods there are; all by default.
    """

    __slots__ = ("_executor", "_only", "_target")

    def __init__(self, target: Any, executor: Executor | None = None, only: tuple[str, ...] = ()) -> None:
        self._target, self._executor, self._only = target, executor, only

    def __getattr__(self, name: str) -> Any:
        if self._only and name not in self._only:
            *names, last = self._only
            raise AttributeError(f"conn.aio has {', '.join(names)} and {last}, not {name!r}")
        found = getattr(self._target, name)
        if hasattr(type(found), "hold"):
            # What it asks of its connection, it asks through us, to be awaited.
            found.hold(self)
            return found
        if not callable(found):
            return found

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return await self._on_thread(partial(found, *args, **kwargs))

        return awaited

    async def _on_thread(self, act: Callable[[], Any]) -> Any:
        context = copy_context()
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self._executor, lambda: context.run(_whole, act))
        return AsyncStream(result, self._executor) if hasattr(result, "readable") else result

    def __repr__(self) -> str:
        return f"{self._target!r}, to be awaited"


class AsyncStream(Aio):
    """A stream of `conn.aio.open`: `await stream.read(...)`, `async for line in stream`, `async with` closes it."""

    __slots__ = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._on_thread(partial(self._target.__exit__, *exc))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while line := await self._on_thread(self._target.readline):
            yield line


def _whole(act: Callable[[], Any]) -> Any:
    result = act()
    return list(result) if isinstance(result, GeneratorType) else result
