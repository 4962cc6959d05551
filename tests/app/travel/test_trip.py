"""A trip runs what the live engine would run, and leaves everything as it was."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.serving import until
from workbench.app.scheduling.travel.trip import Trip
from workbench.app.workbench import Workbench
from workbench.caching.definition import Cache
from workbench.core.clock import VirtualClock
from workbench.core.errors import ServiceUsage, StoreUnavailable, WorkbenchError
from workbench.core.service import Service
from workbench.sandbox.http.source import HTTPSource
from workbench.scheduler.definitions import CronJob, IntervalJob, OneTimeJob
from workbench.scheduler.records import Run

START = datetime(2035, 3, 24, 10, 17, 3, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """A workbench whose clock stands still until it is moved, with two services."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, folder=tmp_path, clock=VirtualClock(START)) as made:
        made.deploy(*_services())
        yield made


def _services() -> list[type[Service]]:
    class Works(Service):
        name = "works"

        def handle(self) -> str:
            self.log.info("working at %s", self.time.utcnow())
            return str(self.time.utcnow())

    class Flaky(Service):
        """Fails in the first half of each hour."""

        name = "flaky"

        def handle(self) -> str:
            now = self.time.utcnow(needs_format=False)
            assert isinstance(now, datetime)
            if now.minute < 30:
                raise ValueError(f"no good at {now:%H:%M:%S}")
            return "good"

    return [Works, Flaky]


def _define(wb: Workbench) -> None:
    wb.define(
        IntervalJob("hourly", service="works", hours=1, on_success="after"),
        IntervalJob("after", service="works", days=300, active=False),
        IntervalJob("shaken", service="works", minutes=50, jitter_seconds=600),
        IntervalJob("tried again", service="flaky", minutes=45, retries=2, retry_seconds=60),
        CronJob("nightly", service="works", cron="30 2 * * *", timezone="Europe/Warsaw"),
        CronJob("tells", service="flaky", cron="15 */6 * * *", on_error="works"),
        IntervalJob("thrice", service="works", hours=5, repeats=3),
        OneTimeJob("once", service="works", start="2035-03-25 00:00"),
        IntervalJob("rests", service="works", hours=1),
        IntervalJob("off", service="works", hours=1, active=False),
    )
    wb.jobs["rests"].pause()


def _facts(runs: list[Run]) -> list[tuple[Any, ...]]:
    return sorted((each.job, each.planned, each.by, each.attempt, *_told(each)) for each in runs)


def _told(run: Run) -> tuple[Any, ...]:
    return run.outcome, run.error, run.returned, run.started, run.ended, run.log, run.times


def test_a_trip_makes_the_very_runs_that_the_live_engine_makes_later(home: Workbench) -> None:
    _define(home)
    until = START + timedelta(days=1)
    with home.clock.travel(until=until) as trip:
        travelled, accounts = list(trip.runs), {each.job: repr(each) for each in trip.accounts}
    home._parts.scheduler.play(until)
    live = [run for job in home.jobs.values() for run in job.runs]
    assert _facts(travelled) == _facts(live)
    assert {"ok", "failed"} == {run.outcome for run in travelled}
    assert max(run.attempt for run in travelled) == 3
    assert {run.by for run in travelled} == {"schedule", "hand"}
    assert accounts == {name: repr(home.jobs.account(name, START)) for name in accounts}
    assert accounts["rests"].endswith("planned 24 = 24 paused.")
    assert "off" not in accounts


def test_a_trip_goes_on_from_where_its_jobs_are(home: Workbench) -> None:
    _define(home)
    home._parts.scheduler.play(START + timedelta(hours=8, minutes=2))
    until = START + timedelta(hours=20)
    with home.clock.travel(until=until) as trip:
        travelled = _facts(trip.runs)
    before = {run.key for job in home.jobs.values() for run in job.runs}
    home._parts.scheduler.play(until)
    later = [run for job in home.jobs.values() for run in job.runs if run.key not in before]
    assert travelled == _facts(later)


