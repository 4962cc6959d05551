"""The limit of one object, counted in a store that other processes share."""

from __future__ import annotations

import asyncio
import logging
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from math import ceil
from time import monotonic
from typing import NamedTuple, Protocol

from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.grammar import UNIT_NAMES, Line
from workbench.limiting.local.budgets import Passing
from workbench.limiting.networks import caller_key
from workbench.limiting.plan import Group, Plan

log = logging.getLogger("workbench.limiting")

PATIENCE_SECONDS = 0.045
"""Longest wait of a call for its counter [s]: what becomes of it is decided within 50 ms, the loop's turn included."""
MOST_LATE = 5
SEPARATOR = "\x1f"


class Count(NamedTuple):
    """One line's counter in the store; `most` bounds the addresses counted apart, 0 where they are not."""

    key: str
    rate: int
    period: int
    most: int
    sliding: bool


class Granted(NamedTuple):
    """A lease: calls granted, the start of their window and now by the store's clock [s], calls left in the store."""

    number: int
    start: float
    now: float
    rest: int


class CountUse(NamedTuple):
    """How far one counter is used: calls (0 where addresses count apart), addresses, end of its window [s]."""

    used: int
    addresses: int
    ends_at: float | None


class Answer(NamedTuple):
    """What the store said: the place of the first full count (-1: all were counted), each count's use and its wait [s].

    `used` and `waits` are exact where the question `tells`; otherwise only as far as the decision needed them.
    """

    refused: int
    used: Sequence[int]
    waits: Sequence[float]
    last_at: float | None = None
    last_from: str = ""
    last_cid: str = ""


class Use(NamedTuple):
    """How far one line of a limit is used now; `addresses` are callers counted apart, `used` then is of the fullest."""

    on: str
    name: str
    line: str
    used: int
    limit: int
    refused: int
    addresses: int
    starts_anew_at: datetime | None


class Question:
    """One call that asks for one more on every counter of its network, or on none."""

    __slots__ = ("address", "budget", "caller", "cid", "counts")

    def __init__(self, budget: SharedBudget, address: str | None, cid: str) -> None:
        self.budget, self.address, self.cid = budget, address, cid
        self.counts = budget.counts
        self.caller = caller_key(address) if budget.apart else ""


class SharedCounters(Protocol):
    """A store of counters; time is the store's own. No call waits for its answer longer than `patience_seconds`."""

    patience_seconds: float
    is_on_this_machine: bool
    """Whether its time is this machine's, so that a process knows when a window of it ends."""

    def open(self) -> None:
        """Get ready for questions; a store that is down is said in the log."""
        ...

    def ask(self, question: Question) -> Decision:
        """Count one call on a thread that may wait."""
        ...

    def ask_on_loop(self, question: Question) -> Future[Decision]:
        """Count one call without blocking the running loop."""
        ...

    def used(self, counts: Sequence[Count]) -> list[CountUse]:
        """How far counters are used now; raises StoreUnavailable."""
        ...

    def forget(self, prefix: str) -> None:
        """Remove every counter whose key begins so; raises StoreUnavailable."""
        ...

    def lease(self, wanted: Sequence[tuple[Count, int]]) -> list[Granted]:
        """Take up to so many calls of each counter's current window; raises StoreUnavailable."""
        ...

    def give_back(self, unused: Sequence[tuple[Count, int, float]]) -> None:
        """Put back calls of the window that started then; raises StoreUnavailable."""
        ...

    async def leave_loop(self) -> None:
        """Let go of what belongs to the running loop, which is about to end."""
        ...

    def close(self) -> None:
        """Let go of threads and sockets."""
        ...


