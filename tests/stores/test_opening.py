"""URLs, and stores that cannot be opened or no longer answer."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import psutil
import pytest

from tests.redis_server import RedisServer
from workbench.core.errors import StoreUnavailable
from workbench.stores import open_store
from workbench.stores.sqlite import SQLiteStore


@pytest.mark.parametrize("url", ["", "store.db", "mysql://host/db", "memory", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_names_no_store_is_answered_with_the_forms_that_do(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="sqlite:///relative/path"):
        open_store(url)


def test_a_relative_path_is_taken_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///.workbench/store.db")
    assert (tmp_path / ".workbench" / "store.db").exists()
    assert store.folder == tmp_path / ".workbench"
    store.close()


@pytest.mark.skipif(os.name == "nt", reason="files have other rights there")
def test_a_new_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = SQLiteStore(tmp_path / "store.db")
        store.put("k", b"private")
        rights = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert rights == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)
    store.close()


def test_two_memory_stores_know_nothing_of_each_other() -> None:
    one, other = open_store("memory://"), open_store("memory://")
    one.put("k", b"")
    assert other.get("k") is None
    assert one.folder is None


READ_ONLY = """
import os, sys
from pathlib import Path
from workbench.core.errors import StoreUnavailable
from workbench.stores.sqlite import SQLiteStore
folder = Path(sys.argv[1])
if sys.argv[2] == "file":
    SQLiteStore(folder / "store.db").close()
    (folder / "store.db").chmod(0o444)
folder.chmod(0o555)
if os.geteuid() == 0:
    os.seteuid(65534)  # the superuser may write anywhere
try:
    SQLiteStore(folder / sys.argv[3]).put("k", b"")
except StoreUnavailable as exc:
    print(exc)
"""


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="folders have no write permission here")
@pytest.mark.parametrize(
    ("what", "path", "words"),
    [
        ("folder", "store.db", "cannot be opened or made: its folder is read-only"),
        ("folder", "deeper/store.db", "cannot be made: Permission denied"),
        ("file", "store.db", "is read-only|its folder is read-only"),
    ],
)
def test_a_read_only_folder_or_file_is_named_with_its_fix(what: str, path: str, words: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [sys.executable, "-c", READ_ONLY, folder, what, path], capture_output=True, text=True, timeout=30
        )
        Path(folder).chmod(0o700)
    said = ended.stdout
    assert ended.returncode == 0, ended.stderr
    assert folder in said
    assert "set WORKBENCH_STORE elsewhere" in said
    assert any(each in said for each in words.split("|"))


def test_a_full_disk_is_said_and_what_was_written_stays_readable(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db", max_pages=8)
    store.put("small", b"kept")
    with pytest.raises(StoreUnavailable, match="is full: its disk or its size limit has no room left"):
        store.put("large", b"x" * 100_000)
    assert store.get("small") == b"kept"
    assert store.get("large") is None
    store.put("small", b"again")
    assert store.get("small") == b"again"
    store.close()


def test_a_locked_file_is_waited_for_within_a_bound_then_named(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db", busy_seconds=0.05)
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=r"locked by another process for more than 0\.05 s"):
        store.put("k", b"")
    other.execute("ROLLBACK")
    store.put("k", b"after")
    assert store.get("k") == b"after"
    other.close()
    store.close()


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, foreign = tmp_path / "notes.txt", tmp_path / "foreign.db"
    text.write_text("Dear diary, " * 100)
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE theirs (id)")
    connection.close()
    with pytest.raises(StoreUnavailable, match="is not a SQLite file") as refused:
        SQLiteStore(text)
    # The error holds on to the frames it came through; the file they opened is closed all the same.
    assert refused.value.__cause__ is not None
    assert str(text) not in [each.path for each in psutil.Process().open_files()]
    with pytest.raises(StoreUnavailable, match="holds the database of another program"):
        SQLiteStore(foreign)
    assert text.read_text().startswith("Dear diary")


def test_a_store_of_a_newer_version_asks_for_an_upgrade(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "store.db").close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreUnavailable, match=r"schema 99, this one knows up to \d+.*pip install -U"):
        SQLiteStore(tmp_path / "store.db")


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="is closed"):
        store.get("k")


def test_a_refused_connection_names_the_server_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="gave no answer.*start the server") as refused:
        open_store(f"unix://someone:s3cret@{tmp_path}/nobody.sock")
    assert "s3cret" not in str(refused.value)
    with pytest.raises(StoreUnavailable, match="gave no answer"):
        open_store("redis://:s3cret@127.0.0.1:1/0")


def test_a_redis_that_went_away_is_said_and_used_again_when_it_is_back(redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    store.put("k", b"")
    redis_server.stop()
    with pytest.raises(StoreUnavailable, match="gave no answer"):
        store.incr("n")
    redis_server.start()
    assert store.incr("n") == 1
    store.close()


def test_a_redis_without_memory_says_what_to_give_it(redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    redis_server.client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable, match="refused: .*more memory or disk"):
            store.put("k", b"x" * 1_000)
    finally:
        redis_server.client.config_set("maxmemory", "0")
    store.close()


def test_a_refused_login_names_what_to_correct_without_the_password(redis_server: RedisServer) -> None:
    url = f"unix://nobody:wrong-Canary-1@{redis_server.socket}"
    with pytest.raises(
        StoreUnavailable, match="refused the user name or password: .* Fix: correct it in WORKBENCH"
    ) as refused:
        open_store(url)
    assert "Canary" not in "".join(traceback.format_exception(refused.value))
