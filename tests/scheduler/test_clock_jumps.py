"""The machine's clock is set forward or back, or stands while the machine sleeps: no storm, no stall, one row each."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scheduler.conftest import START, Bench
from tests.scheduler.oracle import unaccounted
from tests.serving import until
from workbench.core.clock import VirtualClock
from workbench.core.ports import Store
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob, OneTimeJob

JUMPS = [1, 60, 3_600, 86_400]
SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3_600.0, 86_400.0


class SleepyClock(VirtualClock):
    """A virtual clock of a machine that can sleep, when only the wall clock goes on, and be set."""

    def sleep(self, seconds: float) -> None:
        """Let the wall clock alone go on."""
        self._set(self._seconds + seconds)

    def set_back(self, seconds: float) -> None:
        """Set the wall clock back; elapsed time goes on."""
        self._set(self._seconds - seconds)


@pytest.fixture
def bench(store: Store) -> Iterator[Bench]:
    made = Bench(store, SleepyClock(START))
    yield made
    made.close()


def clock_of(bench: Bench) -> SleepyClock:
    assert isinstance(bench.clock, SleepyClock)
    return bench.clock


def runs_of(bench: Bench, name: str) -> list[Any]:
    return [run for run in bench.jobs[name].runs if run.outcome == "ok"]


FOLLOWING: list[AnyJob] = [
    IntervalJob("j", service="ok", seconds=1),
    CronJob("j", service="ok", cron="* * * * * *"),
    IntervalJob("j", service="ok", seconds=1, start="2025-12-01 00:00"),
]


@pytest.mark.parametrize("job", FOLLOWING, ids=lambda job: job.describe())
@pytest.mark.parametrize("seconds", JUMPS)
def test_a_clock_set_back_stalls_no_job_that_follows_it(bench: Bench, seconds: int, job: AnyJob) -> None:
    bench.scheduler.define(job)
    for _ in range(5):
        bench.advance(1)
    clock_of(bench).set_back(seconds)
    assert bench.scheduler.tick() <= 1
    for number in range(1, 6):
        bench.advance(1)
        assert len(runs_of(bench, "j")) >= 5 + number
    assert len(runs_of(bench, "j")) <= 5 + 6
    account = bench.jobs.account("j")
    assert account.holds, account


@pytest.mark.parametrize("back", [SECOND, MINUTE, HOUR])
def test_a_time_that_comes_before_the_set_clock_is_looked_at_is_run(bench: Bench, back: float) -> None:
    """The clock is set back by less than has gone by since the last look, so a new time has come all the same."""
    jobs: list[AnyJob] = [
        IntervalJob("interval", service="ok", hours=1),
        CronJob("cron", service="ok", cron="0 * * * *"),
    ]
    for job in jobs:
        bench.scheduler.define(job)
    bench.advance(HOUR)
    clock_of(bench).advance(back + HOUR)
    clock_of(bench).set_back(back)
    for _ in range(3):
        bench.advance(HOUR)
    for job in jobs:
        account = bench.jobs.account(job.name)
        assert account.holds, account
        assert account.by_outcome == {"ok": 5}


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_clock_set_forward_makes_no_storm_and_no_stall(bench: Bench, seconds: int) -> None:
    job = IntervalJob("j", service="ok", seconds=1)
    bench.scheduler.define(job)
    bench.advance(1)
    before = len(bench.services.calls)
    bench.advance(seconds)
    # What is younger than a minute runs as if it were on time, of what is older one.
    assert 1 <= len(bench.services.calls) - before <= min(seconds, 61)
    before = len(bench.services.calls)
    bench.advance(1)
    assert len(bench.services.calls) == before + 1
    kept = bench.jobs["j"]
    assert unaccounted(job, kept.anchor, bench.clock.now(), kept.runs) == {}


def test_a_machine_that_slept_eight_hours_runs_at_its_first_look(bench: Bench) -> None:
    hourly = CronJob("hourly", service="ok", cron="@hourly")
    bench.scheduler.define(hourly)
    bench.scheduler.define(IntervalJob("often", service="ok", seconds=1))
    bench.advance(10)
    clock_of(bench).sleep(8 * HOUR)
    bench.advance(0.5)
    assert [run.outcome for run in bench.jobs["hourly"].runs] == ["missed", "ok"]
    assert bench.jobs["hourly"].runs[0].times == 7
    assert bench.jobs["often"].runs[-1].planned > bench.clock.now() - timedelta(seconds=1.5)
    assert len(bench.services.calls) <= 10 + 1 + 62
    for name in ("hourly", "often"):
        assert bench.jobs.account(name).holds


def test_fixed_times_run_once_though_the_clock_shows_them_twice(bench: Bench) -> None:
    bench.scheduler.define(CronJob("cron", service="ok", cron="30 12 * * *"))
    bench.scheduler.define(OneTimeJob("once", service="ok", start="2026-01-01 12:30"))
    bench.scheduler.define(IntervalJob("days", service="ok", days=1, start="2026-01-01 12:30"))
    bench.advance(45 * MINUTE)
    clock_of(bench).set_back(30 * MINUTE)
    bench.scheduler.tick()
    for _ in range(4):
        bench.advance(15 * MINUTE)
    for name in ("cron", "once", "days"):
        assert bench.outcomes(name) == ["ok"], name
    bench.advance(DAY)
    assert bench.outcomes("days")[-1] == "ok"
    assert len(bench.outcomes("cron")) == 2


def test_runs_of_a_time_that_is_shown_again_are_counted_apart(bench: Bench) -> None:
    bench.scheduler.define(IntervalJob("j", service="ok", minutes=1))
    for _ in range(3):
        bench.advance(60)
    clock_of(bench).set_back(180)
    bench.scheduler.tick()
    for _ in range(3):
        bench.advance(60)
    assert repr(bench.jobs.account("j")).endswith("planned 3 = 3 ok; 3 again, since the clock was set back.")
    assert "started again by a clock set back" in repr(next(run for run in bench.jobs["j"].runs if run.by == "clock"))
    bench.advance(60)
    assert repr(bench.jobs.account("j")).endswith("planned 4 = 4 ok; 3 again, since the clock was set back.")


def test_two_processes_run_a_time_that_is_shown_again_once(bench: Bench, store: Store) -> None:
    other = bench.again()
    for each in (bench, other):
        each.scheduler.define(IntervalJob("j", service="ok", minutes=1))
    for step in range(6):
        if step == 3:
            clock_of(bench).set_back(180)
            bench.scheduler.tick()
            other.scheduler.tick()
        bench.clock.advance(60)  # type: ignore[attr-defined]
        for each in (bench, other):
            each.scheduler.tick()
            each.scheduler.settle(10)
    other.close()
    assert len(bench.services.calls) + len(other.services.calls) == 6


def test_what_is_waited_for_comes_no_later_for_a_clock_that_is_set_back(bench: Bench) -> None:
    bench.services.by_name["broken"] = lambda extra: 1 / 0
    start = "2026-01-01 12:00:01"
    bench.scheduler.define(OneTimeJob("retried", service="broken", start=start, retries=1, retry_seconds=10))
    bench.scheduler.define(OneTimeJob("hung", service="hang", start=start, time_limit_seconds=10))
    bench.clock.advance(1)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    # Nothing else is due, so the next time is that of the retry.
    until(lambda: bench.scheduler.next_at() is not None and "running" in bench.outcomes("hung"), "it has failed")
    clock_of(bench).set_back(DAY)
    bench.scheduler.tick()
    bench.clock.advance(10.5)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert len(bench.outcomes("retried")) == 2
    assert bench.outcomes("hung") == ["timed_out"]


def test_a_clock_that_is_set_back_is_told_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.scheduler.define(IntervalJob("j", service="ok", seconds=1))
    bench.advance(1)
    clock_of(bench).set_back(HOUR)
    with caplog.at_level(logging.WARNING, "workbench.scheduler"):
        for _ in range(3):
            bench.advance(1)
    told = [record for record in caplog.records if "the clock was set back by 1:00:00" in record.getMessage()]
    assert len(told) == 1


LIVE = """
import sys, threading, time
from pathlib import Path
from tests.scheduler.conftest import Bench
from workbench.core.clock import SystemClock
from workbench.scheduler.definitions import IntervalJob
from workbench.stores import open_store