def test_a_trip_from_a_later_time_makes_the_runs_of_a_longer_one_from_then_on(home: Workbench) -> None:
    home.define(
        IntervalJob("often", service="works", minutes=25, repeats=2_000),
        CronJob("nightly", service="works", cron="30 2 * * *", timezone="Europe/Warsaw"),
        OneTimeJob("before", service="works", start="2035-03-25 00:00"),
    )
    start = datetime(2035, 3, 27, tzinfo=UTC)
    with home.clock.travel(until=start + timedelta(days=2)) as long, home.clock.travel(days=2, start=start) as late:
        pass
    assert _facts(late.runs) == [each for each in _facts(long.runs) if each[1] >= start] != []
    assert (late.begin, late.end) == (start, start + timedelta(days=2))
    assert all(each.holds for each in late.accounts)
    assert {each.job: each.planned for each in late.accounts} == {"often": 115, "nightly": 2}
    assert home.clock.now() == START


def test_a_trip_and_its_picture_are_in_the_zone_that_is_asked_for(home: Workbench) -> None:
    home.define(CronJob("nightly", service="works", cron="30 2 * * *", timezone="Europe/Warsaw"))
    with home.clock.travel(days=1, start="2035-03-24 20:00") as trip:
        pass
    assert trip.begin == datetime(2035, 3, 24, 20, tzinfo=UTC)
    assert trip.calendar().title.startswith("Sat 2035-03-24 20:00 to Sun 2035-03-25 20:00, UTC")
    assert trip.calendar(timezone="Europe/Warsaw").title.startswith("Sat 2035-03-24 21:00")
    simulated = home.jobs.simulate(1, start="2035-03-24 20:00", timezone="Europe/Warsaw")
    assert simulated.begin == datetime(2035, 3, 24, 19, tzinfo=UTC)
    with pytest.raises(WorkbenchError, match="did you mean 'Europe/Warsaw'"):
        trip.calendar(timezone="Warsaw")


def test_a_dry_trip_plans_the_same_and_runs_no_service(home: Workbench) -> None:
    home.define(IntervalJob("hourly", service="works", hours=1), CronJob("daily", service="flaky", cron="0 5 * * *"))
    with home.clock.travel(days=1, dry=True) as trip:
        pass
    assert [run.planned for run in trip.runs if run.job == "hourly"] == home.jobs["hourly"].preview(24)
    assert {run.outcome for run in trip.runs} == {"ok"}
    assert (len(trip.runs), len(trip.traffic), len(trip.log)) == (25, 0, 0)
    assert repr(trip).splitlines()[0] == (
        "Trip from 2035-03-24 10:17:03 to 2035-03-25 10:17:03 UTC: 25 runs, 25 ok. No service ran."
    )


def test_nothing_of_a_trip_reaches_the_workbench(home: Workbench) -> None:
    class Meddles(Service):
        name = "meddles"

        def handle(self) -> None:
            home.jobs["hourly"].pause()
            home.jobs["hourly"].execute()
            home.invoke("works")
            self.invoke_async("works")
            home.services.remove("flaky")

    home.deploy(Meddles)
    home.define(
        IntervalJob("hourly", service="works", hours=1), IntervalJob("meddles", service="meddles", hours=5, repeats=1)
    )
    before = list(home._parts.store.scan("app/"))
    with home.clock.travel(days=1) as trip:
        assert home.clock.now() == START
    assert list(home._parts.store.scan("app/")) == before
    assert (len(home.traffic), len(home.log), home._parts.trips) == (0, 0, {})
    assert "flaky" in home.services
    assert home.jobs["hourly"].state == "on"
    # In the trip it was as the service wanted.
    outcomes = [(run.job, run.by, run.outcome) for run in trip.runs]
    assert ("hourly", "hand", "ok") in outcomes
    assert ("meddles", "schedule", "ok") in outcomes
    assert trip.jobs["hourly"].state == "waiting"
    assert repr(trip.account("hourly")).endswith("1 by hand.")
    assert "19 paused" in repr(trip.account("hourly"))


