"""How a channel that is not plain REST speaks: which calls a body asks for, and how their outcomes are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from workbench.channels.exchange import Answer, Exchange
from workbench.core.call import Call

NewCall = Callable[[str, Any], Call]
Outcome = tuple[Call, Any, BaseException | None]


class Dialect(Protocol):
    """One channel's reader and writer; it has no state, so that requests share it."""

    def calls(self, exchange: Exchange, new_call: NewCall) -> list[Call]:
        """The calls that a body asks for, in its order; raises CallerError for a body that cannot be read."""
        ...

    def answer(self, exchange: Exchange, outcomes: list[Outcome]) -> Answer:
        """What goes back when every call has ended, well or not."""
        ...

    def refusal(self, exchange: Exchange, error: BaseException) -> Answer:
        """What goes back when no call was made: a limit, wrong credentials, an unreadable body."""
        ...
