"""Jobs as their user handles them: the collection, and one job."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from workbench.core.errors import WorkbenchError
from workbench.core.ports import Showable
from workbench.scheduler.account import Account
from workbench.scheduler.cron.crontab import Crontab, import_crontab
from workbench.scheduler.definitions import AnyJob
from workbench.scheduler.ports import HandledJobs
from workbench.scheduler.preview import Difference, Preview
from workbench.scheduler.records import Away, Run, Tally
from workbench.scheduler.runs.backfill import MOST_TIMES, Backfill, Filling
from workbench.scheduler.runs.cadence import cadence
from workbench.scheduler.runs.calendar import Calendar
from workbench.scheduler.runs.extra import Extra
from workbench.scheduler.runs.kept import Runs
from workbench.scheduler.runs.table import RECENT_ROWS, JobRow, JobsTable
from workbench.scheduler.zones import moment, zone_of

MOST_DAYS = 62
"""Days that a calendar shows at most."""

NOTES = {
    "waiting": " (waits until its cell has run)",
    "paused": " (paused)",
    "inactive": " (not active)",
}


class Job(Showable):
    """One job, found by its name each time it is used."""

    def __init__(self, scheduler: HandledJobs, name: str) -> None:
        self._scheduler, self.name = scheduler, name

    @property
    def definition(self) -> AnyJob:
        """What it is."""
        return self._scheduler.record(self.name).definition

    @property
    def anchor(self) -> datetime:
        """The instant its planned times are counted from (UTC)."""
        return self._scheduler.record(self.name).anchor

    @property
    def source(self) -> str:
        """Where it was written."""
        return self._scheduler.record(self.name).source

    @property
    def state(self) -> str:
        """`on`, `paused`, `inactive` (so defined), `finished`, or `waiting` for its cell to run in this session."""
        return self._scheduler.state(self.name)

    @property
    def next_at(self) -> datetime | None:
        """When it is due next (UTC); None if it is not on."""
        return self._scheduler.next_at(self.name)

    @property
    def running_since(self) -> datetime | None:
        """When the oldest run that this process is busy with began (UTC); None if it runs none."""
        return self._scheduler.running_since(self.name)

    @property
    def runs(self) -> Runs:
        """Its kept runs, oldest first; `job.runs.only("failed", since="2035-01-01 00:00")` picks some."""
        return Runs(self._scheduler.runs(self.name), self.definition.zone)

    @property
    def recent(self) -> Runs:
        """Its latest runs, 60 at most and without backfills, oldest first: what its card shows, quickly read."""
        return Runs(self._scheduler.runs(self.name, RECENT_ROWS), self.definition.zone)

    @property
    def tripped(self) -> dict[str, str]:
        """Its watches that have tripped, `start`, `long` or `fast`, each with what it saw; empty if all is well."""
        return self._scheduler.watches.tripped(self.name)

    @property
    def cadence(self) -> str:
        """`every 20 s, really every 60 s, because runs take 50 s`; empty while it runs as often as it is planned."""
        return cadence(self._scheduler.record(self.name), self.recent)

    @property
    def row(self) -> JobRow:
        """How it stands, as `wb.jobs.table()` shows it."""
        job, runs = self.definition, self.recent
        rhythm = cadence(self._scheduler.record(self.name), runs)
        return JobRow(self.name, job.describe(), self.state, self.next_at, job.zone, runs, rhythm)

    def execute(self, extra: Extra | None = None, *, wait: bool = True, timeout: float | None = None) -> Run:
        """Run it now, also if it is paused, without using up its schedule.

        Args:
            extra: In place of the job's own.
            wait: False returns at once, with the run as it begins.
            timeout: Longest wait [s]; None waits until it ends. The run goes on after that.

        Returns:
            The run; a failed one says why in `error`, nothing is raised.
        """
        return self._scheduler.execute(self.name, extra, wait=wait, timeout=timeout)

    def wait(self, runs: int = 1, timeout: float = 10.0) -> Tally:
        """Wait until its schedule has made that many runs since it was defined.

        Raises:
            RunsMissing: They did not come within `timeout` [s].
        """
        return self._scheduler.wait(self.name, runs, timeout)

    def backfill(
        self,
        start: datetime | str,
        end: datetime | str | None = None,
        *,
        dry: bool = True,
        name: str = "",
        most: int = MOST_TIMES,
    ) -> Backfill:
        """Run planned times that are past and had no run, the oldest first; `job.backfill("2026-01-01 00:00")`.

        They are those of the job as it is now, also before it was first defined. Left out is what has run, by its
        schedule or by another backfill, and what the schedule may still run. Runs are made one after another, beside
        the schedule: they use up none of it, are not tried again, and the account counts them apart. A process that
        ends stops its backfills; the same span again goes on where they stopped.

        Args:
            start: The first instant of the span; a text is read in the job's zone.
            end: The first instant after it, now at most, which is the default.
            dry: Only say what would run.
            name: What its runs are called by in `run.backfill`; by default the time of this call.
            most: How many planned times it may have.

        Returns:
            The backfill, which goes on; `.stop()`, `.wait()`, `.runs`.

        Raises:
            WorkbenchError: The span is none of the past or has too many times, or another backfill of the job goes on.
        """
        zone, now = self.definition.zone, self._scheduler.clock.now()
        until = now if end is None else moment(end, zone)
        filling = Filling(moment(start, zone), until, name or f"{now:%Y-%m-%d %H:%M:%S} UTC", most, dry)
        return self._scheduler.backfill(self.name, filling)

    @property
    def backfilling(self) -> Backfill | None:
        """Its backfill that goes on in this process, for `.stop()`; None if there is none."""
        return self._scheduler.backfilling(self.name)

    @property
    def paused_until(self) -> datetime | None:
        """When its pause ends by itself (UTC); None if it does not, or there is none."""
        return self._scheduler.paused_until(self.name)

    def pause(self, until: datetime | str | None = None) -> None:
        """Let planned times pass without a run until `resume`.

        Args:
            until: Or up to then, by itself; what is planned at that very time runs. A text as `2035-01-01 08:00` is
                read in the job's zone.

        Raises:
            WorkbenchError: That is no time to come.
        """
        zone = self.definition.zone
        end = None if until is None else moment(until, zone)
        if end is not None and end <= self._scheduler.clock.now():
            raise WorkbenchError(f"Job {self.name!r} cannot pause until {until}, which is past. Fix: a time to come.")
        self._scheduler.pause(self.name, end)

    def copy(self, name: str, **changes: Any) -> AnyJob:
        """A definition like its own under another name, to be put into force: `wb.define(job.copy("b", hours=2))`.

        Raises:
            InvalidDefinition: A field is wrong.
        """
        copied: AnyJob = self.definition.replace(name=name, **changes)
        return copied

    def resume(self) -> None:
        """End the pause; the next planned time runs."""
        self._scheduler.resume(self.name)

    def remove(self) -> None:
        """Forget it, with its runs."""
        self._scheduler.remove(self.name)

    def account(self, since: datetime | str | None = None) -> Account:
        """What became of its planned times; see `Jobs.account`."""
        return self._scheduler.account(self.name, None if since is None else moment(since, self.definition.zone))

    def preview(self, count: int = 5) -> Preview:
        """Its next planned times (UTC), whatever its state; shown in its zone, with changes of clocks marked."""
        return self._scheduler.preview(self.name, count)

    def difference(self, count: int = 10, **changes: Any) -> Difference:
        """Its next planned times before and after a change, which is not made: `job.difference(hours=2)`.

        Raises:
            InvalidDefinition: A field is wrong, or the job would never run.
        """
        return self._scheduler.difference(self.definition.replace(**changes), count)

    def __repr__(self) -> str:
        definition = self.definition
        return f"Job {self.name!r}: {definition.describe()}, runs {definition.service}{_notes(self)}."


class Jobs(Mapping[str, Job]):
    """All jobs of the application by name, those that wait for their cell included."""

    def __init__(self, scheduler: Callable[[], HandledJobs]) -> None:
        """Show what the scheduler has that is found at each use."""
        self._found = scheduler

    @property
    def _scheduler(self) -> HandledJobs:
        return self._found()

    def __getitem__(self, name: str) -> Job:
        self._scheduler.record(name)
        return Job(self._scheduler, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._scheduler.names())

    def __len__(self) -> int:
        return len(self._scheduler.names())

    def remove(self, name: str) -> None:
        """Forget a job, with its runs; raises UnknownName."""
        self._scheduler.remove(name)

    def account(self, name: str, since: datetime | str | None = None) -> Account:
        """What became of every planned time of a job: `planned 168 = 165 ok + 1 failed + 2 missed`.

        What was planned follows from the job's definitions and when each was in force; its rows are not asked.

        Args:
            name: The job.
            since: Only planned times later than that, a text as `2035-01-01 00:00` being read in the job's zone. By
                default, and for what lies further back, as far as rows are kept and the job's definitions known.
        """
        return self[name].account(since)

    def table(self, *, timezone: str = "") -> JobsTable:
        """All jobs as they are now: when each is due next, by two clocks, how its last run went, and its recent runs.

        Args:
            timezone: By whose clock, beside the job's own; the zone of `wb.settings` by default.

        Raises:
            WorkbenchError: There is no such zone.
        """
        zone = zone_of(timezone or self._zone())
        return JobsTable((each.row for each in self.values()), zone)

    def calendar(self, days: float = 7, *, start: datetime | str | None = None, timezone: str = "") -> Calendar:
        """What is planned in each hour of the coming days, job by job; a picture in a notebook.

        Args:
            days: How far it looks, 62 at most.
            start: From when on, a text as `2035-01-01 00:00` being read in the zone that is shown; now by default.
            timezone: Whose days are shown; the zone of `wb.settings` by default.

        Raises:
            WorkbenchError: It cannot look so far, or back, or there is no such zone.
        """
        if not 0 < days <= MOST_DAYS:
            raise WorkbenchError(f"A calendar of {days:g} days cannot be drawn. Fix: days=1 to {MOST_DAYS}.")
        zone, now = zone_of(timezone or self._zone()), self._scheduler.clock.now()
        begin = now if start is None else moment(start, zone)
        if begin < now:
            raise WorkbenchError(
                f"A calendar from {start} cannot be drawn, which is past. Fix: a time to come; job.runs has what was."
            )
        shown = [(self._scheduler.record(name), self._scheduler.state(name)) for name in self._scheduler.names()]
        noted = [(record, "" if state == "on" else state) for record, state in shown]
        return Calendar.of_plan(noted, begin, begin + timedelta(days=days), zone)

    def _zone(self) -> str:
        return "UTC"

    @property
    def away(self) -> Away:
        """What came while no process was there, and what became of it: one line, and one for each job that is back.

        `While you were away: 3 planned times, 1 run late, 2 merged.` A job is back once it is defined in this process.
        A run that the end of a process cut off is told there, too: `1 interrupted`.
        """
        return self._scheduler.away()

    def import_crontab(
        self,
        text_or_path: str | Path,
        service: str | Mapping[str, str] | None = None,
        *,
        timezone: str = "UTC",
        user_column: bool | None = None,
    ) -> Crontab:
        """Turn a crontab into definitions, each of its lines beside what became of it; `wb.define` them afterwards.

        A command of a crontab is no service, and nothing here runs a shell: a line becomes a job only where `service`
        names what runs for it. That service gets `{"command": ..., "environment": {...}}` as its request, with `stdin`
        where the line has a `%` and `user` where it has one. What the service does with them is its own matter.

        Args:
            text_or_path: The crontab, or where it is; a text of one word is a path.
            service: The service of every command, or services by command, or by its program: `{"backup.sh": "backup"}`.
            timezone: Zone of the machine that the crontab is from; `CRON_TZ` changes it for the lines below.
            user_column: Whether users stand between times and commands; by default only in /etc/crontab and
                /etc/cron.d.

        Returns:
            The lines and the definitions. A job is called as its program, so that the same crontab makes the same jobs.

        Raises:
            NoCrontab: There is no such file, or it is no text.
        """
        return import_crontab(text_or_path, service, timezone=timezone, user_column=user_column)

    def _ipython_key_completions_(self) -> list[str]:
        return self._scheduler.names()

    def __repr__(self) -> str:
        jobs = list(self.values())
        if not jobs:
            return "No jobs."
        rows = [("name", "what", "zone")]
        rows += [(job.name, f"{job.definition.describe()}{_notes(job)}", _zone(job)) for job in jobs]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(
            " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )


def _notes(job: Job) -> str:
    since = job.running_since
    rhythm, tripped = job.cadence, "; ".join(job.tripped.values())
    told = (f" ({rhythm})" if rhythm else "") + (f" \N{LARGE RED CIRCLE} {tripped}" if tripped else "")
    running = "" if since is None else f" (running since {since.astimezone(job.definition.zone):%Y-%m-%d %H:%M:%S})"
    note = NOTES.get(job.state, "")
    if job.state == "paused" and (until := job.paused_until) is not None:
        note = f" (paused until {until.astimezone(job.definition.zone):%Y-%m-%d %H:%M:%S})"
    return note + running + told


def _zone(job: Job) -> str:
    return job.definition.timezone
