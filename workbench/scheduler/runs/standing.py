"""How a job stands, apart from its runs, as the store has it: paused, and which of its watches have tripped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from workbench.core.ports import Clock, Store
from workbench.scheduler.records import read_time_key, time_key

_ALMOST = timedelta(microseconds=1)


class Paused(NamedTuple):
    """A pause that goes on: planned times later than `since` have no run, those from `until` on have one again."""

    since: datetime
    until: datetime | None


class Standing:
    """The part of `History` that knows it."""

    _store: Store
    _clock: Clock
    _key: Callable[..., str]

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
        self._store.put(f"{self._key('past', name)}/idle~{since}", time_key(pause.until - _ALMOST).encode())
        self._store.swap(key, value, None)
        return None

    def pause(self, name: str, until: datetime | None = None) -> None:
        """Pause a job, until an instant if one is given; one that is paused already is so from when it was."""
        pause = self.pause_of(name)
        since = time_key(self._clock.now() if pause is None else pause.since)
        value = (since if until is None else f"{since}~{time_key(until)}").encode()
        if pause is None:
            self._store.add(self._key("paused", name), value)
        else:
            self._store.put(self._key("paused", name), value)

    def resume(self, name: str) -> None:
        """End the pause of a job."""
        if (since := self.paused_at(name)) is not None:
            # In this order: a crash in between leaves the job paused, with nothing forgotten.
            now = time_key(self._clock.now()).encode()
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
