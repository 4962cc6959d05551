"""wb.transfer: files from one connection to another, each on its peer."""

from __future__ import annotations

import io
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest

from workbench import Workbench
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.files.errors import FileThere, NoSuchFile, StorageFull
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.errors import ConnectionFailed, MissingDependency, ServiceUsage, UnknownName
from workbench.core.service import Service
from workbench.transfer.claims import Claims
from workbench.transfer.copying import Progress
from workbench.transfer.transfer import TransferIncomplete, Transferred

BIG = bytes(range(256)) * 16_384

KINDS: dict[str, Callable[[str], Any]] = {
    "ftp": lambda name: FTPConnection(name, host="ftp.example.com"),
    "sftp": lambda name: SFTPConnection(name, host="sftp.example.com", username="me"),
    "folder": lambda name: LocalFolder(name, path="/nowhere"),
    "dropbox": lambda name: DropboxConnection(name, user_agent="Test/1.0"),
}


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.define(KINDS["ftp"]("From"), KINDS["sftp"]("To"))
        wb.sandbox()
        yield wb


@pytest.fixture
def source(wb: Workbench) -> Any:
    return wb.peers["From"]


@pytest.fixture
def target(wb: Workbench) -> Any:
    return wb.peers["To"]


def claims(peer: Any) -> list[str]:
    return [path for path in peer.files if ".claimed" in path]


@pytest.mark.parametrize("to", KINDS)
@pytest.mark.parametrize("of", ["ftp", "folder"])
def test_files_move_between_any_two_kinds(tmp_path: Path, of: str, to: str) -> None:
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.define(KINDS[of]("From"), KINDS[to]("To"))
        wb.sandbox()
        source, target = wb.peers["From"], wb.peers["To"]
        source.put("in/a.txt", b"1").put("in/żółw.bin", BIG).put("in/empty", b"").put("in/deep/b.txt", b"2")
        report = wb.transfer("From:in", "To:kept/today")
        assert repr(report) == "Transferred from From:in to To:kept/today: 3 files, 4,194,305 bytes."
        assert dict(target.files) == {"kept/today/a.txt": b"1", "kept/today/żółw.bin": BIG, "kept/today/empty": b""}
        assert dict(source.files) == {"in/deep/b.txt": b"2"}
        assert report.copied == ["a.txt", "empty", "żółw.bin"]
        assert wb.transfer("From:in", "To:kept/today").files == []


def test_a_pattern_a_single_file_and_pairs(wb: Workbench, source: Any, target: Any) -> None:
    source.put("in/a.csv", b"1").put("in/b.txt", b"2").put("in/c.csv", b"3").put("top.txt", b"4")
    assert wb.transfer(("From", "in"), ("To", ""), pattern="*.csv").copied == ["a.csv", "c.csv"]
    assert wb.transfer("From:in/b.txt", "To").copied == ["b.txt"]
    assert wb.transfer("From", "To:/in").copied == ["top.txt"]
    assert sorted(target.files) == ["a.csv", "b.txt", "c.csv", "in/top.txt"]


def test_copied_files_may_be_kept_in_a_folder(wb: Workbench, source: Any, target: Any) -> None:
    source.put("in/a.txt", b"1")
    wb.transfer("From:in", "To", done="done")
    target.clear()
    source.put("in/a.txt", b"2")
    wb.transfer("From:in", "To", done="done")
    assert dict(source.files) == {"done/a.txt": b"1", "done/a.txt.2": b"2"}
    assert dict(target.files) == {"a.txt": b"2"}


def test_what_is_there_already_is_not_copied_again(wb: Workbench, source: Any, target: Any) -> None:
    source.put("in/a.txt", BIG)
    target.put("a.txt", BIG)
    report = wb.transfer("From:in", "To")
    assert [file.outcome for file in report.files] == ["there already"]
    assert [asked for asked in target.asked if asked.verb == "put"] == []
    assert (dict(source.files), dict(target.files)) == ({}, {"a.txt": BIG})


