"""How a job stands, apart from its runs, as the store has it: paused, and which of its watches have tripped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Clock, Store
from workbench.scheduler.agenda import Again
from workbench.scheduler.records import read_time_key, time_key

log = logging.getLogger("workbench.scheduler")

_ALMOST = timedelta(microseconds=1)


class Paused(NamedTuple):
    """A pause that goes on: planned times later than `since` have no run, those from `until` on have one again."""

    since: datetime
    until: datetime | None


class Standing:
    """The part of `History` that knows it."""

    _store: Store
    _clock: Clock
    _prefix: str
    _key: Callable[..., str]

    @cached_property
    def _again(self) -> dict[str, Again]:
        """What clocks that were set back show again, by the key of the job; every process notices that by itself."""
        found = self._store.scan(f"{self._prefix}/again/")
        told = ((key, value.decode().partition("~")) for key, value in found)
        return {key: Again(read_time_key(until), called) for key, (until, _, called) in told}

    def again(self, name: str) -> Again | None:
        """What of a job a clock that was set back showed again; None if none was."""
        return self._again.get(self._again_key(name)) if self._again else None

    def reached(self, name: str) -> datetime:
        """The latest instant that the account of a job has come to: now, or later where the clock was set back.

        What is changed in between counts from then on, since what is planned before it has been accounted for.
        """
        now, again = self._clock.now(), self.again(name)
        return now if again is None else max(now, again.until)

    def note_again(self, names: list[str], again: Again) -> Callable[[], None]:
        """Note that a clock was set back and shows times of these jobs again; what writes that into the store."""
        noted = {key: again._replace(until=max(again.until, self._until(key))) for key in map(self._again_key, names)}
        self._again.update(noted)

        def write() -> None:
            try:
                self._store.put_all({key: f"{time_key(at)}~{called}".encode() for key, (at, called) in noted.items()})
            except StoreUnavailable as exc:
                log.warning("that the clock was set back is not kept; a process that starts now does not know: %s", exc)

        return write

    def _again_key(self, name: str) -> str:
        return self._key("again", name)

    def _until(self, key: str) -> datetime:
        known = self._again.get(key)
        return datetime.min.replace(tzinfo=UTC) if known is None else known.until

    def paused_at(self, name: str) -> datetime | None:
        """Since when the job is paused; None if it is not."""
        pause = self.pause_of(name)
        return None if pause is None else pause.since

    def pause_of(self, name: str) -> Paused | None:
        """The pause that a job is in; one whose end has come is over, for every process."""
        value = self._store.get(key := self._key("paused", name))
        if value is None:
            return None
        since, _, until = value.decode().partition("~")
        pause = Paused(read_time_key(since), read_time_key(until) if until else None)
        if pause.until is None or self._clock.now() < pause.until:
            return pause
        # A time planned at its very end runs. In this order: a crash in between leaves the pause to the next look.
        if pause.since < pause.until:
            self._store.put(f"{self._key('past', name)}/idle~{since}", time_key(pause.until - _ALMOST).encode())
        self._store.swap(key, value, None)
        return None

    def pause(self, name: str, until: datetime | None = None) -> None:
        """Pause a job, until an instant if one is given; one that is paused already is so from when it was."""
        pause = self.pause_of(name)
        since = time_key(self.reached(name) if pause is None else pause.since)
        value = (since if until is None else f"{since}~{time_key(until)}").encode()
        if pause is None:
            self._store.add(self._key("paused", name), value)
        else:
            self._store.put(self._key("paused", name), value)

    def resume(self, name: str) -> None:
        """End the pause of a job."""
        if (since := self.paused_at(name)) is not None:
            # In this order: a crash in between leaves the job paused, with nothing forgotten.
            now = time_key(self.reached(name)).encode()
            self._store.put(f"{self._key('past', name)}/idle~{time_key(since)}", now)
            self._store.delete(self._key("paused", name))

    def trip(self, name: str, watch: str, words: str) -> bool:
        """Note that a watch has tripped; False if somebody has noted it."""
        return self._store.add(f"{self._key('watch', name)}/{watch}", words.encode())

    def clear(self, name: str, watch: str) -> bool:
        """Note that a watch found all well again; False if somebody has noted it."""
        return self._store.delete(f"{self._key('watch', name)}/{watch}")

    def tripped(self, name: str) -> dict[str, str]:
        """The watches of a job that have tripped, and what they said."""
        found = self._store.scan(self._key("watch", name) + "/")
        return {key.rpartition("/")[2]: value.decode() for key, value in found}
