"""Carries what cards show to the front end, on one thread: answers at most ten times a second, what changes at most
every 0.4 s, whatever happens meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from threading import Condition, Event, Lock, Thread
from time import monotonic
from typing import Any, Protocol

log = logging.getLogger("workbench.ui")

SHORTEST_PAUSE_SECONDS = 0.1
SHORTEST_DRAW_SECONDS = 0.4
"""Shortest time between two drawings: a person reads no faster, and each costs a busy server some 12 ms."""
MOST_SHARE = 0.05
"""Most of the time that goes into drawing: what takes long to draw is drawn less often."""
LOOK_SECONDS = 1.0
"""How often cards that are looked at are drawn anew when nothing told of a change: limits are used silently."""


class Outlet(Protocol):
    """A card in the front end. One that is `restless` shows what changes without an event, as the use of a limit."""

    restless: bool

    def deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        """Send messages, all in one, and what the card shows if `facts`."""
        ...


class Courier:
    """Sends for all cards. Its thread starts with the first message."""

    def __init__(
        self,
        pause_seconds: float = SHORTEST_PAUSE_SECONDS,
        look_seconds: float = LOOK_SECONDS,
        draw_seconds: float = SHORTEST_DRAW_SECONDS,
    ) -> None:
        self._pause, self._look, self._draw = pause_seconds, look_seconds, draw_seconds
        self._sends_at = self._draws_at = 0.0
        self._messages: dict[Outlet, list[dict[str, Any]]] = {}
        self._changed: set[Outlet] = set()
        self._watched: set[Outlet] = set()
        self._begun: set[Outlet] = set()
        """Who has just begun to look, and waits for what there is: drawn at once, whenever the next drawing is due."""
        self.changes = 0
        """How often what is looked at was to be drawn anew."""
        self._something, self._stop = Condition(), Event()
        self.drawing = Lock()
        """Held while a card is drawn; who holds it has all of them stay as they are."""
        self._thread: Thread | None = None

    @property
    def is_watched(self) -> bool:
        """Whether somebody looks at a card."""
        return bool(self._watched)

    def post(self, outlet: Outlet, message: dict[str, Any]) -> None:
        """Send a message soon, after those before it."""
        with self._something:
            is_first = not self._messages
            self._messages.setdefault(outlet, []).append(message)
            if is_first:
                self._wake()

    def refresh(self, outlet: Outlet) -> None:
        """Draw one card anew soon."""
        with self._something:
            self._add_changed({outlet})

    def refresh_all(self) -> None:
        """Draw anew what is looked at."""
        with self._something:
            self.changes += 1
            self._add_changed(self._watched)

    def watch(self, outlet: Outlet, watched: bool) -> None:
        """Note whether somebody looks at a card; only such cards are drawn."""
        with self._something:
            if watched:
                if outlet not in self._watched:
                    self._begun.add(outlet)
                self._watched.add(outlet)
                self._changed.add(outlet)
                self._wake()
            else:
                self._watched.discard(outlet)

    def forget(self, outlet: Outlet) -> None:
        """Send nothing more to a card."""
        with self._something:
            self._watched.discard(outlet)
            self._changed.discard(outlet)
            self._messages.pop(outlet, None)

    def close(self) -> None:
        """End the thread."""
        with self._something:
            self._stop.set()
            self._something.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(2.0)

    def _add_changed(self, outlets: set[Outlet]) -> None:
        """Wake the thread by the first change alone: those after it are drawn with it."""
        is_first = not self._changed
        self._changed |= outlets
        if is_first and outlets:
            self._wake()

    def _wake(self) -> None:
        if self._thread is None and not self._stop.is_set():
            self._thread = Thread(target=self._work, name="workbench-ui", daemon=True)
            self._thread.start()
        self._something.notify_all()

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._something:
                if not self._messages:
                    self._await_change()
                early = self._sends_at - monotonic() if self._messages else 0.0
            if early > 0:
                self._stop.wait(early)
            self._send_due()

    def _send_due(self) -> None:
        """Send what is due; what it was sent for is not held after that."""
        with self._something:
            began = monotonic()
            messages: dict[Outlet, list[dict[str, Any]]] = {}
            if self._messages and began >= self._sends_at:
                messages, self._messages = self._messages, {}
            changed = self._changed if began >= self._draws_at else self._changed & self._begun
            self._changed, self._begun = self._changed - changed, set()
        # An answer waits for no drawing: somebody waits for it.
        for outlet, sent in messages.items():
            self._send(outlet, sent, False)
        # What it waits for, as for a workbench that is made anew, is no work.
        took = sum(self._send(outlet, [], True) for outlet in changed)
        if messages:
            self._sends_at = began + self._pause
        if changed:
            self._draws_at = max(self._draws_at, began + max(self._draw, took / MOST_SHARE))

    def _await_change(self) -> None:
        """Wait for something to send; what has changed waits until the next drawing is due."""
        if self._changed:
            if not self._begun and (early := self._draws_at - monotonic()) > 0:
                self._something.wait(early)
            return
        restless = {each for each in self._watched if each.restless}
        self._something.wait(self._look if restless else None)
        self._changed |= restless

    def _send(self, outlet: Outlet, messages: list[dict[str, Any]], facts: bool) -> float:
        """Send to one card; how long that took [s]."""
        with self.drawing if facts else nullcontext():
            began = monotonic()
            try:
                outlet.deliver(messages, facts)
            except Exception:
                log.exception("a card could not be drawn")
            return monotonic() - began


def aside(work: Callable[[], None], name: str) -> None:
    """Run something a person clicked on a thread of its own, which nothing waits for."""
    Thread(target=work, name=f"workbench-ui-{name}", daemon=True).start()
