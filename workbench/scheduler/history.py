"""Jobs and runs in the store, under keys that sort by time."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from datetime import datetime
from threading import Lock

import msgspec

from workbench.core.errors import InvalidDefinition, StoreUnavailable
from workbench.core.ports import Clock, Store
from workbench.scheduler.presence import Presence
from workbench.scheduler.records import JobRecord, Run, time_key

log = logging.getLogger("workbench.scheduler")

PRUNE_EVERY = 50
"""Ended runs of one job between two looks at how many it keeps."""

_run_from = msgspec.json.Decoder(Run).decode
_record_from = msgspec.json.Decoder(JobRecord).decode
_bytes = msgspec.json.Encoder().encode


class History:
    """One application's share of the store.

    Keys, all below `app/<app>/`: `job/<job>`; `paused/<job>`; `seen/<job>`, from when on a time without a run is a
    missed one; `run/<job>/<time>~<n>` with n the attempt at a planned time, `m` for missed times, `h...` for runs by
    hand; `old/<job>/<series>/<outcome>`, which counts the scheduled runs whose records were left behind.
    """

    def __init__(self, store: Store, app: str, clock: Clock, presence: Presence, keep_runs: int) -> None:
        self._store, self._clock, self._presence, self._keep_runs = store, clock, presence, keep_runs
        self._prefix = f"app/{_part(app)}"
        self._ended: dict[str, int] = {}
        self._lock = Lock()

    def job(self, name: str) -> JobRecord | None:
        """The stored job; None if there is none, or none that can be read."""
        value = self._store.get(self._key("job", name))
        return None if value is None else self._read(name, value)

    def has(self, record: JobRecord) -> bool:
        """Whether the job is stored exactly so."""
        return self._store.get(self._key("job", record.definition.name)) == _bytes(record)

    def jobs(self) -> Iterator[JobRecord]:
        """Every stored job, in order of the name."""
        for key, value in self._store.scan(f"{self._prefix}/job/"):
            if (record := self._read(key, value)) is not None:
                yield record

    def keep(self, record: JobRecord) -> None:
        """Store a job."""
        self._store.put(self._key("job", record.definition.name), _bytes(record))

    def remove(self, name: str) -> None:
        """Remove a job and everything known of it."""
        self._store.delete(self._key("job", name))
        self._store.delete(self._key("paused", name))
        self._store.delete(self._key("seen", name))
        for kind in ("run", "old"):
            for key, _ in self._store.scan(self._key(kind, name) + "/"):
                self._store.delete(key)

    def see(self, name: str, at: datetime) -> None:
        """Note that times without a run up to `at` are not missed ones, or recorded already."""
        self._store.put(self._key("seen", name), _bytes(at))

    def is_paused(self, name: str) -> bool:
        """Whether somebody paused the job, in this process or another."""
        return self._store.get(self._key("paused", name)) is not None

    def pause(self, name: str, paused: bool) -> None:
        """Pause a job, or end its pause."""
        if paused:
            self._store.put(self._key("paused", name), time_key(self._clock.now()).encode())
        else:
            self._store.delete(self._key("paused", name))
            self.see(name, self._clock.now())

    def claim(self, run: Run) -> Run | None:
        """Write a run that begins, or planned times without one; None if another process was quicker."""
        tag = f"h{secrets.token_hex(4)}" if run.by_hand else "m" if run.outcome == "missed" else str(run.attempt)
        key = f"{self._key('run', run.job)}/{time_key(run.planned)}~{tag}"
        run = msgspec.structs.replace(run, key=key, owner=self._presence.me)
        return run if self._store.add(key, _bytes(run)) else None

    def end(self, run: Run) -> None:
        """Write how a run ended, unless its job is gone; old runs are left behind from time to time."""
        if self._store.get(self._key("job", run.job)) is None:
            self._store.delete(run.key)
            return
        self._store.put(run.key, _bytes(run))
        with self._lock:
            ended = self._ended[run.job] = self._ended.get(run.job, -1) + 1
        if ended % PRUNE_EVERY == 0:
            self._prune(run.job)

    def runs(self, name: str) -> list[Run]:
        """The kept runs of a job, oldest first; one whose process died is `interrupted` from now on."""
        return [self._settled(_run_from(value)) for _, value in self._store.scan(self._key("run", name) + "/")]

    def left_behind(self, record: JobRecord) -> dict[str, int]:
        """Scheduled runs of the current series whose records were left behind, by outcome."""
        prefix = f"{self._key('old', record.definition.name)}/{record.series}/"
        return {key.removeprefix(prefix): int(value) for key, value in self._store.scan(prefix)}

    def last_seen(self, record: JobRecord) -> datetime:
        """Since when planned times without a run are missed ones."""
        name = record.definition.name
        value = self._store.get(self._key("seen", name))
        seen = record.anchor if value is None else msgspec.json.decode(value, type=datetime)
        return max([record.anchor, seen, *(run.planned for run in self.runs(name) if not run.by_hand)])

    def _settled(self, run: Run) -> Run:
        if run.outcome != "running" or self._presence.alive(run.owner):
            return run
        interrupted = msgspec.structs.replace(
            run,
            outcome="interrupted",
            ended=self._clock.now(),
            error="the process that ran it ended before the run did",
        )
        try:
            self._store.put(run.key, _bytes(interrupted))
        except StoreUnavailable as exc:
            log.warning("the interrupted run of job %r stays unmarked: %s", run.job, exc)
        return interrupted

    def _prune(self, name: str) -> None:
        entries = list(self._store.scan(self._key("run", name) + "/"))
        for key, value in entries[: max(0, len(entries) - self._keep_runs)]:
            run = _run_from(value)
            if run.outcome == "running" or not self._store.delete(key) or run.by_hand:
                continue
            self._store.incr(f"{self._key('old', name)}/{run.series}/{run.outcome}", run.times)

    def _read(self, name: str, value: bytes) -> JobRecord | None:
        try:
            return _record_from(value)
        except (msgspec.DecodeError, InvalidDefinition) as exc:
            log.warning("the stored job %r cannot be read and is passed over: %s", name, exc)
            return None

    def _key(self, kind: str, name: str) -> str:
        return f"{self._prefix}/{kind}/{_part(name)}"


def _part(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")
