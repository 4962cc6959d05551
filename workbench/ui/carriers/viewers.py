"""Pages that look at a workbench over HTTP: each takes what it is told when it asks for it, and waits if there is none.

A page names itself. What it has been told is kept until it says that it has it, so that a connection that drops loses
nothing; a page that has been silent for long is forgotten, and begins anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from threading import Condition, Lock
from time import monotonic
from typing import Any

from workbench.core.errors import ServiceUsage
from workbench.ui.courier import aside
from workbench.ui.desk import Desk
from workbench.ui.views import Draw, facts

WAIT_SECONDS = 20.0
"""Longest wait for news in one request [s]: below the 30 s and more after which proxies give up."""
SILENT_SECONDS = 60.0
"""How long a page may not ask before it is forgotten [s]."""
MOST_VIEWERS = 8
MOST_KEPT = 1000
"""How many messages are kept for a page that does not take them."""

Message = dict[str, Any]


class Viewer:
    """One page: what it was told and has not taken yet."""

    def __init__(self, desk: Desk, draw: Draw, silent: Callable[[Viewer], None], now: Callable[[], float]) -> None:
        self._desk, self._draw, self._silent, self._now = desk, draw, silent, now
        self.restless = self.is_over = False
        self._something = Condition()
        self._kept: deque[tuple[int, Message]] = deque()
        self._number = self._looks = 0
        self._facts: Message = {}
        self.asked_at = now()

    def deliver(self, messages: list[Message], facts: bool) -> None:
        """Keep messages, and what it shows if that has changed."""
        if self._now() - self.asked_at > SILENT_SECONDS or len(self._kept) > MOST_KEPT:
            self._silent(self)
            return
        found = self._drawn() if facts else {}
        with self._something:
            if messages:
                self._keep({"batch": messages})
            if facts and found | {"now": 0} != self._facts | {"now": 0}:
                # Of facts the newest say all.
                self._kept = deque(each for each in self._kept if "facts" not in each[1])
                self._facts = found
                self._keep({"facts": found})

    def _drawn(self) -> Message:
        found = facts(self._desk, self._draw)
        self.restless = bool(found.get("restless"))
        return found

    def _keep(self, message: Message) -> None:
        self._number += 1
        self._kept.append((self._number, message))
        self._something.notify_all()

    @property
    def has_looked(self) -> bool:
        """Whether its page has asked for anything to be told."""
        return self._looks > 0

    def take(self, after: int, wait_seconds: float) -> Message:
        """What it is told after a number, and the number of the last; waits while there is nothing.

        A second question ends the first, whose page has given up. The first one of all may come with a number that the
        page has from a viewer that is forgotten; numbers go on from there, so that it is told all that is kept.
        """
        with self._something:
            if not self.has_looked:
                self._number += after
                self._kept = deque((number + after, message) for number, message in self._kept)
            self._looks += 1
            mine, self.asked_at = self._looks, self._now()
            self._something.notify_all()
            while self._kept and self._kept[0][0] <= after:
                self._kept.popleft()
            self._something.wait_for(lambda: self._kept or self.is_over or mine != self._looks, wait_seconds)
            self.asked_at = self._now()
            told = [message for _, message in self._kept] if mine == self._looks else []
            return {"last": self._number if told else after, "told": told, "over": self.is_over}

    def end(self) -> None:
        """Have it wait no longer."""
        with self._something:
            self.is_over = True
            self._something.notify_all()


class Viewers:
    """The pages that look at one workbench.

    Args:
        desk: Answers what they ask.
        draw: What they show.
        wait_seconds: Longest wait for news [s].
        now: A clock that never goes back [s].
    """

    def __init__(
        self, desk: Desk, draw: Draw, wait_seconds: float = WAIT_SECONDS, now: Callable[[], float] = monotonic
    ) -> None:
        self._desk, self._draw, self._wait, self._now = desk, draw, wait_seconds, now
        self._lock = Lock()
        self._by_name: dict[str, Viewer] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def look(self, name: str, after: int, wait_seconds: float = WAIT_SECONDS) -> Message:
        """What a page is told after a number; the first time it hears with `anew` that nothing is known of before.

        Args:
            name: What the page calls itself.
            after: The number of the last that it has.
            wait_seconds: Longest wait for news [s]; the first time it waits for its first facts in any case.

        Raises:
            ServiceUsage: Too many pages look already.
        """
        viewer = self._of(name)
        if not viewer.has_looked:
            return viewer.take(after, self._wait) | {"anew": True}
        return viewer.take(after, min(self._wait, wait_seconds)) | {"anew": False}

    def ask(self, name: str, message: Mapping[str, Any]) -> Message:
        """Take a question, whose answer comes with what the page is told.

        Raises:
            ServiceUsage: Too many pages look already.
        """
        viewer, desk, number = self._of(name), self._desk, message.get("id")
        tell = lambda said: desk.courier.post(viewer, {"id": number, **said})  # noqa: E731
        aside(
            lambda: desk.answer({**message, "cell": "", "over_http": True}, tell),
            str(message.get("ask")).replace(" ", "-"),
        )
        return {"ack": number}

    def end_all(self) -> None:
        """Have every page wait no longer, and forget it."""
        for viewer in list(self._by_name.values()):
            self._forget(viewer)

    def _of(self, name: str) -> Viewer:
        with self._lock:
            if (viewer := self._by_name.get(name)) is not None:
                return viewer
            for each in [each for each in self._by_name.values() if self._now() - each.asked_at > SILENT_SECONDS]:
                self._drop(each)
            if len(self._by_name) >= MOST_VIEWERS:
                raise ServiceUsage(f"{MOST_VIEWERS} pages show this workbench already. Fix: close one of them.")
            made = self._by_name[name] = Viewer(self._desk, self._draw, self._forget, self._now)
        self._desk.courier.watch(made, True)
        return made

    def _forget(self, viewer: Viewer) -> None:
        with self._lock:
            self._drop(viewer)

    def _drop(self, viewer: Viewer) -> None:
        self._by_name = {name: each for name, each in self._by_name.items() if each is not viewer}
        self._desk.courier.forget(viewer)
        viewer.end()
