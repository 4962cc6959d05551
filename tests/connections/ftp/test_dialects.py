"""Servers of other makes: how they say that a folder is empty, where a login leads, what a link is, and why not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.connections.ftp.scripted import ScriptedFTP
from tests.connections.suites.examples import opened, played
from workbench.connections.files.errors import AccessRefused, FileThere, Interrupted, NoSuchFile
from workbench.connections.files.live import LiveFiles
from workbench.core.errors import ConnectionFailed

LINE = b"-rw-r--r--    1 me users 3 Jan 02  2026 a.txt"
NOTHING = [b"550 No files found.", b"450 No files found", b"550 The system cannot find the file specified."]


@contextmanager
def scripted(*lines: bytes, **more: Any) -> Iterator[tuple[LiveFiles, ScriptedFTP]]:
    with ScriptedFTP([*lines], **more) as server, played() as (live, _):
        yield server.open(live), server


@pytest.mark.parametrize("facts", [True, False], ids=["MLSD", "LIST"])
@pytest.mark.parametrize("words", NOTHING)
def test_an_empty_folder_is_empty_in_whatever_words(words: bytes, facts: bool) -> None:
    with scripted(facts=facts, answers={b"MLSD" if facts else b"LIST": words}) as (conn, _):
        assert conn.list("in") == []
    with scripted(facts=facts, done=words) as (conn, _):
        assert conn.list("in") == []


def test_a_listing_that_was_broken_off_is_not_taken_for_an_empty_or_whole_one() -> None:
    with scripted(LINE, facts=False, done=b"450 No files found") as (conn, _), pytest.raises(Interrupted):
        conn.list("in")
    with scripted(facts=False, done=b"451 Local error") as (conn, _), pytest.raises(Interrupted):
        conn.list("in")


@pytest.mark.parametrize("facts", [True, False], ids=["MLSD", "LIST"])
def test_a_folder_that_may_not_be_read_is_not_called_empty(facts: bool) -> None:
    answers = {b"MLSD": b"550 Permission denied.", b"LIST": b"550 Permission denied.", b"MLST": MLST % b"dir"}
    with scripted(facts=facts, answers=answers) as (conn, _), pytest.raises(AccessRefused, match="Permission denied"):
        conn.list("in")


MLST = b"250-Here\r\n type=%b; x\r\n250 End"


def test_a_folder_that_is_not_there_is_not_called_empty() -> None:
    no = b"550 No such file or directory"
    for facts in (True, False):
        answers = {b"MLSD": no, b"MLST": no, b"CWD": no, b"SIZE": no}
        with scripted(facts=facts, answers=answers) as (conn, _), pytest.raises(NoSuchFile):
            conn.list("in")
        with scripted(facts=facts, answers=answers) as (conn, _), pytest.raises(ConnectionFailed):
            conn.list()


def test_a_line_that_is_not_understood_is_told_once_and_the_others_are_listed(caplog: pytest.LogCaptureFixture) -> None:
    with scripted(b"total 3", LINE, b"?? b.txt", b"?? c.txt", facts=False) as (conn, _):
        assert conn.listdir("in") == ["a.txt"]
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "FTP 'scripted' drew 2 of 3 lines of in in a way that is not understood, the first as '?? b.txt'" in (
        record.getMessage()
    )


def test_a_listing_of_which_nothing_is_understood_is_an_error() -> None:
    for facts in (True, False):
        with (
            scripted(b"?? b.txt", facts=facts) as (conn, _),
            pytest.raises(ConnectionFailed, match=r"drew 1 of 1 lines of / .*'\?\? b.txt'. Fix: have the server list"),
        ):
            conn.list()


def test_a_server_that_offers_facts_and_does_not_know_them_is_listed_all_the_same() -> None:
    unknown = {b"MLSD": b"500 Unknown command", b"MLST": b"502 Unknown command", b"SIZE": b"213 3"}
    for answers in (unknown, unknown | {b"CWD": b"550 No"}):
        with scripted(LINE, answers=answers) as (conn, server):
            assert conn.stat("a.txt").is_dir == (b"CWD" not in answers)
            if b"CWD" not in answers:
                assert [(info.name, info.size) for info in conn.list()] == [("a.txt", 3)]
                assert conn.listdir("in") == ["a.txt"]
            assert sum(line.startswith((b"MLSD", b"MLST")) for line in server.heard) == 1


@pytest.mark.parametrize("size", [b"213 many", b"213 " + b"9" * 5_000, b"213"])
def test_a_size_that_is_none_is_no_size(size: bytes) -> None:
    with scripted(facts=False, answers={b"CWD": b"550 No", b"SIZE": size}) as (conn, _):
        assert conn.stat("a.txt").size == 0


@pytest.mark.parametrize(
    ("home", "directory", "asked"),
    [
        (b'257 "/home/me" is here', "", b"/home/me/in"),
        (b'257 "/home/me/"', "data", b"/home/me/data/in"),
        (b'257 "/home/me"', "/", b"/in"),
        (b'257 "/home/me"', "/data/", b"/data/in"),
        (b'257 "C:/Users/me"', "", b"C:/Users/me/in"),
        (b'257 "/"', "data", b"/data/in"),
        (b"257 \"'ME.'\"", "", b"/in"),
        (b"550 No", "data", b"/data/in"),
    ],
)
def test_paths_begin_where_the_login_leads(home: bytes, directory: str, asked: bytes) -> None:
    with ScriptedFTP([LINE], facts=False, answers={b"PWD": home}) as server, played() as (live, _):
        server.open(live)
        live.define(live.definitions["scripted"].replace(default_directory=directory))
        assert live.live("scripted").listdir("in") == ["a.txt"]
        assert b"CWD " + asked + b"\r\n" in server.heard


def test_where_a_login_leads_is_where_files_are_written_and_read() -> None:
    with opened("ftp") as (conn, peer), peer.fail(dialect="proftpd"):
        peer.put("in/a.txt", b"1")
        assert conn.listdir() == ["in"]
        conn.write("in/b.txt", b"2")
        conn.move("in/b.txt", "in/c.txt")
        assert (conn.read("in/c.txt"), conn.listdir("in")) == (b"2", ["a.txt", "c.txt"])
        assert dict(peer.files) == {"in/a.txt": b"1", "in/c.txt": b"2"}
    with opened("ftp", default_directory="/elsewhere") as (conn, peer), peer.fail(dialect="proftpd"):
        peer.put("a.txt", b"1")
        with pytest.raises(ConnectionFailed):
            conn.list()


@pytest.mark.parametrize("dialect", [None, "vsftpd", "proftpd", "rfc959"])
def test_a_link_is_the_same_in_listing_stat_and_reading(dialect: str | None) -> None:
    with opened("ftp") as (conn, peer), peer.fail(dialect=dialect):
        peer.put("in/2026.csv", b"x" * 1_000).put("in/sub/deep.txt", b"1")
        for link, to in (("latest.csv", "2026.csv"), ("old", "sub"), ("gone", "nowhere")):
            (peer.root / "in" / link).symlink_to(to)
        listed = {info.name: info for info in conn.list("in")}
        for name in ("latest.csv", "old", "2026.csv"):
            there = conn.stat(f"in/{name}")
            # Of RFC 959 alone a link's size cannot be known, nor what it leads to if that is a file.
            sizes = (0, 0) if dialect == "rfc959" and listed[name].is_link else (there.size, listed[name].size)
            assert (name, sizes[0], listed[name].is_dir) == (name, sizes[1], there.is_dir)
        assert (len(conn.read("in/latest.csv")), conn.listdir("in/old")) == (1_000, ["deep.txt"])
        if dialect in ("vsftpd", "proftpd"):
            assert {info.name for info in listed.values() if info.is_link} >= {"latest.csv", "old"}
            assert (listed["latest.csv"].size, listed["old"].is_dir) == (1_000, True)
        if dialect == "vsftpd":
            assert (listed["gone"].size, conn.exists("in/gone")) == (0, False)
            conn.delete("in/gone")
            assert not (peer.root / "in/gone").is_symlink()


def test_a_link_told_by_its_mode_has_the_size_of_what_it_leads_to() -> None:
    mlst = b"250-Here\r\n size=5;type=file;UNIX.mode=0777; /x\r\n250 End"
    with scripted(answers={b"MLST": mlst, b"SIZE": b"213 1000"}) as (conn, _):
        assert conn.stat("latest.csv").size == 1_000


def test_no_command_is_given_the_hostile_name_of_a_link() -> None:
    lines = [
        b"lrwxrwxrwx 1 me users 3 Jan 02  2026 ../../x -> y",
        b"lrwxrwxrwx 1 me users 3 Jan 02  2026 b\rDELE a -> y",
    ]
    with scripted(*lines, facts=False) as (conn, server):
        assert conn.list() == []
        assert not [line for line in server.heard if b".." in line or b"DELE" in line]


WRITES = {
    "write": lambda conn: conn.write("in/b.txt", b"1"),
    "open": lambda conn: conn.open("in/b.txt", "wb"),
    "make folder": lambda conn: conn.make_folder("in/deep"),
    "delete": lambda conn: conn.delete("in/a.txt"),
    "move": lambda conn: conn.move("in/a.txt", "in/b.txt"),
    "remove folder": lambda conn: conn.remove_folder("in/empty"),
}


@pytest.mark.parametrize("kind", ["ftp", "ftp of vsftpd", "sftp"])
@pytest.mark.parametrize("how", WRITES)
def test_who_may_not_write_is_told_so_and_not_that_something_is_missing(how: str, kind: str) -> None:
    with opened(kind.partition(" ")[0], retries=0) as (conn, peer):
        peer.put("in/a.txt", b"1").make_folder("in/empty")
        dialect = {"dialect": "vsftpd"} if "vsftpd" in kind else {}
        with peer.fail(read_only=True, **dialect), pytest.raises(AccessRefused, match="refused 'in"):
            WRITES[how](conn)
        assert dict(peer.files) == {"in/a.txt": b"1"}


@pytest.mark.parametrize("kind", ["ftp", "sftp"])
def test_a_folder_that_is_missing_is_told_and_not_that_somebody_may_not_write(kind: str) -> None:
    with opened(kind) as (conn, _), pytest.raises(NoSuchFile, match="has nothing at 'in'"):
        conn.write("in/a.txt", b"1")


def test_what_may_not_be_replaced_is_not_removed_first() -> None:
    answers = {b"MLST": MLST % b"file", b"RNTO": b"550 Permission denied."}
    with scripted(answers=answers) as (conn, server), pytest.raises(AccessRefused, match="refused 'b.txt'"):
        conn.move("a.txt", "b.txt", overwrite=True)
    assert b"RNTO /b.txt\r\n" in server.heard
    assert not [line for line in server.heard if line.startswith(b"DELE")]


def test_nothing_is_replaced_on_a_server_that_knows_no_sizes() -> None:
    with opened("ftp") as (conn, peer), peer.fail(dialect="rfc959"):
        conn.write("a.txt", b"hello")
        assert (conn.exists("a.txt"), conn.exists("b.txt"), conn.stat("a.txt").size) == (True, False, 5)
        with pytest.raises(FileThere):
            conn.write("a.txt", b"other")
        assert dict(peer.files) == {"a.txt": b"hello"}
