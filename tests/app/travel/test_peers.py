"""A trip calls copies of the peers, and Redis as it was; only a real one calls what is outside, and says so first."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench.app.scheduling.travel.trip import CallsForReal
from workbench.app.workbench import Workbench
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.imap.definition import IMAPConnection
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.s3.definition import S3Connection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.connections.smtp.definition import SMTPConnection
from workbench.connections.sql.definition import SQLConnection
from workbench.core.clock import VirtualClock
from workbench.core.secret import secret
from workbench.core.service import Service
from workbench.sandbox.catalog import ROWS, peer_class
from workbench.scheduler.definitions import IntervalJob

START = datetime(2035, 3, 24, 10, 17, 3, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    with Workbench(port=0, folder=tmp_path, clock=VirtualClock(START)) as made:
        yield made


def _runs(wb: Workbench, cls: type[Service]) -> None:
    wb.deploy(cls)
    wb.define(IntervalJob("moves", service=cls.name, hours=1))


def test_files_are_moved_in_the_copy_and_stay_at_home(home: Workbench) -> None:
    class Moves(Service):
        name = "moves"

        def handle(self) -> None:
            home.transfer("In:", "Out:", pattern="*.csv")

    home.define(
        FTPConnection("In", host="ftp.example.com"),
        DropboxConnection("Out", user_agent="test", token=secret("DROPBOX")),
    )
    home.sandbox()
    home.peers["In"].put("a.csv", b"1,2").put("kept.txt", b"x")  # type: ignore[attr-defined]
    home.peers["Out"].put("old.csv", b"0")  # type: ignore[attr-defined]
    _runs(home, Moves)
    with home.clock.travel(hours=1) as trip:
        source: Any = trip.peers["In"]
        target: Any = trip.peers["Out"]
        assert {run.outcome for run in trip.runs} == {"ok"}, trip.runs
        assert dict(source.files) == {"kept.txt": b"x"}
        assert dict(target.files) == {"a.csv": b"1,2", "old.csv": b"0"}
    assert dict(home.peers["In"].files) == {"a.csv": b"1,2", "kept.txt": b"x"}  # type: ignore[attr-defined]
    assert dict(home.peers["Out"].files) == {"old.csv": b"0"}  # type: ignore[attr-defined]


def test_replies_of_a_source_are_given_anew_on_each_trip(home: Workbench) -> None:
    home.define(RESTConnection("Shop", host="https://shop.example.com", path="/total", retries=0))
    home.sandbox()
    shop: Any = home.peers["Shop"]
    shop.reply("/total", json={"total": 1}, times=1)
    shop.reply("/total", json={"total": 2})

    class Reads(Service):
        name = "reads"

        def handle(self) -> Any:
            return self.out.rest["Shop"].conn.get(self.cid).data["total"]

    _runs(home, Reads)
    for _ in range(2):
        with home.clock.travel(hours=3) as trip:
            travelled: Any = trip.peers["Shop"]
        assert [run.returned for run in trip.runs] == ["1", "2", "2"]
        assert len(travelled.requests) == 3
    assert len(shop.requests) == 0
    assert home.invoke("reads") == 1


KINDS: dict[str, tuple[Any, str]] = {
    "ftp": (lambda: FTPConnection("Here", host="ftp.example.com"), "files"),
    "sftp": (lambda: SFTPConnection("Here", host="sftp.example.com", username="me"), "files"),
    "dropbox": (lambda: DropboxConnection("Here", user_agent="test", token=secret("DROPBOX")), "files"),
    "s3": (lambda: S3Connection("Here", bucket="mine"), "files"),
    "folder": (lambda: LocalFolder("Here", path="/nowhere/at/all"), "files"),
    "imap": (lambda: IMAPConnection("Here", host="imap.example.com", username="me"), "mails"),
    "sql": (lambda: SQLConnection("Here", engine="sqlite", database="x.db"), "rows"),
    "smtp": (lambda: SMTPConnection("Here", host="smtp.example.com"), ""),
}


def _fill(peer: Any, what: str) -> None:
    match what:
        case "files":
            peer.put("in/a.txt", b"one").put("b.txt", b"two")
        case "mails":
            peer.arrive("Hello", "there").arrive("Again", "there", folder="Other")
        case "rows":
            peer.execute("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (2)")


def _contents(peer: Any, what: str) -> Any:
    match what:
        case "files":
            return dict(peer.files)
        case "mails":
            return {name: [(each.uid, each.raw, each.flags) for each in f.mails] for name, f in peer.folders.items()}
        case "rows":
            return peer.query("SELECT n FROM t ORDER BY n")
    return len(peer.messages)


def _change(peer: Any, what: str) -> None:
    match what:
        case "files":
            peer.put("b.txt", b"changed").put("new.txt", b"three")
        case "mails":
            peer.arrive("New")
            peer.folders["INBOX"].mails[0].flags.add("SEEN")
        case "rows":
            peer.execute("DELETE FROM t")


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_has_what_clients_can_read_and_a_life_of_its_own(home: Workbench, kind: str) -> None:
    make, what = KINDS[kind]
    home.define(make())
    home.sandbox()
    at_home: Any = home.peers["Here"]
    _fill(at_home, what)
    before = _contents(at_home, what)
    with home.clock.travel(hours=1) as trip:
        copy: Any = trip.peers["Here"]
        assert type(copy) is type(at_home)
        assert _contents(copy, what) == before
        _change(copy, what)
        assert _contents(at_home, what) == before


def test_every_kind_of_peer_can_be_copied_with_its_faults(home: Workbench) -> None:
    assert {row.kind for row in ROWS} == {*KINDS, "rest", "soap", "twilio", "zmq"}
    for row in ROWS:
        cls = peer_class(row.kind)
        source, copy = cls("a").start(), cls("b").start()
        try:
            assert copy.copy(source).faults == cls.fault_fields()
        finally:
            source.stop()
            copy.stop()


def test_faults_go_along_as_often_as_they_are_left(home: Workbench) -> None:
    home.define(RESTConnection("Shop", host="https://shop.example.com", path="/total", retries=0))
    home.sandbox()
    shop: Any = home.peers["Shop"]
    shop.reply("/total", json={"total": 1})
    shop.fail(status=503, times=2)

    class Reads(Service):
        name = "reads"

        def handle(self) -> Any:
            return self.out.rest["Shop"].conn.get(self.cid).status_code

    _runs(home, Reads)
    with home.clock.travel(hours=4) as trip:
        pass
    assert [run.returned for run in trip.runs] == ["503", "503", "200", "200"]
    assert home.invoke("reads") == 503


def test_redis_is_copied(home: Workbench) -> None:
    class Counts(Service):
        name = "counts"

        def handle(self) -> int:
            return int(self.kvdb.conn.incr("count"))

    home.kvdb.conn.set("count", 5)
    home.kvdb.conn.hset("more", mapping={"a": "1"})
    _runs(home, Counts)
    with home.clock.travel(hours=3) as trip:
        assert [run.returned for run in trip.runs] == ["6", "7", "8"]
    assert home.kvdb.conn.get("count") == "5"


def test_a_trip_calls_no_real_account_unless_it_is_real(home: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    class Reads(Service):
        name = "reads"

        def handle(self) -> Any:
            return self.out.rest["Shop"].conn.get(self.cid).status_code

    home.define(RESTConnection("Shop", host="http://shop.invalid", path="/total", retries=0))
    _runs(home, Reads)
    assert not home.peers.on
    with home.clock.travel(hours=1) as trip:
        assert [(run.outcome, run.returned) for run in trip.runs] == [("ok", "404")]
        assert len(trip.peers["Shop"].requests) == 1  # type: ignore[attr-defined]
    told: list[CallsForReal] = []
    home.events.subscribe(CallsForReal, told.append)
    real = home.clock.travel(hours=1, real=True)
    assert "It will call shop.invalid (Shop) for real." in repr(real)
    with caplog.at_level(logging.WARNING, "workbench.travel"), real:
        assert [run.outcome for run in real.runs] == ["failed"]
        assert "shop.invalid" in real.runs[0].error
    assert [each.text for each in told] == ["This trip of 1 planned time calls shop.invalid (Shop) for real."]
    home.sandbox()
    with home.clock.travel(hours=1, real=True) as played:
        assert [run.outcome for run in played.runs] == ["ok"]
    assert len(told) == 1
