"""Files and folders that give trouble: none is lost, none is handed on twice, and each is told."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from tests.channels.files.conftest import LONG_AGO, SETTLE_SECONDS, Bench
from tests.kernels import ROOT
from workbench import FileChannel
from workbench.channels.files.errors import NotDropped, StillWritten
from workbench.channels.files.reading import read_whole, shown
from workbench.core.errors import InvalidDefinition
from workbench.core.masking import learn


def test_a_file_that_grows_while_its_service_has_it_is_set_aside_whole(bench: Bench) -> None:
    bench.define()
    path = bench.put("a.json", "[1]")
    with path.open("a") as file:

        def grow(service: object) -> None:
            file.write("  ")
            file.flush()

        bench.does = grow
        assert bench.outcomes() == [("a.json", "failed")]
    assert bench.got[0]["data"] == [1]
    assert (bench.folder / "failed" / "a.json").read_text() == "[1]  "
    assert "3 bytes were handed on, and it has 5 now. Fix: have it written under another name" in bench.reason("a.json")


def test_a_file_that_grows_once_it_was_found_goes_back_and_waits(bench: Bench) -> None:
    bench.define()
    bench.put("a.json", "[1]", age=9)
    path = bench.put("b.json", "[2")
    bench.put("c.json", "[3]", age=-9)

    def grow(service: object) -> None:
        if bench.names == ["a.json"]:
            path.write_text("[2]")

    bench.does = grow
    assert bench.outcomes() == [("a.json", "done"), ("b.json", "waits"), ("c.json", "done")]
    assert (bench.files(), bench.claimed()) == (["b.json"], [])
    bench.outcomes()
    bench.clock.advance(SETTLE_SECONDS)
    assert bench.outcomes() == [("b.json", "done")]
    assert [each["data"] for each in bench.got] == [[1], [3], [2]]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no file that always has more than its size here")
def test_a_file_that_has_more_than_its_size_when_it_is_read_is_still_written() -> None:
    with pytest.raises(StillWritten, match="status was changed while it was read"):
        read_whole(Path("/proc/self/status"), 100_000)


@pytest.mark.parametrize(
    ("name", "contents", "why"),
    [
        ("a.json", b"{", "a.json is no JSON that can be read: Input data was truncated"),
        ("a.json", b'{"x": "\xff"}', "a.json is no JSON"),
        ("a.xml", b"<a><b></a>", "a.xml is no XML that can be read: Invalid XML"),
        ("a.xml", b"", "a.xml is no XML"),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "XML may hold no document type"),
        ("a.xml", b"<a>" * 150 + b"</a>" * 150, "a.xml is no XML that can be read: The XML is over 100 elements deep"),
        ("a.csv", b"a,a\n1,2\n", "the names in its first row must differ"),
        ("a.csv", b"a,b\n1,2,3\n", "line 2 has 3 fields, and the first row names 2"),
        ("a.csv", b'a,b\n"1,2\n', "a.csv is no CSV that can be read: unexpected end of data"),
        ("a.csv", b"a,b\n\xff,2\n", "a.csv is no CSV that can be read"),
        ("a.bin", b"x" * 101, "a.bin has 101 bytes, and at most 100 are read. Fix: max_file_bytes=101"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_set_aside_with_the_reason(
    bench: Bench, name: str, contents: bytes, why: str
) -> None:
    bench.define(max_file_bytes=100 if name == "a.bin" else 10_000)
    bench.put(name, contents)
    bench.put("good.json", "1")
    assert sorted(bench.outcomes()) == [(name, "failed"), ("good.json", "done")]
    assert (bench.names, (bench.folder / "failed" / name).read_bytes()) == (["good.json"], contents)
    reason = bench.reason(name)
    assert why in reason
    assert "No service has had it." in reason
    assert f"Fix: once the cause is mended, move it back into {bench.folder}." in reason


def test_a_file_that_fails_its_service_is_set_aside_and_can_be_put_back(bench: Bench) -> None:
    bench.define()

    def fails(service: object) -> None:
        raise ValueError("the other side said no")

    bench.does = fails
    done = bench.live.drop("a.json", {"x": 1})
    assert (done.outcome, done.path) == ("failed", bench.folder / "failed" / "a.json")
    assert f"(cid:{done.cid}).\nService 'in' had it.\nValueError: the other side said no\n" in bench.reason("a.json")
    assert bench.wb.traffic[-1].root.describe() == "file a.json failed: ValueError"
    bench.does = lambda service: None
    assert done.path is not None
    done.path.rename(bench.put("a.json"))
    bench.clock.advance(SETTLE_SECONDS)
    bench.outcomes()
    bench.clock.advance(SETTLE_SECONDS)
    bench.outcomes()
    assert (bench.names, bench.files("processed")) == (["a.json", "a.json"], ["a.json"])


def test_a_secret_does_not_stand_in_the_reason(bench: Bench) -> None:
    learn("s3cr3t-value")

    def fails(service: object) -> None:
        raise ValueError("refused s3cr3t-value")

    bench.define()
    bench.does = fails
    done = bench.live.drop("a.json", {})
    assert "ValueError: refused ***" in bench.reason("a.json")
    assert "s3cr3t-value" not in repr(done)


def test_a_service_that_takes_too_long_has_its_file_set_aside(bench: Bench) -> None:
    goes_on = Event()
    bench.does = lambda service: goes_on.wait(30)
    bench.define(timeout_seconds=0.1)
    try:
        assert bench.live.drop("a.json", {}).outcome == "failed"
    finally:
        goes_on.set()
    assert "TimedOut" in bench.reason("a.json")


def test_a_link_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    bench.define()
    (tmp_path / "passwords").write_text("secret")
    for name, to in (("a.txt", tmp_path / "passwords"), ("b.txt", tmp_path), ("c.txt", tmp_path / "nowhere")):
        (bench.folder / name).symlink_to(to)
    assert bench.outcomes() == [("a.txt", "failed"), ("b.txt", "failed"), ("c.txt", "failed")]
    assert (bench.got, bench.files(), (tmp_path / "passwords").read_text()) == ([], [], "secret")
    assert (bench.folder / "failed" / "a.txt").is_symlink()
    assert "is a link or no file at all, which is not followed" in bench.reason("c.txt")


@pytest.mark.parametrize("name", [".claimed", "processed", "failed"])
def test_a_link_in_place_of_a_folder_of_ours_is_not_followed(name: str, bench: Bench, tmp_path: Path) -> None:
    """Who may write into the folder could have this process write wherever it may."""
    live, elsewhere = bench.define(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (bench.folder / name).symlink_to(elsewhere)
    bench.put("a.json")
    assert bench.outcomes() == []
    assert live.state == "unreachable"
    assert "it is a link, which is followed only where the channel names it" in live.trouble
    assert (list(elsewhere.iterdir()), bench.files(), bench.got) == ([], ["a.json"], [])
    (bench.folder / name).unlink()
    assert bench.outcomes() == [("a.json", "done")]


def test_a_link_that_the_channel_names_is_followed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    bench.define(move_processed_to=str(tmp_path / "link"))
    bench.put("a.json")
    assert bench.outcomes() == [("a.json", "done")]
    assert (tmp_path / "disk" / "a.json").is_file()


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_the_system_does_not_take_leaves_nothing_behind(name: str, bench: Bench) -> None:
    bench.define()
    with pytest.raises(NotDropped, match="could not write.*Fix:") as refused:
        bench.live.drop(name, {})
    assert "\0" not in str(refused.value)
    assert list((bench.folder / ".claimed").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_not_waited_for(bench: Bench) -> None:
    bench.define()
    os.mkfifo(bench.folder / "a.json")
    assert bench.outcomes() == [("a.json", "failed")]


def test_a_second_name_of_a_file_is_a_file_of_its_own(bench: Bench, tmp_path: Path) -> None:
    bench.define()
    (tmp_path / "kept").write_text("[1]")
    os.utime(tmp_path / "kept", (LONG_AGO, LONG_AGO))
    (bench.folder / "a.json").hardlink_to(tmp_path / "kept")
    assert bench.outcomes() == [("a.json", "done")]
    assert ((tmp_path / "kept").read_text(), bench.files("processed")) == ("[1]", ["a.json"])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no names but UTF-8")
def test_a_name_that_is_no_utf8_is_shown_and_kept(bench: Bench) -> None:
    bench.define()
    odd = os.fsencode(bench.folder) + b"/caf\xe9\n.json"
    Path(os.fsdecode(odd)).write_text("[1]")
    os.utime(odd, (LONG_AGO, LONG_AGO))
    (done,) = bench.live.look()
    assert (done.outcome, bench.names) == ("done", ["caf\\xe9\\n.json"])
    assert "caf\\xe9\\n.json done" in repr(done)
    assert list(map(os.fsencode, bench.files("processed"))) == [b"caf\xe9\n.json"]
    assert "caf\\xe9" in repr(bench.wb.traffic[-1])
    Path(os.fsdecode(odd)).write_text("{")
    os.utime(odd, (LONG_AGO, LONG_AGO))
    assert [each.outcome for each in bench.live.look()] == ["failed"]
    assert sorted(map(shown, bench.files("failed"))) == ["caf\\xe9\\n.json", "caf\\xe9\\n.json.reason.txt"]


def test_the_longest_name_can_be_set_aside_and_numbered(bench: Bench) -> None:
    bench.define()
    name = "a" * 250 + ".json"
    for _ in range(2):
        bench.put(name, "{")
        assert bench.outcomes() == [(name, "failed")]
    assert len(bench.files("failed")) == 4


def test_a_folder_that_vanishes_is_told_once_and_used_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.define()
    live, away = bench.live, bench.folder.with_name("away")
    bench.folder.rename(away)
    with caplog.at_level(logging.INFO, "workbench.channels"):
        for _ in range(3):
            assert live.look() == []
        assert (live.state, bench.folder.exists()) == ("unreachable", False)
        assert live.trouble.startswith(f"File 'in' cannot use {bench.folder}: No such file or directory.")
        assert repr(live).endswith(" is unreachable")
        away.rename(bench.folder)
        bench.put("a.json")
        assert bench.outcomes() == [("a.json", "done")]
    assert live.state == "open"
    assert [each.levelname for each in caplog.records] == ["WARNING", "INFO"]


def test_a_folder_that_cannot_be_made_waits_until_it_can(bench: Bench) -> None:
    bench.folder.write_text("a file is in the way")
    live = bench.define()
    assert (live.state, live.look()) == ("unreachable", [])
    bench.folder.unlink()
    bench.folder.mkdir()
    bench.put("a.json")
    assert bench.outcomes() == [("a.json", "done")]


def test_a_file_that_cannot_be_put_away_is_handed_on_once(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "done").write_text("a file is in the way")
    live = bench.define(move_processed_to=str(tmp_path / "done"))
    bench.put("a.json")
    bench.put("b.json")
    assert bench.outcomes() == [("a.json", "done")]
    assert bench.outcomes() == []
    assert (bench.names, live.state, len(bench.claimed()), bench.files()) == (["a.json"], "unreachable", 1, ["b.json"])
    (tmp_path / "done").unlink()
    assert bench.outcomes() == [("b.json", "done")]
    assert (sorted(each.name for each in (tmp_path / "done").iterdir()), bench.claimed()) == (["a.json", "b.json"], [])
    assert live.state == "open"


WITHOUT_RIGHTS = """
import os, sys
from pathlib import Path
from workbench import FileChannel, Service, Workbench
from workbench.core.clock import VirtualClock