@pytest.mark.parametrize("theirs", [b"other", BIG[:-1] + b"x"])
def test_a_file_of_other_contents_is_not_replaced_unasked(
    wb: Workbench, source: Any, target: Any, theirs: bytes
) -> None:
    source.put("in/a.txt", BIG).put("in/b.txt", b"2")
    target.put("a.txt", theirs)
    with pytest.raises(
        TransferIncomplete, match=r"1 of 2 files stayed at From:in, none is lost. a.txt: SFTP 'To'"
    ) as no:
        wb.transfer("From:in", "To")
    assert isinstance(no.value.report.failed["a.txt"], FileThere)
    assert (dict(source.files), dict(target.files)) == ({"in/a.txt": BIG}, {"a.txt": theirs, "b.txt": b"2"})
    wb.transfer("From:in", "To", overwrite=True)
    assert (dict(source.files), target.files["a.txt"]) == ({}, BIG)


@pytest.mark.parametrize(
    ("side", "fault"),
    [
        ("From", {"cut_file_after_bytes": 1_500_000, "times": 2}),
        ("From", {"hang_up_after_bytes": 1_500_000, "times": 2}),
        ("From", {"short_file_after_bytes": 1_500_000, "times": 2}),
        ("From", {"hang_up_before_answer": "RNTO", "times": 1}),
        ("From", {"hang_up_before_answer": "DELE", "times": 1}),
        ("To", {"hang_up_after_bytes": 1_500_000, "times": 2}),
        ("To", {"hang_up_before_answer": "rename", "times": 1}),
        ("To", {"hang_up_before_answer": "stat", "times": 1}),
        ("To", {"hang_up_before_answer": "open", "times": 1}),
    ],
)
def test_a_cut_is_survived_on_either_side(wb: Workbench, side: str, fault: dict[str, Any]) -> None:
    source, target = wb.peers["From"], wb.peers["To"]
    source.put("in/a.bin", BIG).put("in/b.bin", BIG[::-1])
    with wb.peers[side].fail(**fault):
        wb.transfer("From:in", "To")
    assert (dict(source.files), dict(target.files)) == ({}, {"a.bin": BIG, "b.bin": BIG[::-1]})
    assert target.files.unfinished == []


def test_an_upload_goes_on_where_an_earlier_transfer_was_cut(wb: Workbench, source: Any, target: Any) -> None:
    source.put("in/a.bin", BIG)
    with target.fail(hang_up_after_bytes=200_000), pytest.raises(TransferIncomplete):
        wb.transfer("From:in", "To")
    assert (dict(source.files), dict(target.files)) == ({"in/a.bin": BIG}, {})
    (part,) = target.files.unfinished
    kept = target.files.size(part)
    assert kept > 0
    target.asked.clear()
    wb.transfer("From:in", "To")
    assert dict(target.files) == {"a.bin": BIG}
    assert [asked.size for asked in target.asked if asked.verb == "put"] == [len(BIG) - kept]


def test_a_spoilt_rest_of_an_earlier_transfer_is_written_anew(wb: Workbench, source: Any, target: Any) -> None:
    source.put("in/a.bin", BIG)
    with target.fail(hang_up_after_bytes=200_000), pytest.raises(TransferIncomplete):
        wb.transfer("From:in", "To")
    (part,) = target.files.unfinished
    (target.root / part).write_bytes(b"x" * target.files.size(part))
    wb.transfer("From:in", "To")
    assert (dict(target.files), target.files.unfinished) == ({"a.bin": BIG}, [])


def test_a_full_disk_keeps_the_source(wb: Workbench, source: Any, target: Any) -> None:
    source.put("in/a.bin", BIG)
    with target.fail(disk_full_after_bytes=100_000), pytest.raises(TransferIncomplete) as refused:
        wb.transfer("From:in", "To")
    assert isinstance(refused.value.report.failed["a.bin"], StorageFull)
    assert (dict(source.files), dict(target.files), target.files.unfinished) == ({"in/a.bin": BIG}, {}, [])


def test_a_target_that_lies_keeps_the_source(tmp_path: Path) -> None:
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.define(KINDS["folder"]("From"), KINDS["ftp"]("To"))
        wb.sandbox()
        source, target = wb.peers["From"], wb.peers["To"]
        source.put("a.bin", BIG)
        with target.fail(short_file_after_bytes=1000), pytest.raises(TransferIncomplete):
            wb.transfer("From", "To")
        assert (dict(source.files), dict(target.files)) == ({"a.bin": BIG}, {})


def test_a_dead_side_is_said(wb: Workbench, source: Any, target: Any) -> None:
    source.put("in/a.txt", b"1")
    with target.fail(refuse=True), pytest.raises(TransferIncomplete, match="cannot be reached"):
        wb.transfer("From:in", "To")
    assert dict(source.files) == {"in/a.txt": b"1"}
    with source.fail(refuse=True), pytest.raises(ConnectionFailed, match="cannot be reached"):
        wb.transfer("From:in", "To")


