"""wb.transfer from a REST connection: one file, whole or not at all, whatever the server does."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import Workbench, secret
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.files.errors import AccessRefused, FileThere, NoSuchFile, UnsafeName
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.rest.definition import RESTConnection
from workbench.core.errors import ConnectionFailed, ServiceUsage
from workbench.core.service import Service
from workbench.transfer.copying import Progress
from workbench.transfer.transfer import TransferIncomplete

BIG = os.urandom(1 << 20) * 4 + b"end"

TARGETS: dict[str, Callable[[str], Any]] = {
    "ftp": lambda name: FTPConnection(name, host="ftp.example.com"),
    "dropbox": lambda name: DropboxConnection(name, user_agent="Test/1.0"),
    "folder": lambda name: LocalFolder(name, path="/nowhere"),
}


@pytest.fixture(params=["ftp"])
def wb(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.define(
            RESTConnection("My Data", host="https://data.example.com", api_key=secret("KEY")),
            TARGETS[request.param]("To"),
        )
        wb.sandbox()
        yield wb


@pytest.fixture
def source(wb: Workbench) -> Any:
    return wb.peers["My Data"]


def arrived(wb: Workbench) -> dict[str, bytes]:
    peer: Any = wb.peers["To"]
    return dict(peer.files)


@pytest.mark.parametrize("wb", TARGETS, indirect=True)
def test_a_file_is_fetched_once_and_stays_at_its_source(wb: Workbench, source: Any) -> None:
    source.reply("/exports/żółw.csv", data=BIG)
    source.reply("/exports/empty.csv", data=b"")
    report = wb.transfer("My Data:/exports/żółw.csv", "To:kept/today")
    assert repr(report) == "Transferred from My Data:/exports/żółw.csv to To:kept/today: 1 file, 4,194,307 bytes."
    wb.transfer("My Data:exports/empty.csv", "To:kept/today")
    assert arrived(wb) == {"kept/today/żółw.csv": BIG, "kept/today/empty.csv": b""}
    assert [request.method for request in source.requests] == ["GET", "GET"]
    assert "X-API-Key" in source.requests[0].headers
    again = wb.transfer("My Data:/exports/żółw.csv", "To:kept/today")
    assert [file.outcome for file in again.files] == ["there already"]


def test_a_file_of_other_contents_is_not_replaced_unasked(wb: Workbench, source: Any) -> None:
    source.reply("/a.csv", data=BIG)
    wb.peers["To"].put("a.csv", BIG[::-1])  # type: ignore[attr-defined]
    with pytest.raises(TransferIncomplete, match="1 of 1 files stayed at My Data:/a.csv") as refused:
        wb.transfer("My Data:/a.csv", "To")
    assert isinstance(refused.value.report.failed["a.csv"], FileThere)
    wb.transfer("My Data:/a.csv", "To", overwrite=True)
    assert arrived(wb) == {"a.csv": BIG}


@pytest.mark.parametrize("wb", ["ftp", "dropbox"], indirect=True)
@pytest.mark.parametrize(
    ("side", "fault"),
    [
        ("My Data", {"cut_body_after_bytes": 1_500_000, "times": 2}),
        ("My Data", {"cut_body_after_bytes": 1_500_000, "times": 2, "no_etag": True}),
        ("My Data", {"cut_body_after_bytes": 1_500_000, "times": 1, "ignore_range": True}),
        ("My Data", {"hang_up_after_bytes": 1_500_000, "times": 2}),
        ("My Data", {"status": 503, "times": 2}),
        ("To", {"hang_up_after_bytes": 1, "times": 2}),
    ],
)
def test_a_cut_is_survived_on_either_side(wb: Workbench, source: Any, side: str, fault: dict[str, Any]) -> None:
    source.reply("/a.bin", data=BIG)
    with wb.peers[side].fail(**fault):
        wb.transfer("My Data:/a.bin", "To")
    assert arrived(wb) == {"a.bin": BIG}


def test_only_what_is_missing_is_asked_for_after_a_cut(wb: Workbench, source: Any) -> None:
    source.reply("/a.bin", data=BIG)
    with source.fail(cut_body_after_bytes=3_000_000, times=1):
        wb.transfer("My Data:/a.bin", "To")
    first, second = source.requests
    assert "Range" not in first.headers
    assert 2_000_000 < int(second.headers["Range"].removeprefix("bytes=").removesuffix("-")) <= 3_000_000


@pytest.mark.parametrize("tells", [{"no_etag": False}, {"no_etag": True}])
def test_an_upload_that_was_cut_goes_on_only_with_the_same_version(
    wb: Workbench, source: Any, tells: dict[str, Any]
) -> None:
    target: Any = wb.peers["To"]
    source.reply("/a.bin", data=BIG)
    # The same in its last 64 KiB and in its length, as a table with one more number in its first line would be.
    other = b"x" * 100 + BIG[100:]
    with source.fail(**tells):
        with target.fail(hang_up_after_bytes=2_000), pytest.raises(TransferIncomplete):
            wb.transfer("My Data:/a.bin", "To")
        source.reply("/a.bin", data=other)
        wb.transfer("My Data:/a.bin", "To")
    assert arrived(wb) == {"a.bin": other}


def test_a_file_that_changes_while_it_is_copied_is_never_mixed(wb: Workbench, source: Any) -> None:
    source.reply("/a.bin", data=BIG, times=1)
    source.reply("/a.bin", data=BIG[::-1])
    with source.fail(cut_body_after_bytes=2_000_000, times=1), pytest.raises(TransferIncomplete, match="was changed"):
        wb.transfer("My Data:/a.bin", "To")
    assert arrived(wb) == {}
    wb.transfer("My Data:/a.bin", "To")
    assert arrived(wb) == {"a.bin": BIG[::-1]}


def test_a_hash_that_is_told_must_be_that_of_what_arrives(wb: Workbench, source: Any) -> None:
    told = base64.b64encode(hashlib.md5(BIG).digest()).decode()
    source.reply("/a.bin", data=BIG[::-1], headers={"Content-MD5": told})
    with pytest.raises(TransferIncomplete, match="what arrived is not what it says in Content-MD5"):
        wb.transfer("My Data:/a.bin", "To")
    assert arrived(wb) == {}
    source.reply("/a.bin", data=BIG, headers={"Content-MD5": told})
    wb.transfer("My Data:/a.bin", "To")
    assert arrived(wb) == {"a.bin": BIG}


def test_what_is_not_there_or_may_not_be_read_is_said(wb: Workbench, source: Any) -> None:
    with pytest.raises(NoSuchFile, match="REST 'My Data' has nothing at '/nowhere'"):
        wb.transfer("My Data:/nowhere", "To")
    with (
        source.fail(status=401),
        pytest.raises(AccessRefused, match="correct the user name or the password in its definition"),
    ):
        wb.transfer("My Data:/a", "To")
    with source.fail(refuse=True), pytest.raises(ConnectionFailed, match="cannot be reached"):
        wb.transfer("My Data:/a", "To")


@pytest.mark.parametrize("path", ["", "/", "/?x=1", "/a/..", "/a\\b", "/a\r\nb", "/c:b"])
def test_an_address_that_names_no_file_is_refused(wb: Workbench, source: Any, path: str) -> None:
    with pytest.raises(UnsafeName):
        wb.transfer(f"My Data:{path}" if path else "My Data", "To")
    assert source.requests[:] == []


def test_a_query_is_asked_and_is_not_part_of_the_name(wb: Workbench, source: Any) -> None:
    source.reply("/exports?day=1&kind=csv", data=b"1")
    wb.transfer(("My Data", "/exports?day=1&kind=csv"), "To:in")
    assert arrived(wb) == {"in/exports": b"1"}


def test_a_connection_with_a_path_is_a_source_by_its_name_alone(wb: Workbench) -> None:
    wb.define(RESTConnection("Rates", host="https://data.example.com", path="/daily/rates.csv"))
    rates: Any = wb.peers["Rates"]
    rates.reply("/daily/rates.csv", data=b"1")
    wb.transfer("Rates", "To")
    assert arrived(wb) == {"rates.csv": b"1"}


@pytest.mark.parametrize("more", [{"pattern": "*.csv"}, {"done": "old"}])
def test_what_means_nothing_there_is_refused(wb: Workbench, more: dict[str, Any]) -> None:
    with pytest.raises(ServiceUsage, match="one address, which is read and keeps what it has"):
        wb.transfer("My Data:/a", "To", **more)


def test_a_panel_is_told_how_far_it_is(wb: Workbench, source: Any) -> None:
    source.reply("/a.bin", data=BIG)
    heard: list[Progress] = []
    wb.transfer("My Data:/a.bin", "To", progress=heard.append)
    assert heard[-1] == ("My Data:/a.bin", "To", "a.bin", len(BIG), len(BIG))


def test_a_service_streams_from_rest_to_storage(wb: Workbench, source: Any) -> None:
    class Streams(Service):
        name = "api.streams"

        def handle(self) -> None:
            with self.out.rest["My Data"].conn.open("/a.bin") as stream:
                self.out.files["To"].write("a.bin", stream)
            with self.rest["My Data"].open("/a.bin") as stream:
                self.out.files["To"].write("b.bin", stream)

    wb.deploy(Streams)
    source.reply("/a.bin", data=BIG)
    wb.invoke("api.streams")
    assert arrived(wb) == {"a.bin": BIG, "b.bin": BIG}
    assert source.requests[0].headers["X-Zato-CID"] == wb.traffic[-1].cid
    assert "GET My Data /a.bin 4,194,307 bytes" in repr(wb.traffic[-1])


def test_an_async_service_is_told_not_to(wb: Workbench, source: Any) -> None:
    class Waits(Service):
        name = "api.waits"

        async def handle(self) -> None:
            self.out.rest["My Data"].conn.open("/a.bin")

    wb.deploy(Waits)
    with pytest.raises(ServiceUsage, match="would block the server. Fix: make it a plain def handle"):
        wb.invoke("api.waits")
