"""Calls that run for callers: each settled once, by its own end or by its time."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Task
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.channels.deadlines import Deadlines
from workbench.core.call import Call, Invoker
from workbench.core.errors import NotFound, ServiceUnavailable, TimedOut, UnknownName
from workbench.core.failure import drop_frames, mood_of_error

log = logging.getLogger("workbench.http")
SWEEP_SECONDS = 0.05
LOOK_SECONDS = 0.25
"""How often to look whether any worker is left, while some hang and none can stand in [s]."""

Done = Callable[[Any, BaseException | None], None]


class Turn:
    """One call that runs for a caller, until it is settled or past its time."""

    __slots__ = ("_settle", "call", "holds", "lent", "seconds", "task")

    def __init__(self, call: Call, seconds: float, settle: Done) -> None:
        self.call, self.seconds, self._settle = call, seconds, settle
        self.task: Task[Any] | None = None
        self.lent = self.holds = False

    @property
    def waits(self) -> bool:
        """Whether it waits for a worker."""
        return self.task is None and self.call.response is None and not self.call.on_loop

    def settle(self, value: Any, error: BaseException | None) -> None:
        """Tell how it ended, once; a service that goes on past its time does not keep the request it came with."""
        settle, self._settle = self._settle, _nobody
        settle(value, error)


def _nobody(value: Any, error: BaseException | None) -> None:
    """Nobody waits any more."""


class Turns:
    """The calls that run now, all seen from the loop's thread."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker
        self.stuck: Counter[str] = Counter()
        """How many workers each service holds past its time."""
        self._running: Deadlines[Turn] = Deadlines(self._time_out, SWEEP_SECONDS)
        self._looks = False

    def __len__(self) -> int:
        return len(self._running)

    def run(self, call: Call, seconds: float, settle: Done) -> None:
        """Run a call; `settle` is given its answer or its error, TimedOut once `seconds` [s] are over."""
        turn = Turn(call, seconds, settle)
        self._running.put(turn, seconds)
        done = partial(self._done, turn)
        try:
            turn.task = self._invoker.start(call, done)
        except UnknownName as exc:
            log.error("channel %r: %s", call.channel.name, exc)
            done(None, NotFound("Not Found"))
        except Exception as exc:
            done(None, exc)

    def _done(self, turn: Turn, value: Any, error: BaseException | None) -> None:
        if self._running.lift(turn):
            turn.settle(value, error)
        else:
            drop_frames(error)
            if turn.holds:
                self.stuck -= Counter((turn.call.service,))
            if turn.lent:
                self._invoker.return_spare()
        if turn.call.spool is not None:
            turn.call.spool.release()

    def _tell(self, call: Call, lent: bool) -> None:
        """Name a service that holds a worker: the first time, and when no other worker can stand in."""
        self.stuck[call.service] += 1
        if self.stuck[call.service] > 1 and lent:
            return
        more = "another one stands in" if lent else "none can stand in any more: once all are held, callers get 503"
        log.warning(
            "service %r holds a worker past its time (cid:%s); %s. A thread cannot be stopped. Fix: bound its waits, "
            "check self.cancelled in loops, or restart.",
            call.service,
            call.cid,
            more,
        )

    def _time_out(self, turn: Turn) -> None:
        call = turn.call
        call.cancelled = call.expired = True
        if turn.task is not None:
            turn.task.cancel()
        elif call.response is not None and not call.on_loop:  # it holds a worker
            turn.lent, turn.holds = self._invoker.lend_spare(), True
            self._tell(call, turn.lent)
            if not turn.lent and not self._looks:
                self._look()
        turn.settle(None, TimedOut(call.service, turn.seconds))

    def _look(self) -> None:
        """Refuse the calls that wait for a worker once none is left to take them; look again while some hang."""
        waiting = [each for each in self._running if each.waits]
        if self._invoker.is_stuck:
            for turn in waiting:
                self._refuse(turn)
        self._looks = bool(self.stuck)
        if self._looks:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _refuse(self, turn: Turn) -> None:
        """Answer a call that has not begun, which it never will now."""
        call, error = turn.call, ServiceUnavailable("All workers are busy")
        if self._running.lift(turn):
            call.cancelled = call.expired = True
            call.step.end("refused 503", mood_of_error(error), error)
            turn.settle(None, error)
