"""SFTP against the SFTP peer and OpenSSH's rules for keys: logins, fingerprints, interruptions, deadlines."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.connections.suites.examples import opened
from tests.connections.suites.timing import ended_in_time
from workbench.connections.definition import Opening
from workbench.connections.files.errors import AccessRefused, FileThere, Interrupted, IsAFolder, StorageFull
from workbench.connections.files.live import LiveFiles
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, InvalidDefinition
from workbench.core.secret import give, given, secret
from workbench.sandbox.sftp.server import SFTPServer

BIG = bytes(range(256)) * 8192


@pytest.fixture
def both() -> Iterator[tuple[LiveFiles, SFTPServer]]:
    with opened("sftp") as pair:
        yield pair


@pytest.fixture
def conn(both: tuple[LiveFiles, SFTPServer]) -> LiveFiles:
    return both[0]


@pytest.fixture
def peer(both: tuple[LiveFiles, SFTPServer]) -> SFTPServer:
    return both[1]


@pytest.fixture
def free() -> Iterator[SFTPServer]:
    peer = SFTPServer("free").start()
    yield peer
    peer.stop()


def reach(peer: SFTPServer, **fields: Any) -> LiveFiles:
    definition = SFTPConnection("s", host=peer.host, port=peer.port, username="me", retries=0, **fields)
    return definition.open(Opening(lambda secret, owner: given(secret.name) or "", SystemClock()))


def test_a_definition_lists_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        SFTPConnection("s", host="", port=0, username="", fingerprint="MD5:x")
    assert set(refused.value.problems) == {"host", "port", "username", "fingerprint"}
    with pytest.raises(InvalidDefinition) as refused:
        SFTPConnection("s", host="sftp://x", username="me", default_directory="../up")
    assert set(refused.value.problems) == {"host", "default_directory"}


def test_a_wrong_password_is_said_and_not_tried_again(conn: LiveFiles, peer: SFTPServer) -> None:
    peer.users = {"me": "another"}
    with pytest.raises(AccessRefused, match=r"SFTP 'My SFTP' at 127.0.0.1:\d+ refused the user name, password or key"):
        conn.list()
    assert peer.logins == 0


def test_a_server_whose_key_changed_gets_no_password(conn: LiveFiles, peer: SFTPServer) -> None:
    conn.list()
    with peer.fail(wrong_key=True):
        conn.close()
        with pytest.raises(ConnectionFailed, match=r"shows the key SHA256:.*, not SHA256:.*so no password was sent"):
            conn.list()
    assert peer.logins == 1
    assert conn.list() == []


def test_known_hosts_decides_where_no_fingerprint_is_given(free: SFTPServer, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    conn = reach(free, known_hosts=str(known))
    with pytest.raises(ConnectionFailed, match=r"which .*known_hosts does not know.*Fix: ask its owner") as refused:
        conn.list()
    assert free.fingerprint in str(refused.value)
    known.write_text(f"[127.0.0.1]:{free.port} {free.key.get_name()} {free.key.get_base64()}\n")
    assert conn.list() == []
    known.write_text(f"[127.0.0.1]:{free.port} {free.other_key.get_name()} {free.other_key.get_base64()}\n")
    conn.close()
    with pytest.raises(ConnectionFailed, match="has another for it: it may be another machine, so no password was"):
        conn.list()
    assert free.logins == 1


def test_a_private_key_logs_in(free: SFTPServer, tmp_path: Path) -> None:
    plain, locked = tmp_path / "plain", tmp_path / "locked"
    key, openssh = Ed25519PrivateKey.generate(), (Encoding.PEM, PrivateFormat.OpenSSH)
    plain.write_bytes(key.private_bytes(*openssh, NoEncryption()))
    locked.write_bytes(key.private_bytes(*openssh, BestAvailableEncryption(b"open sesame")))
    give("A_PASSPHRASE", "open sesame")
    give("ANOTHER", "wrong")
    pinned = {"fingerprint": free.fingerprint}
    assert reach(free, private_key_file=str(plain), **pinned).list() == []
    assert reach(free, private_key_file=str(locked), password=secret("A_PASSPHRASE"), **pinned).list() == []
    for fields in (
        {"private_key_file": str(locked)},
        {"private_key_file": str(locked), "password": secret("ANOTHER")},
        {"private_key_file": str(tmp_path / "none")},
    ):
        with pytest.raises(AccessRefused, match="cannot use private_key_file=.*Fix: name a private key"):
            reach(free, **fields, **pinned).list()


def test_a_sandbox_touches_no_private_key() -> None:
    with opened("sftp", private_key_file="/nowhere/id_ed25519", password=None) as (conn, peer):
        conn.write("a.txt", b"1")
        assert [*peer.files] == ["a.txt"]


def test_what_is_no_ssh_server_is_said() -> None:
    with opened("ftp") as (_, ftp):
        definition = SFTPConnection("s", host=ftp.host, port=ftp.port, username="me", timeout_seconds=1, retries=0)
        conn = definition.open(Opening(lambda secret, owner: "", SystemClock()))
        with pytest.raises(ConnectionFailed, match="SFTP 's' at"):
            conn.list()


def test_a_server_that_is_down_and_comes_back(conn: LiveFiles, peer: SFTPServer) -> None:
    conn.write("a.txt", b"1")
    peer.fail(refuse=True)
    with pytest.raises(Interrupted, match=r"cannot be reached: Connection refused. Fix: check host and port"):
        conn.list()
    peer.heal()
    assert conn.read("a.txt") == b"1"


@pytest.mark.parametrize("directory", ["/home/me", "home/me/"])
def test_the_default_directory_is_the_root_that_a_service_sees(directory: str) -> None:
    with opened("sftp", default_directory=directory) as (conn, peer):
        peer.put("home/me/a.txt", b"1").put("home/other/b.txt", b"2")
        assert conn.listdir("/") == ["a.txt"]
        conn.write("in.txt", b"3")
        assert [*peer.files] == ["home/me/a.txt", "home/me/in.txt", "home/other/b.txt"]


def test_a_download_goes_on_where_it_was_cut(conn: LiveFiles, peer: SFTPServer) -> None:
    peer.put("big.bin", BIG)
    with peer.fail(hang_up_after_bytes=600_000, times=2):
        assert conn.read("big.bin") == BIG
    with peer.fail(short_file_after_bytes=600_000, times=1), conn.open("big.bin") as stream:
        assert b"".join(iter(lambda: stream.read(70_000), b"")) == BIG


def test_an_upload_that_was_cut_is_finished_and_seen_only_then(conn: LiveFiles, peer: SFTPServer) -> None:
    with peer.fail(hang_up_after_bytes=600_000, times=2):
        conn.write("big.bin", BIG)
    assert dict(peer.files) == {"big.bin": BIG}
    assert peer.files.unfinished == []


def test_a_server_that_never_gets_through_leaves_the_old_file(conn: LiveFiles, peer: SFTPServer) -> None:
    peer.put("old.bin", BIG)
    with peer.fail(hang_up_after_bytes=100):
        with pytest.raises(ConnectionFailed):
            conn.write("old.bin", BIG[::-1], overwrite=True)
        with pytest.raises(ConnectionFailed):
            conn.read("old.bin")
    assert dict(peer.files) == {"old.bin": BIG}
    assert peer.files.unfinished == []


def test_a_full_disk_is_said_at_once_and_leaves_nothing(conn: LiveFiles, peer: SFTPServer) -> None:
    with peer.fail(disk_full_after_bytes=100_000), pytest.raises(StorageFull, match="takes no more of 'big.bin'"):
        conn.write("big.bin", BIG)
    with peer.fail(disk_full_after_bytes=0), pytest.raises(StorageFull), conn.open("b.bin", "wb") as stream:
        stream.write(b"x")
    assert (dict(peer.files), peer.files.unfinished) == ({}, [])


@pytest.mark.parametrize("verb", ["rename", "open", "stat", "remove", "list"])
def test_a_hang_up_before_any_answer_is_survived(conn: LiveFiles, peer: SFTPServer, verb: str) -> None:
    peer.put("old.txt", b"old")
    conn.list()
    with peer.fail(hang_up_before_answer=verb, times=1):
        conn.write("a.txt", BIG)
        assert conn.read("a.txt") == BIG
        conn.move("a.txt", "b.txt")
        conn.delete("old.txt")
        assert conn.listdir() == ["b.txt"]
    assert dict(peer.files) == {"b.txt": BIG}
    assert peer.files.unfinished == []


def test_a_server_that_never_replaces_is_helped(conn: LiveFiles, peer: SFTPServer) -> None:
    with peer.fail(no_posix_rename=True):
        conn.write("a.txt", b"1")
        with pytest.raises(FileThere):
            conn.write("a.txt", b"2")
        conn.write("a.txt", b"2", overwrite=True)
    assert dict(peer.files) == {"a.txt": b"2"}


def is_late(act: Callable[[], object]) -> None:
    with pytest.raises(DeadlineExceeded, match="SFTP 'My SFTP' did not do it within 1 s"):
        act()


@pytest.mark.parametrize("fault", [{"delay_seconds": 1.0}, {"bytes_per_second": 100_000.0}])
def test_a_deadline_holds_for_the_whole_call(fault: dict[str, Any]) -> None:
    with opened("sftp", deadline_seconds=1.0, timeout_seconds=0.4, retries=20) as (conn, peer):
        peer.put("big.bin", BIG)
        for act in (lambda: conn.read("big.bin"), lambda: conn.write("new.bin", BIG)):
            with peer.fail(**fault):
                ended_in_time(partial(is_late, act), 1.0)
        assert "new.bin" not in peer.files


def test_names_that_are_no_utf8_are_left_out_one_by_one(conn: LiveFiles, peer: SFTPServer) -> None:
    (peer.root / "good.txt").write_bytes(b"1")
    Path(os.fsdecode(bytes(peer.root) + b"/b\xf6se.txt")).write_bytes(b"2")
    assert conn.listdir() == ["good.txt"]


def test_any_sftp_client_may_speak_with_the_peer(peer: SFTPServer) -> None:
    peer.put("in/a.txt", b"12")
    assert peer.users is not None
    user, password = next(iter(peer.users.items()))
    with paramiko.Transport((peer.host, peer.port)) as transport:
        transport.connect(username=user, password=password, hostkey=peer.key)
        client = transport.open_sftp_client()
        assert client is not None
        with client:
            assert client.listdir("../../in") == ["a.txt"]
            with client.open("in/b.txt", "wb") as file:
                file.write(b"3")
    assert peer.files["in/b.txt"] == b"3"


def test_no_file_is_left_that_closes_itself_in_the_middle_of_another_request(conn: LiveFiles, peer: SFTPServer) -> None:
    def files() -> list[Any]:
        return [each for each in gc.get_objects() if isinstance(each, paramiko.SFTPFile)]

    before = files()
    peer.put("a.txt", b"1").make_folder("in")
    conn.write("b.txt", conn.read("a.txt"))
    with conn.open("a.txt") as stream:
        stream.read(1)
        with pytest.raises(IsAFolder):
            conn.read("in")
        assert [each for each in files() if each not in before] == []


def test_a_link_is_the_same_in_listing_stat_and_reading(conn: LiveFiles, peer: SFTPServer) -> None:
    peer.put("in/2026.csv", b"x" * 1_000).put("in/sub/deep.txt", b"1")
    for link, to in (("latest.csv", "2026.csv"), ("old", "sub"), ("gone", "nowhere")):
        (peer.root / "in" / link).symlink_to(to)
    listed = {info.name: info for info in conn.list("in")}
    for name in ("latest.csv", "old", "2026.csv"):
        there = conn.stat(f"in/{name}")
        assert (name, there.size, there.is_dir) == (name, listed[name].size, listed[name].is_dir)
    assert {info.name for info in listed.values() if info.is_link} == {"latest.csv", "old", "gone"}
    assert (listed["gone"].size, conn.exists("in/gone")) == (0, False)
    assert (len(conn.read("in/latest.csv")), conn.listdir("in/old")) == (1_000, ["deep.txt"])
    conn.delete("in/gone")
    assert not (peer.root / "in/gone").is_symlink()