@pytest.mark.parametrize("act", ["define", "call", "sandbox"])
def test_a_service_on_a_trip_is_refused_what_would_last(home: Workbench, act: str) -> None:
    acts: dict[str, Callable[[], object]] = {
        "define": lambda: home.define(IntervalJob("more", service="works", hours=1)),
        "call": lambda: home.call("GET /api/x"),
        "sandbox": lambda: home.sandbox(False),
    }

    class Meddles(Service):
        name = "meddles"

        def handle(self) -> None:
            acts[act]()

    home.deploy(Meddles)
    home.define(IntervalJob("meddles", service="meddles", hours=1))
    with home.clock.travel(hours=1) as trip:
        (run,) = trip.runs
    assert run.outcome == "failed"
    assert run.error.startswith("ServiceUsage: ")
    assert "Fix: " in run.error
    assert list(home.jobs) == ["meddles"]
    assert home.url == ""


def test_services_see_the_travelled_time(home: Workbench) -> None:
    seen: list[tuple[Any, ...]] = []

    class Looks(Service):
        name = "looks"

        def handle(self) -> None:
            seen.append((self.time.utcnow(needs_format=False), home.clock.now()))

    home.deploy(Looks)
    home.define(IntervalJob("looks", service="looks", days=1))
    with home.clock.travel(days=2):
        pass
    assert seen == [(START + timedelta(days=day),) * 2 for day in (1, 2)]


def test_jobs_at_home_go_on_during_a_trip(tmp_path: Path) -> None:
    ran = threading.Event()

    class Ticks(Service):
        name = "ticks"

        def handle(self) -> None:
            if not self._call.surroundings.clock.is_virtual:
                ran.set()

    class Waits(Service):
        name = "waits"

        def handle(self) -> bool:
            return ran.wait(20)

    with Workbench(port=0, folder=tmp_path) as wb:
        wb.deploy(Ticks, Waits)
        wb.define(IntervalJob("waits", service="waits", minutes=1), IntervalJob("ticks", service="ticks", seconds=1))
        with wb.clock.travel(until=wb.jobs["waits"].next_at) as trip:
            last = [run for run in trip.runs if run.job == "waits"]
        assert [run.returned for run in last] == ["True"]
        assert wb.jobs["waits"].runs == []
        assert {run.outcome for run in wb.jobs["ticks"].runs} <= {"ok", "running"}


def test_an_exception_in_the_block_leaves_nothing_changed(home: Workbench) -> None:
    _define(home)
    before = list(home._parts.store.scan("app/"))
    with pytest.raises(KeyError), home.clock.travel(hours=3) as trip:
        raise KeyError("mine")
    assert len(trip.runs) > 3
    assert list(home._parts.store.scan("app/")) == before
    assert home._parts.trips == {}
    assert not [each for each in threading.enumerate() if each.name == "workbench-trip"]


def test_who_no_longer_waits_ends_the_trip(home: Workbench) -> None:
    """As an interrupt of the kernel does, which comes while the trip is under way."""
    trips: list[Trip] = []

    class Ends(Service):
        name = "ends"

        def handle(self) -> None:
            trips[0].close()

    home.deploy(Ends)
    home.define(IntervalJob("ends", service="ends", hours=1))
    trips.append(home.clock.travel(days=5))
    with trips[0]:
        pass
    assert len(trips[0].runs) == 1


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "ends before it begins"),
        ({"days": -1}, "ends before it begins"),
        ({"days": 1, "until": START}, "days= and hours=, or until="),
        ({"until": START.replace(tzinfo=None)}, "aware"),
        ({"days": 1, "start": "2035-03-24 10:00"}, "2035-03-24 10:00:00 UTC, which is past"),
        ({"days": 366}, "31,622,400 of them of job 'quick'"),
    ],
)
def test_a_trip_that_cannot_be_made_says_why(home: Workbench, how: dict[str, Any], words: str) -> None:
    home.define(IntervalJob("quick", service="works", seconds=1), IntervalJob("slow", service="works", hours=1))
    with pytest.raises(ServiceUsage, match=words) as refused, home.clock.travel(**how):
        pass
    assert "Fix: " in str(refused.value)
    assert home._parts.trips == {}


def test_a_trip_is_made_once_and_says_that_it_has_not_begun(home: Workbench) -> None:
    trip = home.clock.travel(days=1)
    assert "not begun. Fix: with wb.clock.travel" in repr(trip)
    with pytest.raises(ServiceUsage, match="not begun"):
        trip.account("x")
    with trip:
        assert repr(trip) == "Trip from 2035-03-24 10:17:03 to 2035-03-25 10:17:03 UTC: 0 runs."
    with pytest.raises(ServiceUsage, match="made once"):
        trip.__enter__()