def test_what_a_dead_transfer_left_is_taken_over_and_what_a_live_one_has_is_not(
    wb: Workbench, source: Any, target: Any
) -> None:
    source.put("in/.claimed/0123456789ab.1.1700000000.elsewhere/old.txt", b"1")
    source.put("in/.claimed/what is this/kept.txt", b"2")
    source.put("in/live.txt", b"3")
    with Claims(wb.connections["From"].conn, "in") as live:
        assert live.take("live.txt") is not None
        assert live.take("live.txt") is None
        assert wb.transfer("From:in", "To").copied == ["old.txt"]
        assert len(claims(source)) == 2
    assert wb.transfer("From:in", "To").copied == ["live.txt"]
    assert dict(source.files) == {"in/.claimed/what is this/kept.txt": b"2"}
    assert sorted(target.files) == ["live.txt", "old.txt"]


def test_many_transfers_at_once_move_each_file_once(wb: Workbench, source: Any, target: Any) -> None:
    for number in range(30):
        source.put(f"in/{number}.txt", f"{number}".encode() * 1000)
    begin = threading.Barrier(5)

    def run(_: int) -> Transferred:
        begin.wait(10)
        return wb.transfer("From:in", "To")

    with ThreadPoolExecutor(5) as threads:
        reports = [*threads.map(run, range(5))]
    copied = [name for report in reports for name in report.copied]
    assert sorted(copied) == sorted(f"{number}.txt" for number in range(30))
    assert {path: each[:1000] for path, each in target.files.items()} == {
        f"{number}.txt": (f"{number}".encode() * 1000)[:1000] for number in range(30)
    }
    assert dict(source.files) == {}


def test_a_service_transfers_and_its_trace_says_so(wb: Workbench, source: Any) -> None:
    class Collect(Service):
        name = "api.collect"

        def handle(self) -> str:
            return wb.transfer("From:in", "To").describe()

    wb.deploy(Collect)
    source.put("in/a.txt", b"1")
    assert wb.invoke("api.collect") == "1 file, 1 byte"
    assert "transfer From:in to To 1 file, 1 byte" in repr(wb.traffic[-1])


def test_events_tell_a_panel_how_far_it_is(wb: Workbench, source: Any) -> None:
    source.put("in/a.bin", BIG)
    far: list[Progress] = []
    ended: list[Transferred] = []
    wb.events.subscribe(Progress, far.append)
    wb.events.subscribe(Transferred, ended.append)
    heard: list[Progress] = []
    report = wb.transfer("From:in", "To", progress=heard.append)
    assert far == heard
    assert far[-1] == ("From:in", "To", "a.bin", len(BIG), len(BIG))
    assert ended == [report]


def test_a_person_sees_a_bar(wb: Workbench, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source.put("in/a.bin", BIG)
    shown = io.StringIO()
    with redirect_stderr(shown):
        wb.transfer("From:in", "To", progress=True)
    assert re.search(r"a.bin: 100%.*4.00M/4.00M", shown.getvalue())
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(MissingDependency, match=r"'tqdm'.*notebook-workbench\[progress\]"):
        wb.transfer("From:in", "To", progress=True)


def test_what_cannot_be_a_place_is_said(wb: Workbench) -> None:
    wb.define(RESTConnection("My API", host="https://example.com"))
    with pytest.raises(UnknownName, match=r"is named 'Form'; there are: From, To. Did you mean 'From'"):
        wb.transfer("Form:in", "To")
    with pytest.raises(ServiceUsage, match=r"REST 'My API' keeps no files; these connections do: From, To"):
        wb.transfer("From:in", "My API:/x")
    with pytest.raises(ServiceUsage, match="to itself would go on for ever"):
        wb.transfer("From:in", "From:/in/")
    with pytest.raises(NoSuchFile):
        wb.transfer("From:nowhere", "To")


def test_a_name_with_a_colon_is_found(wb: Workbench, target: Any) -> None:
    wb.define(LocalFolder("From:2", path="/nowhere"))
    other: Any = wb.peers["From:2"]
    other.put("in/a.txt", b"1")
    assert wb.transfer("From:2:in", "To").copied == ["a.txt"]
    assert wb.transfer("From:2", "To").files == []
