"""FTP and FTPS against the FTP peer: logins, certificates, interruptions, deadlines, old servers."""

from __future__ import annotations

import ftplib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.connections.ftp.scripted import ScriptedFTP
from tests.connections.suites.examples import opened, played
from tests.connections.suites.timing import ended_in_time
from workbench.connections.files.errors import (
    AccessRefused,
    FileThere,
    Interrupted,
    IsAFolder,
    NoSuchFile,
    StorageFull,
)
from workbench.connections.files.live import LiveFiles
from workbench.connections.ftp.definition import FTPConnection
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, InvalidDefinition, MissingSecret, UnknownName
from workbench.core.secret import give, secret
from workbench.sandbox.ftp.server import FTPServer

BIG = bytes(range(256)) * 8192


@pytest.fixture
def both() -> Iterator[tuple[LiveFiles, FTPServer]]:
    with opened("ftp") as pair:
        yield pair


@pytest.fixture
def conn(both: tuple[LiveFiles, FTPServer]) -> LiveFiles:
    return both[0]


@pytest.fixture
def peer(both: tuple[LiveFiles, FTPServer]) -> FTPServer:
    return both[1]


def test_a_definition_lists_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        FTPConnection("f", host="", port=0, tls="implicit", retries=-1, pool_size=0)  # type: ignore[arg-type]
    assert set(refused.value.problems) == {"host", "port", "tls", "retries", "pool_size"}
    with pytest.raises(InvalidDefinition) as refused:
        FTPConnection("f", host="ftp://x", username="me", default_directory="../up")
    assert set(refused.value.problems) == {"host", "username", "default_directory"}


def test_files_travel_under_tls_and_the_password_too() -> None:
    with opened("ftp", tls="explicit") as (conn, peer):
        conn.write("a.bin", BIG)
        assert conn.read("a.bin") == BIG
        assert [info.name for info in conn.list()] == ["a.bin"]
        assert conn.ping().startswith("200")
        assert peer.faults.no_tls is False
        with peer.fail(no_tls=True):
            conn.close()
            with pytest.raises(ConnectionFailed, match=r"does not offer TLS \(502.*so no password was sent. Fix: tls"):
                conn.read("a.bin")


def test_a_certificate_of_another_name_is_refused() -> None:
    with opened("ftp", tls="explicit", retries=0) as (conn, peer):
        with (
            peer.fail(wrong_certificate=True),
            pytest.raises(ConnectionFailed, match="Fix: host= must be the name in"),
        ):
            conn.list()
        assert conn.list() == []


def test_a_wrong_password_is_said_and_not_tried_again(conn: LiveFiles, peer: FTPServer) -> None:
    peer.users = {"me": "another"}
    said = r"FTP 'My FTP' at 127.0.0.1:\d+ refused the user name or password: 530"

    def read() -> None:
        with pytest.raises(AccessRefused, match=said):
            conn.read("a.txt")

    ended_in_time(read, 1.8)
    with pytest.raises(PermissionError):
        conn.ping()


def test_an_unset_secret_and_an_unknown_name_say_what_to_do() -> None:
    definition = FTPConnection("My FTP", host="ftp.example.com", username="me", password=secret("NOBODY_SET_THIS"))
    with played(definition) as (live, sandbox):
        sandbox.switch(False)
        with pytest.raises(MissingSecret, match="FTP 'My FTP' needs the secret 'NOBODY_SET_THIS'"):
            live.item("ftp", "My FTP").conn.list()
        with pytest.raises(UnknownName, match=r"No FTP connection is named 'My FPT'; there are: My FTP.*FTPConnection"):
            live.item("ftp", "My FPT")


def test_a_server_that_is_down_is_tried_as_often_as_said(conn: LiveFiles, peer: FTPServer) -> None:
    peer.fail(refuse=True)
    with pytest.raises(Interrupted, match=r"cannot be reached: Connection refused. Fix: check host and port"):
        conn.list()
    peer.heal()
    assert conn.list() == []


def test_the_default_directory_is_the_root_that_a_service_sees() -> None:
    with opened("ftp", default_directory="/home/me") as (conn, peer):
        peer.put("home/me/a.txt", b"1").put("home/other/b.txt", b"2")
        assert conn.listdir("/") == ["a.txt"]
        conn.write("in.txt", b"3")
        assert [*peer.files] == ["home/me/a.txt", "home/me/in.txt", "home/other/b.txt"]


def test_a_dead_control_connection_is_opened_again(conn: LiveFiles, peer: FTPServer) -> None:
    conn.write("a.txt", b"1")
    peer.fail(refuse=True)
    peer.heal()
    assert conn.read("a.txt") == b"1"


