"""The law as a job's account states it: what was planned is the sum of how it ended, whatever happened meanwhile."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from tests.scheduler.conftest import START, Bench
from tests.scheduler.oracle import planned_times
from workbench.core.clock import VirtualClock
from workbench.core.ports import Store
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob
from workbench.scheduler.runs.bounds import Bounds
from workbench.stores.memory import MemoryStore

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
HOURLY = IntervalJob("j", service="ok", hours=1)
HOUR = 3600.0


@pytest.fixture
def begin(store: Store) -> Iterator[Callable[..., Bench]]:
    clock, made = VirtualClock(START), list[Bench]()

    def start(job: AnyJob | None = None, **options: object) -> Bench:
        bench = Bench(store, clock, **options)  # type: ignore[arg-type]
        made.append(bench)
        if job is not None:
            bench.scheduler.define(job)
        return bench

    yield start
    for each in made:
        each.close()


def hours(bench: Bench, count: int) -> None:
    for _ in range(count):
        bench.advance(HOUR)


def test_an_account_says_how_every_planned_time_ended(begin: Callable[..., Bench]) -> None:
    bench = begin(HOURLY)
    hours(bench, 3)
    bench.scheduler.define(HOURLY.replace(service="nope"))
    hours(bench, 1)
    bench.jobs["j"].execute()
    bench.jobs["j"].pause()
    hours(bench, 2)
    bench.jobs["j"].resume()
    account = bench.jobs.account("j")
    said = "'j' since 2026-01-01 12:00:00 UTC: planned 6 = 3 ok + 1 failed + 2 paused; 1 by hand."
    assert (repr(account), account.holds) == (said, True)
    assert bench.jobs.account("j", since="2026-01-01 15:30").by_outcome == {"failed": 1, "paused": 2}
    assert bench.jobs.account("j", since=START + timedelta(hours=5)).planned == 1


def test_an_account_goes_on_through_a_change_of_schedule_and_times_when_the_job_was_off(
    begin: Callable[..., Bench],
) -> None:
    bench = begin(HOURLY)
    hours(bench, 3)
    bench.scheduler.define(IntervalJob("j", service="ok", minutes=30))
    hours(bench, 1)
    bench.scheduler.define(IntervalJob("j", service="ok", minutes=30, active=False))
    hours(bench, 5)
    bench.scheduler.define(HOURLY)
    hours(bench, 2)
    account = bench.jobs.account("j")
    assert (account.planned, account.holds) == (3 + 2 + 2, True)
    before = bench.scheduler.stored("j")
    bench.scheduler.define(HOURLY.replace(minutes=7))
    bench.scheduler.put_back("j", before)
    hours(bench, 1)
    assert (bench.jobs.account("j").planned, bench.jobs.account("j").holds) == (8, True)


def test_what_runs_and_what_waits_is_open_and_no_more_lost(begin: Callable[..., Bench]) -> None:
    bench = begin(IntervalJob("j", service="hang", seconds=10))
    bench.clock.advance(20)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    while not bench.services.calls:
        bench.scheduler.wait("j", runs=0)
    account = bench.jobs.account("j")
    assert (account.by_outcome, account.holds) == ({"running": 1, "waiting": 1}, True)
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert bench.jobs.account("j").by_outcome == {"ok": 2}


def test_an_account_begins_where_rows_begin_once_old_ones_are_left_behind(begin: Callable[..., Bench]) -> None:
    bench = begin(IntervalJob("j", service="ok", seconds=10), bounds=Bounds(runs=20))
    for _ in range(120):
        bench.advance(10)
    account = bench.jobs.account("j", since=START)
    assert account.since > START
    assert 20 <= account.planned <= 71
    assert account.holds
    assert account.by_outcome == {"ok": account.planned}


def test_rows_that_stand_for_many_times_are_left_behind_with_all_of_them(begin: Callable[..., Bench]) -> None:
    job = IntervalJob("j", service="ok", seconds=10)
    bench = begin(job, bounds=Bounds(runs=5))
    for _ in range(8):
        bench.advance(10)
        bench.advance(600)
    for _ in range(60):
        bench.advance(10)
    account = bench.jobs.account("j")
    assert (account.holds, account.unaccounted) == (True, 0)
    assert sum(bench.scheduler.tally("j", 10_000).by_outcome.values()) == (8 * 610 + 600) // 10


def test_a_lost_row_is_found_by_the_account_and_mended_and_told(
    begin: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    bench = begin(HOURLY)
    hours(bench, 4)
    assert bench.store.delete(bench.jobs["j"].runs[1].key)
    account = bench.jobs.account("j")
    assert (account.by_outcome, account.holds) == ({"ok": 3, "unaccounted": 1}, False)
    bench.advance(60)
    assert bench.outcomes("j") == ["ok", "missed", "ok", "ok"]
    assert bench.jobs["j"].runs[1].error == "it was planned, but nobody ran it or wrote why"
    assert bench.jobs.account("j").holds
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_row_of_a_time_that_is_not_planned_breaks_the_account_and_is_told_once(
    begin: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    bench = begin(HOURLY)
    hours(bench, 2)
    key = bench.jobs["j"].runs[0].key
    value = bench.store.get(key)
    assert value is not None
    strange = key.replace("T130000", "T133000")
    bench.store.put(strange, value.replace(b"T13:00:00", b"T13:30:00").replace(key.encode(), strange.encode()))
    account = bench.jobs.account("j")
    assert (account.planned, account.by_outcome, account.holds) == (2, {"ok": 2, "not planned": 1}, False)
    for _ in range(4):
        bench.advance(60)
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) == 1
    assert "1 not planned" in told[0]


def test_an_active_job_that_is_due_at_no_time_to_come_is_made_due_again_and_told(
    begin: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    bench = begin(HOURLY.replace(repeats=3))
    hours(bench, 3)
    assert bench.jobs["j"].state == "finished"
    bench.clock.move_to(START + timedelta(hours=1.5))  # type: ignore[attr-defined]
    bench.scheduler.reconcile()
    assert bench.jobs["j"].next_at == START + timedelta(hours=2)
    assert "was due at no time to come" in caplog.text
    hours(bench, 2)
    assert [call.planned_at for call in bench.services.calls] == [START + timedelta(hours=n) for n in (1, 2, 3)]


def test_a_store_from_before_accounts_is_read(begin: Callable[..., Bench]) -> None:
    first = begin(HOURLY)
    hours(first, 3)
    first.close()
    for key, value in list(first.store.scan("app/")):
        if "/job/" in key:
            start = value.index(b',"since"')
            first.store.put(key, value[:start] + b"}")
    later = begin()
    assert (later.jobs.account("j").by_outcome, later.jobs.account("j").holds) == ({"ok": 3}, True)
    later.scheduler.define(HOURLY)
    hours(later, 2)
    later.scheduler.define(HOURLY.replace(hours=2))
    hours(later, 2)
    account = later.jobs.account("j")
    assert (account.by_outcome, account.holds) == ({"ok": 6}, True)


POLICIES: list[dict[str, object]] = [
    {},
    {"missed": "run_all"},
    {"missed": "run_all", "missed_count": 2, "missed_seconds": 600.0},
    {"missed": "skip", "missed_seconds": 5.0},
    {"overlap": "queue_one"},
    {"overlap": "allow"},
    {"jitter_seconds": 30.0},
    {"retries": 2, "retry_seconds": 5.0},
]
ACTIONS = ("pass", "pass", "pass", "sleep", "edit", "pause", "resume", "off", "restart", "gap", "hand", "jump")


def lived(seed: int, store: Store) -> tuple[Bench, list[str]]:
    """A random life of one job: edits, pauses, long sleeps, restarts, gaps, and clocks that are set both ways."""
    chance, clock, told = random.Random(seed), VirtualClock(START), list[str]()
    jobs: list[AnyJob] = [
        IntervalJob("j", service="ok", seconds=7),
        IntervalJob("j", service="nope", minutes=3, repeats=40),
        CronJob("j", service="ok", cron="*/20 * * * * *"),
        CronJob("j", service="ok", cron="*/2 * * * *"),
    ]
    policy = chance.choice(POLICIES)
    jobs = [each.replace(**policy) for each in jobs]
    job = jobs[0]
    bench = Bench(store, clock, app=f"life {seed}", bounds=Bounds(runs=chance.choice((15, 500))))
    bench.scheduler.define(job)
    shown = START
    for _ in range(25):
        action = chance.choice(ACTIONS)
        told.append(action)
        shown = max(shown, clock.now())
        match action:
            case "pass":
                for _ in range(4):
                    bench.advance(chance.choice((0, 1, 7, 13, 60)))
            case "sleep":
                bench.advance(chance.randint(61, 5_000))
            case "edit":
                job = chance.choice(jobs)
                bench.scheduler.define(job)
            case "off":
                bench.scheduler.define(job.replace(active=False))
            case "pause":
                bench.jobs["j"].pause()
            case "resume":
                bench.jobs["j"].resume()
            case "hand":
                bench.jobs["j"].execute()
            case "jump":
                jump = chance.choice((1, 30, 61, 3_600, 86_400))
                clock.move_to(clock.now() + timedelta(seconds=chance.choice((jump, -jump))))
                bench.advance(0)
            case "restart" | "gap":
                bench.close()
                clock.advance(chance.randint(0, 50) if action == "restart" else chance.randint(60, 9_000))
                bench = Bench(store, clock, app=f"life {seed}")
                bench.scheduler.define(job)
    bench.advance(max(0.0, (shown - clock.now()).total_seconds()))
    return bench, told


@pytest.mark.parametrize("seeds", [range(start, start + 5) for start in range(0, 1_000 if SOAK else 30, 5)], ids=str)
def test_the_account_of_a_random_life_holds(seeds: range) -> None:
    for seed in seeds:
        bench, told = lived(seed, MemoryStore())
        account = bench.jobs.account("j")
        bench.scheduler.reconcile()
        assert account.holds, (seed, told, account)
        assert "waiting" not in account.by_outcome, (seed, told, account)
        bench.close()


def test_what_an_account_calls_planned_is_what_the_oracle_counts(begin: Callable[..., Bench]) -> None:
    for number, job in enumerate(
        (HOURLY, CronJob("j", service="ok", cron="*/20 */3 * * *"), HOURLY.replace(repeats=4))
    ):
        bench = begin(job.replace(name=f"j{number}"))
        bench.advance(7.5 * HOUR)
        now, anchor = bench.clock.now(), bench.jobs[f"j{number}"].anchor
        assert bench.jobs.account(f"j{number}").planned == len(planned_times(job, anchor, now))
