"""Hooks of a WebSocket channel: a service that is told who comes and who leaves, and may refuse who comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from time import monotonic
from typing import Any

from workbench.channels.answers import told
from workbench.channels.live import Opening
from workbench.channels.websocket.frames import LONGEST_REASON_BYTES
from workbench.core.call import Call
from workbench.core.errors import ServiceUnavailable
from workbench.core.failure import mood_of_error, words_of_error
from workbench.core.service import Service
from workbench.core.trace import Step

log = logging.getLogger("workbench.channels")

CONNECTED, DISCONNECTED = "wsx_on_connected", "wsx_on_disconnected"
"""What a hook is told by `ctx.hook_type`. Source: Zato 3.1, common/api.py, WEB_SOCKET.HOOK_TYPE."""

HOOK_SECONDS = 10.0
"""How long a hook may take, if its channel does not allow its service less [s]."""

AT_ONCE = 8
"""Hooks of one channel for who leaves, where all leave at once: they have workers to share with calls."""

BUSY_SECONDS = 0.25
"""How long to wait before who has left is told of anew, where no worker was free [s]."""


class WSXHook(Service):
    """Is told who comes to a WebSocket channel and who leaves; the channel names it as its `hook_service`.

    Write either method, or both; `async def` works, too. `self.wsx.client` is who comes, and can be sent something; one
    whose `on_connected` raises is closed with 1008, and was never there for other services. `self.request.input.ctx`
    has `hook_type`, `channel`, `pub_client_id`, `peer_address`, `connection_time`, `user`, and of who has left the
    `code` and `reason` of its close. Each may take 10 s, or `timeout_seconds` of the channel if that is less.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if any(iscoroutinefunction(each) for each in (cls.on_connected, cls.on_disconnected)):
            cls.handle = cls._handle_aio
        super().__init_subclass__(**kwargs)

    def on_connected(self) -> Any:
        """A client has connected; whoever raises refuses it."""

    def on_disconnected(self) -> Any:
        """A client that was let in has left, by itself or not; told once of each."""

    def _handle_hook(self) -> None:
        self._which()()

    async def _handle_aio(self) -> None:
        if isinstance(waits := self._which()(), Awaitable):
            await waits

    handle: Any = _handle_hook

    def _which(self) -> Callable[[], Any]:
        return self.on_connected if self.request.payload["ctx"]["hook_type"] == CONNECTED else self.on_disconnected


class Hooks:
    """The calls of a channel's hook; on the loop's thread.

    Args:
        opening: What runs them.
        seconds: How long each may take [s].
    """

    def __init__(self, opening: Opening, seconds: float) -> None:
        self._opening, self._seconds = opening, min(seconds, HOOK_SECONDS)
        self._leaving: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(AT_ONCE)

    def __len__(self) -> int:
        """Of how many who have left the hook has not been told yet."""
        return len(self._leaving)

    async def connected(self, call: Call, root: Step) -> None:
        """Have a hook told who comes; raises what it raises, or TimedOut."""
        if (error := await self._run(call, root)) is not None:
            raise error

    def disconnected(self, new_call: Callable[[], tuple[Call, Step]]) -> None:
        """Have a hook told who has left, soon."""
        task = asyncio.ensure_future(self._tell(new_call))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def settle(self, seconds: float) -> bool:
        """Wait until it is told of all who have left, at most so long [s]; whether it is."""
        if self._leaving:
            await asyncio.wait(list(self._leaving), timeout=max(seconds, 0))
        return not self._leaving

    async def _tell(self, new_call: Callable[[], tuple[Call, Step]]) -> None:
        deadline = monotonic() + HOOK_SECONDS
        async with self._turn:
            call, root = new_call()
            while (error := await self._run(call, root)) is not None:
                has_begun = call.response is not None or not isinstance(error, ServiceUnavailable)
                if has_begun or monotonic() > deadline:
                    log.warning("%r was not told as it should be who has left: %s", call.service, words_of_error(error))
                    return
                await asyncio.sleep(BUSY_SECONDS)
                call, root = new_call()

    async def _run(self, call: Call, root: Step) -> BaseException | None:
        ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self._opening.turns.run(call, self._seconds, lambda _, error: ended.set_result(error))
        if (error := await ended) is None:
            root.end("ok", "ok")
        else:
            self._opening.invoker.failed(call, error)
            root.end(words_of_error(error), mood_of_error(error))
        return error


def reason_of(error: BaseException) -> str:
    """What a client is told that a hook refuses: what is for callers, and nothing of what went wrong inside."""
    status, details = told(error)
    reason = details if status < 500 and isinstance(details, str) else "Refused"
    return reason.encode()[:LONGEST_REASON_BYTES].decode(errors="ignore")
