"""What every storage does with files, on servers of other makes: vsftpd, ProFTPD and OpenSSH, as they are installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connections.suites import test_every_storage as promised
from tests.connections.suites.cases import opened
from tests.servers import IS_ROOT, RealServer, real_server
from workbench.connections.files.errors import AccessRefused
from workbench.connections.files.live import LiveFiles
from workbench.core.errors import ConnectionFailed

conn, peer = promised.conn, promised.peer
test_a_file_that_is_there_is_replaced_only_if_that_is_said = (
    promised.test_a_file_that_is_there_is_replaced_only_if_that_is_said
)
test_a_folder_where_a_file_is_expected_is_said = promised.test_a_folder_where_a_file_is_expected_is_said
test_every_byte_comes_back = promised.test_every_byte_comes_back
test_many_threads_at_once = promised.test_many_threads_at_once
test_move_gives_another_folder_and_delete_removes = promised.test_move_gives_another_folder_and_delete_removes
test_nobody_sees_a_file_before_it_is_whole = promised.test_nobody_sees_a_file_before_it_is_whole
test_of_many_who_move_a_file_one_succeeds = promised.test_of_many_who_move_a_file_one_succeeds
test_stat_and_exists = promised.test_stat_and_exists
test_streams_both_ways = promised.test_streams_both_ways
test_what_arrives_at_the_peer_is_listed_by_name = promised.test_what_arrives_at_the_peer_is_listed_by_name
test_what_is_not_there_is_said = promised.test_what_is_not_there_is_said

NAMES = [" front", "-dash", "[x]", "a  b", "ümläut €", "100%", "a;b=c", "back -> there", "~tilde", "*.txt", "back "]


@pytest.fixture(scope="module", params=["vsftpd", "proftpd", "openssh"])
def server(request: pytest.FixtureRequest) -> Iterator[RealServer]:
    with real_server(request.param) as server:
        yield server


@pytest.fixture
def both(server: RealServer) -> Iterator[tuple[LiveFiles, RealServer]]:
    server.clear()
    with opened(server.definition("My Server")) as conn:
        yield conn, server


def test_names_are_taken_as_they_are(conn: LiveFiles, peer: Any) -> None:
    for name in NAMES:
        conn.write(f"in {name}", name.encode())
    assert sorted(conn.listdir()) == sorted(f"in {name}" for name in NAMES)
    for name in NAMES:
        conn.move(f"in {name}", name)
        assert (conn.read(name), conn.exists(f"in {name}")) == (name.encode(), False)
    assert sorted(peer.files) == sorted(NAMES)


def test_a_link_is_the_same_in_listing_stat_and_reading(conn: LiveFiles, peer: Any) -> None:
    peer.put("2026.csv", b"x" * 1_000).put("sub/deep.txt", b"1")
    for link, to in (("latest.csv", "2026.csv"), ("old", "sub"), ("gone", "nowhere")):
        (peer.root / link).symlink_to(to)
    listed = {info.name: info for info in conn.list()}
    for name in ("latest.csv", "old"):
        there = conn.stat(name)
        assert (there.size, there.is_dir) == (listed[name].size, listed[name].is_dir)
    assert (listed["latest.csv"].size, listed["old"].is_dir, conn.exists("gone")) == (1_000, True, False)
    assert (len(conn.read("latest.csv")), conn.listdir("old")) == (1_000, ["deep.txt"])


# OpenSSH works as the user who logs in, whom no folder refuses if that is root.
@pytest.mark.parametrize("server", ["vsftpd", "proftpd"], indirect=True)
def test_who_may_not_write_is_told_so(conn: LiveFiles, peer: Any) -> None:
    (peer.root / "in").mkdir()
    (peer.root / "in").chmod(0o755 if IS_ROOT else 0o555)
    for write in (lambda: conn.write("in/a.txt", b"1"), lambda: conn.make_folder("in/deep")):
        with pytest.raises(AccessRefused, match="'in/"):
            write()
    (peer.root / "in").chmod(0o755)


def test_openssh_of_old_algorithms_alone_is_told_with_what_it_offers() -> None:
    old = "KexAlgorithms diffie-hellman-group14-sha1"
    with (
        real_server("openssh", old) as server,
        opened(server.definition("Old")) as conn,
        pytest.raises(ConnectionFailed, match="for key exchange in common with us: it offers diffie-hellman-group14"),
    ):
        conn.list()
