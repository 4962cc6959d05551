"""Pieces of work: one claims each, its end stands or does not, and what nobody ended is found and tried again."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from workbench.core.clock import VirtualClock
from workbench.core.errors import StoreUnavailable, WorkbenchError
from workbench.core.ports import Store, Swap
from workbench.durable import attempts as room
from workbench.durable.attempts import Attempt, Attempts
from workbench.durable.presence import Presence
from workbench.stores.memory import MemoryStore
from workbench.stores.sqlite import SQLiteStore

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Delivery(Attempt, frozen=True, kw_only=True):
    """A row with a field of its own."""

    body: str = ""


class Process:
    """One of several processes that share a store, as far as that can tell."""

    def __init__(self, store: Store, **options: Any) -> None:
        self.clock = VirtualClock(START)
        self.presence = Presence(store.folder, store, clock=self.clock)
        self.attempts = Attempts(store, self.presence, self.clock, Delivery, **options)


@pytest.fixture
def here(store: Store) -> Iterator[Process]:
    made = Process(store)
    yield made
    made.presence.leave()


@pytest.fixture
def there(store: Store) -> Iterator[Process]:
    made = Process(store)
    yield made
    made.presence.leave()


def _ok(row: Delivery) -> Delivery:
    return replace(row, outcome="ok")


def test_of_all_who_claim_a_piece_of_work_one_gets_it(here: Process, there: Process) -> None:
    claimed = [each.attempts.claim("work/a", Delivery(body="x")) for each in (here, there, here)]
    assert [row is not None for row in claimed] == [True, False, False]
    assert claimed[0] is not None
    assert (claimed[0].key, claimed[0].owner, claimed[0].outcome) == ("work/a~1", here.presence.me, "running")
    assert list(there.attempts.below("work/")) == [claimed[0]]


def test_threads_that_claim_at_once_get_each_piece_of_work_once(here: Process) -> None:
    got: list[str] = []
    line = threading.Barrier(4)

    def claim() -> None:
        line.wait(30)
        for number in range(25):
            if (row := here.attempts.claim(f"work/{number:02d}", Delivery())) is not None:
                got.append(row.key)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(got) == [f"work/{number:02d}~1" for number in range(25)]


def test_several_are_claimed_and_settled_together_each_for_itself(here: Process, there: Process, store: Store) -> None:
    assert there.attempts.claim("work/2", Delivery()) is not None
    rows = here.attempts.claim_all([(f"work/{number}", Delivery(body=str(number))) for number in range(4)])
    assert [None if row is None else (row.key, row.body) for row in rows] == [
        ("work/0~1", "0"),
        ("work/1~1", "1"),
        None,
        ("work/3~1", "3"),
    ]
    ours = [row for row in rows if row is not None]
    # Somebody decided about one of them meanwhile.
    assert store.delete("work/1~1")
    assert here.attempts.settle_all([_ok(row) for row in ours]) == [True, False, True]
    assert [(each.key, each.outcome) for each in here.attempts.below("work/")] == [
        ("work/0~1", "ok"),
        ("work/2~1", "running"),
        ("work/3~1", "ok"),
    ]
    assert here.attempts.settle_all([_ok(row) for row in ours]) == [False] * 3


def test_what_an_attempt_raises_is_how_it_failed(here: Process) -> None:
    def fails(error: BaseException) -> str:
        row = here.attempts.claim(f"work/{error!r}", Delivery())
        assert row is not None

        def raises(row: Delivery) -> Delivery:
            raise error

        ended = here.attempts.perform(row, raises)
        assert here.attempts.settle(ended)
        assert (ended.outcome, ended.ended) == ("failed", START)
        return ended.error

    assert [fails(each) for each in (WorkbenchError("No disk. Fix: add one."), ValueError("no"), SystemExit(3))] == [
        "No disk. Fix: add one.",
        "ValueError: no",
        "SystemExit: 3",
    ]


def test_the_end_of_an_attempt_whose_owner_was_taken_for_dead_does_not_stand(here: Process, there: Process) -> None:
    row = here.attempts.claim("work/a", Delivery(body="x"))
    assert row is not None
    here.presence.leave()
    assert [each.outcome for each in there.attempts.below("work/")] == ["interrupted"]
    assert here.attempts.settle(_ok(row)) is False
    left = there.attempts.latest("work/a")
    assert left is not None
    assert (left.outcome, left.error, left.ended, left.body) == ("interrupted", room.OWNER_DIED, START, "x")


def test_the_end_of_an_attempt_whose_row_was_removed_does_not_bring_it_back(here: Process, store: Store) -> None:
    row = here.attempts.claim("work/a", Delivery())
    assert row is not None
    store.delete(row.key)
    assert here.attempts.settle(_ok(row)) is False
    assert list(store.scan("work/")) == []


def test_an_end_is_settled_once(here: Process) -> None:
    row = here.attempts.claim("work/a", Delivery())
    assert row is not None
    assert here.attempts.settle(_ok(row)) is True
    assert here.attempts.settle(replace(row, outcome="failed")) is False
    assert [each.outcome for each in here.attempts.below("work/")] == ["ok"]


def test_a_retry_is_the_next_attempt_at_the_same_work_and_one_alone_makes_it(here: Process, there: Process) -> None:
    row = here.attempts.claim("work/a", Delivery(body="x", started=START))
    assert row is not None
    with pytest.raises(ValueError, match="still runs"):
        here.attempts.retry(row)
    for number in range(2, 12):
        assert row is not None
        ended = replace(row, outcome="failed", error="no", ended=START)
        assert here.attempts.settle(ended)
        here.clock.advance(1)
        again = [each.attempts.retry(ended) for each in (here, there)]
        row = again[0]
        assert row is not None
        assert again[1] is None
        assert (row.key, row.attempt, row.body, row.error) == (f"work/a~{number}", number, "x", "")
        assert (row.started, row.ended) == (here.clock.now(), None)
    # Eleven sorts before two as text.
    latest = there.attempts.latest("work/a")
    assert latest is not None
    assert latest.attempt == 11
    assert there.attempts.latest("work/b") is None


def test_a_forked_child_leaves_what_its_parent_does_alone(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    here = Process(store)
    assert here.attempts.claim("work/a", Delivery()) is not None
    child = os.fork()
    if child == 0:
        outcomes = [each.outcome for each in here.attempts.below("work/")]
        os._exit(0 if outcomes == ["running"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [each.outcome for each in here.attempts.below("work/")] == ["running"]
    here.presence.leave()
    store.close()


class Moody(MemoryStore):
    """A store that refuses some verbs, carrying them out or not."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: set[str] = set()
        self.does = False

    def swap_all(self, swaps: Sequence[Swap]) -> list[bool]:
        verb = "add" if all(each.expected is None for each in swaps) else "swap"
        found: list[bool] = self._asked(verb, super().swap_all, swaps)
        return found

    def _asked(self, verb: str, do: Any, *arguments: Any) -> Any:
        if verb not in self.refuses:
            return do(*arguments)
        if self.does:
            do(*arguments)
        raise StoreUnavailable("The store is full.")


