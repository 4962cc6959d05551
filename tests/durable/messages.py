"""A queue of messages made of durable work alone: what a second user of it looks like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from workbench.core.clock import SystemClock
from workbench.core.ports import Store
from workbench.durable.attempts import Attempt, Attempts
from workbench.durable.presence import Presence

MOST_ATTEMPTS = 5


class Delivery(Attempt, frozen=True, kw_only=True):
    """One try to deliver a message."""

    body: str


class Queue:
    """Messages below `message/`, each with its deliveries below `delivery/`; a delivered one is removed."""

    def __init__(self, store: Store, folder: Path | None = None) -> None:
        self.store = store
        self.presence = Presence(folder or store.folder, store)
        self.attempts = Attempts(store, self.presence, SystemClock(), Delivery)

    def publish(self, name: str, body: str) -> None:
        self.store.put(f"message/{name}", body.encode())

    def deliver_all(self, receive: Callable[[str], None]) -> int:
        """Deliver what waits and is nobody else's; how many messages are left."""
        for key, body in self.store.scan("message/"):
            delivery = self._mine(key.removeprefix("message/"), body.decode())
            if delivery is None:
                continue
            ended = self.attempts.perform(delivery, lambda row: _delivered(row, receive))
            if self.attempts.settle(ended) and ended.outcome == "ok":
                self.store.delete(key)
        return sum(1 for _ in self.store.scan("message/"))

    def _mine(self, name: str, body: str) -> Delivery | None:
        last = self.attempts.latest(f"delivery/{name}")
        if last is None:
            return self.attempts.claim(f"delivery/{name}", Delivery(body=body))
        if last.outcome == "ok":  # its process died before it could remove the message
            self.store.delete(f"message/{name}")
        if last.outcome in ("running", "ok") or last.attempt >= MOST_ATTEMPTS:
            return None
        return self.attempts.retry(last)


def _delivered(row: Delivery, receive: Callable[[str], None]) -> Delivery:
    receive(row.body)
    return replace(row, outcome="ok")
