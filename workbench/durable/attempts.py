"""Pieces of work in a store: one owner tries each at a time, and every attempt ends as a row that says how.

A unit of work is named by a key. Its attempts are the rows `<unit>~1`, `<unit>~2` and so on: whoever adds a row makes
that attempt, so one process alone does. How it ended is written by compare-and-set, so a process that was taken for
dead meanwhile does not write over what was decided about it. Work is done at least once: whoever makes no attempt
after one that was interrupted loses nothing, but leaves the work undone.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from workbench.core.errors import StoreUnavailable, WorkbenchError
from workbench.core.failure import sentence_of
from workbench.core.forking import forgets_when_forked
from workbench.core.ports import Clock, Store, Swap
from workbench.durable.presence import Presence

log = logging.getLogger("workbench.durable")

RUNNING, FAILED, INTERRUPTED = "running", "failed", "interrupted"

MOST_UNWRITTEN = 1_000
"""Ends of attempts that wait for a store that refuses them; about 1 MB of runs as jobs leave them."""

OWNER_DIED = "the process that ran it ended before the run did"
UNKNOWN = "the store gave no answer when it began or ended"


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt at a piece of work, as the store keeps it; a room adds fields of its own.

    `outcome` is `running`, `failed` (it raised), `interrupted` (its owner died, or its end was never written), or a
    word of the room's. `key` names the row, `owner` the process.
    """

    outcome: str = RUNNING
    error: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    attempt: int = 1
    owner: str = ""
    key: str = ""


A = TypeVar("A", bound=Attempt)


