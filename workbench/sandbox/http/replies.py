"""What a peer was told to reply: in which order, and how often each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Generic, Protocol, Self, TypeVar


class Counted(Protocol):
    """A reply; `times` is how many further requests are answered so, None for all."""

    times: int | None


R = TypeVar("R", bound=Counted)


def problems_of(after: float, times: int | None) -> list[str]:
    """What is wrong with a wait before a reply [s], or with how often it is given."""
    is_wrong = after < 0 or (times is not None and times < 1)
    return ["after must not be negative, and times at least 1"] if is_wrong else []


class Replies(Generic[R]):
    """Replies with `times` in the order in which they came, before the one without, which another takes the place of.

    Its peer has the lock.

    Attributes:
        spent: Replies that were given as often as they could be.
    """

    def __init__(self) -> None:
        self._all: list[R] = []
        self.spent: list[R] = []

    def put(self, reply: R, is_like: Callable[[R], bool]) -> None:
        """Take one more; of those that are like it, the one without `times` goes if this one has none."""
        if reply.times is None:
            self._all = [each for each in self._all if each.times or not is_like(each)]
        self._all.append(reply)

    def next(self, fits: Callable[[R], bool]) -> R | None:
        """The reply to a request that came, of those that fit it; None if there is none."""
        fitting = [each for each in self._all if fits(each)]
        reply = next(iter([each for each in fitting if each.times is not None] or fitting), None)
        if reply is not None and reply.times is not None:
            reply.times -= 1
            if not reply.times:
                self._all.remove(reply)
                self.spent.append(reply)
        return reply

    def keep(self, fits: Callable[[R], bool]) -> None:
        """Forget all others."""
        self._all = [each for each in self._all if fits(each)]

    def clear(self) -> None:
        """Forget all of them."""
        self._all, self.spent = [], []

    def copy(self) -> Self:
        """The same for another peer."""
        made = type(self)()
        made._all, made.spent = list(map(copy, self._all)), list(self.spent)
        return made

    def __iter__(self) -> Iterator[R]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)
