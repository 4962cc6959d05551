"""Takes definitions of jobs in: one by one, or those of a block together, in one write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import RLock, local
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from workbench.core.events import Events
from workbench.core.ports import Clock
from workbench.scheduler.definitions import AnyJob
from workbench.scheduler.history import History, Kept
from workbench.scheduler.ledger import Ledger
from workbench.scheduler.records import Change, JobChanged, JobRecord, decided


class GoLive(Protocol):
    """Has a job fire in this process."""

    def __call__(self, record: JobRecord, since: datetime | None = None, mark: datetime | None = None) -> None:
        """From `since` on, or from its `mark`, up to when its planned times are accounted for; None has it read."""
        ...


class _Taken(NamedTuple):
    """A job that was decided about and is not in force yet; `stored` is what it takes the place of."""

    record: JobRecord
    stored: JobRecord | None
    word: Change
    begins: datetime | None


class _Block(local):
    """What a thread has taken in within its block; outside of one, `taken` is None."""

    def __init__(self) -> None:
        self.taken: dict[str, _Taken] | None = None
        self.raw: dict[str, bytes | None] = {}


class Defining:
    """The way of a definition into force. Safe for threads."""

    def __init__(
        self, history: History, ledger: Ledger, clock: Clock, events: Events, go_live: GoLive, wake: Callable[[], None]
    ) -> None:
        """Take nothing in yet; `wake` has whoever waits for the next planned time look again."""
        self._history, self._ledger, self._clock, self._events = history, ledger, clock, events
        self._go_live, self._wake = go_live, wake
        self._block = _Block()
        self.lock = RLock()
        """Held while the store and this process are made to say the same."""

    def define(self, definition: AnyJob, source: str) -> Change:
        """Take a job in; see `Scheduler.define`."""
        with self.together() as taken:
            name = definition.name
            now = self._history.reached(name)
            stored = self._history.read(name, self.raw(name), definition)
            record, word = decided(definition, stored, source, now)
            is_new = word != "unchanged" and not record.goes_on(stored)
            if stored is not None and record.since is None:
                # A store from before schedules had one: it is in force since its account was opened.
                record = replace(record, since=self._history.accounted_to(name) or record.anchor)
            taken[name] = _Taken(record, stored, word, now if is_new else None)
        return word

    @contextmanager
    def together(self, names: Sequence[str] = ()) -> Iterator[dict[str, _Taken]]:
        """Take what this thread defines in the block in at its end, all or nothing; within another block, at its end.

        Args:
            names: Of the jobs that are going to be defined, so that they are read together.

        Raises:
            StoreUnavailable: It cannot be kept; nothing has changed.
        """
        block = self._block
        if block.taken is not None:
            yield block.taken
            return
        block.raw = self._history.raw_all(names)
        taken = block.taken = {}
        try:
            yield taken
        finally:
            block.taken, block.raw = None, {}
        self._put_into_force(taken)

    def raw(self, name: str) -> bytes | None:
        """The job as it is stored; within a block it is read once."""
        block = self._block
        if block.taken is None:
            return self._history.raw(name)
        if name in block.taken:
            self._put_into_force(block.taken)
            block.raw.clear()
        if name not in block.raw:
            block.raw[name] = self._history.raw(name)
        return block.raw[name]

    def put_back(self, name: str, record: JobRecord) -> None:
        """Have a job be again what it was."""
        with self.lock:
            stored = self._history.job(name)
            ends = begins = None
            if not record.goes_on(stored):
                ends, begins = stored, self._history.reached(name)
                if stored is not None:
                    self._ledger.end(stored, begins)
                record = replace(record, since=begins)
            self._history.keep([Kept(record, ends, begins)])
            self._go_live(record)
        self._events.emit(JobChanged(name, "changed"))
        self._wake()

    def _put_into_force(self, taken: dict[str, _Taken]) -> None:
        each_taken = list(taken.values())
        taken.clear()
        if not each_taken:
            return
        with self.lock:
            for each in each_taken:
                if each.begins is not None and each.stored is not None:
                    self._ledger.end(each.stored, each.begins)
            kept = [
                Kept(each.record, each.stored if each.begins else None, each.begins)
                for each in each_taken
                if each.record != each.stored
            ]
            if kept:
                self._history.keep(kept)
            marks = self._history.marks([each.record for each in each_taken if each.begins is None])
            for each in each_taken:
                self._go_live(each.record, each.begins, marks.get(each.record.definition.name))
        for each in each_taken:
            if each.word != "unchanged":
                self._events.emit(JobChanged(each.record.definition.name, each.word))
        self._wake()