class Attempts(Generic[A]):
    """The attempts that one process makes and sees; safe for threads, processes and machines.

    Only one of them may claim below a key by the same presence: what it does not know of, it takes for abandoned.
    """

    def __init__(
        self, store: Store, presence: Presence, clock: Clock, kind: type[A], most_unwritten: int = MOST_UNWRITTEN
    ) -> None:
        """Make no attempt yet.

        Args:
            store: Where the rows are.
            presence: Names this process, and says which others live.
            clock: Says when an attempt began and ended.
            kind: What a row is.
            most_unwritten: Ends that wait at most while the store refuses them. The oldest gives way; its row is
                `interrupted` for whoever looks at it next.
        """
        self._store, self._presence, self._clock, self._most = store, presence, clock, most_unwritten
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(kind).decode
        self._pid = os.getpid()
        self.forget()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: what is being done, and what waits to be written, is the parent's."""
        self._lock = Lock()
        self._held: dict[str, bytes] = {}
        self._unwritten: deque[A] = deque()

    # One piece of work, from its claim to its end

    def claim(self, unit: str, row: A) -> A | None:
        """Add the row of an attempt, with this process as its owner; None if somebody else has added it.

        A row that does not run, but says why nothing was done, is claimed alike.

        Raises:
            StoreUnavailable: The store gave no answer. If the row was added all the same, it is `interrupted` for
                whoever looks at it next.
        """
        return self.claim_all([(unit, row)])[0]

    def claim_all(self, units: Sequence[tuple[str, A]]) -> list[A | None]:
        """Claim several in one write, each with its row; None in place of those that somebody else has added.

        Raises:
            StoreUnavailable: As for `claim`, of all of them.
        """
        rows = [replace(row, key=f"{unit}~{row.attempt}", owner=self._presence.me) for unit, row in units]
        values = [self._encode(row) for row in rows]
        # Held before they can be seen, so that nobody in this process takes them for abandoned.
        self._held.update((row.key, value) for row, value in zip(rows, values, strict=True) if row.outcome == RUNNING)
        is_ours = [False] * len(rows)
        try:
            if rows:
                swaps = [Swap(row.key, None, each) for row, each in zip(rows, values, strict=True)]
                is_ours = self._store.swap_all(swaps)
        finally:
            for row, added in zip(rows, is_ours, strict=True):
                if not added:
                    self._held.pop(row.key, None)
        return [row if added else None for row, added in zip(rows, is_ours, strict=True)]

    def perform(self, row: A, do: Callable[[A], A]) -> A:
        """Do the work: `do` answers the row as it ended. Whatever it raises, an exit too, ends the attempt as failed.

        Nothing is written; `settle` does that.
        """
        try:
            return do(row)
        except WorkbenchError as exc:
            error = sentence_of(exc)
        except BaseException as exc:
            error = f"{type(exc).__name__}: {sentence_of(exc)}"
        return replace(row, outcome=FAILED, error=error, ended=self._clock.now())

    def settle(self, row: A) -> bool:
        """Write how a claimed attempt ended; False if that does not stand, since its row has been decided or removed.

        Raises:
            StoreUnavailable: The store gave no answer; the row waits for `settle_rest`.
        """
        return self.settle_all([row])[0]

    def settle_all(self, rows: Sequence[A]) -> list[bool]:
        """Write how several ended, in one write; of each, whether it stands.

        Raises:
            StoreUnavailable: The store gave no answer; all of them wait for `settle_rest`.
        """
        known = [(row, claimed) for row in rows if (claimed := self._held.get(row.key)) is not None]
        try:
            stands = self._swapped([Swap(row.key, claimed, self._encode(row)) for row, claimed in known])
        except StoreUnavailable:
            for row in rows:
                self._keep_for_later(row)
            raise
        for row in rows:
            self._held.pop(row.key, None)
        return [row.key in stands for row in rows]

    def retry(self, ended: A, **fresh: Any) -> A | None:
        """Claim the next attempt at the same work; None if somebody else has claimed it.

        Args:
            ended: The last attempt; its row is left as it is.
            fresh: The room's own fields that begin anew.

        Raises:
            ValueError: The attempt still runs.
            StoreUnavailable: The store gave no answer.
        """
        if ended.outcome == RUNNING:
            raise ValueError(f"{ended.key} still runs. Fix: settle it, or wait until its owner has died.")
        unit, number = ended.key.rpartition("~")[0], ended.attempt + 1
        begun = {"outcome": RUNNING, "error": "", "started": self._clock.now(), "ended": None, "attempt": number}
        return self.claim(unit, replace(ended, **(begun | fresh)))

    # What the store refused

    @property
    def has_unwritten(self) -> bool:
        """Whether ends wait for the store."""
        return bool(self._unwritten)

    def settle_rest(self) -> Iterator[tuple[A, bool]]:
        """Write the ends that wait, each tried once; yields those that are written, and whether they stand."""
        for _ in range(len(self._unwritten)):
            with self._lock:
                if not self._unwritten:
                    return
                row = self._unwritten.popleft()
            try:
                stands = self.settle(row)
            except StoreUnavailable as exc:
                log.debug("%s: its end is still not written: %s", row.key, exc)
                continue
            yield row, stands

    # What others did, or left

    def below(self, prefix: str) -> Iterator[A]:
        """The rows whose keys begin with `prefix`, in order of the key; what a dead owner left is `interrupted` now."""
        for key, value in self._store.scan(prefix):
            yield self.read(key, value)

    def latest(self, unit: str) -> A | None:
        """The last attempt at a piece of work; None if nobody has begun it."""
        return max(self.below(f"{unit}~"), key=lambda row: row.attempt, default=None)

    def read(self, key: str, value: bytes) -> A:
        """The row that was found at a key; `interrupted` from now on if a dead owner left it."""
        row = self._decode(value)
        while row.outcome == RUNNING and (why := self._why_abandoned(key, row.owner)):
            left = replace(row, outcome=INTERRUPTED, error=why, ended=self._clock.now())
            try:
                if self._store.swap(key, value, self._encode(left)):
                    return left
                now = self._store.get(key)
            except StoreUnavailable as exc:
                log.warning("%s stays marked as running, though %s: %s", key, why, exc)
                return left
            if now is None:
                return left
            row, value = self._decode(now), now
        return row

    def _why_abandoned(self, key: str, owner: str) -> str:
        """Why nobody works on it any more; nothing if its owner does."""
        if not self._presence.alive(owner):
            return OWNER_DIED
        # A forked child bears the name of its parent, and knows nothing of what that does.
        is_ours = owner == self._presence.me and self._pid == os.getpid()
        return UNKNOWN if is_ours and key not in self._held else ""

    def _swapped(self, swaps: Sequence[Swap]) -> set[str]:
        """The keys that have the new value now."""
        answers = list(zip(swaps, self._store.swap_all(swaps) if swaps else [], strict=True))
        stands = {each.key for each, is_swapped in answers if is_swapped}
        if left := [each for each, is_swapped in answers if not is_swapped]:
            # An earlier try may have been carried out though its answer was lost.
            now = self._store.get_all([each.key for each in left])
            stands |= {each.key for each in left if now.get(each.key) == each.value}
        return stands

    def _keep_for_later(self, row: A) -> None:
        with self._lock:
            given_up = self._unwritten.popleft() if len(self._unwritten) >= self._most else None
            self._unwritten.append(row)
        if given_up is not None:
            self._held.pop(given_up.key, None)
            log.warning(
                "%s: how it ended is given up, since %d ends wait for the store already; its row will say interrupted",
                given_up.key,
                self._most,
            )
