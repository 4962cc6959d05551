"""What other processes made of jobs while nobody of a place was there is told when somebody is back."""

from __future__ import annotations

import logging
from functools import partial

import pytest

from tests.scheduler.conftest import START, Bench
from tests.scheduler.test_runner import Moody
from tests.serving import until
from workbench.core.clock import VirtualClock
from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Store
from workbench.durable.seen import SEEN_SECONDS
from workbench.scheduler.definitions import AnyJob, IntervalJob
from workbench.scheduler.ports import JobResult
from workbench.scheduler.runs.bounds import Bounds
from workbench.stores.memory import MemoryStore

HOURLY = IntervalJob("hourly", service="ok", hours=1)
HOUR = 3600.0


def at(place: str, before: Bench, *jobs: AnyJob, **options: object) -> Bench:
    """A process that starts at a place, on the same store and clock."""
    bench = before.again(**options)
    bench.scheduler.start(place)
    for job in jobs or (HOURLY,):
        bench.scheduler.define(job)
    bench.advance(0)
    return bench


def killed(bench: Bench) -> None:
    """As if it had been killed: its sign of life goes, nothing is written."""
    bench.scheduler._presence.leave()


def _has(bench: Bench, rows: list[str]) -> bool:
    return bench.outcomes("hourly") == rows


def hours(bench: Bench, count: int) -> None:
    for _ in range(count):
        bench.advance(HOUR)


