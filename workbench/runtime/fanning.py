"""Services that run side by side in the background, and how others are told of each and of all: fan-out, parallel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from functools import partial
from threading import Lock
from typing import Any

from workbench.core.call import Call, ChannelInfo, Fan, Task
from workbench.core.failure import drop_frames, traceback_of
from workbench.core.masking import mask
from workbench.runtime.nesting import callbacks_of, spool_of

CHANNELS = {"fanout": "fanout", "parallel": "parallel-exec"}
"""What the type of a channel begins with, by the pattern; Zato's words."""

Told = dict[str, Any]


class Fanning:
    """One fan-out while it runs.

    Args:
        fan: Which services run, and who is told.
        source: The call that has them run.
        tell: Runs a callback on this thread, for the call that has just ended.
    """

    def __init__(self, fan: Fan, source: Call, tell: Callable[[Task, Call], None]) -> None:
        self._fan, self._source, self._tell = fan, source, tell
        self._on_target = callbacks_of(fan.on_target, source.services, None)
        self._on_final = callbacks_of(fan.on_final, source.services, None)
        self._lock, self._left = Lock(), len(fan.targets)
        self._data: list[Told] = [{}] * self._left
        self._refused: list[tuple[str, Told]] = []
        self._began = self._now()

    def start(self, send: Callable[..., None]) -> list[str]:
        """Have every target performed, by `send(task, spool, ended)`; the CID of each, in their order.

        Raises:
            ServiceUnavailable: The first one was refused, so that none has begun. How a later one was refused is told
                as any error of it.
        """
        source, spool = self._source, spool_of(self._source)
        tasks = [
            Task(name, payload, self._channel("call"), services=source.services, address=source.address)
            for name, payload in self._fan.targets
        ]
        # Nobody is told before all were sent: then there is a worker for those that were refused.
        with self._lock:
            for place, task in enumerate(tasks):
                try:
                    send(task, spool, partial(self._ended, place))
                except Exception as exc:
                    if place == 0:
                        raise
                    self._refused.append((task.cid, self._outcome(place, None, exc)))
        return [task.cid for task in tasks]

    def _ended(self, place: int, call: Call, answer: Any, error: BaseException | None) -> None:
        """One target has ended, on whose worker others are told."""
        told = self._outcome(place, answer, error)
        with self._lock:
            ended, self._refused = [(call.cid, told), *self._refused], []
        for cid, each in ended:
            for name in self._on_target:
                self._tell(self._task(name, "on-target", dict(each), cid), call)
        with self._lock:
            self._left -= len(ended)
            is_last = self._left == 0
        if is_last:
            for name in self._on_final:
                self._tell(self._task(name, "on-final", self._whole(), self._fan.cid), call)

    def _outcome(self, place: int, answer: Any, error: BaseException | None) -> Told:
        """How one target ended, as its callbacks get it."""
        told = self._data[place] = {
            "phase": "on-target",
            "source": self._source.service,
            "target": self._fan.targets[place][0],
            "response": answer,
            "ok": error is None,
            "exception": error if error is None else self._error(error),
            "req_ts_utc": self._began,
            "resp_ts_utc": self._now(),
            "cid": self._fan.cid,
        }
        return told

    def _error(self, error: BaseException) -> BaseException | str:
        text = mask(traceback_of(error))
        drop_frames(error)
        return error if self._fan.pattern == "fanout" else text

    def _whole(self) -> Told:
        """How all ended."""
        return {
            "phase": "on-final",
            "source": self._source.service,
            "data": [dict(each) for each in self._data],
            "req_ts_utc": self._began,
            "on_target": list(self._on_target),
            "on_final": list(self._on_final),
            "cid": self._fan.cid,
        }

    def _task(self, name: str, phase: str, told: Told, replied: str) -> Task:
        return Task(name, told, self._channel(phase), services=self._source.services, in_reply_to=replied)

    def _channel(self, phase: str) -> ChannelInfo:
        word = f"{CHANNELS[self._fan.pattern]}-{phase}"
        return ChannelInfo(word, word, "dict")

    def _now(self) -> str:
        """The instant, UTC, as Zato writes it: ISO 8601 without a zone."""
        return self._source.surroundings.clock.now().astimezone(UTC).replace(tzinfo=None).isoformat()  # type: ignore[no-any-return]
