"""A backfill runs planned times that are past, once each, beside the schedule."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.scheduler.conftest import START, Bench
from workbench.core.errors import WorkbenchError
from workbench.core.ports import Swap
from workbench.scheduler import plan
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob
from workbench.scheduler.runs.bounds import Bounds
from workbench.stores.memory import MemoryStore

HOURLY = IntervalJob("j", service="ok", hours=1)
DAILY = CronJob("j", service="ok", cron="0 3 * * *")
HOUR = timedelta(hours=1)


def test_a_backfill_is_dry_by_default_and_says_what_would_run(bench: Bench) -> None:
    bench.scheduler.define(DAILY)
    found = bench.jobs["j"].backfill("2025-12-29 03:00", "2026-01-01 03:00", name="december")
    assert [f"{at:%m-%d %H}" for at in found.times] == ["12-29 03", "12-30 03", "12-31 03"]
    assert (found.state, bench.jobs["j"].runs, bench.services.calls) == ("dry", [], [])
    assert repr(found) == (
        "Backfill 'december' of job 'j': 3 planned times, 2025-12-29 03:00:00 to 2025-12-31 03:00:00 UTC. "
        "Dry: nothing has run. Fix: dry=False runs them."
    )


def test_its_runs_carry_its_name_and_are_counted_apart(bench: Bench) -> None:
    bench.scheduler.define(DAILY.replace(retries=3, on_success="ok", extra="night"))
    found = bench.jobs["j"].backfill("2025-12-29 03:00", "2026-01-01 03:00", name="december", dry=False)
    assert found.wait(30)
    assert bench.scheduler.settle(10)
    assert (found.state, [run.outcome for run in found.runs]) == ("ended", ["ok"] * 3)
    assert [call.planned_at for call in bench.services.calls] == found.times
    runs = bench.jobs["j"].runs.only(by="backfill")
    assert [(run.planned, run.backfill, run.late_seconds is not None) for run in runs] == [
        (at, "december", True) for at in found.times
    ]
    account = bench.jobs.account("j")
    assert (account.planned, account.backfilled, account.by_hand, account.holds) == (0, 3, 0, True)
    assert repr(account).endswith("planned 0 = 0; 3 backfilled.")
    assert bench.jobs["j"].backfilling is None


def test_nothing_is_backfilled_twice_whoever_asks(bench: Bench) -> None:
    bench.scheduler.define(DAILY)
    other = bench.again()
    first = bench.jobs["j"].backfill("2025-12-29", "2026-01-01", dry=False)
    assert first.wait(30)
    second = other.jobs["j"].backfill("2025-12-28", "2026-01-01", dry=False)
    assert second.wait(30)
    assert [f"{at:%d}" for at in second.times] == ["28"]
    assert second.left_out == {"have run": 3}
    other.close()


def test_what_has_run_and_what_may_still_run_is_left_out_and_what_passed_without_a_run_is_not(bench: Bench) -> None:
    bench.scheduler.define(HOURLY.replace(missed="skip"))
    bench.advance(3600)
    bench.jobs["j"].pause()
    bench.advance(3600)
    bench.jobs["j"].resume()
    bench.advance(3600)
    bench.advance(2 * 3600)  # the first of them is missed
    assert bench.outcomes("j") == ["ok", "ok", "missed", "ok"]
    bench.clock.advance(3600)  # type: ignore[attr-defined]
    found = bench.jobs["j"].backfill(START)
    # 12:00 is the anchor, which an earlier job would have had; 18:00 has come and is the schedule's to run.
    assert [at - START for at in found.times] == [0 * HOUR, 2 * HOUR, 4 * HOUR]
    assert found.left_out == {"have run": 3}
    bench.clock.advance(1)  # type: ignore[attr-defined]
    assert bench.jobs["j"].backfill(START).left_out == {"have run": 3, "may still run by the schedule": 1}


def test_a_backfill_can_be_stopped_and_the_same_span_goes_on(bench: Bench) -> None:
    bench.scheduler.define(DAILY.replace(service="hang"))
    first = bench.jobs["j"].backfill("2025-12-01", "2026-01-01", dry=False, name="first")
    with pytest.raises(WorkbenchError, match=r"is being backfilled by 'first'\. Fix: "):
        bench.jobs["j"].backfill("2025-12-01", "2026-01-01", dry=False)
    going = bench.jobs["j"].backfilling
    assert going is first
    while not bench.services.calls:
        bench.scheduler.wait("j", runs=0)
    going.stop()
    bench.services.gate.set()
    assert first.wait(30)
    assert (first.state, len(first.runs)) == ("stopped", 1)
    assert repr(first).endswith("1 ok. Stopped, since it was told to stop.")
    assert bench.jobs["j"].backfill("2025-12-01", "2026-01-01").times == first.times[1:]


@pytest.mark.parametrize("change", ["removed", "edited", "closed"])
def test_a_backfill_ends_with_its_job_and_with_its_process(bench: Bench, change: str) -> None:
    bench.scheduler.define(DAILY.replace(service="hang"))
    found = bench.jobs["j"].backfill("2025-12-01", "2026-01-01", dry=False)
    while not bench.services.calls:
        bench.scheduler.wait("j", runs=0)
    if change == "removed":
        bench.jobs.remove("j")
    elif change == "edited":
        bench.scheduler.define(DAILY)
    else:
        bench.scheduler.close(timeout=0)
    bench.services.gate.set()
    assert found.wait(30)
    assert (found.state, len(bench.services.calls)) == ("stopped", 1)
    assert ("its process ends" if change == "closed" else "its job was changed or removed") in repr(found)
    if change == "removed":
        assert [key for key, _ in bench.store.scan("app/") if "/fill/" in key] == []


def test_too_many_times_and_spans_that_are_none_are_refused(bench: Bench) -> None:
    bench.scheduler.define(HOURLY)
    with pytest.raises(WorkbenchError, match=r"more than 1,000 planned times\. Fix: "):
        bench.jobs["j"].backfill("2020-01-01")
    assert len(bench.jobs["j"].backfill(START - 2_000 * HOUR, most=2_000).times) == 2_000
    for start, end in (("2026-01-02", None), ("2025-01-01", "2026-01-02"), ("2025-01-02", "2025-01-01")):
        with pytest.raises(WorkbenchError, match=r"cannot be backfilled from .* Fix: a start before the end"):
            bench.jobs["j"].backfill(start, end)


def test_times_whose_rows_are_not_kept_any_more_are_left_out(bench: Bench) -> None:
    bench.scheduler.define(IntervalJob("k", service="ok", seconds=10))
    few = Bench(MemoryStore(), bounds=Bounds(runs=5))
    few.scheduler.define(HOURLY)
    for _ in range(120):
        few.advance(3600)
    found = few.jobs["j"].backfill(START - 2 * HOUR)
    kept = len(few.jobs["j"].runs)
    assert [at - START for at in found.times] == [-2 * HOUR, -HOUR, 0 * HOUR]
    assert found.left_out == {"are so old that their rows are not kept": 120 - kept, "have run": kept - 1}
    few.close()


def test_a_store_that_refuses_stops_it_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    from workbench.core.errors import StoreUnavailable

    class Refusing(MemoryStore):
        is_open = True

        def swap_all(self, swaps: Sequence[Swap]) -> list[bool]:
            if not self.is_open:
                raise StoreUnavailable("The store is away. Fix: none.")
            return super().swap_all(swaps)

    store = Refusing()
    bench = Bench(store)
    bench.scheduler.define(DAILY)
    store.is_open = False
    found = bench.jobs["j"].backfill("2025-12-29", dry=False)
    assert found.wait(30)
    assert (found.state, found.runs) == ("stopped", [])
    assert "the store refused it: The store is away" in repr(found)
    assert "stops: The store is away" in caplog.text
    store.is_open = True
    bench.close()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Warsaw", "Australia/Lord_Howe"])
def test_times_before_the_anchor_go_on_into_those_after_it(zone: str) -> None:
    chance = random.Random(zone)
    for _ in range(10):
        jobs: list[AnyJob] = [
            IntervalJob("j", service="ok", minutes=chance.randint(1, 90), seconds=chance.randint(0, 59), timezone=zone),
            IntervalJob("j", service="ok", days=chance.randint(1, 3), timezone=zone, repeats=2),
            IntervalJob("j", service="ok", weeks=1, hours=chance.randint(0, 5), timezone=zone),
            CronJob("j", service="ok", cron=f"{chance.randint(0, 59)} */3 * * *", timezone=zone),
        ]
        for job in jobs:
            anchor = START + timedelta(seconds=chance.randint(0, 10**7))
            early = list(plan.past_times(job, anchor, anchor - timedelta(days=60), anchor))
            assert early == sorted(set(early))
            assert all(at <= anchor for at in early)
            assert len(early) >= 60 // 7
            until: datetime = anchor + timedelta(days=30)
            later = list(plan.past_times(job, anchor, anchor - timedelta(days=60), until))
            assert later == early + list(plan.past_times(job, anchor, anchor, until))
            assert later[len(early) :][:5] == [at for at in plan.preview(job, anchor, anchor, 5) if at <= until]
            walls = {f"{at.astimezone(job.zone):%H:%M:%S}" for at in early}
            if isinstance(job, IntervalJob) and job.days:
                assert walls == {f"{anchor.astimezone(job.zone).replace(microsecond=0):%H:%M:%S}"}
