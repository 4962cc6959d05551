"""Servers that take a file away when it is closed, or let nobody look at it: files are written under their own name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connections.suites.examples import EXAMPLES, opened
from tests.serving import wb as wb
from workbench import Workbench
from workbench.connections.files.errors import AccessRefused, Interrupted, StorageFull
from workbench.connections.folder import LocalFolder
from workbench.core.errors import ConnectionFailed
from workbench.transfer.transfer import TransferIncomplete

TEXT = b"12345"
BIG = bytes(range(256)) * 4096
HUGE = BIG * 12
"""More than systems take in before the other side has read it."""
KINDS = ["ftp", "sftp"]
of_kinds = pytest.mark.parametrize("kind", KINDS)


def arrived(peer: Any, verb: str = "put") -> list[tuple[str, int | None]]:
    return [(asked.path, asked.size) for asked in peer.asked if asked.verb == verb]


@of_kinds
def test_a_gateway_takes_one_delivery_under_the_name_that_was_asked_for(kind: str) -> None:
    with opened(kind, direct_uploads=True) as (conn, peer):
        peer.make_folder("in")
        with peer.fail(dialect="gateway"):
            assert conn.write("in/order.csv", TEXT).size == 5
            with conn.open("in/big.bin", "wb") as stream:
                stream.write(BIG)
            assert arrived(peer, "take") == [("in/order.csv", 5), ("in/big.bin", len(BIG))]
            assert (arrived(peer), dict(peer.files)) == (arrived(peer, "take"), {})


@of_kinds
def test_without_it_a_gateway_gets_one_delivery_and_the_error_names_the_cause(kind: str) -> None:
    with opened(kind) as (conn, peer), peer.fail(dialect="gateway"):
        with pytest.raises(ConnectionFailed, match="fetched as soon as they are closed. Fix: set direct_uploads=True"):
            conn.write("order.csv", TEXT)
        assert len(arrived(peer, "take")) == 1


@of_kinds
def test_a_folder_that_nobody_may_look_into_takes_files(kind: str) -> None:
    with opened(kind, direct_uploads=True, retries=0) as (conn, peer):
        with peer.fail(dialect="blind"):
            conn.write("order.csv", TEXT, overwrite=True)
            with pytest.raises(ConnectionFailed):
                conn.read("order.csv")
        assert dict(peer.files) == {"order.csv": TEXT}
    with opened(kind, retries=0) as (conn, peer):
        with (
            peer.fail(dialect="blind"),
            pytest.raises(ConnectionFailed, match="allow this user to read there, or set direct_uploads=True"),
        ):
            conn.write("order.csv", TEXT, overwrite=True)
        assert (dict(peer.files), peer.files.unfinished) == ({}, [])


def test_who_may_not_look_is_told_so_where_nothing_may_be_replaced() -> None:
    with opened("sftp", direct_uploads=True) as (conn, peer), peer.fail(dialect="blind"):
        with pytest.raises(AccessRefused):
            conn.write("order.csv", TEXT)
        assert dict(peer.files) == {}


@of_kinds
def test_what_was_cut_in_the_middle_is_written_anew_and_whole(kind: str) -> None:
    with opened(kind, direct_uploads=True) as (conn, peer):
        with peer.fail(hang_up_after_bytes=300_000, times=2):
            conn.write("big.bin", HUGE)
        assert dict(peer.files) == {"big.bin": HUGE}


@of_kinds
def test_half_a_file_is_not_left_under_its_name(kind: str) -> None:
    with opened(kind, direct_uploads=True, retries=1) as (conn, peer):
        with peer.fail(disk_full_after_bytes=1_000), pytest.raises(StorageFull):
            conn.write("big.bin", BIG)
        with peer.fail(hang_up_after_bytes=300_000, times=2), pytest.raises(ConnectionFailed):
            conn.write("big.bin", HUGE)
        stream = conn.open("big.bin", "wb")
        stream.write(BIG)
        stream.abort()
        assert dict(peer.files) == {}
        conn.write("old.bin", TEXT)
        peer.fail(refuse=True)
        with pytest.raises(Interrupted):
            conn.write("old.bin", BIG, overwrite=True)
        peer.heal()
        assert dict(peer.files) == {"old.bin": TEXT}


def test_a_file_of_which_nobody_heard_whether_it_was_taken_is_not_sent_twice() -> None:
    with opened("sftp", direct_uploads=True) as (conn, peer):
        with peer.fail(hang_up_before_answer="close", times=1), pytest.raises(ConnectionFailed) as unheard:
            conn.write("order.csv", TEXT)
        assert "hung up before it said whether it has taken it. Fix: find out there" in str(unheard.value)
        assert not isinstance(unheard.value, Interrupted)
        assert (arrived(peer), dict(peer.files)) == ([("order.csv", 5)], {"order.csv": TEXT})


@of_kinds
def test_a_transfer_delivers_once_and_removes_what_it_delivered(kind: str, wb: Workbench) -> None:
    wb.define(LocalFolder("From", path="/nowhere"), EXAMPLES[kind].replace(name="To", direct_uploads=True))
    wb.sandbox()
    source: Any = wb.peers["From"]
    target: Any = wb.peers["To"]
    source.put("a.bin", BIG).put("b.txt", TEXT)
    with target.fail(dialect="gateway"):
        assert wb.transfer("From", "To:out").copied == ["a.bin", "b.txt"]
    assert arrived(target, "take") == [("out/a.bin", len(BIG)), ("out/b.txt", 5)]
    assert dict(source.files) == {}
    source.put("c.txt", TEXT)
    with target.fail(dialect="blind"):
        assert wb.transfer("From", "To:out", overwrite=True).copied == ["c.txt"]
    assert (dict(source.files), dict(target.files)) == ({}, {"out/c.txt": TEXT})
    source.put("d.txt", BIG)
    with target.fail(disk_full_after_bytes=9), pytest.raises(TransferIncomplete):
        wb.transfer("From", "To:out")
    assert dict(source.files) == {"d.txt": BIG}