def test_runs_of_another_place_are_told_by_outcome_and_ones_own_are_not(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    here = at("here", Bench(store))
    hours(here, 2)
    here.close()
    there = at("there", here)
    there.services.by_name["ok"] = lambda extra: None if there.clock.now().hour != 16 else JobResult("cid", "failed")
    hours(there, 3)
    there.close()
    there.clock.advance(2 * HOUR + 300)  # type: ignore[attr-defined]
    with caplog.at_level(logging.INFO, "workbench.scheduler"):
        back = at("here", here)
    assert repr(back.jobs.away).splitlines() == [
        "While you were away: 5 planned times, 2 ok, 1 failed, 1 run late, 1 merged.",
        "  job 'hourly': 5 planned times since 2026-01-01 15:00:00 UTC, 2 ok, 1 failed, 1 runs late, 1 merged",
    ]
    assert not back.jobs.away.is_well
    assert [line for line in caplog.messages if line.startswith("while none of this place was there, job 'hourly'")]
    assert back.outcomes("hourly") == ["ok", "ok", "ok", "failed", "ok", "merged", "ok"]
    back.close()


def test_what_ran_elsewhere_is_told_where_nothing_else_came_and_all_went_well(store: Store) -> None:
    here = at("here", Bench(store))
    here.close()
    there = at("there", here)
    hours(there, 3)
    back = at("here", here)
    assert repr(back.jobs.away).splitlines() == [
        "While you were away: 3 planned times, 3 ok.",
        "  job 'hourly': 3 planned times since 2026-01-01 13:00:00 UTC, 3 ok",
    ]
    assert back.jobs.away.is_well
    assert back.scheduler.define(HOURLY.replace(extra="other")) == "changed"
    assert len(back.jobs.away.absences) == 1
    for each in (back, there):
        each.close()


def test_one_that_was_killed_is_told_what_came_since_its_last_mark_and_nothing_of_its_own(store: Store) -> None:
    job = IntervalJob("often", service="ok", seconds=1)
    here, there = at("here", Bench(store), job), at("there", Bench(store, VirtualClock(START)), job)
    for _ in range(25):
        here.advance(1)
    killed(here)
    there.clock.move_to(here.clock.now())  # type: ignore[attr-defined]
    for _ in range(7):
        there.advance(1)
    here.clock.move_to(there.clock.now())  # type: ignore[attr-defined]
    back = at("here", here, job)
    owners = [row.owner for row in back.jobs["often"].runs]
    theirs = owners.count(there.scheduler._presence.me)
    (absence,) = back.jobs.away.absences
    # All that it ran itself after its last mark is known to be its own by the name of its process.
    assert (absence.elsewhere, absence.others, absence.late) == ({"ok": theirs}, 0, 0)
    assert theirs == 7 < SEEN_SECONDS
    for each in (back, there, here):
        each.close()


def test_a_place_whose_other_process_lives_was_not_left(store: Store) -> None:
    first, second = at("here", Bench(store)), at("here", Bench(store, VirtualClock(START)))
    killed(second)
    hours(first, 3)
    third = at("here", first)
    assert third.jobs.away.absences == []
    for each in (third, second, first):
        each.close()


def test_a_run_elsewhere_that_its_end_cut_off_is_told_once_however_it_was_found(store: Store) -> None:
    job = HOURLY.replace(service="hang")
    here = at("here", Bench(store), job)
    here.close()
    there = at("there", here, job)
    there.clock.advance(HOUR)  # type: ignore[attr-defined]
    there.scheduler.tick()
    until(lambda: there.scheduler.running_since("hourly"), "it runs")
    killed(there)
    here.clock.advance(60)  # type: ignore[attr-defined]
    watching = here.again()
    assert watching.outcomes("hourly") == ["interrupted"]
    watching.close()
    here.clock.advance(60)  # type: ignore[attr-defined]
    back = at("here", here, job)
    (absence,) = back.jobs.away.absences
    assert (absence.interrupted, absence.elsewhere, absence.others, absence.late) == (1, {}, 0, 0)
    for each in (back, there, here):
        each.close()


def test_a_run_that_still_goes_on_elsewhere_is_not_where_what_is_told_begins(store: Store) -> None:
    job = HOURLY.replace(service="hang")
    here = at("here", Bench(store), job)
    here.close()
    there = at("there", here, job)
    for rows in (["running"], ["running", "skipped"]):
        there.clock.advance(HOUR)  # type: ignore[attr-defined]
        there.scheduler.tick()
        until(partial(_has, there, rows), f"it has {rows}")
    back = at("here", here, job)
    assert repr(back.jobs.away).splitlines() == [
        "While you were away: 1 planned time, 1 skipped.",
        "  job 'hourly': 1 planned time since 2026-01-01 14:00:00 UTC, 1 skipped",
    ]
    for each in (back, there):
        each.close()


def test_what_nobody_ran_is_told_of_a_job_that_comes_back_with_another_schedule(store: Store) -> None:
    here = at("here", Bench(store))
    here.close()
    there = at("there", here)
    hours(there, 2)
    there.close()
    there.clock.advance(3 * HOUR)  # type: ignore[attr-defined]
    back = at("here", here, HOURLY.replace(hours=2))
    (absence,) = back.jobs.away.absences
    assert (absence.elsewhere, absence.others, absence.outcome) == ({"ok": 2}, 3, "missed")
    account = back.jobs.account("hourly")
    assert (account.planned, account.by_outcome) == (5, {"ok": 2, "missed": 3})
    back.close()


def test_what_the_rows_do_not_say_any_more_is_said_to_be_missing(store: Store) -> None:
    job = IntervalJob("often", service="ok", minutes=1)
    here = at("here", Bench(store), job)
    here.close()
    there = at("there", here, job, bounds=Bounds(runs=20))
    for _ in range(200):
        there.advance(60)
    back = at("here", here, job)
    (absence,) = back.jobs.away.absences
    kept = len(back.jobs["often"].runs)
    assert kept < 200
    assert absence.elsewhere == {"ok": kept}
    assert back.jobs.away.title == f"While you were away: at least {kept} planned times, {kept} ok."
    assert repr(absence).endswith(f"{kept} ok; rows of earlier ones are not kept")
    for each in (back, there):
        each.close()


def test_one_that_had_no_job_back_was_not_here(store: Store) -> None:
    here = at("here", Bench(store))
    here.close()
    there = at("there", here)
    hours(there, 2)
    passing = here.again()
    passing.scheduler.start("here")
    passing.advance(0)
    passing.close()
    hours(there, 2)
    back = at("here", here)
    assert back.jobs.away.absences[0].elsewhere == {"ok": 4}
    for each in (back, there):
        each.close()


def test_a_retried_time_counts_once_by_its_last_attempt(store: Store) -> None:
    job = HOURLY.replace(hours=24, retries=12, retry_seconds=1.0)
    here = at("here", Bench(store), job)
    here.close()
    there = at("there", here, job)
    there.services.by_name["ok"] = lambda extra: None if len(there.services.calls) > 11 else JobResult("c", "failed")
    hours(there, 24)
    for _ in range(11):
        there.advance(1_500)
    assert sorted(run.attempt for run in there.jobs["hourly"].runs) == [*range(1, 13)]
    back = at("here", here, job)
    assert back.jobs.away.absences[0].elsewhere == {"ok": 1}
    for each in (back, there):
        each.close()


def test_without_a_place_only_what_this_process_decided_is_told(store: Store) -> None:
    there = at("there", Bench(store))
    hours(there, 3)
    there.close()
    back = at("", there)
    assert back.jobs.away.absences == []
    back.close()
    assert [key for key, _ in store.scan("app/nb.ipynb/seen/")] != []


def test_a_store_that_refuses_marks_costs_what_is_told_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    moody = Moody()
    bench = Bench(moody)  # type: ignore[arg-type]
    moody.fails.update({"scan", "put"})
    bench.scheduler.start("here")
    assert "what came while no process of here was here is not known" in caplog.text
    moody.fails = {"put"}
    with pytest.raises(StoreUnavailable):
        bench.scheduler.define(HOURLY)
    moody.fails.clear()
    bench.scheduler.define(HOURLY)
    moody.fails.add("put")
    hours(bench, 1)
    assert bench.outcomes("hourly") == ["ok"]
    bench.close()
    # The mark is that of the beginning.
    (mark,) = [value for _, value in moody._store.scan("app/nb.ipynb/seen/")]
    assert START.isoformat().replace("+00:00", "Z").encode() in mark


def test_marks_of_places_that_nobody_comes_back_to_do_not_stay_for_ever() -> None:
    store = MemoryStore()
    bench = at("container 1", Bench(store))
    bench.close()
    bench.clock.advance(500 * 86_400.0)  # type: ignore[attr-defined]
    again = at("container 2", bench, HOURLY.replace(missed="skip"))
    again.close()
    assert len([key for key, _ in store.scan("app/nb.ipynb/seen/")]) == 1
