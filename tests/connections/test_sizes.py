"""Sizes are hints: what servers that tell none, or a wrong one, keep is read to its end and written whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.connections.suites.examples import opened
from workbench.connections.files.errors import FileThere, Interrupted
from workbench.connections.files.live import LiveFiles
from workbench.core.errors import ConnectionFailed

TEXT = b"account,balance\n1,2\n"
BIG = bytes(range(256)) * 2048
ODD = BIG + b"tail"
TOLD = ["none", 0, 7, 32_768, 300_000]
"""What is told of every file; all but the first two are below the size of `ODD`."""
OfKind = tuple[LiveFiles, Any, dict[str, Any]]
KINDS: dict[str, dict[str, Any]] = {"sftp": {}, "ftp": {}, "ftp without MLST": {"only_list": True}}


@pytest.fixture(params=KINDS)
def of_kind(request: pytest.FixtureRequest) -> Iterator[OfKind]:
    with opened(request.param.partition(" ")[0]) as (conn, peer):
        yield conn, peer, KINDS[request.param]


def test_a_file_is_read_to_its_end_whatever_size_is_told(of_kind: OfKind) -> None:
    conn, peer, more = of_kind
    peer.put("in/a.bin", ODD).put("b.txt", TEXT).put("one", b"1").put("empty", b"")
    for told in TOLD:
        with peer.fail(size_told=told, **more):
            conn.close()
            assert (told, conn.read("in/a.bin")) == (told, ODD)
            with conn.open("in/a.bin") as stream:
                assert (told, b"".join(iter(lambda: stream.read(70_001), b""))) == (told, ODD)
            with closing(conn.stream("in/a.bin", len(BIG))) as stream:
                assert (told, stream.read()) == (told, b"tail")
            if told in ("none", 0):
                assert [conn.read(name) for name in ("b.txt", "one", "empty")] == [TEXT, b"1", b""]


@pytest.mark.parametrize("kind", ["sftp", "ftp"])
def test_a_file_that_ends_before_the_size_that_is_told_is_no_file(kind: str) -> None:
    with opened(kind, retries=1) as (conn, peer):
        peer.put("a.csv", TEXT)
        with peer.fail(size_told=3_000):
            with pytest.raises(Interrupted, match=r"ended 'a.csv' after 20 of 3,000 bytes"):
                conn.read("a.csv")
            with pytest.raises(Interrupted), conn.open("a.csv") as stream:
                stream.read()


def test_an_upload_is_whole_though_the_server_cannot_tell_its_size(of_kind: OfKind) -> None:
    conn, peer, more = of_kind
    for told in [*TOLD, 5_000_000]:
        with peer.fail(size_told=told, **more):
            conn.close()
            assert conn.write("new.bin", ODD).size == len(ODD)
            conn.write("empty.bin", b"")
            with pytest.raises(FileThere):
                conn.write("new.bin", TEXT)
            conn.write("new.bin", TEXT, overwrite=True)
            with conn.open("stream.bin", "wb") as stream:
                stream.write(BIG)
        assert (told, dict(peer.files)) == (told, {"new.bin": TEXT, "empty.bin": b"", "stream.bin": BIG})
        assert peer.files.unfinished == []
        peer.clear()


@pytest.mark.parametrize("kind", ["sftp", "ftp"])
def test_an_upload_that_was_cut_is_finished_without_a_size_told(kind: str) -> None:
    with opened(kind) as (conn, peer):
        for told in ("none", 100, 5_000_000):
            with peer.fail(size_told=told, hang_up_after_bytes=300_000, times=1):
                conn.write("big.bin", BIG, overwrite=True)
            assert (told, dict(peer.files), peer.files.unfinished) == (told, {"big.bin": BIG}, [])


def test_a_server_that_keeps_less_is_found_out_without_a_size_told() -> None:
    with opened("ftp", retries=1) as (conn, peer):
        with peer.fail(size_told="none", short_file_after_bytes=1_000), pytest.raises(Interrupted, match="something"):
            conn.write("big.bin", BIG)
        assert (dict(peer.files), peer.files.unfinished) == ({}, [])


@pytest.mark.parametrize("kind", ["sftp", "ftp"])
def test_an_upload_that_nothing_can_confirm_is_said_to_be_so(kind: str) -> None:
    with opened(kind) as (conn, peer):
        with (
            peer.fail(size_told="none", write_only=True),
            pytest.raises(
                ConnectionFailed, match=r"took all 20 bytes of 'a.csv', but tells another size, or none"
            ) as no,
        ):
            conn.write("a.csv", TEXT)
        assert not isinstance(no.value, Interrupted)
        assert [asked.verb for asked in peer.asked].count("put") == 1
        with peer.fail(write_only=True):
            conn.write("a.csv", TEXT)
        assert (dict(peer.files), peer.files.unfinished) == ({"a.csv": TEXT}, [])


@pytest.mark.parametrize("told", ["none", 0, 12])
def test_what_a_listing_shows_is_there_on_a_server_that_knows_only_list(told: str | int) -> None:
    with opened("ftp") as (conn, peer):
        peer.put("in/a.csv", TEXT)
        with peer.fail(only_list=True, size_told=told):
            (listed,) = conn.list("in")
            there = conn.stat("in/a.csv")
            assert (there.name, there.path, there.is_dir) == (listed.name, listed.path, False)
            assert there.size == listed.size == (0 if told == "none" else told)
            assert [conn.exists(at) for at in ("in/a.csv", "in", "in/b.csv", "no/a.csv")] == [True, True, False, False]


def test_sftp_takes_a_failure_for_the_end_only_where_the_size_says_so_too() -> None:
    with opened("sftp", retries=0) as (conn, peer):
        peer.put("a.bin", BIG).put("empty", b"")
        with peer.fail(no_end_of_file=True):
            assert conn.read("a.bin") == BIG
        for told in ("none", 1_000):
            with peer.fail(no_end_of_file=True, size_told=told), pytest.raises(ConnectionFailed):
                conn.read("a.bin")


def test_sftp_asks_for_one_block_beyond_the_size_and_without_a_size_for_ever_more() -> None:
    with opened("sftp") as (conn, peer):
        for told, most in ((None, 1), ("none", 64)):
            peer.put("a.bin", BIG)
            # By one plus sign each time that somebody reads behind its end, which counts how often that is.
            with peer.fail(size_told=told, grows_by_bytes=1, times=100):
                assert conn.read("a.bin").startswith(BIG)
            assert (told, 1 <= peer.files.size("a.bin") - len(BIG) <= most) == (told, True)


def test_sftp_believes_no_end_that_was_said_before_what_comes_before_it_was_there() -> None:
    with opened("sftp") as (conn, peer):
        peer.put("a.bin", b"-")
        # What is asked for ahead, behind 100 bytes, is answered while there is one byte; then there are many.
        with peer.fail(size_told=100, grows_by_bytes=40_049, times=1):
            assert conn.read("a.bin") == b"-" + b"+" * 40_049
