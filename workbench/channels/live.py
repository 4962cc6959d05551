"""Live channels: what a channel's definition opens, as a connection's definition opens a connection."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple, Protocol, TypeVar

from workbench.channels.gate import Gate
from workbench.channels.turns import Turns
from workbench.core.call import Invoker
from workbench.core.definition import Definition
from workbench.core.ports import Clock, Showable

log = logging.getLogger("workbench.channels")
T = TypeVar("T")
Everywhere = Callable[[str, Sequence[str | bytes]], int | None]
"""Sends messages, soon, to the clients of a channel in all processes that serve it, this one included; given its name.
To how many in the others, as these have told last; None where none is reached, and nobody was sent anything.
"""

CLOSING_SECONDS = 2.0
"""How long the end of a workbench waits for what its channels are at [s], as it does for its scheduler."""


class LiveChannel(Showable):
    """A channel in force. A kind of its own overrides `state`, `open` and `close`.

    The fields of its definition can be read here, too: `wb.channels["api.sample"].path`.
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    @property
    def state(self) -> str:
        """In one word whether calls come in: `open`, or why not, as `closed`."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Where HTTP clients on this machine can reach it now; '' if nowhere."""
        return ""

    def open(self, instead_of: LiveChannel | None = None) -> None:
        """Let calls come in.

        Args:
            instead_of: The live channel of the same name that this one replaces. A kind that listens at an address of
                its own closes that one first, since both may want the same address.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let no more calls in; those that run may end. Closing it twice does no harm."""
        raise NotImplementedError

    def settle(self, timeout: float) -> bool:
        """Wait for what came in by it and nobody else waits for; whether that ended within `timeout` [s]."""
        return True

    def __getattr__(self, field: str) -> Any:
        if field == "definition" or field.startswith("__"):
            raise AttributeError(field)
        return getattr(self.definition, field)

    def __str__(self) -> str:
        return str(self.definition)

    def __repr__(self) -> str:
        return f"{self.definition!r} is {self.state}"


class Opening(NamedTuple):
    """What a definition needs to make its live channel; the same for all kinds.

    Attributes:
        http: Makes the live channel of an HTTP kind, on the server that they share; by another class than its own one
            if that is given, too.
        gate: Gives the gate of a definition, as limits and users are now; ask for it anew for each caller.
        invoker: Makes calls of services.
        turns: Runs them, each within its time; on the loop's thread only.
        run: Runs a coroutine on the loop's thread and waits for it.
        land: Has a function called on the loop's thread soon, from any thread.
        clock: Where time comes from.
        everywhere: Reaches the clients of a channel in all processes that serve it; from any thread.
    """

    http: Callable[..., LiveChannel]
    gate: Callable[[Any], Gate]
    invoker: Invoker
    turns: Turns
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    land: Callable[..., None]
    clock: Clock
    everywhere: Everywhere = lambda channel, messages: None


class Opens(Protocol):
    """A definition that makes a live channel."""

    @property
    def name(self) -> str:
        """The channel's name."""
        ...

    def live(self, opening: Opening) -> LiveChannel:
        """Make it; it is opened later."""
        ...


class LiveChannels:
    """The live channel of each definition in force, by name.

    Attributes:
        everywhere: Reaches the clients of the same channels in all processes that serve them.
    """

    def __init__(self, opening: Opening) -> None:
        self.everywhere = opening.everywhere
        self._opening = opening._replace(everywhere=lambda channel, messages: self.everywhere(channel, messages))
        self._live: dict[str, LiveChannel] = {}

    @property
    def by_name(self) -> Mapping[str, LiveChannel]:
        """Every live channel."""
        return self._live

    def define(self, definition: Opens) -> None:
        """Open the channel of a new or changed definition, in the place of the former one."""
        before = self._live.get(definition.name)
        live = definition.live(self._opening)
        live.open(before)
        self._live[definition.name] = live
        if before is not None:
            _close(before)

    def remove(self, name: str) -> None:
        """Close a channel and forget it."""
        if (live := self._live.pop(name, None)) is not None:
            _close(live)

    def close_all(self) -> None:
        """Close every channel, and wait a moment for what they are at."""
        closed = list(self._live.values())
        for live in closed:
            self.remove(live.definition.name)
        deadline = monotonic() + CLOSING_SECONDS
        for live in closed:
            live.settle(deadline - monotonic())


def _close(live: LiveChannel) -> None:
    try:
        live.close()
    except Exception:
        log.warning("channel %r did not close cleanly", live.definition.name, exc_info=True)
