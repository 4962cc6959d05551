"""When a place was last here: each of its processes leaves a mark, so that the next one knows since when none was.

A place is where a process runs again after it has ended: a notebook of a folder, or its file that is served there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Clock, Store
from workbench.durable.presence import Presence
from workbench.stores.values import key_part

log = logging.getLogger("workbench.durable")

SEEN_SECONDS = 10.0
"""Time between two marks of a process [s]; one that is killed was here so much longer, at most, than its mark says."""

KEPT = timedelta(days=400)
"""Age from which a mark of any place is removed: machines that are made anew each day would leave one each."""


class _Mark(msgspec.Struct):
    """That a process was here."""

    owner: str
    at: datetime


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Mark).decode


class Left(NamedTuple):
    """That no process of a place was here since `at` (UTC); `owners` are those that were, by names of presences."""

    at: datetime
    owners: frozenset[str]


class Seen:
    """The marks of one place.

    Attributes:
        left: Since when no process of it was here before this one; None if that is not known, or another one is here.
    """

    def __init__(self, store: Store, presence: Presence, clock: Clock, prefix: str, place: str) -> None:
        """Look who was here; no mark is left yet.

        Args:
            store: Where marks are.
            presence: Names this process, and says which others live.
            clock: Says when.
            prefix: First part of the keys of all places.
            place: Which one; any text.
        """
        self._store, self._presence, self._clock = store, presence, clock
        self._prefix, self._place = f"{prefix}/", f"{prefix}/{key_part(place)}/"
        self._noted_at: float | None = None
        self._former: list[str] | None = []
        self.left: Left | None = None
        try:
            self.left = self._look()
        except StoreUnavailable as exc:
            log.warning("what came while no process of %s was here is not known: %s", place, exc)

    def _look(self) -> Left | None:
        marks = dict(self._marks(self._place))
        self._former = [key for key, mark in marks.items() if not self._presence.alive(mark.owner)]
        if not marks or len(self._former) < len(marks):
            return None
        return Left(max(mark.at for mark in marks.values()), frozenset(mark.owner for mark in marks.values()))

    @property
    def is_time(self) -> bool:
        """Whether the last mark is old; the next one counts from now."""
        now = self._clock.monotonic()
        if self._noted_at is not None and now - self._noted_at < SEEN_SECONDS:
            return False
        self._noted_at = now
        return True

    def note(self) -> None:
        """Leave a mark; the first one takes the place of those of processes that have ended."""
        now, me = self._clock.now(), self._presence.me
        try:
            self._store.put(f"{self._place}{key_part(me)}", _encode(_Mark(me, now)))
            if self._former is not None:
                # After it: a crash in between leaves a mark too many, not one too few.
                for key in [*self._former, *(key for key, mark in self._marks(self._prefix) if mark.at < now - KEPT)]:
                    self._store.delete(key)
                self._former = None
        except StoreUnavailable as exc:
            log.debug("that this process is here is not noted: %s", exc)

    def _marks(self, prefix: str) -> Iterator[tuple[str, _Mark]]:
        for key, value in list(self._store.scan(prefix)):
            try:
                yield key, _decode(value)
            except msgspec.DecodeError as exc:
                log.warning("the mark %r cannot be read and is passed over: %s", key, exc)
