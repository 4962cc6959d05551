"""Counters in Redis, exact across machines: one atomic statement a call, by the server's clock, pipelined by itself."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import Sequence
from typing import Any

from workbench.core.errors import StoreUnavailable
from workbench.limiting.decision import Decision
from workbench.limiting.shared.limiter import (
    PATIENCE_SECONDS,
    SEPARATOR,
    Answer,
    Count,
    CountUse,
    Granted,
    Health,
    Loops,
    Question,
    SharedBudget,
)
from workbench.limiting.shared.redis_scripts import CALENDAR, GIVE_BACK, LEASE, ONE, SLIDING, Script
from workbench.limiting.shared.redis_wire import LoopWire, Server, ThreadWire
from workbench.limiting.shared.resp import ReplyError, bulk, command

_PASSED = Answer(-1, (), ())


class RedisCounters:
    """The counters of one application on one server; safe to ask from any thread and loop."""

    is_on_this_machine = False

    def __init__(self, url: str, app: str = "", patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Name the server; nothing is connected yet.

        Args:
            url: `redis://host:6379/0`, `rediss://...` or `unix:///path`.
            app: Application whose counters these are; others on the same server have their own.
            patience_seconds: Longest wait of a call for its answer [s].
        """
        self._server, self._prefix, self.patience_seconds = Server(url), f"workbench:limits:{app}:", patience_seconds
        self._health = Health(str(self._server))
        self._loops, self._wires = Loops(patience_seconds, self._late), dict[AbstractEventLoop, LoopWire]()
        self._threads = ThreadWire(self._server, patience_seconds)
        self._head_by_budget: dict[int, tuple[SharedBudget, bytes]] = {}
        self._closed = False

    def open(self) -> None:
        """Try the server; one that is down is said in the log."""
        self._ask_blocking([command("PING")])

    def ask(self, question: Question) -> Decision:
        """Count one call on a thread that may wait."""
        replies = None if self._down() else self._ask_blocking([self._command(question)])
        if replies is not None and _unknown(replies[0]):
            replies = self._ask_blocking([self._command(question, by_text=True)])
        answer = self._answer(replies[0]) if replies is not None else None
        return question.budget.down(question) if answer is None else question.budget.decide(question, answer)

    def ask_on_loop(self, question: Question) -> Future[Decision]:
        """Count one call without blocking the running loop."""
        waits = self._loops.running()
        waiting = waits.wait(question)
        if self._down():
            waits.settle([(waiting, None)])
            return waiting.future

        def answered(reply: Any) -> None:
            if _unknown(reply):
                self._wire(waits.loop).send(self._command(question, by_text=True), settle)
            else:
                settle(reply)

        def settle(reply: Any) -> None:
            waits.settle([(waiting, self._answer(reply))])

        self._wire(waits.loop).send(self._command(question), answered)
        return waiting.future

    def used(self, counts: Sequence[Count]) -> list[CountUse]:
        """How far counters are used now; raises StoreUnavailable."""
        seconds, micros = self._need([command("TIME")])[0]
        commands = []
        for count in counts:
            start = f":{int(seconds) // count.period * count.period}"
            if count.most:
                commands.append(command("GET", self._key(count, f"{SEPARATOR}crowd{start}")))
            elif count.sliding:
                commands.append(command("LRANGE", self._key(count), 0, -1))
            else:
                commands.append(command("GET", self._key(count, start)))
        replies = self._need(commands) if commands else []
        now = int(seconds) + int(micros) / 1e6
        return [_use(count, reply, now) for count, reply in zip(counts, replies, strict=True)]

    def forget(self, prefix: str) -> None:
        """Remove every counter whose key begins so; raises StoreUnavailable."""
        pattern = f"{_escaped(self._prefix)}{{{_escaped(prefix)}}}*" if prefix else f"{_escaped(self._prefix)}*"
        cursor = b"0"
        while True:
            cursor, keys = self._need([command("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)])[0]
            if keys:
                self._need([command("DEL", key) for key in keys])
            if cursor == b"0":
                return

    def lease(self, wanted: Sequence[tuple[Count, int]]) -> list[Granted]:
        """Take up to so many calls of each counter's current window; raises StoreUnavailable."""
        replies = self._run(LEASE, [(self._key(count), count.rate, count.period, want) for count, want in wanted])
        return [
            Granted(number, start, int(seconds) + int(micros) / 1e6, rest)
            for number, start, seconds, micros, rest in replies
        ]

    def give_back(self, unused: Sequence[tuple[Count, int, float]]) -> None:
        """Put back calls of the window that started then; raises StoreUnavailable."""
        self._run(GIVE_BACK, [(self._key(count), number, int(start)) for count, number, start in unused])

    def _run(self, script: Script, each: Sequence[tuple[str | int, ...]]) -> list[Any]:
        """Run a script of one key many times; the key first, then its arguments."""
        replies = self._ask_blocking([command("EVALSHA", script.digest, 1, *words) for words in each])
        if replies is not None and any(map(_unknown, replies)):  # then it knew it for none of them
            return self._need([command("EVAL", script.text, 1, *words) for words in each])
        return self._checked(replies)

    async def leave_loop(self) -> None:
        """Close the connection of the running loop, which is about to end."""
        wire = self._wires.pop(asyncio.get_running_loop(), None)
        if wire is not None:
            wire.end(ConnectionAbortedError("its loop ends"), lost=False)
            await asyncio.sleep(0)  # the transport closes in the next turn

    def close(self) -> None:
        """Close all connections; questions that come later are answered as if the server were down."""
        self._closed = True
        self._threads.close()
        for loop, wire in list(self._wires.items()):
            why = ConnectionAbortedError("the workbench has closed it")
            if not loop.is_closed():
                loop.call_soon_threadsafe(wire.end, why)

    def _down(self) -> bool:
        return self._closed or self._health.down_now()

    def _need(self, commands: list[bytes]) -> list[Any]:
        return self._checked(self._ask_blocking(commands))

    def _checked(self, replies: list[Any] | None) -> list[Any]:
        refused = [reply for reply in replies or () if isinstance(reply, ReplyError)]
        if replies is None or refused:
            raise StoreUnavailable(
                f"The counters of limits in {self._server} gave no answer{f' ({refused[0]})' if refused else ''}. "
                f"Fix: see that the server runs and may be written to."
            )
        return replies

    def _ask_blocking(self, commands: list[bytes]) -> list[Any] | None:
        try:
            replies = self._threads.ask(commands)
        except OSError as exc:
            self._health.failed(exc)
            return None
        self._health.answered()
        return replies

    def _wire(self, loop: AbstractEventLoop) -> LoopWire:
        wire = self._wires.get(loop)
        if wire is None or wire.dead:
            for closed in [each for each in self._wires if each.is_closed()]:
                del self._wires[closed]
            wire = self._wires[loop] = LoopWire(self._server, self._lost)
        return wire

    def _lost(self, why: OSError) -> None:
        if not self._closed:
            self._health.failed(why)

    def _late(self, loop: AbstractEventLoop) -> None:
        if self._health.late() and loop in self._wires:
            self._wires[loop].end(TimeoutError("no reply in time"))

    def _answer(self, reply: Any) -> Answer | None:
        if reply == 0 and not isinstance(reply, Exception):
            self._health.answered()
            return _PASSED
        if isinstance(reply, ReplyError):
            self._health.failed(reply)
        if not isinstance(reply, list):
            return None
        self._health.answered()
        full, text, *state = reply
        waits = [float(wait) for wait in state[1::2]]
        return Answer(full - 1, state[::2], waits, *_last(text))

    def _key(self, count: Count, tail: str = "") -> str:
        on, name, rest = count.key.split(SEPARATOR, 2)
        return f"{self._prefix}{{{on}{SEPARATOR}{name}}}{SEPARATOR}{rest}{tail}"

    def _command(self, question: Question, *, by_text: bool = False) -> bytes:
        """The words of one question: all but address and CID are the same for every call of a network."""
        budget = question.budget
        tail = bulk(question.address or "") + bulk(question.cid)
        if budget.apart or by_text:
            return self._head(budget, question.caller, by_text) + tail
        known = self._head_by_budget.get(id(budget))
        if known is None or known[0] is not budget:
            if len(self._head_by_budget) > 10_000:
                self._head_by_budget.clear()
            known = self._head_by_budget[id(budget)] = budget, self._head(budget, "", False)
        return known[1] + tail

    def _head(self, budget: SharedBudget, caller: str, by_text: bool) -> bytes:
        script = SLIDING if budget.limit.window == "sliding" else CALENDAR
        if script is CALENDAR and len(budget.counts) == 1 and not budget.apart and not budget.tells:
            script = ONE
        tails = (f"{SEPARATOR}at{SEPARATOR}{caller}", f"{SEPARATOR}crowd", f"{SEPARATOR}overflow")
        keys = [self._key(count, tail) for count in budget.counts for tail in (tails if budget.apart else ("",))]
        most = budget.counts[0].most
        rates = [word for count in budget.counts for word in (count.rate, count.period)]
        how = ("EVAL", script.text) if by_text else ("EVALSHA", script.digest)
        words: list[str | bytes | int] = [*how, len(keys), *keys, len(budget.counts), int(budget.tells), most, *rates]
        return b"*%d\r\n" % (len(words) + 2) + b"".join(map(bulk, words))


def _unknown(reply: Any) -> bool:
    return isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT")


def _last(text: bytes) -> tuple[float | None, str, str]:
    """When, from where and under which CID a counter was last taken from."""
    words = text.decode("utf-8", "replace").split(" ", 3)
    if len(words) < 4:
        return None, "", ""
    return int(words[0]) + int(words[1]) / 1e6, words[2], words[3]


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "*?[]\\^-" else letter for letter in text)


def _use(count: Count, reply: Any, now: float) -> CountUse:
    if count.sliding and not count.most:
        calls = (call.split(b" ", 2) for call in reply)
        return CountUse(sum(now - int(at) - int(micros) / 1e6 <= count.period for at, micros, _ in calls), 0, None)
    used = int(reply or 0)
    ends_at = None if count.sliding else now // count.period * count.period + count.period
    return CountUse(0, used, ends_at) if count.most else CountUse(used, 0, ends_at)
