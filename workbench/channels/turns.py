"""Calls that run for requests: each settled once, by its own end or by its time."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Task
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Protocol

from workbench.channels.definition import HTTPChannel
from workbench.core.call import Call
from workbench.core.errors import NotFound, TimedOut, UnknownName
from workbench.core.ports import Decision

log = logging.getLogger("workbench.http")
SWEEP_SECONDS = 0.05

Done = Callable[[Any, BaseException | None], None]


class Runner(Protocol):
    """Runs calls for the pipeline: the invoker."""

    def start(self, call: Call, done: Done) -> Task[Any] | None:
        """Run a call where its colour belongs; `done` is called on the loop. The task, if it waits on the loop."""
        ...

    def failed(self, call: Call, error: BaseException) -> None:
        """Log what a call raised."""
        ...

    def refused(self, call: Call, decision: Decision) -> None:
        """Log what a limit refused."""
        ...

    def background(self, task: Callable[[], None]) -> None:
        """Run a task on a worker."""
        ...

    def lend_spare(self) -> bool:
        """Allow one worker more, since one hangs."""
        ...

    def return_spare(self) -> None:
        """The worker that hung came back."""
        ...


class Turn:
    """One call that runs for a request, until it is settled or past its time."""

    __slots__ = ("call", "lent", "seconds", "settle", "task")

    def __init__(self, call: Call, seconds: float, settle: Done) -> None:
        self.call, self.seconds, self.settle = call, seconds, settle
        self.task: Task[Any] | None = None
        self.lent = False


class Turns:
    """The turns of one server, all on its loop's thread."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._deadline_by_turn: dict[Turn, float] = {}
        self._sweeping = False

    def __len__(self) -> int:
        return len(self._deadline_by_turn)

    def run(self, call: Call, channel: HTTPChannel, settle: Done) -> None:
        """Run a call; `settle` is told its answer or its error, TimedOut once the channel's time is over."""
        turn = Turn(call, channel.timeout_seconds, settle)
        self._deadline_by_turn[turn] = monotonic() + turn.seconds
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
        done = partial(self._done, turn)
        try:
            turn.task = self._runner.start(call, done)
        except UnknownName as exc:
            log.error("channel %r: %s", channel.name, exc)
            done(None, NotFound("Not Found"))
        except Exception as exc:
            done(None, exc)

    def _done(self, turn: Turn, value: Any, error: BaseException | None) -> None:
        if self._deadline_by_turn.pop(turn, None) is not None:
            turn.settle(value, error)
        elif turn.lent:
            self._runner.return_spare()
        if turn.call.spool is not None:
            turn.call.spool.release()

    def _sweep(self) -> None:
        """Answer 504 for calls past their time; one pass every 50 ms costs less than a timer per call."""
        now = monotonic()
        for turn in [each for each, deadline in self._deadline_by_turn.items() if deadline <= now]:
            self._time_out(turn)
        self._sweeping = bool(self._deadline_by_turn)
        if self._sweeping:
            asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _time_out(self, turn: Turn) -> None:
        del self._deadline_by_turn[turn]
        call = turn.call
        call.cancelled = call.expired = True
        if turn.task is not None:
            turn.task.cancel()
        elif call.response is not None and not call.on_loop:  # it holds a worker; before that, it waits for one
            turn.lent = self._runner.lend_spare()
        turn.settle(None, TimedOut(call.service, turn.seconds))
