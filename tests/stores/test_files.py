"""A store tells when its file is gone, and its files are their owner's alone."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Swap
from workbench.stores.files import LOOK_SECONDS, own_folder
from workbench.stores.sqlite import SQLiteStore

VERBS: dict[str, Callable[[SQLiteStore], object]] = {
    "put": lambda store: store.put("key", b"value"),
    "add": lambda store: store.add("other", b"value"),
    "incr": lambda store: store.incr("count"),
    "swap": lambda store: store.swap("key", b"value", b"new"),
    "delete": lambda store: store.delete("key"),
    "swap_all": lambda store: store.swap_all([Swap("key", b"value", b"new"), Swap("other", None, b"value")]),
    "get_all": lambda store: store.get_all(["key"]),
    "get": lambda store: store.get("key"),
    "scan": lambda store: list(store.scan("")),
}


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("verb", VERBS)
def test_a_store_whose_file_was_deleted_says_so_at_every_verb(tmp_path: Path, verb: str) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    store.put("key", b"value")
    (tmp_path / "store.db").unlink()
    time.sleep(LOOK_SECONDS)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"store\.db was deleted or replaced while it was open.* Fix: "):
            VERBS[verb](store)
    assert not (tmp_path / "store.db").exists()
    store.close()


def test_a_store_does_not_write_into_a_file_that_took_its_place(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    store.put("key", b"value")
    (tmp_path / "store.db").rename(tmp_path / "aside.db")
    SQLiteStore(tmp_path / "store.db").close()
    time.sleep(LOOK_SECONDS)
    with pytest.raises(StoreUnavailable, match="deleted or replaced"):
        store.put("key", b"other")
    store.close()
    other = SQLiteStore(tmp_path / "store.db")
    assert other.get("key") is None
    other.close()


def test_every_file_of_a_store_is_its_owners_alone_also_in_a_folder_that_was_there(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    former = os.umask(0o022)
    try:
        store = SQLiteStore(tmp_path / "store.db")
        store.put("key", b"value")
        assert set(modes(tmp_path)) == {"store.db", "store.db-wal", "store.db-shm"}
        assert set(modes(tmp_path).values()) == {0o600}
    finally:
        os.umask(former)
        store.close()


def test_a_store_that_others_could_read_is_made_private_when_it_is_opened(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "store.db").close()
    (tmp_path / "store.db").chmod(0o644)
    SQLiteStore(tmp_path / "store.db").close()
    assert modes(tmp_path)["store.db"] == 0o600


def test_a_folder_of_ones_own_is_private_and_no_link_or_stranger_is_taken_for_it(tmp_path: Path) -> None:
    assert stat.S_IMODE(own_folder(tmp_path / "mine").stat().st_mode) == 0o700
    (tmp_path / "mine").chmod(0o755)
    assert stat.S_IMODE(own_folder(tmp_path / "mine").stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    with pytest.raises(StoreUnavailable, match="is a link"):
        own_folder(tmp_path / "link")
    if os.getuid() == 0:
        os.chown(tmp_path / "mine", 12345, 12345)
        with pytest.raises(StoreUnavailable, match="belongs to another user"):
            own_folder(tmp_path / "mine")
        os.chown(tmp_path / "mine", 0, 0)