@pytest.mark.parametrize("does", [False, True], ids=["refused", "answer lost"])
def test_an_end_that_the_store_refused_is_written_once_it_answers(does: bool) -> None:
    store = Moody()
    here = Process(store)
    rows = [here.attempts.claim(f"work/{number}", Delivery()) for number in range(3)]
    store.refuses, store.does = {"swap"}, does
    for row in rows:
        assert row is not None
        with pytest.raises(StoreUnavailable):
            here.attempts.settle(_ok(row))
    assert list(here.attempts.settle_rest()) == []
    assert here.attempts.has_unwritten
    if not does:
        assert {each.outcome for each in here.attempts.below("work/")} == {"running"}
    store.refuses = set()
    assert [(row.key, stands) for row, stands in here.attempts.settle_rest()] == [
        (f"work/{number}~1", True) for number in range(3)
    ]
    assert [each.outcome for each in here.attempts.below("work/")] == ["ok"] * 3
    assert not here.attempts.has_unwritten
    here.presence.leave()


@pytest.mark.parametrize("does", [False, True], ids=["refused", "answer lost"])
def test_ends_that_the_store_refused_together_are_all_written_once_it_answers(does: bool) -> None:
    store = Moody()
    here = Process(store)
    rows = here.attempts.claim_all([(f"work/{number}", Delivery()) for number in range(3)])
    store.refuses, store.does = {"swap"}, does
    with pytest.raises(StoreUnavailable):
        here.attempts.settle_all([_ok(row) for row in rows if row is not None])
    store.refuses = set()
    assert [stands for _, stands in here.attempts.settle_rest()] == [True] * 3
    assert [each.outcome for each in here.attempts.below("work/")] == ["ok"] * 3
    here.presence.leave()


def test_of_more_ends_than_may_wait_the_oldest_counts_as_interrupted(caplog: pytest.LogCaptureFixture) -> None:
    store = Moody()
    here = Process(store, most_unwritten=2)
    rows = [here.attempts.claim(f"work/{number}", Delivery()) for number in range(3)]
    store.refuses = {"swap"}
    for row in rows:
        assert row is not None
        with pytest.raises(StoreUnavailable):
            here.attempts.settle(_ok(row))
    assert [record.message[:8] for record in caplog.records] == ["work/0~1"]
    store.refuses = set()
    assert len(list(here.attempts.settle_rest())) == 2
    assert [(each.outcome, each.error) for each in here.attempts.below("work/")] == [
        ("interrupted", room.UNKNOWN),
        ("ok", ""),
        ("ok", ""),
    ]
    here.presence.leave()


def test_a_claim_whose_answer_was_lost_is_found_and_can_be_tried_again() -> None:
    store = Moody()
    here = Process(store)
    store.refuses, store.does = {"add"}, True
    with pytest.raises(StoreUnavailable):
        here.attempts.claim("work/a", Delivery(body="x"))
    store.refuses = set()
    left = here.attempts.latest("work/a")
    assert left is not None
    assert (left.outcome, left.error) == ("interrupted", room.UNKNOWN)
    again = here.attempts.retry(left)
    assert again is not None
    assert here.attempts.settle(_ok(again))
    assert [each.outcome for each in here.attempts.below("work/")] == ["interrupted", "ok"]
    here.presence.leave()