class SharedBudget:
    """The counters of one network of one limit."""

    def __init__(self, limit: Limit, group: Group) -> None:
        self.limit, self.group = limit, group
        self.apart = limit.per == "address"
        self.counts = tuple(count_of(limit, group, line) for line in group.binding)
        self.refused = [0] * len(self.counts)
        self.tells = limit.tell_caller and not limit.shadow
        texts = ", ".join(line.limit_text for line in group.binding) or "*"
        self.passed = Decision(limit.on, limit.name, limit=texts, network=group.network_text)

    def decide(self, question: Question, answer: Answer) -> Decision:
        """Turn what the store said into what the caller hears."""
        if answer.refused < 0:
            return self._told(answer) if self.tells else self.passed
        self.refused[answer.refused] += 1
        line = self.group.binding[answer.refused]
        said = self._decision(line.limit_text, "limit", question)
        said.allowed = self.limit.shadow
        said.last_at, said.last_from, said.last_cid = answer.last_at, answer.last_from, answer.last_cid
        if self.tells:
            said.headers = self._headers(answer)
            states = list(zip(self.counts, answer.used, answer.waits, strict=True))
            full = [(count.rate, wait) for count, used, wait in states if used >= count.rate]
            if all(rate for rate, _ in full):
                said.headers += (("Retry-After", str(self._whole(max(wait for _, wait in full)))),)
        return said

    def down(self, question: Question) -> Decision:
        """What becomes of a call while the store gives no answer."""
        said = self._decision(self.passed.limit, "store", question)
        said.allowed = self.limit.shadow or self.limit.if_store_down == "allow"
        return said

    def _decision(self, limit: str, denied: str, question: Question) -> Decision:
        said = Decision(self.limit.on, self.limit.name, limit=limit, network=self.group.network_text, denied=denied)
        said.address, said.cid = question.address or "", question.cid
        return said

    def _told(self, answer: Answer) -> Decision:
        told = Decision(self.limit.on, self.limit.name, limit=self.passed.limit, network=self.passed.network)
        told.headers = self._headers(answer)
        return told

    def _headers(self, answer: Answer) -> tuple[tuple[str, str], ...]:
        names = [f'"{self.limit.on}-{UNIT_NAMES[line.unit]}"' for line in self.group.binding]
        counts = zip(names, self.counts, strict=True)
        policy = ", ".join(f"{name};q={count.rate};w={count.period}" for name, count in counts)
        state = ", ".join(
            f"{name};r={max(0, count.rate - used)};t={self._whole(wait)}"
            for name, count, used, wait in zip(names, self.counts, answer.used, answer.waits, strict=True)
        )
        return ("RateLimit-Policy", policy), ("RateLimit", state)

    def _whole(self, wait: float) -> int:
        return ceil(wait) if self.limit.window == "calendar" else int(wait) + 1


def count_of(limit: Limit, group: Group, line: Line) -> Count:
    """The counter of one line in the store."""
    key = SEPARATOR.join((prefix_of(limit), group.network_text, line.unit, limit.per, limit.window))
    most = limit.max_addresses if limit.per == "address" else 0
    return Count(key, max(0, line.rate or 0), line.period_seconds, most, limit.window == "sliding")


def prefix_of(limit: Limit) -> str:
    """What the keys of all counters of one object begin with."""
    return SEPARATOR.join(limit.identity)


class SharedLimiter:
    """A limiter whose counters are in a store: `check` answers a future on the running loop."""

    def __init__(self, limit: Limit, counters: SharedCounters) -> None:
        counters.open()
        self.limit, self.plan, self._counters = limit, Plan(limit), counters
        self.budgets = [SharedBudget(limit, group) for group in self.plan.groups]
        self._free = Passing(Decision(limit.on, limit.name, network="others"))
        self._denied = Passing(Decision(limit.on, limit.name, network="others", denied="address"), limit.shadow)

    def check(self, address: str | None, cid: str) -> Decision | Future[Decision]:
        """Count one call, or refuse it and count nothing; on the loop's thread."""
        asked = self._asked(address, cid)
        return asked if isinstance(asked, Decision) else self._counters.ask_on_loop(asked)

    def check_blocking(self, address: str | None, cid: str) -> Decision:
        """The same, for a thread that may wait."""
        asked = self._asked(address, cid)
        return asked if isinstance(asked, Decision) else self._counters.ask(asked)

    def forget_refused(self) -> None:
        """Count anew how many calls were refused."""
        for budget in self.budgets:
            budget.refused = [0] * len(budget.counts)

    def use(self) -> Iterator[Use]:
        """How far each line that counts is used now; raises StoreUnavailable."""
        for budget in self.budgets:
            uses = zip(budget.counts, self._counters.used(budget.counts), budget.refused, strict=True)
            for line, (count, use, refused) in zip(budget.group.binding, uses, strict=True):
                at = None if use.ends_at is None else datetime.fromtimestamp(use.ends_at, UTC)
                identity = self.limit.on, self.limit.name
                yield Use(*identity, str(line), use.used, count.rate, refused, use.addresses, at)

    def _asked(self, address: str | None, cid: str) -> Decision | Question:
        place = self.plan.place(address)
        if place is None:
            others = self._denied if self.limit.deny_others and address is not None else self._free
            return others.check(address, cid)
        budget = self.budgets[place]
        return Question(budget, address, cid) if budget.counts else budget.passed


