"""Stops, starts and set clocks, played on a copy by the engine itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from workbench import SetClock, Start, Stop
from workbench.app.workbench import Workbench
from workbench.core.clock import VirtualClock
from workbench.core.errors import ServiceUsage
from workbench.core.service import Service
from workbench.scheduler.definitions import CronJob, IntervalJob

START = datetime(2035, 3, 24, 10, 30, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, folder=tmp_path, clock=VirtualClock(START)) as made:

        class Works(Service):
            name = "works"

            def handle(self) -> None: ...

        made.deploy(Works)
        yield made


@pytest.mark.parametrize(
    ("missed", "account", "late"),
    [
        ("skip", "planned 24 = 21 ok + 3 missed", []),
        ("run_once", "planned 24 = 22 ok + 2 merged", ["15:00"]),
        ("run_all", "planned 24 = 24 ok", ["13:00", "14:00", "15:00"]),
    ],
)
def test_a_stop_shows_what_the_policy_makes_of_it(home: Workbench, missed: Any, account: str, late: list[str]) -> None:
    home.define(CronJob("hourly", service="works", cron="0 * * * *", missed=missed, missed_count=10))
    trip = home.jobs.simulate(days=1, events=[Start("15:20"), Stop("12:50")])
    assert account in repr(trip.account("hourly"))
    assert [f"{run.planned:%H:%M}" for run in trip.runs if run.ok and (run.late_seconds or 0) > 60] == late
    assert all(run.started == datetime(2035, 3, 24, 15, 20, tzinfo=UTC) for run in trip.runs if run.late_seconds)
    (absence,) = trip.jobs.away.absences
    assert (absence.job, absence.late + absence.others) == ("hourly", 3)
    assert home.jobs["hourly"].runs == []


def test_a_stop_is_what_a_process_that_ends_does(home: Workbench) -> None:
    """The same times, by a second process on the store of one that was closed."""
    home.define(IntervalJob("often", service="works", minutes=20))
    stopped, back, end = (START + timedelta(hours=each) for each in (1, 4, 6))
    trip = home.jobs.simulate(days=0.25, events=[Stop(stopped), Start(back)])
    live = home._parts.scheduler
    live.play(stopped)
    store, record = home._parts.store, live.stored("often")
    assert record is not None
    from workbench.app.scheduling.jobs import CellScheduler

    live.close()
    home.clock.move_to(back)
    second = CellScheduler(
        store, home.app, home._parts.clock, live._runner._invoke, home.events, dict, home._parts._bounds_of_jobs()
    )
    second.define(record.definition)
    second.play(end)
    found = [(run.planned, run.outcome, run.started, run.times) for run in second.runs("often")]
    assert sorted((run.planned, run.outcome, run.started, run.times) for run in trip.runs) == sorted(found)
    second.close()


def test_times_that_a_clock_shows_again_are_planned_once_and_their_second_run_is_counted_apart(home: Workbench) -> None:
    home.define(CronJob("hourly", service="works", cron="0 * * * *"))
    trip = home.jobs.simulate(0.5, events=[SetClock("14:30", to="13:30")])
    planned = [run.planned for run in trip.runs if run.by == "schedule"]
    assert len(planned) == len(set(planned)) == 12
    assert [f"{run.planned:%H:%M}" for run in trip.runs if run.by == "clock"] == ["14:00"]
    assert repr(trip.account("hourly")).endswith("planned 12 = 12 ok; 1 again, since the clock was set back.")


def test_a_clock_that_is_set_forward_leaves_what_it_jumped_over_to_the_policy(home: Workbench) -> None:
    home.define(CronJob("hourly", service="works", cron="0 * * * *", missed="run_once"))
    trip = home.jobs.simulate(0.5, events=[SetClock("12:30", to="15:30")])
    assert repr(trip.account("hourly")).endswith("planned 12 = 10 ok + 2 merged.")
    assert trip.account("hourly").holds


def test_times_of_events_are_those_of_the_zone(home: Workbench) -> None:
    home.define(IntervalJob("often", service="works", minutes=30))
    trip = home.jobs.simulate(0.5, events=[Stop("13:05")], timezone="Europe/Warsaw")
    assert trip.runs[-1].planned == datetime(2035, 3, 24, 12, 0, tzinfo=UTC)
    day = home.jobs.simulate(0.5, events=[Stop("2035-03-24 20:00")])
    assert day.runs[-1].planned == datetime(2035, 3, 24, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([Start("13:00")], "finds the jobs running"),
        ([Stop("13:00"), Stop("14:00")], "finds the jobs stopped already"),
        ([Stop("2035-03-26 13:00")], "outside of the time that is simulated"),
        ([Stop("noon")], "No event can happen then"),
    ],
)
def test_an_event_that_cannot_happen_is_refused(home: Workbench, events: list[Any], words: str) -> None:
    home.define(IntervalJob("often", service="works", minutes=30))
    with pytest.raises(ServiceUsage, match=words) as refused:
        home.jobs.simulate(1, events=events)
    assert "Fix: " in str(refused.value)


def test_watches_travel_and_tell_the_copy_alone(home: Workbench) -> None:
    told: list[str] = []

    class Told(Service):
        name = "told"

        def handle(self) -> None:
            told.append(str(self.request.payload["words"]))

    home.deploy(Told)
    home.define(IntervalJob("j", service="works", minutes=1, on_alert="told"))
    trip = home.jobs.simulate(days=0.1, events=[Stop("10:40"), Start("10:41:40")], dry=False)
    assert told == ["planned at 2035-03-24 10:41:00 UTC, it started 40 s late", "it is well again"]
    assert home.jobs["j"].tripped == {}
    assert [run.outcome for run in trip.runs].count("ok") == len(trip.runs)


def test_a_watch_that_has_tripped_at_home_has_tripped_on_the_trip(home: Workbench) -> None:
    home.define(IntervalJob("j", service="works", minutes=1))
    home._parts.scheduler._history.trip("j", "start", "it did not start within 15 s")
    with home.clock.travel(hours=0.001) as trip:
        assert trip.jobs["j"].tripped == home.jobs["j"].tripped == {"start": "it did not start within 15 s"}