def test_an_old_server_knows_only_list() -> None:
    with opened("ftp") as (conn, peer):
        peer.put("in/a [1].txt", b"12").put("in/-la", b"3").make_folder("in/deep dir")
        with peer.fail(only_list=True):
            infos = conn.list("in")
            assert [(info.name, info.size, info.is_dir) for info in infos] == [
                ("-la", 1, False),
                ("a [1].txt", 2, False),
                ("deep dir", 0, True),
            ]
            assert infos[1].modified is not None
            assert (conn.stat("in/a [1].txt").size, conn.stat("in").is_dir, conn.exists("in/no")) == (2, True, False)
            assert conn.read("in/-la") == b"3"
            conn.write("in/b.txt", b"4")
            with pytest.raises(FileThere):
                conn.write("in/b.txt", b"5")
            with pytest.raises(NoSuchFile):
                conn.list("nowhere")
            with pytest.raises(IsAFolder):
                conn.read("in")


@pytest.mark.parametrize("fault", ["cut_file_after_bytes", "hang_up_after_bytes", "short_file_after_bytes"])
def test_a_download_goes_on_where_it_was_cut(conn: LiveFiles, peer: FTPServer, fault: str) -> None:
    peer.put("big.bin", BIG)
    with peer.fail(**{fault: 300_000}, times=2):
        assert conn.read("big.bin") == BIG
    sizes = [asked.size for asked in peer.asked if asked.verb == "get"]
    assert sizes == [300_000, 300_000, len(BIG) - 600_000]


@pytest.mark.parametrize("fault", ["cut_file_after_bytes", "hang_up_after_bytes"])
def test_a_stream_goes_on_where_it_was_cut(conn: LiveFiles, peer: FTPServer, fault: str) -> None:
    peer.put("big.bin", BIG)
    with peer.fail(**{fault: 1_000_000}, times=1), conn.open("big.bin") as stream:
        assert b"".join(iter(lambda: stream.read(70_000), b"")) == BIG


@pytest.mark.parametrize("fault", ["cut_file_after_bytes", "hang_up_after_bytes", "short_file_after_bytes"])
def test_an_upload_that_was_cut_is_finished_and_seen_only_then(conn: LiveFiles, peer: FTPServer, fault: str) -> None:
    with peer.fail(**{fault: 300_000}, times=2):
        conn.write("big.bin", BIG)
    assert dict(peer.files) == {"big.bin": BIG}
    assert peer.files.unfinished == []


@pytest.mark.parametrize("fault", ["cut_file_after_bytes", "hang_up_after_bytes", "short_file_after_bytes"])
def test_a_server_that_never_gets_through_leaves_nothing_behind(conn: LiveFiles, peer: FTPServer, fault: str) -> None:
    peer.put("old.bin", BIG)
    with peer.fail(**{fault: 100}):
        with pytest.raises(ConnectionFailed):
            conn.write("big.bin", BIG)
        with pytest.raises(ConnectionFailed):
            conn.write("old.bin", BIG[::-1], overwrite=True)
    assert dict(peer.files) == {"old.bin": BIG}
    assert peer.files.unfinished == []


def test_a_read_that_is_always_cut_short_is_no_file(conn: LiveFiles, peer: FTPServer) -> None:
    peer.put("big.bin", BIG)
    with peer.fail(short_file_after_bytes=0), pytest.raises(Interrupted, match=r"ended 'big.bin' after 0 of 2,097,152"):
        conn.read("big.bin")


def test_a_file_that_changes_while_it_is_read_is_not_mixed(conn: LiveFiles, peer: FTPServer) -> None:
    peer.put("big.bin", BIG)
    with peer.fail(cut_file_after_bytes=1_000_000, times=1), conn.open("big.bin") as stream:
        stream.read(500_000)
        peer.put("big.bin", BIG + b"more")
        with pytest.raises(ConnectionFailed, match=r"'big.bin' was changed while it was read"):
            stream.read()


def test_a_full_disk_is_said_at_once_and_leaves_nothing(conn: LiveFiles, peer: FTPServer) -> None:
    with (
        peer.fail(disk_full_after_bytes=1000),
        pytest.raises(StorageFull, match="has no room for 'big.bin': 552 No sp"),
    ):
        conn.write("big.bin", BIG)
    assert (dict(peer.files), peer.files.unfinished) == ({}, [])
    with peer.fail(disk_full_after_bytes=1000), pytest.raises(StorageFull), conn.open("big.bin", "wb") as stream:
        stream.write(BIG)
    assert (dict(peer.files), peer.files.unfinished) == ({}, [])


@pytest.mark.parametrize("command", ["RNTO", "STOR", "MLST", "DELE", "RNFR", "PASV", "RETR", "MLSD"])
def test_a_hang_up_before_any_answer_is_survived(conn: LiveFiles, peer: FTPServer, command: str) -> None:
    peer.put("old.txt", b"old")
    conn.list()
    with peer.fail(hang_up_before_answer=command, times=1):
        conn.write("a.txt", BIG)
        assert conn.read("a.txt") == BIG
        conn.move("a.txt", "b.txt")
        conn.delete("old.txt")
        assert conn.listdir() == ["b.txt"]
    assert dict(peer.files) == {"b.txt": BIG}
    assert peer.files.unfinished == []


