"""Counters in one SQLite file, exact across the threads and processes of one machine.

One thread of each process takes whatever calls have come meanwhile into one transaction: it holds the file's write lock
from before it reads the clock until after it has written, so no two processes ever count at once. The clock is the
machine's, which all of them share.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from asyncio import Future
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import IO, Any, NamedTuple, cast

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Clock
from workbench.limiting.decision import Decision
from workbench.limiting.shared.ledger import Ledger
from workbench.limiting.shared.limiter import (
    PATIENCE_SECONDS,
    Answer,
    Count,
    CountUse,
    Granted,
    Health,
    Loops,
    LoopWaits,
    Question,
    Waiting,
)
from workbench.stores.files import Place, make_private

try:
    import fcntl
except ImportError:  # Windows: SQLite's own lock alone
    fcntl = None  # type: ignore[assignment]

MOST_AT_ONCE = 512
PURGE_SECONDS = 60.0


class _Blocked:
    """A thread that waits for its answer."""

    __slots__ = ("answer", "came", "question", "since")

    def __init__(self, question: Question) -> None:
        self.question, self.since = question, monotonic()
        self.answer: Answer | None = None
        self.came = threading.Lock()
        self.came.acquire()


class _OnLoop(NamedTuple):
    waits: LoopWaits
    waiting: Waiting


class _Chore:
    """Work inside a transaction that is no call of a service."""

    def __init__(self, work: Callable[[Ledger, float], Any]) -> None:
        self.work, self.done = work, threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None


class SQLiteCounters:
    """The counters of one file; made at the first question, safe to ask from any thread and loop."""

    is_on_this_machine = True

    def __init__(self, path: Path, clock: Clock, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.path, self.patience_seconds = path.absolute(), patience_seconds
        self._now, self._health = clock.time, Health(f"the file {self.path}")
        self._queue: SimpleQueue[_OnLoop | _Blocked | _Chore | None] = SimpleQueue()
        self._loops, self._starting = Loops(patience_seconds, lambda _: None), threading.Lock()
        self._thread: threading.Thread | None = None
        self._entered: float | None = None
        self._closed = False

    def open(self) -> None:
        """Open or make the file; one that cannot be opened is said in the log."""
        with suppress(StoreUnavailable):
            self.work(lambda ledger, now: None)

    def ask(self, question: Question) -> Decision:
        """Count one call on a thread that may wait."""
        blocked = _Blocked(question)
        if not self._stuck():
            self._put(blocked)
            if blocked.came.acquire(timeout=self.patience_seconds) and blocked.answer is not None:
                return question.budget.decide(question, blocked.answer)
        return question.budget.down(question)

    def ask_on_loop(self, question: Question) -> Future[Decision]:
        """Count one call without blocking the running loop."""
        waits = self._loops.running()
        waiting = waits.wait(question)
        if self._stuck():
            waits.settle([(waiting, None)])
        else:
            self._put(_OnLoop(waits, waiting))
        return waiting.future

    def used(self, counts: Sequence[Count]) -> list[CountUse]:
        """How far counters are used now; raises StoreUnavailable."""
        return cast("list[CountUse]", self.work(lambda ledger, now: [ledger.used(count, now) for count in counts]))

    def forget(self, prefix: str) -> None:
        """Remove every counter whose key begins so; raises StoreUnavailable."""
        self.work(lambda ledger, now: ledger.forget(prefix))

    def lease(self, wanted: Sequence[tuple[Count, int]]) -> list[Granted]:
        """Take up to so many calls of each counter's current window; raises StoreUnavailable."""
        leased = self.work(lambda ledger, now: [ledger.lease(count, want, now) for count, want in wanted])
        return cast("list[Granted]", leased)

    def give_back(self, unused: Sequence[tuple[Count, int, float]]) -> None:
        """Put back calls of the window that started then; raises StoreUnavailable."""

        def put_back(ledger: Ledger, now: float) -> None:
            for count, number, start in unused:
                ledger.give_back(count, number, start, now)

        self.work(put_back)

    def work(self, chore: Callable[[Ledger, float], Any]) -> Any:
        """Run a chore in a transaction; raises StoreUnavailable."""
        asked = _Chore(chore)
        self._put(asked)
        if not asked.done.wait(2.0) or asked.error is not None:
            raise StoreUnavailable(
                f"The counters of limits in {self.path} gave no answer ({asked.error or 'within 2 s'}). "
                f"Fix: see that no other process holds the file."
            ) from asked.error
        return asked.result

    async def leave_loop(self) -> None:
        """Nothing of this belongs to a loop."""

    def close(self) -> None:
        """End the thread and close the file; questions that come later are answered as if it were down."""
        with self._starting:
            self._closed, thread = True, self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join(5.0)

    def _put(self, asked: _OnLoop | _Blocked | _Chore) -> None:
        if self._thread is None:
            with self._starting:
                if self._thread is None and not self._closed:
                    self._thread = threading.Thread(target=self._count, name="workbench-limits", daemon=True)
                    self._thread.start()
        self._queue.put(asked)

    def _stuck(self) -> bool:
        entered = self._entered
        if self._closed or self._health.down_now():
            return True
        return entered is not None and monotonic() - entered > self.patience_seconds

    def _count(self) -> None:
        file: _File | None = None
        while (batch := self._batch()) is not None:
            if not batch:
                continue
            self._entered = monotonic()
            answers: list[Answer | None] = [None] * len(batch)
            try:
                file = file or _File(self.path)
                answers = file.decide(batch, self._now)
                self._health.answered()
            except (sqlite3.Error, OSError) as exc:
                self._health.failed(exc)
                for chore in (each for each in batch if isinstance(each, _Chore)):
                    chore.error = exc
                if file is not None:
                    file.close()
                    file = None
            self._entered = None
            _settle(batch, answers)
        if file is not None:
            file.close()

    def _batch(self) -> list[_OnLoop | _Blocked | _Chore] | None:
        """What has come meanwhile, without what nobody waits for any more; None to end."""
        batch: list[_OnLoop | _Blocked | _Chore] = []
        asked = self._queue.get()
        with suppress(Empty):
            while asked is not None and len(batch) < MOST_AT_ONCE:
                late = not isinstance(asked, _Chore) and monotonic() - _since(asked) > self.patience_seconds
                if not late:
                    batch.append(asked)
                asked = self._queue.get_nowait()
            if asked is not None:
                batch.append(asked)
        if asked is None and not batch:
            return None
        if asked is None:
            self._queue.put(None)
        return batch