class Waiting(NamedTuple):
    """A call on a loop that waits for its answer."""

    since: float
    question: Question
    future: Future[Decision]


class LoopWaits:
    """Futures of one loop: settled in batches from any thread, and never later than `patience_seconds`."""

    def __init__(
        self, loop: AbstractEventLoop, patience_seconds: float, late: Callable[[AbstractEventLoop], None]
    ) -> None:
        self.loop, self._patience, self._late = loop, patience_seconds, late
        self._waiting: deque[Waiting] = deque()
        self._swept = True

    def wait(self, question: Question) -> Waiting:
        """Make the future of a question; on the loop's thread."""
        waiting = Waiting(monotonic(), question, self.loop.create_future())
        self._waiting.append(waiting)
        if self._swept:
            self._swept = False
            self.loop.call_later(self._patience, self._sweep)
        return waiting

    def settle(self, answers: Iterable[tuple[Waiting, Answer | None]]) -> None:
        """Settle futures, None for a store that is down; on the loop's thread."""
        for waiting, answer in answers:
            if not waiting.future.done():
                budget = waiting.question.budget
                waiting.future.set_result(
                    budget.down(waiting.question) if answer is None else budget.decide(waiting.question, answer)
                )

    def settle_soon(self, answers: list[tuple[Waiting, Answer | None]]) -> None:
        """The same, from any other thread."""
        try:
            self.loop.call_soon_threadsafe(self.settle, answers)
        except RuntimeError:  # the loop is closed: nobody waits any more
            log.debug("a loop closed before %d answers of the shared counter", len(answers))

    def _sweep(self) -> None:
        now = monotonic()
        while self._waiting and (self._waiting[0].future.done() or now - self._waiting[0].since >= self._patience):
            waiting = self._waiting.popleft()
            if not waiting.future.done():
                self.settle([(waiting, None)])
                self._late(self.loop)
        self._swept = not self._waiting
        if self._waiting:
            self.loop.call_later(max(0.001, self._waiting[0].since + self._patience - now), self._sweep)


class Loops:
    """The waits of each loop that has asked."""

    def __init__(self, patience_seconds: float, late: Callable[[AbstractEventLoop], None]) -> None:
        self._by_loop: dict[AbstractEventLoop, LoopWaits] = {}
        self._patience, self._late = patience_seconds, late

    def running(self) -> LoopWaits:
        """The waits of the running loop."""
        loop = asyncio.get_running_loop()
        waits = self._by_loop.get(loop)
        if waits is None:
            for closed in [each for each in self._by_loop if each.is_closed()]:
                del self._by_loop[closed]
            waits = self._by_loop[loop] = LoopWaits(loop, self._patience, self._late)
        return waits


class Health:
    """Whether the store answers; says when that changes."""

    def __init__(self, what: str) -> None:
        self._what, self._down_until, self._up, self._lates = what, 0.0, True, 0

    def down_now(self) -> bool:
        """Whether it has just failed, so that nobody need wait for it again."""
        return not self._up and monotonic() < self._down_until

    def late(self) -> bool:
        """A call waited in vain; several in a row mean that the store is down, which is then true."""
        self._lates += 1
        if self._lates >= MOST_LATE:
            self.failed("too late")
        return self._lates >= MOST_LATE

    def failed(self, why: object) -> None:
        """It gave no answer; try again in half a second."""
        if self._up:
            log.warning(
                "The counters of limits in %s give no answer (%s); until they do, calls are refused or let through as "
                "each limit's if_store_down says. Fix: see that the store runs and is not blocked.",
                self._what,
                why,
            )
        self._up, self._down_until = False, monotonic() + 0.5

    def answered(self) -> None:
        """It gave an answer."""
        if not self._up:
            log.warning("The counters of limits in %s answer again.", self._what)
        self._up, self._lates = True, 0
