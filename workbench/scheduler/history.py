"""Jobs and runs in the store, under keys that sort by time."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

import msgspec

from workbench.core.errors import InvalidDefinition
from workbench.core.ports import Clock, Store
from workbench.durable.attempts import Attempts
from workbench.durable.presence import Presence
from workbench.durable.seen import Left, Seen
from workbench.scheduler import plan
from workbench.scheduler.account import Account, Pause, Window, account
from workbench.scheduler.definitions import AnyJob
from workbench.scheduler.records import JobRecord, Made, Run, read_time_key, time_key
from workbench.scheduler.runs.extra import as_json
from workbench.scheduler.runs.rows import Rows
from workbench.stores.values import key_part, name_of_part

log = logging.getLogger("workbench.scheduler")

_ALMOST = timedelta(microseconds=1)

MANY = 500
"""Jobs that go live at once from which on the marks of all jobs are read: of a thousand in 5 ms, one by one in 40."""


class Cover(NamedTuple):
    """Planned times from `first` to `last` that are accounted for; by a run that another process is busy with?"""

    first: datetime
    last: datetime
    is_theirs: bool = False


class Kept(NamedTuple):
    """A job to be stored.

    `ends` is the schedule that was in force before and is not any more, which the account remembers; `begins`, up to
    when all is accounted for, where a new account begins.
    """

    record: JobRecord
    ends: JobRecord | None = None
    begins: datetime | None = None


class _Rest(msgspec.Struct):
    """What a stored job says besides its definition."""

    anchor: datetime
    source: str = ""
    since: datetime | None = None


class _Row(msgspec.Struct):
    """What of a stored run says which planned times it stands for."""

    planned: datetime
    outcome: str
    series: str = ""
    owner: str = ""
    times: int = 1
    until: datetime | None = None
    ended: datetime | None = None
    attempt: int = 1


_row_from = msgspec.json.Decoder(_Row).decode
_run_from = msgspec.json.Decoder(Run).decode
_rest_from = msgspec.json.Decoder(_Rest).decode
_record_from = msgspec.json.Decoder(JobRecord).decode
_bytes = msgspec.json.Encoder(enc_hook=as_json).encode


class History(Rows):
    """One application's share of the store.

    Keys, all below `app/<app>/`: `job/<job>`; `was/<job>/<time>`, a schedule that was in force from then on;
    `paused/<job>`, since when, and `~` until when if that is known; `past/<job>/idle~<time>`, a pause that ended;
    `past/<job>/mark~<time>`, up to when every planned time is accounted for, the latest counts;
    `past/<job>/left~<time>`, up to when rows were left behind;
    `run/<job>/<time>~<n>` with n the attempt at a planned time, `h...~<n>` for runs beside the schedule;
    `fill/<job>/<time>~<n>`, a run that a backfill made of a planned time that was past; it stays as long as the job;
    `again/<job>`, up to when a clock that was set back shows times again, and `~` what that is called;
    `watch/<job>/<watch>`, what a watch that has tripped said;
    `old/<job>/<series>/<outcome>`, which counts the scheduled runs whose records were left behind;
    `seen/<place>/<process>`, when a process of a place was last here.

    Whoever adds `run/<job>/<time>~1` decides what becomes of that planned time: a run, or a row without one.
    """

    def __init__(self, store: Store, app: str, clock: Clock, presence: Presence, keep_runs: int) -> None:
        self._store, self._clock, self._presence, self._prefix = store, clock, presence, f"app/{key_part(app)}"
        self._kept: dict[str, tuple[JobRecord, bytes]] = {}
        Rows.__init__(self, Attempts(store, presence, clock, Run), keep_runs)

    def job(self, name: str) -> JobRecord | None:
        """The stored job; None if there is none, or none that can be read."""
        return self.read(name, self.raw(name))

    def raw(self, name: str) -> bytes | None:
        """The stored job as it is written, for `read`."""
        return self._store.get(self._key("job", name))

    def raw_all(self, names: Sequence[str]) -> dict[str, bytes | None]:
        """Several of them, None for those that are not stored."""
        keys = [self._key("job", name) for name in names]
        found = self._store.get_all(keys) if keys else {}
        return {name: found.get(key) for name, key in zip(names, keys, strict=True)}

    def read(self, name: str, value: bytes | None, like: AnyJob | None = None) -> JobRecord | None:
        """The job that was written so; what is written of `like` is taken to be that, without being checked again."""
        if value is None:
            return None
        kept, written = self._kept.get(name, (None, b""))
        if written == value:
            # Decoding checks all fields again: 0.2 ms.
            return kept
        if like is not None and value.startswith(b'{"definition":%b,' % _bytes(like)):
            rest = _rest_from(value)
            record: JobRecord | None = JobRecord(like, rest.anchor, rest.source, rest.since)
        else:
            record = self._read(name, value)
        if record is not None:
            self._kept[name] = record, value
        return record

    def has(self, record: JobRecord) -> bool:
        """Whether the job is stored exactly so."""
        return self._store.get(self._key("job", record.definition.name)) == self._written(record)

    def _written(self, record: JobRecord) -> bytes:
        name = record.definition.name
        kept, value = self._kept.get(name, (None, b""))
        if kept is not record:
            self._kept[name] = record, (value := _bytes(record))
        return value

    def ready(self, records: Sequence[JobRecord]) -> list[bool]:
        """Of each job, whether it is stored exactly so and nobody has paused it; all of them are read together."""
        names = [each.definition.name for each in records]
        keys = [(self._key("job", name), self._key("paused", name)) for name in names]
        found = self._store.get_all([key for pair in keys for key in pair])
        return [
            found.get(job) == self._written(record) and paused not in found
            for record, (job, paused) in zip(records, keys, strict=True)
        ]

    def jobs(self) -> Iterator[JobRecord]:
        """Every stored job, in order of the name."""
        prefix = f"{self._prefix}/job/"
        for key, value in self._store.scan(prefix):
            if (record := self.read(name_of_part(key.removeprefix(prefix)), value)) is not None:
                yield record

    def keep(self, records: Iterable[Kept]) -> None:
        """Store jobs in one write, each with the schedule that it ends and where its account begins."""
        values: dict[str, bytes] = {}
        began: list[Kept] = []
        for each in records:
            name, before = each.record.definition.name, each.ends
            if each.begins is not None:
                values[self._mark("mark", name, each.begins)] = b""
                if before is not None:
                    began.append(each)
            if before is not None and before.since is not None:
                values[f"{self._key('was', name)}/{time_key(before.since)}"] = _bytes(before)
            values[self._key("job", name)] = self._written(each.record)
        self._store.put_all(values)
        for each in began:
            if each.begins is not None:
                self._leave_marks("mark", each.record.definition.name, each.begins)

    def remove(self, name: str) -> None:
        """Remove a job and everything known of it."""
        self._kept.pop(name, None)
        self._store.delete(self._key("job", name))
        self._store.delete(self._key("paused", name))
        if self._again.pop(again := self._again_key(name), None) is not None:
            self._store.delete(again)
        for kind in ("past", "was", "run", "fill", "old", "watch"):
            for key, _ in self._store.scan(self._key(kind, name) + "/"):
                self._store.delete(key)

    def past(self, record: JobRecord) -> tuple[datetime, list[Cover]]:
        """Up to when every planned time of the job is accounted for, and what accounts for those after it.

        That is rows and pauses, by their beginning.
        """
        name = record.definition.name
        # First, since a pause that has come to its end is then among those that ended.
        since = self.paused_at(name)
        idle = self._store.scan(f"{self._key('past', name)}/idle~")
        pauses = [
            Cover(read_time_key(key.rpartition("~")[2]) + _ALMOST, read_time_key(end.decode())) for key, end in idle
        ]
        mark = self.mark(record)
        covers = pauses + [self._cover(record, row) for row in self._rows(name, mark)]
        if since is not None:
            covers.append(Cover(since + _ALMOST, datetime.max.replace(tzinfo=UTC)))
        return mark, sorted(covers)

    def cut_off(self, record: JobRecord, since: datetime) -> set[datetime]:
        """Planned times (UTC) whose run ended with its process, as nobody had seen before `since`."""
        rows = self._rows(record.definition.name, self.mark(record))
        return {row.planned for row in rows if self._is_cut_off(row, since)}

    def seen(self, place: str) -> Seen:
        """The marks of a place."""
        return Seen(self._store, self._presence, self._clock, f"{self._prefix}/seen", place)

    def made_elsewhere(self, record: JobRecord, left: Left, cut_off: Collection[datetime]) -> Made:
        """What other places made of a job's planned times since that, but for those that a process's end cut off."""
        name, ours = record.definition.name, {self._presence.me, *left.owners}
        known_from = max(filter(None, (left.at, self._left_at(name))))
        last: dict[datetime, _Row] = {}
        for row in self._rows(name, known_from):
            if row.attempt >= last.get(row.planned, row).attempt:
                last[row.planned] = row
        theirs = (row for row in last.values() if row.owner not in ours and row.outcome != "running")
        made = [row for row in theirs if row.planned not in cut_off]
        counts = Counter[str]()
        for row in made:
            counts[row.outcome] += row.times
        return Made(made[0].planned if made else None, dict(counts), bool(made) and known_from > left.at)

    def _is_cut_off(self, row: _Row, since: datetime) -> bool:
        if row.outcome == "running":
            return not self._presence.alive(row.owner)
        is_of_another = row.owner != self._presence.me
        return row.outcome == "interrupted" and is_of_another and row.ended is not None and row.ended >= since

    def mark(self, record: JobRecord) -> datetime:
        """Up to when every planned time of the job is accounted for, for all that is known without its rows."""
        name = record.definition.name
        mark = self.accounted_to(name)
        if mark is None:
            # A store from before there were marks: what its rows leave open is not known any more.
            mark = max([record.anchor, *(row.planned for row in self._rows(name, record.anchor))])
        return max(mark, record.anchor)

    def marks(self, records: Collection[JobRecord]) -> dict[str, datetime]:
        """Those marks of several jobs that are quicker read all together than one by one; of few jobs none."""
        if len(records) < MANY:
            return {}
        prefix, found = f"{self._prefix}/past/", dict[str, str]()
        for key, _ in self._store.scan(prefix):
            part, _, what = key.removeprefix(prefix).partition("/")
            kind, _, until = what.partition("~")
            if kind == "mark":
                # The latest comes last.
                found[part] = until
        named = ((each, found.get(key_part(each.definition.name))) for each in records)
        return {each.definition.name: max(read_time_key(until), each.anchor) for each, until in named if until}

    def account(self, name: str, until: datetime) -> None:
        """Note that every planned time up to `until` is accounted for; never goes back, whoever else writes."""
        self._move_on("mark", name, until)

    def _move_on(self, kind: str, name: str, until: datetime) -> None:
        self._store.add(self._mark(kind, name, until), b"")
        self._leave_marks(kind, name, until)

    def _leave_marks(self, kind: str, name: str, until: datetime) -> None:
        """Delete the marks before that one; the latest counts, however many there are."""
        for each, _ in self._store.scan(f"{self._key('past', name)}/{kind}~"):
            if each < self._mark(kind, name, until):
                self._store.delete(each)

    def _mark(self, kind: str, name: str, until: datetime) -> str:
        return f"{self._key('past', name)}/{kind}~{time_key(until)}"

    def accounted_to(self, name: str) -> datetime | None:
        """Up to when every planned time is accounted for; None if the store does not know."""
        prefix = f"{self._key('past', name)}/mark~"
        keys = [key for key, _ in self._store.scan(prefix)]
        return read_time_key(keys[-1].removeprefix(prefix)) if keys else None

    def sum_up(self, record: JobRecord, since: datetime | None, held: Collection[datetime]) -> Account:
        """The account of a job from `since` on, or from where its rows and its definitions begin.

        Args:
            record: The job.
            since: Planned times later than that are counted; None counts all that there are rows of.
            held: Planned times that this process is about to run.
        """
        name = record.definition.name
        now = self.reached(name)
        windows = self._windows(record, now)
        begin = max(filter(None, (since, windows[0].first, self._left_at(name))))
        windows = [each._replace(first=max(each.first, begin)) for each in windows if each.last > begin]
        runs = self.runs(name)
        rows = [run for run in runs if (run.until or run.planned) > begin]
        found = account(windows, rows, self._pauses(name, now), held, now)
        # They lie before the account, mostly.
        found["backfilled"] = sum(run.by == "backfill" and (since is None or run.planned > since) for run in runs)
        return Account(name, begin, now, sum(each.planned(begin, now) for each in windows), found)

    def known_since(self, record: JobRecord) -> tuple[datetime, datetime | None]:
        """When the first schedule of the job came into force, and up to when rows of planned times were left behind."""
        return self._windows(record, self._clock.now())[0].first, self._left_at(record.definition.name)

    def _windows(self, record: JobRecord, now: datetime) -> list[Window]:
        """The schedules of the job and when each was in force, from the first on."""
        name = record.definition.name
        since = record.since or self.accounted_to(name) or record.anchor
        ended = [
            each for _, value in self._store.scan(self._key("was", name) + "/") if (each := self._read(name, value))
        ]
        records = [(each.since, each) for each in ended if each.since is not None and each.since < since]
        records.append((since, record))
        lasts = [*(first for first, _ in records[1:]), now]
        return [Window(each, first, last) for (first, each), last in zip(records, lasts, strict=True)]

    def _left_at(self, name: str) -> datetime | None:
        """Up to when rows of planned times were left behind; None if none were."""
        prefix = f"{self._key('past', name)}/left~"
        keys = [key for key, _ in self._store.scan(prefix)]
        return read_time_key(keys[-1].removeprefix(prefix)) if keys else None

    def _pauses(self, name: str, now: datetime) -> list[Pause]:
        since = self.paused_at(name)
        prefix = f"{self._key('past', name)}/idle~"
        ended = self._store.scan(prefix)
        found = [Pause(read_time_key(key.removeprefix(prefix)), read_time_key(value.decode())) for key, value in ended]
        return found if since is None else [*found, Pause(since, now)]

    def is_paused(self, name: str) -> bool:
        """Whether somebody paused the job, in this process or another."""
        return self.paused_at(name) is not None

    def left_behind(self, record: JobRecord) -> dict[str, int]:
        """Scheduled runs of the current series whose records were left behind, by outcome."""
        prefix = f"{self._key('old', record.definition.name)}/{record.series}/"
        return {key.removeprefix(prefix): int(value) for key, value in self._store.scan(prefix)}

    def surplus(self, name: str) -> tuple[int, datetime | None]:
        """How many rows there are, and the latest planned time beyond those to keep; None if there are no more."""
        entries = list(self._store.scan(self._key("run", name) + "/"))
        if len(entries) <= self._keep_runs:
            return len(entries), None
        row = _row_from(entries[-self._keep_runs - 1][1])
        return len(entries), row.until or row.planned

    def prune(self, name: str, until: datetime) -> None:
        """Leave old rows behind, but none of a time planned after `until`."""
        entries = list(self._store.scan(self._key("run", name) + "/"))
        # First, so that no account counts on rows that are about to go.
        self._move_on("left", name, until)
        keys = {key for key, _ in entries}
        for key, value in entries[: max(0, len(entries) - self._keep_runs)]:
            run = _run_from(value)
            if run.outcome == "running" or (run.planned > until and not run.by_hand):
                continue
            is_last = f"{key.rpartition('~')[0]}~{run.attempt + 1}" not in keys
            if self._store.delete(key) and not run.by_hand and is_last:
                self._store.incr(f"{self._key('old', name)}/{run.series}/{run.outcome}", run.times)
        for key, value in list(self._store.scan(f"{self._key('past', name)}/idle~")):
            if read_time_key(value.decode()) <= until:
                self._store.delete(key)

    def _rows(self, name: str, after: datetime) -> Iterator[_Row]:
        """Rows of planned times later than `after`, in order."""
        prefix = self._key("run", name) + "/"
        # The last of all keys that begin with that time.
        for key, value in self._store.scan(prefix, f"{prefix}{time_key(after)}\x7f"):
            if "~h" not in key:
                yield _row_from(value)

    def _cover(self, record: JobRecord, row: _Row) -> Cover:
        if row.series != record.series:
            # A time that both schedules name: there is one row for it, and it is taken.
            return Cover(row.planned, row.planned)
        is_theirs = row.outcome == "running" and self._presence.neighbour(row.owner)
        last = row.until or row.planned
        if row.until is None and row.times > 1:
            times = plan.times(record.definition, record.anchor, row.planned - _ALMOST)
            *_, last = islice(times, row.times)
        return Cover(row.planned, last, is_theirs)

    def _read(self, name: str, value: bytes) -> JobRecord | None:
        try:
            return _record_from(value)
        except (msgspec.DecodeError, InvalidDefinition) as exc:
            log.warning("the stored job %r cannot be read and is passed over: %s", name, exc)
            return None

    def _key(self, kind: str, name: str) -> str:
        return f"{self._prefix}/{kind}/{key_part(name)}"
