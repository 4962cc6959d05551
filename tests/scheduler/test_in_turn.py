"""Runs without threads, made by who settles; and the agenda that leads from one planned time to the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest

from tests.scheduler.conftest import START, Bench
from workbench.core.clock import VirtualClock
from workbench.scheduler import plan
from workbench.scheduler.agenda import Agenda
from workbench.scheduler.definitions import AnyJob, CronJob, IntervalJob
from workbench.scheduler.records import JobRecord
from workbench.scheduler.runs.bounds import Bounds
from workbench.stores.memory import MemoryStore


@pytest.fixture
def turns() -> Iterator[Bench]:
    made = Bench(MemoryStore(), bounds=Bounds(threads=0))
    yield made
    made.close()


def test_each_run_is_made_by_who_settles_one_after_another(turns: Bench) -> None:
    order: list[str] = []
    turns.services.by_name["note"] = order.append
    for extra in ("a", "b", "c"):
        turns.scheduler.define(IntervalJob(f"job {extra}", service="note", minutes=1, extra=extra))
    turns.clock.advance(60)  # type: ignore[attr-defined]
    turns.scheduler.tick()
    assert order == []
    assert turns.scheduler.settle(0.0)
    assert order == ["a", "b", "c"]
    assert {call.thread for call in turns.services.calls} == {threading.current_thread().name}


def test_a_run_may_execute_another_job_and_wait_for_it(turns: Bench) -> None:
    turns.services.by_name["outer"] = lambda extra: turns.jobs["inner"].execute(timeout=10).outcome
    turns.scheduler.define(IntervalJob("outer", service="outer", minutes=1))
    turns.scheduler.define(IntervalJob("inner", service="ok", hours=1))
    turns.advance(60)
    assert [run.returned for run in turns.jobs["outer"].runs] == ["'ok'"]
    assert turns.jobs["inner"].execute(timeout=10).outcome == "ok"


SPRING = datetime(2026, 3, 27, tzinfo=UTC)


def agenda_of(clock: VirtualClock) -> Agenda:
    """An agenda by a clock that nobody sets back."""
    return Agenda(clock, lambda *_: None, lambda name: None)


@pytest.mark.parametrize(
    "job",
    [
        IntervalJob("a", service="ok", minutes=25),
        IntervalJob("a", service="ok", days=1, timezone="Europe/Warsaw"),
        IntervalJob("a", service="ok", minutes=7, jitter_seconds=900),
        IntervalJob("a", service="ok", hours=3, repeats=5),
        CronJob("a", service="ok", cron="30 2 * * *", timezone="Europe/Warsaw"),
        CronJob("a", service="ok", cron="*/20 * * * *", jitter_seconds=3_000),
    ],
    ids=lambda job: job.describe(),
)
def test_the_agenda_comes_to_each_planned_time_once(job: AnyJob) -> None:
    record, until = JobRecord(job, SPRING), SPRING + timedelta(days=4)
    clock, found = VirtualClock(SPRING), list[datetime]()
    agenda = agenda_of(clock)
    agenda.set(record, plan.next_time(job, SPRING, SPRING))
    while (at := agenda.next_at()) is not None and at <= until:
        clock.move_to(at)
        found += [due.planned for due in agenda.due()]
    assert found == list(takewhile(lambda at: at <= until, plan.times(job, SPRING, SPRING)))
    assert len(found) >= 4


def test_the_agenda_goes_on_from_where_a_long_sleep_ended() -> None:
    job = IntervalJob("a", service="ok", minutes=1)
    agenda = agenda_of(clock := VirtualClock(START))
    agenda.set(JobRecord(job, START), START + timedelta(minutes=1))
    clock.advance(60)
    assert agenda.due()[0].unseen_until is None
    clock.move_to(START + timedelta(hours=8, seconds=30))
    late, young = agenda.due()
    assert (late.planned, late.unseen_until) == (START + timedelta(minutes=2), START + timedelta(hours=7, seconds=3570))
    assert (young.planned, young.unseen_until) == (START + timedelta(hours=8), None)
    assert agenda.at("a") == START + timedelta(hours=8, minutes=1)