class Takes(Service):
    name = "in"
    def handle(self):
        got.append(self.request.payload["file_name"])

folder, got = Path(sys.argv[1]), []
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
with Workbench(port=0, folder=folder, clock=VirtualClock()) as wb:
    wb.deploy(Takes)
    wb.define(FileChannel("in", pickup_from=str(folder / "in")))
    live = wb.channels["in"]
    (folder / "in" / "unreadable.json").chmod(0)
    print(*live.look(), sep="\\n")
    (folder / "in").chmod(0o555)
    print(*live.look(), live.state, live.trouble, sep="\\n")
    (folder / "in").chmod(0o755)
    print(*live.look(), live.state, got, sep="\\n")
"""


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder that a user without rights can reach, as it cannot those of this user."""
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="no users here")
def test_who_has_no_rights_is_told_which(nobodys: Path) -> None:
    folder = nobodys / "in"
    folder.mkdir()
    for number, name in enumerate(("unreadable.json", "a.json")):
        (folder / name).write_text("{}")
        os.utime(folder / name, (LONG_AGO + number, LONG_AGO + number))
    if os.getuid() == 0:
        for each in (nobodys, folder, *folder.iterdir()):
            os.chown(each, 65534, 65534)
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_RIGHTS, str(nobodys)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(nobodys), "TMPDIR": str(nobodys)},
    )
    assert run.returncode == 0, run.stderr
    unreadable, readable, *rest = run.stdout.splitlines()
    assert "unreadable.json cannot be read: Permission denied. Fix: give this user the right to." in unreadable
    assert readable.startswith("a.json done")
    assert rest[0] == "unreachable"
    assert rest[1].startswith(f"File 'in' cannot use {folder}: Permission denied. It looks again by itself")
    assert [each for each in rest[2:] if each] == ["open", "['a.json']"]


def test_a_folder_that_no_path_can_name_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidDefinition, match="move_failed_to holds the character NUL, which no path may hold"):
        FileChannel("in", pickup_from="in", services="s", move_failed_to="fai\0led")
