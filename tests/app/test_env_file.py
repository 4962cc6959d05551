"""A secret that is kept in `.env`: whole, private, and nothing else of the file touched."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.app.configuration.env_file import set_in_file
from workbench.core.errors import WorkbenchError

BEFORE = b"# mine\n\nexport OTHER=\"a b\" # kept\nMY_PASSWORD=old # was wrong\nLAST='x'"


def rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        set_in_file(tmp_path / ".env", "MY_PASSWORD", "secret")
    finally:
        os.umask(before)
    assert ((tmp_path / ".env").read_bytes(), rights(tmp_path / ".env")) == (b"MY_PASSWORD='secret'\n", 0o600)
    assert list(tmp_path.iterdir()) == [tmp_path / ".env"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_other_lines_and_comments_stay_and_the_file_becomes_private(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / ".env"
    path.write_bytes(BEFORE.replace(b"\n", end))
    path.chmod(0o644)
    set_in_file(path, "MY_PASSWORD", "new")
    expected = BEFORE.replace(b"MY_PASSWORD=old # was wrong", b"MY_PASSWORD='new'").replace(b"\n", end)
    assert (path.read_bytes(), rights(path)) == (expected, 0o600)
    set_in_file(path, "ANOTHER", "one")
    assert path.read_bytes() == expected + end + b"ANOTHER='one'" + end


def test_a_name_that_is_there_twice_is_there_once_and_keeps_its_export(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("export A=1\nB=2\nA=3\n")
    set_in_file(path, "A", "4")
    assert path.read_text() == "export A='4'\nB=2\n"


@settings(max_examples=60, deadline=None)
@given(value=st.text(min_size=1))
def test_any_value_is_read_as_it_was_typed_or_refused(value: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / ".env"
        with suppress(WorkbenchError):
            set_in_file(path, "MY_PASSWORD", value)
        kept = dotenv_values(path, interpolate=False) if path.exists() else {}
    assert kept == {"MY_PASSWORD": value} or (kept == {} and not value.isprintable())


@pytest.mark.parametrize("value", ["p'q\"r\\s $HOME #x ", "line 1\nline 2\n", "tab\tand\rreturn", "\\", "\\'", "ünï"])
def test_values_that_quotes_make_hard_are_read_as_they_were_typed(tmp_path: Path, value: str) -> None:
    set_in_file(tmp_path / ".env", "X", value)
    assert dotenv_values(tmp_path / ".env", interpolate=False) == {"X": value}


def test_a_link_stays_a_link_and_its_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("A=1\n")
    (tmp_path / ".env").symlink_to(tmp_path / "real")
    set_in_file(tmp_path / ".env", "B", "2")
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "real").read_text() == "A=1\nB='2'\n"


def test_what_cannot_be_read_or_written_is_said_without_the_value_and_leaves_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    with pytest.raises(WorkbenchError, match=r"cannot be read: .*Fix: save it as UTF-8") as raised:
        set_in_file(tmp_path / ".env", "B", "canary-value")
    with pytest.raises(WorkbenchError, match=r"cannot be written: .*Fix: make its folder writable") as also:
        set_in_file(tmp_path / "no folder" / ".env", "B", "canary-value")
    with pytest.raises(WorkbenchError, match=r"cannot hold") as third:
        set_in_file(tmp_path / "other.env", "B", "canary\ud800value")
    assert "canary" not in f"{raised.value}{also.value}{third.value}"
    assert (tmp_path / ".env").read_bytes() == b"A=\xff\n"
    assert list(tmp_path.iterdir()) == [tmp_path / ".env"]


def test_writers_of_one_process_lose_nothing_and_readers_see_whole_files(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    names = [f"NAME_{number}" for number in range(20)]
    writers = [Thread(target=set_in_file, args=(path, name, "x" * 200)) for name in names]
    for each in writers:
        each.start()
    while any(each.is_alive() for each in writers):
        if path.exists():
            assert set(dotenv_values(path, interpolate=False).values()) == {"x" * 200}
    assert sorted(dotenv_values(path)) == sorted(names)
