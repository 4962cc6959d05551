"""Every planned time of an active job that is not paused ends as exactly one row, and runs once at most."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.scheduler.conftest import START, Bench
from tests.scheduler.oracle import Window, planned_times, run_twice, unaccounted
from workbench.core.clock import VirtualClock
from workbench.core.ports import Store
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob
from workbench.stores.memory import MemoryStore

SECONDLY = IntervalJob("j", service="ok", seconds=1)
EVERY_7 = IntervalJob("j", service="ok", seconds=7)
KINDS = [EVERY_7, CronJob("j", service="ok", cron="*/10 * * * * *")]
SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
kinds = pytest.mark.parametrize("job", KINDS, ids=lambda job: job.describe())


class Applications:
    """Processes of one application in one store, started and ended as the test says."""

    def __init__(self, store: Store, app: str = "nb.ipynb") -> None:
        self.store, self.app, self.clock = store, app, VirtualClock(START)
        self.started: list[Bench] = []

    def start(self, *jobs: AnyJob, **options: Any) -> Bench:
        bench = Bench(self.store, self.clock, app=self.app, **options)
        self.started.append(bench)
        for job in jobs:
            bench.scheduler.define(job)
        return bench

    @property
    def ran(self) -> list[datetime]:
        return [call.planned_at for bench in self.started for call in bench.services.calls]

    def broken(self, job: AnyJob, bench: Bench, pauses: list[Window] | None = None) -> dict[str, Any]:
        """What breaks the law by now; empty if nothing does."""
        kept = bench.jobs[job.name]
        found: dict[str, Any] = unaccounted(job, kept.anchor, self.clock.now(), kept.runs, pauses or [])
        if twice := run_twice([call.planned_at for each in self.started for call in each.services.calls]):
            found["run twice"] = twice
        return found

    def close(self) -> None:
        for bench in self.started:
            bench.close()


@pytest.fixture
def apps(store: Store) -> Iterator[Callable[[str], Applications]]:
    made: list[Applications] = []

    def make(app: str = "nb.ipynb") -> Applications:
        made.append(Applications(store, app))
        return made[-1]

    yield make
    for each in made:
        each.close()


def gaps(store: Store) -> range:
    """Gaps of under a minute: every one if there is time, else some, fewer of a store behind a wire or a file."""
    return range(1, 60, 1 if SOAK else 2 if isinstance(store, MemoryStore) else 14)


@kinds
def test_no_gap_of_under_a_minute_between_two_processes_loses_a_time(
    apps: Callable[[str], Applications], store: Store, job: AnyJob
) -> None:
    for gap in gaps(store):
        nb = apps(f"gap {gap}")
        first = nb.start(job)
        first.advance(57)
        first.close()
        nb.clock.advance(gap)
        second = nb.start(job)
        second.advance(0)
        second.advance(7)
        assert nb.broken(job, second) == {}, gap
        assert set(second.outcomes("j")) <= {"ok"}, gap
        second.close()


def test_a_one_time_job_whose_time_falls_into_a_gap_runs_late(
    apps: Callable[[str], Applications], store: Store
) -> None:
    job = OneTimeJob("j", service="ok", start="2026-01-01 12:01")
    for gap in gaps(store):
        nb = apps(f"gap {gap}")
        first = nb.start(job)
        first.advance(60 - 1 - gap // 2)
        first.close()
        nb.clock.advance(gap)
        second = nb.start(job)
        assert second.jobs["j"].state == "on", gap
        second.advance(1)
        assert (nb.broken(job, second), second.outcomes("j")) == ({}, ["ok"]), gap
        assert second.jobs["j"].state == "finished", gap
        second.close()


@pytest.mark.parametrize("gap", [60, 61, 600, 86_400] if SOAK else [60, 61, 86_400])
def test_of_a_longer_gap_the_old_times_are_recorded_and_the_last_minute_runs(
    apps: Callable[[], Applications], store: Store, gap: int
) -> None:
    if not SOAK and not isinstance(store, MemoryStore):
        gap = min(gap, 300)
    cron = [CronJob("c", service="ok", cron="* * * * * *")] if gap < 86_400 or SOAK else []
    for job in (SECONDLY, *cron):
        nb = apps()
        first = nb.start(job)
        first.advance(5)
        first.close()
        nb.clock.advance(gap)
        second = nb.start(job)
        second.advance(0)
        assert nb.broken(job, second) == {}
        assert sum(run.times for run in second.jobs[job.name].runs) == gap + 5
        assert second.outcomes(job.name) == ["ok"] * 5 + (["missed"] if gap > 60 else []) + ["ok"] * min(gap, 60)
        second.jobs.remove(job.name)


def test_a_one_time_job_runs_late_if_its_time_is_past(apps: Callable[[], Applications]) -> None:
    job, nb = OneTimeJob("j", service="ok", start="2026-01-01 12:01"), apps()
    nb.start(job).close()
    nb.clock.advance(600)
    later = nb.start(job)
    later.advance(0)
    assert (nb.broken(job, later), later.outcomes("j"), len(nb.ran)) == ({}, ["ok"], 1)
    assert later.jobs["j"].state == "finished"


@kinds
@pytest.mark.parametrize("gap", [30, 200])
def test_processes_that_start_at_once_beside_one_that_lives_share_the_times(
    apps: Callable[[], Applications], job: AnyJob, gap: int
) -> None:
    nb = apps()
    living = nb.start(job)
    living.advance(5)
    nb.clock.advance(gap)
    others = [nb.start(job) for _ in range(3)]
    for each in [*others, living]:
        each.scheduler.tick()
    for each in nb.started:
        assert each.scheduler.settle(10)
    assert nb.broken(job, living) == {}
    living.advance(70)
    for each in others:
        each.advance(0)
    assert nb.broken(job, living) == {}


def test_an_earlier_time_without_a_row_is_found_behind_later_runs(apps: Callable[[], Applications]) -> None:
    nb = apps()
    first = nb.start(EVERY_7)
    first.advance(35)
    first.close()
    for run in nb.start().jobs["j"].runs[1:4:2]:
        assert nb.store.delete(run.key)
    second = nb.start(EVERY_7)
    second.advance(0)
    kept = second.jobs["j"]
    assert unaccounted(EVERY_7, kept.anchor, nb.clock.now(), kept.runs) == {}


def test_what_waits_behind_a_long_run_is_not_called_missed_by_a_process_that_starts(
    apps: Callable[[], Applications],
) -> None:
    nb, job = apps(), IntervalJob("j", service="hang", minutes=1, overlap="queue_one")
    busy = nb.start(job)
    for _ in range(5):
        nb.clock.advance(60)
        busy.scheduler.tick()
    while not busy.services.calls:
        busy.scheduler.wait("j", runs=0)
    other = nb.start(job)
    other.services.gate.set()
    assert "missed" not in other.outcomes("j")
    busy.services.gate.set()
    for each in (busy, other):
        each.advance(0)
    assert (nb.broken(job, busy), busy.outcomes("j")) == ({}, ["ok", "merged", "merged", "merged", "ok"])


def test_what_waited_in_a_process_that_ends_runs_in_one_that_lives(apps: Callable[[], Applications]) -> None:
    nb, job = apps(), IntervalJob("j", service="hang", minutes=1, overlap="queue_one")
    busy = nb.start(job)
    for _ in range(5):
        nb.clock.advance(60)
        busy.scheduler.tick()
    while not busy.services.calls:
        busy.scheduler.wait("j", runs=0)
    other = nb.start(job)
    other.services.gate.set()
    other.advance(0)
    busy.close()
    other.advance(61)
    other.advance(61)
    assert nb.broken(job, other) == {}
    # What gave way had been decided by then; the one that waited was young enough for the other process.
    assert other.outcomes("j") == ["ok", "merged", "merged", "merged", "ok", "ok", "ok"]
    assert [call.planned_at.minute for call in other.services.calls] == [5, 6, 7]


def test_a_process_that_wakes_up_after_another_came_and_went_finds_what_is_open(
    apps: Callable[[], Applications],
) -> None:
    nb = apps()
    sleeper = nb.start(EVERY_7)
    sleeper.advance(14)
    nb.clock.advance(100)
    other = nb.start(EVERY_7)
    other.advance(3)
    other.close()
    nb.clock.advance(300)
    sleeper.advance(0)
    assert nb.broken(EVERY_7, sleeper) == {}
    assert {run.outcome for run in sleeper.jobs["j"].runs} == {"ok", "missed"}


@pytest.mark.parametrize("seconds", [1, 11, 30, 59])
def test_times_that_came_while_nobody_looked_run_late_and_are_not_called_busy(
    apps: Callable[[], Applications], seconds: int
) -> None:
    nb = apps()
    bench = nb.start(SECONDLY)
    bench.advance(1)
    assert bench.advance(seconds) == seconds
    assert (nb.broken(SECONDLY, bench), bench.outcomes("j")) == ({}, ["ok"] * (seconds + 1))


def test_a_long_sleep_leaves_rows_for_every_time_of_it(apps: Callable[[], Applications], store: Store) -> None:
    nb = apps()
    bench = nb.start(SECONDLY)
    bench.advance(1)
    bench.advance(86_400 if SOAK or isinstance(store, MemoryStore) else 3_600)
    assert nb.broken(SECONDLY, bench) == {}
    assert "skipped" not in bench.outcomes("j")


def test_a_pause_hides_no_time_before_it_and_counts_none_within(apps: Callable[[], Applications]) -> None:
    nb = apps()
    first = nb.start(EVERY_7)
    first.advance(14)
    nb.clock.advance(10)  # one time comes that nobody has looked at yet
    first.close()
    outside = nb.start()
    outside.jobs["j"].pause()
    began = nb.clock.now()
    nb.clock.advance(30)
    outside.jobs["j"].pause()  # once more changes nothing
    within = nb.start(EVERY_7)
    within.advance(30)
    within.close()
    outside.jobs["j"].resume()
    pause = (began, nb.clock.now())
    nb.clock.advance(30)
    last = nb.start(EVERY_7)
    last.advance(7)
    assert nb.broken(EVERY_7, last, [pause]) == {}
    assert [run.error for run in last.jobs["j"].runs if run.outcome == "missed"] == [
        "the job was paused before it could run"
    ]


def test_a_change_of_schedule_leaves_no_time_of_the_old_one_open(apps: Callable[[], Applications]) -> None:
    nb = apps()
    first = nb.start(EVERY_7)
    first.advance(14)
    anchor = first.jobs["j"].anchor
    first.close()
    nb.clock.advance(20)
    second = nb.start(EVERY_7.replace(seconds=9))
    changed, new_anchor = nb.clock.now(), second.jobs["j"].anchor
    second.advance(40)
    runs = second.jobs["j"].runs
    assert unaccounted(EVERY_7, anchor, changed, [run for run in runs if run.planned <= changed]) == {}
    assert unaccounted(EVERY_7.replace(seconds=9), new_anchor, nb.clock.now(), runs[3:]) == {}


def test_times_while_a_job_is_not_active_are_not_counted(apps: Callable[[], Applications]) -> None:
    nb = apps()
    nb.start(EVERY_7).advance(14)
    began = nb.clock.now()
    off = nb.start(EVERY_7.replace(active=False))
    off.advance(100)
    off.close()
    pause = (began, nb.clock.now())
    on = nb.start(EVERY_7)
    on.advance(30)
    assert nb.broken(EVERY_7, on, [pause]) == {}


def test_the_oracle_finds_what_is_lost_doubled_and_strange(apps: Callable[[], Applications]) -> None:
    nb = apps()
    bench = nb.start(EVERY_7)
    bench.advance(21)
    rows, anchor, now = bench.jobs["j"].runs, bench.jobs["j"].anchor, nb.clock.now()
    assert unaccounted(EVERY_7, anchor, now, rows) == {}
    assert list(unaccounted(EVERY_7, anchor, now, rows[1:])) == ["without a row"]
    assert list(unaccounted(EVERY_7, anchor, now, [*rows, rows[0]])) == ["in two rows"]
    assert "not planned" in unaccounted(EVERY_7.replace(seconds=8), anchor, now, rows)
    assert run_twice([*nb.ran, nb.ran[0]]) == [nb.ran[0]]
    assert planned_times(EVERY_7, anchor, now) == [call.planned_at for call in bench.services.calls]
