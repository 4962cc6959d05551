"""Who may come in by a channel: the endpoint's limit, then the caller's credentials, then the user's limit.

Every channel asks its gate before it makes a call, whatever it speaks. A service's own limit comes later, in the chain
around its `handle`, since it holds for every way in.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol

from workbench.core.call import NOBODY, ChannelSecurity
from workbench.core.errors import refusal
from workbench.core.ports import Decision, Limiter


class Verifier(Protocol):
    """Checks the credentials of one security definition."""

    user: ChannelSecurity

    def verify(self, headers: Mapping[str, str]) -> None:
        """Raise Unauthorized unless the headers carry this user's credentials."""
        ...


class Caller(Protocol):
    """Who asks to come in: an HTTP request, a session, the sender of a message."""

    @property
    def address(self) -> str | None:
        """The network address that limits count by; None if there is none."""
        ...

    @property
    def cid(self) -> str:
        """The correlation id of what would run."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Where the credentials are, under the names that HTTP gives them."""
        ...

    def note(self, decision: Decision) -> None:
        """Keep what a limit decided for the trace, and log a refusal."""
        ...


Check = Callable[[Caller], "Future[Decision] | None"]
"""Raises what refuses; a future where a shared store has to decide first."""


class Gate:
    """The checks of one channel, in order; the first that refuses ends them, so that it counts nothing further on.

    All of it runs on the loop's thread. A limit that counts in this process decides at once, one in a shared store
    has to be awaited.
    """

    __slots__ = ("_checks", "_verifier", "user")

    def __init__(
        self, limiter: Limiter | None = None, verifier: Verifier | None = None, user_limiter: Limiter | None = None
    ) -> None:
        self.user, self._verifier = verifier.user if verifier is not None else NOBODY, verifier
        checks: list[Check] = []
        if limiter is not None:
            checks.append(_limit(limiter))
        if verifier is not None:
            checks.append(lambda caller: verifier.verify(caller.headers))
        if user_limiter is not None:
            checks.append(_limit(user_limiter))
        self._checks = tuple(checks)

    def verify(self, caller: Caller) -> None:
        """Check the credentials alone, which counts nothing: of who connects, and asks for something later.

        Raises:
            Unauthorized: They are missing or wrong.
        """
        if self._verifier is not None:
            self._verifier.verify(caller.headers)

    def admit(self, caller: Caller) -> ChannelSecurity | Awaitable[ChannelSecurity]:
        """Let a caller through as this gate's user; the user, or an awaitable of it if a shared store is asked.

        Raises:
            TooManyRequests, Forbidden: A limit refuses.
            Unauthorized: The credentials are missing or wrong.
            ServiceUnavailable: The store of a limit does not answer, and the limit says to refuse then.
        """
        checks = iter(self._checks)
        for check in checks:
            if (waiting := check(caller)) is not None:
                return self._admit_later(caller, waiting, checks)
        return self.user

    async def _admit_later(self, caller: Caller, waiting: Future[Decision], checks: Iterator[Check]) -> ChannelSecurity:
        """Go on with the check that waits, then with those that are left."""
        _obey(caller, await waiting)
        for check in checks:
            if (next_waiting := check(caller)) is not None:
                _obey(caller, await next_waiting)
        return self.user


def _limit(limiter: Limiter) -> Check:
    """The check of one limit."""

    def check(caller: Caller) -> Future[Decision] | None:
        decision = limiter.check(caller.address, caller.cid)
        if isinstance(decision, Future):
            return decision
        _obey(caller, decision)
        return None

    return check


def _obey(caller: Caller, decision: Decision) -> None:
    """Do as a limit decided."""
    caller.note(decision)
    if not decision.allowed:
        raise refusal(decision.denied, decision.headers)