def is_late(act: Callable[[], object]) -> None:
    with pytest.raises(DeadlineExceeded, match=r"FTP 'My FTP' did not do it within (0.5|1) s"):
        act()


@pytest.mark.parametrize("seconds", [0.5, 1.0])
@pytest.mark.parametrize("fault", [{"delay_seconds": 3.0}, {"bytes_per_second": 20_000.0}])
def test_a_deadline_holds_for_the_whole_call(seconds: float, fault: dict[str, Any]) -> None:
    with opened("ftp", deadline_seconds=seconds, timeout_seconds=0.4, retries=20) as (conn, peer):
        peer.put("big.bin", BIG)
        for act in (lambda: conn.read("big.bin"), lambda: conn.write("new.bin", BIG)):
            with peer.fail(**fault):
                ended_in_time(partial(is_late, act), seconds)
        assert "new.bin" not in peer.files


def test_a_stream_that_nobody_closed_is_named_when_sessions_run_out() -> None:
    with opened("ftp", pool_size=2, timeout_seconds=0.2) as (conn, peer):
        peer.put("a.txt", b"1")
        streams = [conn.open("a.txt") for _ in range(2)]
        with pytest.raises(DeadlineExceeded, match="all 2 sessions are in use.*Fix: close streams"):
            conn.read("a.txt")
        for stream in streams:
            stream.close()
        assert conn.read("a.txt") == b"1"


def test_sessions_are_kept_and_bounded(conn: LiveFiles, peer: FTPServer) -> None:
    for _ in range(5):
        conn.list()
    assert peer.logins == 1
    with ThreadPoolExecutor(20) as threads:
        [*threads.map(lambda number: conn.write(f"{number}.txt", b"1"), range(40))]
    assert 1 <= peer.logins <= 8
    conn.close()
    assert len(conn.list()) == 40


def test_active_mode() -> None:
    with opened("ftp", passive=False) as (conn, peer):
        conn.write("a.txt", b"1")
        assert (conn.read("a.txt"), conn.listdir()) == (b"1", ["a.txt"])
        assert [*peer.files] == ["a.txt"]


def test_any_ftp_client_may_speak_with_the_peer(peer: FTPServer) -> None:
    peer.put("in/a.txt", b"12")
    assert peer.users is not None
    with ftplib.FTP() as client:
        client.connect(peer.host, peer.port, timeout=30)
        client.login(*next(iter(peer.users.items())))
        assert client.nlst("in") == ["a.txt"]
        with pytest.raises(ftplib.error_perm):
            client.cwd("../../..nowhere")
        client.cwd("../../../in")
        assert client.pwd() == "/in"


@pytest.mark.parametrize(("account", "said"), [("billing", b"ACCT billing\r\n"), ("", b"ACCT \r\n")])
def test_a_server_that_asks_for_an_account_is_told_it(account: str, said: bytes) -> None:
    give("PW", "a-password")
    wants = {b"USER": b"331 Password?", b"PASS": b"332 Account?"}
    with ScriptedFTP([], answers=wants) as server, played() as (live, _):
        assert server.open(live, username="me", password=secret("PW"), account=account).listdir() == []
    assert [each for each in server.heard if each.startswith(b"ACCT")] == [said]


def test_a_server_that_asks_for_no_account_hears_none() -> None:
    give("PW", "a-password")
    with ScriptedFTP([], answers={b"USER": b"331 Password?"}) as server, played() as (live, _):
        server.open(live, username="me", password=secret("PW"), account="billing").listdir()
    assert not [each for each in server.heard if each.startswith(b"ACCT")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"account": "a"}, "account needs username"),
        ({"account": "a\nb", "username": "u", "password": secret("PW")}, "account must be one line"),
        ({"account": "a\n", "username": "u", "password": secret("PW")}, "account must be one line"),
        ({"account": "a\r", "username": "u", "password": secret("PW")}, "account must be one line"),
        ({"username": "u\n", "password": secret("PW")}, "username must be one line"),
    ],
)
def test_an_account_that_cannot_be_is_said(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidDefinition, match=said):
        FTPConnection("F", host="ftp.example.com", **fields)


def test_a_password_of_more_than_one_line_is_said_and_not_shown() -> None:
    give("PW", "a-password\n")
    said = r"the password, which is more than one line\. Fix: "
    with ScriptedFTP([], answers={b"USER": b"331 Password?"}) as server, played() as (live, _):
        conn = server.open(live, username="me", password=secret("PW"))
        with pytest.raises(AccessRefused, match=said) as raised:
            conn.listdir()
    assert "a-password" not in str(raised.value)


def test_names_that_are_no_utf8_are_left_out_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    lines = [b"type=file;size=1; good.txt", b"type=file;size=1; b\xf6se.txt", "type=file;size=1; żółw".encode()]
    with ScriptedFTP(lines) as server, played() as (live, _):
        conn = server.open(live)
        assert conn.listdir() == ["good.txt", "żółw"]
    assert "left out a name in /" in caplog.text
    assert "is not UTF-8" in caplog.text
