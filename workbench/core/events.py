"""What happened, told to whoever asked: deployed, defined, call ended, run ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple, TypeVar

log = logging.getLogger("workbench.events")
E = TypeVar("E")


class Closed(NamedTuple):
    """The workbench has stopped everything."""


class Events:
    """Subscribers by type of event; emitting calls them in the emitter's thread, in order of subscription.

    A subscriber must return at once (hand work to a thread of its own). One that raises is logged and kept. Subscribers
    may come and go in any thread.
    """

    def __init__(self) -> None:
        self._subscribers: dict[type, tuple[Callable[[Any], None], ...]] = {}
        self._lock = Lock()  # for those who come and go; who tells looks at what is there

    def subscribe(self, kind: type[E], subscriber: Callable[[E], None]) -> Callable[[], None]:
        """Have `subscriber` called with every event of exactly this type; returns the call that ends it."""
        with self._lock:
            self._subscribers[kind] = (*self._subscribers.get(kind, ()), subscriber)

        def unsubscribe() -> None:
            with self._lock:
                rest = tuple(each for each in self._subscribers.get(kind, ()) if each is not subscriber)
                self._subscribers[kind] = rest

        return unsubscribe

    def emit(self, event: object) -> None:
        """Tell the subscribers of this event's type."""
        for subscriber in self._subscribers.get(type(event), ()):
            try:
                subscriber(event)
            except Exception:
                log.exception("a subscriber of %s failed", type(event).__name__)