def shown(count):
    assert came.acquire(timeout=30), "no run came"
    return time.monotonic()

bench, came = Bench(open_store("memory://"), SystemClock()), threading.Semaphore(0)
bench.services.by_name["tick"] = lambda extra: came.release()
bench.scheduler.define(IntervalJob("j", service="tick", seconds=1))
bench.scheduler.start()
for number in range(2):
    shown(number)
before = time.time()
Path(sys.argv[1]).write_text(sys.argv[2])
set_at = time.monotonic()
first = shown(2) - set_at
print(f"clock moved by {time.time() - before:.0f} s, first run after {first:.2f} s")
shown(3)
bench.close()
"""


def _faked() -> str:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("libfaketime is not installed: apt install faketime")
    return str(library)


@pytest.mark.parametrize("jump", [-3_600, 28_800])
def test_the_machines_clock_may_be_set_while_the_alarm_sleeps(tmp_path: Path, jump: int) -> None:
    setting = tmp_path / "faketime"
    setting.write_text("+0")
    environment = os.environ | {
        "LD_PRELOAD": _faked(),
        "FAKETIME_TIMESTAMP_FILE": str(setting),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    command = [sys.executable, "-c", LIVE, str(setting), f"{jump:+d}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    # Each run came within 30 s; an alarm that stalls would as long as the clock jumped.
    moved = done.stdout.split(" by ")[1].partition(" s")[0]
    print(done.stdout)
    assert abs(float(moved) - jump) < 30


def test_a_process_that_starts_after_the_clock_was_set_back_goes_on_with_what_it_shows_again(store: Store) -> None:
    clock = VirtualClock(START)
    first = Bench(store, clock)
    first.scheduler.define(IntervalJob("often", service="ok", minutes=10))
    first.scheduler.define(CronJob("fixed", service="ok", cron="30 12 * * *"))
    for _ in range(6):
        first.advance(600)
    clock.move_to(START)
    first.advance(0)
    first.advance(600)
    first.close()
    again = Bench(store, clock)
    again.scheduler.define(IntervalJob("often", service="ok", minutes=10))
    again.scheduler.define(CronJob("fixed", service="ok", cron="30 12 * * *"))
    assert again.jobs["often"].next_at == START + timedelta(minutes=20)
    for _ in range(6):
        again.advance(600)
    runs = again.jobs["often"].runs
    assert [(run.planned - START) // timedelta(minutes=10) for run in runs if run.by == "clock"] == [1, 2, 3, 4, 5, 6]
    assert [(run.planned - START) // timedelta(minutes=10) for run in runs if run.by == "schedule"] == [
        1,
        2,
        3,
        4,
        5,
        6,
        7,
    ]
    # Fixed times run once.
    assert [run.by for run in again.jobs["fixed"].runs] == ["schedule"]
    accounts = [again.jobs.account(name) for name in ("often", "fixed")]
    assert all(account.holds for account in accounts)
    assert [account.by_outcome for account in accounts] == [{"ok": 7}, {"ok": 1}]
    again.jobs.remove("often")
    assert [key for key, _ in store.scan("app/") if "often" in key] == []
    again.close()


def test_what_is_changed_while_the_clock_is_behind_counts_from_where_it_was_before(store: Store) -> None:
    bench = Bench(store, VirtualClock(START))
    bench.scheduler.define(IntervalJob("j", service="ok", minutes=10))
    for _ in range(6):
        bench.advance(600)
    bench.clock.move_to(START + timedelta(minutes=5))  # type: ignore[attr-defined]
    bench.advance(0)
    bench.scheduler.define(IntervalJob("j", service="ok", minutes=20))
    for _ in range(3):
        bench.advance(600)
    bench.jobs["j"].pause()
    bench.advance(600)
    bench.jobs["j"].resume()
    for _ in range(10):
        bench.advance(600)
    account = bench.jobs.account("j")
    assert (account.holds, account.unaccounted) == (True, 0)
    # Six each ten minutes up to 13:00, then one each twenty up to 14:25, counted from 13:00.
    assert (account.planned, account.by_outcome) == (10, {"ok": 10})
    bench.close()


def test_what_had_come_when_the_clock_was_set_back_and_was_not_taken_yet_still_runs(store: Store) -> None:
    clock = VirtualClock(START)
    first = Bench(store, clock)
    first.scheduler.define(IntervalJob("j", service="ok", seconds=20))
    first.close()
    clock.advance(50)
    second = Bench(store, clock)
    second.scheduler.define(IntervalJob("j", service="ok", seconds=20))
    clock.move_to(START - timedelta(hours=1))
    second.advance(0)
    assert [run.planned for run in second.jobs["j"].runs if run.by == "schedule"] == [
        START + timedelta(seconds=20),
        START + timedelta(seconds=40),
    ]
    second.close()


def test_a_long_sleep_while_the_clock_is_behind_leaves_no_planned_time_without_a_row(store: Store) -> None:
    bench = Bench(store, VirtualClock(START))
    bench.scheduler.define(IntervalJob("j", service="ok", seconds=20, missed="skip"))
    for _ in range(6):
        bench.advance(20)
    bench.clock.move_to(START + timedelta(minutes=1))  # type: ignore[attr-defined]
    bench.advance(0)
    bench.advance(3_600)
    account = bench.jobs.account("j")
    assert (account.planned, account.holds, account.by_outcome) == (183, True, {"ok": 9, "missed": 174}), account
    bench.close()