def _since(asked: _OnLoop | _Blocked) -> float:
    return asked.waiting.since if isinstance(asked, _OnLoop) else asked.since


def _settle(batch: list[_OnLoop | _Blocked | _Chore], answers: list[Answer | None]) -> None:
    by_loop: dict[LoopWaits, list[tuple[Waiting, Answer | None]]] = {}
    for asked, answer in zip(batch, answers, strict=True):
        if isinstance(asked, _Chore):
            asked.done.set()
        elif isinstance(asked, _Blocked):
            asked.answer = answer
            asked.came.release()
        else:
            by_loop.setdefault(asked.waits, []).append((asked.waiting, answer))
    for waits, settled in by_loop.items():
        waits.settle_soon(settled)


class _File:
    """The open file and the lock beside it: SQLite's own waiting polls, a file lock wakes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock")
        self._lock: IO[bytes] = os.fdopen(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
        try:
            with self._held():
                make_private(path)
                self._place = Place(path)
                self._connection = sqlite3.connect(path, timeout=1.0, isolation_level=None)
                # No write is ever forced to the disk: counts survive the death of processes, not a power cut.
                for pragma in ("journal_mode=WAL", "synchronous=OFF", "temp_store=MEMORY"):
                    self._connection.execute(f"PRAGMA {pragma}")
                self.ledger = Ledger(self._connection)
        except BaseException:
            self.close()
            raise
        self._purge_at = monotonic() + PURGE_SECONDS

    @contextmanager
    def _held(self) -> Iterator[None]:
        if fcntl is None:
            yield
            return
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def decide(self, batch: list[_OnLoop | _Blocked | _Chore], clock: Callable[[], float]) -> list[Answer | None]:
        """Answer a batch in one transaction."""
        with self._held():
            if not self._place.is_kept():
                raise FileNotFoundError("it was deleted or replaced while it was open, and counts begin anew")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self.ledger.begin()
                answers = [self._one(asked, clock) for asked in batch]
                if monotonic() > self._purge_at:
                    self.ledger.purge(clock())
                    self._purge_at = monotonic() + PURGE_SECONDS
                self.ledger.write()
                self._connection.execute("COMMIT")
            except BaseException:
                self.ledger.abandon()
                self._connection.rollback()
                raise
        return answers

    def _one(self, asked: _OnLoop | _Blocked | _Chore, clock: Callable[[], float]) -> Answer | None:
        if isinstance(asked, _Chore):
            asked.result = asked.work(self.ledger, clock())
            return None
        return self.ledger.decide(asked.waiting.question if isinstance(asked, _OnLoop) else asked.question, clock())

    def close(self) -> None:
        """Close both files."""
        with suppress(sqlite3.Error, AttributeError):
            self._connection.close()
        self._lock.close()
