"""How a channel that is not plain REST speaks: which calls a body asks for, and how their outcomes are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from workbench.channels.answers import Answer
from workbench.core.call import Call

NewCall = Callable[[str, Any], Call]
Outcome = tuple[Call, Any, BaseException | None]


class Reading(Protocol):
    """What a dialect understood of one body; each has a class of its own."""

    @property
    def calls(self) -> Sequence[Call]:
        """The calls that the body asks for, in its order; none if it is wrong in a way that `answer` explains."""
        ...


R = TypeVar("R", bound=Reading)


class Dialect(Protocol[R]):
    """One channel's reader and writer; it has no state, so that requests share it."""

    def read(self, body: bytes, new_call: NewCall) -> R:
        """Understand a body; raises CallerError for one that cannot be read at all."""
        ...

    def answer(self, reading: R, outcomes: list[Outcome], cid: str) -> Answer:
        """What goes back when every call has ended, well or not."""
        ...

    def refusal(self, error: BaseException, headers: Mapping[str, str], cid: str, reading: R | None = None) -> Answer:
        """What goes back when no call was made (a limit, wrong credentials, an unreadable body) or none can be told.

        Args:
            error: Why.
            headers: Those of the request.
            cid: The request's correlation id.
            reading: The body, if it was read.
        """
        ...