def test_the_clock_of_a_workbench_does_what_its_own_clock_does(home: Workbench) -> None:
    home.clock.advance(60)
    assert home.clock.now() == START + timedelta(minutes=1)
    assert home.clock.is_virtual
    assert home.clock.monotonic() == 60.0
    assert home.clock.time() == (START + timedelta(minutes=1)).timestamp()
    with pytest.raises(AttributeError):
        home.clock.nothing_such()


def test_a_service_on_a_trip_asks_the_copy_by_the_workbench_too(home: Workbench) -> None:
    seen: dict[str, Any] = {}

    class Asks(Service):
        name = "asks"

        def handle(self) -> None:
            self.log.info("asked")
            seen["peers"], seen["limits"] = home.peers, home.limits
            seen["lines"], seen["calls"] = len(home.log), len(home.traffic)
            seen["on"] = home.peers.on
            home.limits.reset()

    home.deploy(Asks)
    home.define(IntervalJob("asks", service="asks", hours=1))
    home.invoke("asks")
    assert (seen["peers"], seen["limits"], seen["on"]) == (home.peers, home.limits, False)
    before = len(home.log), len(home.traffic)
    with home.clock.travel(hours=2) as trip:
        assert (seen["peers"], seen["on"]) == (trip.peers, True)
        assert seen["limits"] is not home.limits
        # Of the trip alone, its second call included.
        assert (seen["lines"], seen["calls"]) == (2, 2)
        assert (len(trip.log), len(trip.traffic)) == (2, 2)
    assert (len(home.log), len(home.traffic)) == before


@pytest.mark.parametrize("dry", [False, True])
def test_how_long_runs_took_at_home_says_nothing_of_a_trip_on_which_time_stands_still(
    home: Workbench, dry: bool
) -> None:
    clock = home._parts.clock

    class Takes(Service):
        name = "takes"

        def handle(self) -> None:
            if self._call.surroundings.clock is clock:
                home.clock.advance(10)

    home.deploy(Takes)
    home.define(IntervalJob("long", service="takes", hours=1), IntervalJob("tripped", service="takes", hours=1))
    home._parts.scheduler.play(START + timedelta(hours=12))
    home._parts.store.add(f"app/{home._parts.settings.app}/watch/tripped/long", b"it takes long")
    with home.clock.travel(days=1, dry=dry) as trip:
        assert [run.seconds for run in trip.runs] == [0.0] * 48
        assert [each for each in trip.notes if "WARNING" in each] == []
        assert trip.jobs["long"].tripped == {}
        assert trip.jobs["tripped"].tripped == home.jobs["tripped"].tripped != {}


def test_a_cache_whose_server_is_away_is_in_the_way_of_no_trip_that_runs_no_service(home: Workbench) -> None:
    home.define(Cache("away", store="redis://127.0.0.1:1/0"), IntervalJob("hourly", service="works", hours=1))
    with home.clock.travel(days=1, dry=True) as trip:
        assert len(trip.runs) == 24
    with pytest.raises(StoreUnavailable, match="Cache 'away' has no answer"), home.clock.travel(days=1, dry=False):
        pass
    assert home._parts.trips == {}


@pytest.mark.parametrize("real", [False, True])
def test_a_trip_calls_no_url_that_is_told_of_runs(home: Workbench, real: bool) -> None:
    checks = HTTPSource("checks").start()
    try:
        for path in ("/ping", "/ping/start", "/ping/fail"):
            checks.reply(path, text="OK")
        home.define(IntervalJob("watched", service="works", hours=1, on_alert=f"{checks.url}/ping"))
        with home.clock.travel(hours=3, real=real) as trip:
            assert [run.outcome for run in trip.runs] == ["ok"] * 3
        assert list(checks.requests) == []
        home._parts.scheduler.play(START + timedelta(hours=1))
        until(lambda: len(checks.requests) == 2, "the URL is called at home")
    finally:
        checks.stop()
