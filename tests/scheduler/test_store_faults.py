"""A store on disk that fails under running jobs: said once, and nothing is lost once it works again."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import pytest

from tests.scheduler.conftest import Bench
from tests.scheduler.oracle import unaccounted
from tests.scheduler.test_accounts import SECONDLY, Applications
from workbench.core.errors import StoreUnavailable
from workbench.scheduler.definitions import IntervalJob
from workbench.stores.files import LOOK_SECONDS
from workbench.stores.sqlite import SQLiteStore

OTHER = IntervalJob("other", service="ok", seconds=3)


def store_in(folder: Path) -> SQLiteStore:
    return SQLiteStore(folder / "store.db", busy_seconds=0.02, max_pages=200)


@contextmanager
def locked(store: SQLiteStore) -> Iterator[None]:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@contextmanager
def full(store: SQLiteStore) -> Iterator[None]:
    filled = [f"filling/{number}/{size}" for size in (20_000, 200, 1) for number in range(400)]
    for key in filled:
        with suppress(StoreUnavailable):
            store.put(key, b"x" * int(key.rpartition("/")[2]))
    yield
    for key in filled:
        store.delete(key)


@contextmanager
def read_only(store: SQLiteStore) -> Iterator[None]:
    # As SQLite answers where it may not write; rights would stop no test that root runs.
    store._connection.execute("PRAGMA query_only = 1")
    yield
    store._connection.execute("PRAGMA query_only = 0")


FAULTS: dict[str, Callable[[SQLiteStore], object]] = {"locked": locked, "full": full, "read-only": read_only}


def backup(path: Path, copy: Path) -> None:
    """As an operator makes one, which also brings all into the file itself."""
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    source.backup(target)
    source.close()
    target.close()


def told(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname == level]


def broken(nb: Applications, bench: Bench) -> dict[str, object]:
    found: dict[str, object] = {}
    for job in (SECONDLY, OTHER):
        kept = bench.jobs[job.name]
        if said := unaccounted(job, kept.anchor, nb.clock.now(), kept.runs):
            found[job.name] = said
    calls = Counter((call.job_name, call.planned_at) for each in nb.started for call in each.services.calls)
    return found | {str(call): times for call, times in calls.items() if times > 1}


@pytest.mark.parametrize("seconds", [5, 90])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_fails_for_a_while_is_told_once_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str, seconds: int
) -> None:
    store = store_in(tmp_path)
    nb = Applications(store)
    bench = nb.start(SECONDLY, OTHER)
    for _ in range(3):
        bench.advance(1)
    before = len(nb.ran)
    with FAULTS[fault](store):  # type: ignore[attr-defined]
        for _ in range(5):
            bench.advance(seconds / 5)
        assert len(nb.ran) == before
    for _ in range(3):
        bench.advance(1)
    errors = told(caplog, "ERROR")
    assert (len(errors), broken(nb, bench)) == (1, {})
    assert ("since the store gives no answer. Nothing is lost" in errors[0], "Fix: " in errors[0]) == (True, True)
    answers = [each for each in told(caplog, "WARNING") if "the store answers again" in each]
    assert len(answers) == 1
    nb.close()
    store.close()


@pytest.mark.parametrize("fault", ["deleted", "corrupt"])
def test_after_a_copy_is_put_back_and_a_restart_all_since_the_copy_is_accounted_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    store = store_in(tmp_path)
    nb = Applications(store)
    bench = nb.start(SECONDLY, OTHER)
    for _ in range(3):
        bench.advance(1)
    backup(store.path, tmp_path / "copy.db")
    if fault == "deleted":
        store.path.unlink()
    else:
        store.path.write_bytes(store.path.read_bytes()[:4096] + os.urandom(store.path.stat().st_size - 4096))
    # What is looked at only so often.
    Event().wait(LOOK_SECONDS)
    for _ in range(5):
        bench.advance(1)
    errors = told(caplog, "ERROR")
    assert len(errors) == 1
    assert ("deleted or replaced" if fault == "deleted" else "damaged") in errors[0]
    bench.close()
    store.close()
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy.db", tmp_path / "store.db")
    again = nb.store = store_in(tmp_path)
    later = nb.start(SECONDLY, OTHER)
    later.advance(1)
    assert broken(nb, later) == {}
    assert {run.outcome for run in later.jobs["j"].runs} == {"ok"}
    nb.close()
    again.close()
