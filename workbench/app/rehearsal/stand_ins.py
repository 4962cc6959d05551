"""What plays the other sides of a call that nobody outside may notice: peers of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Any

from workbench.app.parts import Parts
from workbench.connections.definition import Opening
from workbench.connections.live import LiveConnections
from workbench.core.ports import Clock
from workbench.core.secret import Secret, given
from workbench.sandbox.catalog import NoPeer, Sandbox

# Opened is in a context of its own: the call that asks first has not asked for that, and may not do it by itself.


class StandIns(LiveConnections):
    """Every connection in force, each opened at a peer of its own, to which no real secret goes.

    Args:
        parts: The workbench's.
        clock: What the connections go by.
        without: What stands for a connection whose kind has no peer, by its name; may raise instead.

    Attributes:
        peers: Those that stand, by name.
    """

    def __init__(self, parts: Parts, clock: Clock, without: Callable[[str], Any]) -> None:
        self.peers = Sandbox(lambda: parts.live.definitions, fixed=True)
        super().__init__(Opening(_made_up, clock), self.peers.stand_in)
        self._without = without
        for definition in parts.live.definitions.values():
            self.define(definition)

    def live(self, name: str) -> Any:
        """The live object at the peer, or what stands for one of a kind without a peer."""
        with suppress(NoPeer):
            return Context().run(super().live, name)
        return self._without(name)

    def end(self) -> None:
        """Let go of every connection, and stop every peer."""
        self.close_all()
        self.peers.close()


def _made_up(secret: Secret, owner: str) -> str:
    """The value of a secret at a peer, which no other process knows, and which is gone with the peer."""
    return secret.prefix + (given(secret.name) or "made-up")
