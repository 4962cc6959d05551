"""Runs by hand, runs that go wrong, jobs that are busy, and a store that gives no answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from time import monotonic

import pytest

from tests.scheduler.conftest import START, Bench
from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Swap
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.ports import JobResult
from workbench.scheduler.records import LONGEST_RETURNED, MOST_LINES, RunEnded, RunLost
from workbench.scheduler.runs.pool import SLOW_SECONDS
from workbench.scheduler.runs.telling import LONG_SECONDS
from workbench.stores import open_store


def _job(service: str, name: str = "j", **fields: object) -> IntervalJob:
    made: IntervalJob = IntervalJob(name, service=service, minutes=1, **fields)
    return made


def test_a_run_by_hand_uses_up_nothing_and_says_so(bench: Bench) -> None:
    bench.scheduler.define(_job("ok", "sync hourly", repeats=1))
    run = bench.jobs["sync hourly"].execute()
    assert repr(run) == "Run of 'sync hourly': ok, started by hand, schedule not used up."
    assert (run.by_hand, run.planned, run.cid, run.seconds) == (True, START, "cid", 0.0)
    assert repr(bench.jobs["sync hourly"].wait(runs=1, timeout=60)) == "'sync hourly': 1 run, 1 ok, finished (1 of 1)."
    assert [run.by for run in bench.jobs["sync hourly"].runs] == ["hand", "schedule"]
    assert repr(bench.jobs["sync hourly"].runs[1]) == "Run of 'sync hourly': ok, started by its schedule."


def test_a_returned_value_is_shown_and_extra_may_be_given_for_once(bench: Bench) -> None:
    bench.scheduler.define(_job("echo", "greet", extra="night shift"))
    assert repr(bench.jobs["greet"].execute()) == "Run of 'greet': ok, returned 'Hello night shift!\\n'."
    assert bench.jobs["greet"].execute(extra="day").returned == "'Hello day!\\n'"
    assert bench.jobs["greet"].execute(extra="").returned == "'Hello !\\n'"


def test_a_job_runs_by_hand_also_when_paused_inactive_or_waiting(bench: Bench) -> None:
    bench.scheduler.define(_job("ok", "paused"))
    bench.scheduler.define(_job("ok", "inactive", active=False))
    bench.jobs["paused"].pause()
    assert bench.jobs["paused"].execute().ok
    assert bench.jobs["inactive"].execute().ok
    other = bench.again()
    assert other.jobs["paused"].state == "waiting"
    assert other.jobs["paused"].execute().ok
    other.close()


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_service_that_raises_is_a_failed_run_with_its_error(bench: Bench, by_hand: bool) -> None:
    def boom(extra: str) -> None:
        raise ValueError(f"no {extra} today")

    bench.services.by_name["boom"] = boom
    bench.scheduler.define(_job("boom", extra="data"))
    if by_hand:
        bench.jobs["j"].execute()
    else:
        bench.advance(60)
    assert repr(bench.jobs["j"].runs[0]) == "Run of 'j': failed, ValueError: no data today."
    bench.advance(60)
    assert bench.outcomes("j") == ["failed", "failed"]


def test_even_an_exit_in_a_service_ends_only_its_run(bench: Bench) -> None:
    def leave(extra: str) -> None:
        raise SystemExit(3)

    bench.services.by_name["exit"] = leave
    bench.scheduler.define(_job("exit"))
    assert repr(bench.jobs["j"].execute()) == "Run of 'j': failed, SystemExit: 3."
    assert bench.advance(60) == 1


def test_a_service_that_is_not_there_is_a_failed_run_with_a_sentence(bench: Bench) -> None:
    bench.scheduler.define(_job("api.nope"))
    bench.advance(60)
    run = bench.jobs["j"].runs[0]
    assert run.outcome == "failed"
    assert run.error == "No service is named 'api.nope'; there are: echo, hang, ok. Fix: run its cell."


def test_what_a_run_leaves_behind_is_bounded(bench: Bench) -> None:
    class Nasty:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    lines = tuple(f"{number} {'x' * 5_000}" for number in range(MOST_LINES + 50))
    results = iter([JobResult("c", returned="y" * 100_000, lines=lines), JobResult("c", returned=Nasty())])
    bench.services.by_name["nasty"] = lambda extra: next(results)
    bench.scheduler.define(_job("nasty"))
    run = bench.jobs["j"].execute()
    assert len(run.returned) == LONGEST_RETURNED + 3
    assert (run.log[0], len(run.log)) == ("... 50 earlier lines left out", MOST_LINES + 1)
    assert len(run.log[-1]) == 2_000
    assert bench.jobs["j"].execute().returned == "<Nasty whose repr raised RuntimeError>"


def test_planned_runs_of_one_job_come_one_after_another_beside_those_of_others(bench: Bench) -> None:
    ended = threading.Semaphore(0)
    bench.events.subscribe(RunEnded, lambda event: ended.release())
    bench.scheduler.define(_job("hang", "slow", overlap="queue_one"))
    bench.scheduler.define(_job("ok", "quick"))
    for _ in range(2):
        bench.clock.advance(60)  # type: ignore[attr-defined]
        bench.scheduler.tick()
        assert ended.acquire(timeout=30)
    assert [call.job_name for call in bench.services.calls].count("slow") <= 1
    assert bench.outcomes("quick") == ["ok"] * 2
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert [run.planned for run in bench.jobs["slow"].runs] == [START + timedelta(minutes=n) for n in (1, 2)]
    assert bench.outcomes("slow") == ["ok"] * 2


def test_a_hanging_job_skips_its_later_times_and_can_still_be_executed(bench: Bench) -> None:
    bench.scheduler.define(_job("hang"))
    for _ in range(3):
        bench.clock.advance(60)  # type: ignore[attr-defined]
        bench.scheduler.tick()
    assert bench.jobs["j"].execute(wait=True, timeout=0.05).outcome == "running"
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    outcomes = [run.outcome for run in bench.jobs["j"].runs if not run.by_hand]
    assert outcomes == ["ok", "skipped", "skipped"]
    assert "still busy" in next(run for run in bench.jobs["j"].runs if run.outcome == "skipped").error


def test_hung_jobs_that_fill_every_thread_do_not_stop_a_run_by_hand(bench: Bench) -> None:
    for number in range(16):
        bench.scheduler.define(_job("hang", f"j{number}"))
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    bench.scheduler.define(_job("ok", "quick"))
    assert bench.jobs["quick"].execute(timeout=30).ok


def test_execute_without_waiting_returns_at_once(bench: Bench) -> None:
    bench.scheduler.define(_job("hang"))
    run = bench.jobs["j"].execute(wait=False)
    assert (run.outcome, repr(run)) == (
        "running",
        "Run of 'j': running, started by hand, schedule not used up.",
    )
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert [each.key for each in bench.jobs["j"].runs if each.ok] == [run.key]


def test_a_run_may_execute_another_job_and_wait_for_it(bench: Bench) -> None:
    outcomes: list[str] = []
    bench.services.by_name["chain"] = lambda extra: outcomes.append(bench.jobs["second"].execute().outcome)
    bench.scheduler.define(_job("chain", "first"))
    bench.scheduler.define(_job("ok", "second"))
    assert bench.jobs["first"].execute(timeout=30).ok
    assert outcomes == ["ok"]


def test_a_job_removed_while_it_runs_leaves_no_record(bench: Bench) -> None:
    bench.scheduler.define(_job("hang"))
    bench.jobs["j"].execute(wait=False)
    bench.jobs["j"].remove()
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert list(bench.store.scan("app/")) == []


@pytest.mark.parametrize(
    ("later", "missed", "outcome"), [(0, "skip", "ok"), (600, "run_once", "ok"), (600, "skip", "missed")]
)
def test_closing_waits_for_what_runs_and_leaves_what_is_queued_to_the_next_process(
    bench: Bench, later: float, missed: str, outcome: str
) -> None:
    job = _job("hang", repeats=2, missed=missed, overlap="queue_one")
    bench.scheduler.define(job)
    for _ in range(2):
        bench.clock.advance(60)  # type: ignore[attr-defined]
        bench.scheduler.tick()
    while not bench.services.calls:
        bench.scheduler.wait("j", runs=0)
    closing = threading.Thread(target=bench.scheduler.close, args=(10,))
    closing.start()
    while bench.jobs["j"].state != "waiting":
        assert closing.is_alive()
    bench.services.gate.set()
    closing.join(30)
    assert not closing.is_alive()
    assert [call.planned_at for call in bench.services.calls] == [START + timedelta(minutes=1)]
    assert bench.outcomes("j") == ["ok"]
    assert bench.scheduler.tick() == 0
    following = bench.again()
    following.services.gate.set()
    bench.clock.advance(later)  # type: ignore[attr-defined]
    following.scheduler.define(job)
    following.advance(0)
    assert following.outcomes("j") == ["ok", outcome]
    following.close()


class Moody:
    """A real store that can be told to give no answer, as one on a full disk or behind a broken wire."""

    folder, across_machines = None, False

    def __init__(self) -> None:
        self._store = open_store("memory://")
        self.fails: set[str] = set()
        for verb in ("get", "get_all", "put", "put_all", "delete", "scan", "add", "incr", "swap"):
            setattr(self, verb, self._guarded(verb))

    def _guarded(self, verb: str) -> object:
        def ask(*args: object) -> object:
            self._refuse(verb.removesuffix("_all"))
            return getattr(self._store, verb)(*args)

        return ask

    def _refuse(self, verb: str) -> None:
        if verb in self.fails:
            raise StoreUnavailable("The store is full.")

    def swap_all(self, swaps: Sequence[Swap]) -> list[bool]:
        for each in swaps:
            self._refuse("add" if each.expected is None else "swap")
        return self._store.swap_all(swaps)

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def moody() -> Iterator[Bench]:
    made = Bench(Moody())  # type: ignore[arg-type]
    yield made
    made.store.fails.clear()  # type: ignore[attr-defined]
    made.close()


def test_a_time_that_cannot_be_claimed_does_not_run_and_is_told(moody: Bench) -> None:
    moody.scheduler.define(_job("ok"))
    moody.store.fails.add("add")  # type: ignore[attr-defined]
    moody.advance(60)
    assert moody.services.calls == []
    assert [event.reason for event in moody.heard if isinstance(event, RunLost)] == ["The store is full."]
    moody.store.fails.clear()  # type: ignore[attr-defined]
    moody.advance(60)
    # One period late, which its policy still allows; behind the next time, which was on time.
    assert moody.outcomes("j") == ["ok", "ok"]
    assert [call.planned_at for call in moody.services.calls] == [START + timedelta(minutes=n) for n in (2, 1)]


def test_the_end_of_a_run_is_written_later_if_the_store_gives_no_answer(moody: Bench) -> None:
    moody.scheduler.define(_job("ok"))
    moody.store.fails.update({"put", "swap"})  # type: ignore[attr-defined]
    moody.advance(60)
    assert moody.outcomes("j") == ["running"]
    assert [event.run.outcome for event in moody.heard if isinstance(event, RunEnded)] == ["ok"]
    moody.store.fails.clear()  # type: ignore[attr-defined]
    moody.advance(60)
    moody.advance(60)
    assert moody.outcomes("j")[0] == "ok"


def test_a_run_by_hand_goes_without_a_record_if_the_store_gives_no_answer(moody: Bench) -> None:
    moody.scheduler.define(_job("ok"))
    moody.store.fails.update({"add", "put"})  # type: ignore[attr-defined]
    assert moody.jobs["j"].execute().ok
    moody.store.fails.clear()  # type: ignore[attr-defined]
    assert moody.jobs["j"].runs == []


def test_a_definition_that_cannot_be_kept_changes_nothing(moody: Bench) -> None:
    moody.store.fails.add("put")  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable, match="is full"):
        moody.scheduler.define(_job("ok"))
    assert list(moody.jobs) == []
    assert moody.advance(60) == 0


def test_16_hung_jobs_stop_nobody_else(bench: Bench) -> None:
    for number in range(16):
        bench.scheduler.define(_job("hang", f"hung {number}"))
    bench.scheduler.define(_job("ok", "quick", start="2026-01-01 12:01:01"))
    ended, hung = threading.Event(), threading.Semaphore(0)
    bench.services.by_name["hang"] = lambda extra: hung.release() or (bench.services.gate.wait(30) and None)
    bench.events.subscribe(RunEnded, lambda event: ended.set())
    bench.clock.advance(60)  # type: ignore[attr-defined]
    assert bench.scheduler.tick() == 16
    assert all(hung.acquire(timeout=30) for _ in range(16))
    bench.clock.advance(1)  # type: ignore[attr-defined]
    began = monotonic()
    assert bench.scheduler.tick() == 1
    assert ended.wait(30)
    took = monotonic() - began
    assert bench.outcomes("quick") == ["ok"]
    assert {bench.jobs[f"hung {number}"].running_since for number in range(16)} == {START + timedelta(minutes=1)}
    # Half a second until the first of the 16 counts as slow; the rest is for a loaded machine.
    assert took < 10 * SLOW_SECONDS


def test_a_run_that_takes_long_is_told_once_and_seen(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="workbench.scheduler")
    bench.scheduler.define(_job("hang", "slow").replace(watch_start=False))
    bench.scheduler.define(_job("ok", "quick").replace(watch_start=False))
    bench.clock.advance(60)  # type: ignore[attr-defined]
    bench.scheduler.tick()
    while bench.jobs["slow"].running_since is None:
        bench.scheduler.wait("slow", runs=0)
    assert bench.jobs["quick"].running_since in (None, bench.clock.now())
    for seconds in (LONG_SECONDS - 1, 1, 30, 1_000):
        bench.clock.advance(seconds)  # type: ignore[attr-defined]
        bench.scheduler.tick()
    (told,) = [record.getMessage() for record in caplog.records if "slow" in record.getMessage()]
    assert told == (
        "job 'slow' has been running service 'hang' for 60 s, since 2026-01-01T12:01:00+00:00. Its later planned times "
        "wait, or are skipped. Fix: give what the service waits for a timeout."
    )
    assert repr(bench.jobs["slow"]) == "Job 'slow': every 1 minute, runs hang (running since 2026-01-01 12:01:00)."
    assert "slow  | every 1 minute (running since 2026-01-01 12:01:00) | UTC" in repr(bench.jobs)
    bench.jobs["slow"].remove()
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    bench.scheduler.define(_job("hang", "slow"))
    assert bench.jobs["slow"].running_since is None


def test_runs_that_began_after_one_that_was_told_are_told_in_their_turn(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="workbench.scheduler")
    for name in ("first", "second"):
        bench.scheduler.define(_job("hang", name, active=False))
        bench.jobs[name].execute(wait=False)
        while bench.jobs[name].running_since is None:
            bench.scheduler.wait(name, runs=0)
        bench.clock.advance(LONG_SECONDS)  # type: ignore[attr-defined]
        bench.scheduler.tick()
    assert [record.getMessage()[:12] for record in caplog.records] == ["job 'first' ", "job 'second'"]


def test_a_run_that_ends_after_its_process_was_taken_for_dead_stays_interrupted(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.scheduler.define(_job("hang"))
    bench.jobs["j"].execute(wait=False)
    bench.scheduler._presence.leave()
    other = bench.again()
    assert other.outcomes("j") == ["interrupted"]
    bench.services.gate.set()
    assert bench.scheduler.settle(10)
    assert bench.outcomes("j") == other.outcomes("j") == ["interrupted"]
    assert "a run of job 'j' ended as 'ok', but its row had been decided or removed before" in caplog.text
    other.close()
