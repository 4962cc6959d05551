"""What every kind of storage does with files, each on the peer that stands for it."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.connections.suites.examples import EXAMPLES, FILES, opened, played
from workbench.connections.common.trying import Due
from workbench.connections.files.errors import FileThere, Interrupted, IsAFolder, NoSuchFile, NotAFolder
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.protocol import FileInfo
from workbench.connections.files.streams import Download
from workbench.core.call import Call
from workbench.core.errors import ConnectionFailed, ServiceUsage

BIG = bytes(range(256)) * 4096
ODD = "s3 that proves nothing"


@pytest.fixture(params=[*FILES, ODD])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param).partition(" ")[0]


@pytest.fixture
def both(kind: str, request: pytest.FixtureRequest) -> Iterator[tuple[LiveFiles, Any]]:
    with opened(kind) as (conn, peer):
        if request.node.callspec.params["kind"] == ODD:
            peer.fail(etags="opaque", checksums="refused")
            # What it does not know is said once, and so not in the middle of a test.
            conn.write("first", b"1")
            conn.delete("first")
        yield conn, peer


@pytest.fixture
def conn(both: tuple[LiveFiles, Any]) -> LiveFiles:
    return both[0]


@pytest.fixture
def peer(both: tuple[LiveFiles, Any]) -> Any:
    return both[1]


@pytest.mark.parametrize("contents", [b"", b"x", b"a\r\nb\n\0\xff", BIG], ids=["empty", "one", "odd", "big"])
def test_every_byte_comes_back(conn: LiveFiles, peer: Any, contents: bytes) -> None:
    info = conn.write("a.bin", contents)
    assert (info.name, info.path, info.size) == ("a.bin", "a.bin", len(contents))
    assert conn.read("/a.bin") == contents
    assert dict(peer.files) == {"a.bin": contents}


def test_what_arrives_at_the_peer_is_listed_by_name(conn: LiveFiles, peer: Any) -> None:
    peer.put("b.txt", b"22").put("a.txt", b"1").put("in/c.txt", b"333")
    infos = conn.list("/")
    assert [(info.name, info.path, info.size, info.is_dir) for info in infos] == [
        ("a.txt", "a.txt", 1, False),
        ("b.txt", "b.txt", 2, False),
        ("in", "in", 0, True),
    ]
    assert infos[0].modified is not None
    assert infos[0].modified.tzinfo is not None
    assert repr(infos) == "[a.txt (1 byte), b.txt (2 bytes), in/]"
    assert [info.path for info in conn.list("in/")] == ["in/c.txt"]
    conn.make_folder("empty/deep")
    assert conn.list("empty/deep") == []


def test_stat_and_exists(conn: LiveFiles, peer: Any) -> None:
    peer.put("in/a.txt", b"12")
    assert (conn.stat("in/a.txt").size, conn.stat("in").is_dir) == (2, True)
    assert [conn.exists(path) for path in ("in/a.txt", "in", "", "in/b.txt", "no/b.txt", "in/a.txt/b")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(NoSuchFile, match=r"'My .*' has nothing at 'in/b.txt'"):
        conn.stat("in/b.txt")


def test_what_is_not_there_is_said(conn: LiveFiles, peer: Any) -> None:
    peer.put("a.txt", b"1")
    for act in (conn.read, conn.open, conn.delete, lambda path: conn.move(path, "b.txt")):
        with pytest.raises(NoSuchFile, match=r"has nothing at 'no.txt'"):
            act("no.txt")
    with pytest.raises(FileNotFoundError):
        conn.list("nowhere")
    with pytest.raises(NotAFolder):
        conn.list("a.txt")
    with pytest.raises(NotAFolder):
        conn.make_folder("a.txt/deep")


def test_a_folder_where_a_file_is_expected_is_said(conn: LiveFiles, peer: Any) -> None:
    peer.make_folder("in")
    for act in (
        conn.read,
        conn.open,
        conn.delete,
        lambda path: conn.write(path, b"x", overwrite=True),
        lambda path: conn.open(path, "wb", overwrite=True),
    ):
        with pytest.raises(IsAFolder, match=r"'in' is a folder, not a file"):
            act("in")
    for act in (conn.read, conn.delete, lambda path: conn.write(path, b"x", overwrite=True)):
        with pytest.raises(IsAFolder):
            act("/")
    assert conn.isdir("in")


def test_a_file_that_is_there_is_replaced_only_if_that_is_said(conn: LiveFiles, peer: Any) -> None:
    conn.write("a.txt", b"old")
    for act in (
        lambda: conn.write("a.txt", b"new"),
        lambda: conn.open("a.txt", "wb"),
        lambda: (peer.put("b.txt", b"b"), conn.move("b.txt", "a.txt")),
    ):
        with pytest.raises(FileThere, match=r"has a file 'a.txt' already. Fix: pass overwrite=True"):
            act()
    assert dict(peer.files) == {"a.txt": b"old", "b.txt": b"b"}
    conn.write("a.txt", b"new", overwrite=True)
    assert peer.files["a.txt"] == b"new"
    conn.move("b.txt", "a.txt", overwrite=True)
    assert dict(peer.files) == {"a.txt": b"b"}


def test_move_gives_another_folder_and_delete_removes(conn: LiveFiles, peer: Any) -> None:
    peer.put("in/a.txt", b"1")
    conn.make_folder("done/today")
    conn.make_folder("done/today")
    conn.move("in/a.txt", "/done/today/b.txt")
    assert dict(peer.files) == {"done/today/b.txt": b"1"}
    conn.delete("done/today/b.txt")
    assert dict(peer.files) == {}
    conn.remove_folder("done/today")
    assert not conn.exists("done/today")


def test_of_many_who_move_a_file_one_succeeds(conn: LiveFiles, peer: Any) -> None:
    peer.put("in/x", b"1")
    conn.make_folder("work")
    begin = threading.Barrier(6)

    def claim(number: int) -> int:
        begin.wait(10)
        try:
            conn.move("in/x", f"work/x.{number}")
        except NoSuchFile:
            return 0
        return 1

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(claim, range(6))) == 1
    assert len(peer.files) == 1


def test_streams_both_ways(conn: LiveFiles, peer: Any) -> None:
    with conn.open("big.bin", "wb") as stream:
        for start in range(0, len(BIG), 10_000):
            stream.write(BIG[start : start + 10_000])
        assert dict(peer.files) == {}
        assert stream.tell() == len(BIG)
    with conn.open("big.bin") as stream:
        assert stream.read(10) == BIG[:10]
        block = bytearray(20)
        assert stream.readinto(block) > 0
        assert stream.tell() > 10
        assert bytes(block) == BIG[10:30]
    with conn.open("big.bin") as stream:
        copied = io.BytesIO()
        shutil.copyfileobj(stream, copied)
    assert copied.getvalue() == BIG
    conn.write("lines.txt", "eins\nzwei\ndrei")
    with conn.open("lines.txt") as stream:
        assert [*stream] == [b"eins\n", b"zwei\n", b"drei"]


def test_contents_may_be_text_bytes_a_stream_or_blocks(conn: LiveFiles, peer: Any, tmp_path: Path) -> None:
    local = tmp_path / "local.bin"
    local.write_bytes(BIG)
    conn.write("text", "żółw")
    conn.write("view", memoryview(b"view"))
    with local.open("rb") as stream:
        stream.seek(1000)
        conn.write("stream", stream)
    conn.write("blocks", (BIG[start : start + 1000] for start in range(0, 10_000, 1000)))
    assert dict(peer.files) == {
        "text": "żółw".encode(),
        "view": b"view",
        "stream": BIG[1000:],
        "blocks": BIG[:10_000],
    }
    with pytest.raises(ServiceUsage, match="a stream of bytes, not of str"):
        conn.write("wrong", io.StringIO("x"))  # type: ignore[arg-type]
    assert "wrong" not in peer.files


def test_a_stream_that_ends_in_an_error_leaves_nothing(conn: LiveFiles, peer: Any) -> None:
    class Mistake(Exception):
        pass

    def write_half() -> None:
        with conn.open("half.bin", "wb") as stream:
            stream.write(BIG)
            raise Mistake

    with pytest.raises(Mistake):
        write_half()
    forgotten = conn.open("forgotten.bin", "wb")
    forgotten.write(b"x")
    del forgotten
    stream = conn.open("given-up.bin", "wb")
    stream.abort()
    with pytest.raises(ServiceUsage, match="is closed"):
        stream.write(b"x")

    def blocks() -> Iterator[bytes]:
        yield BIG
        raise Mistake

    with pytest.raises(Mistake):
        conn.write("blocks.bin", blocks())
    assert (dict(peer.files), conn.list()) == ({}, [])


def test_nobody_sees_a_file_before_it_is_whole(conn: LiveFiles, peer: Any) -> None:
    seen: list[object] = []

    def blocks() -> Iterator[bytes]:
        yield BIG
        seen.append((conn.list(), dict(peer.files), conn.exists("a.bin")))
        yield BIG

    conn.write("a.bin", blocks())
    assert seen == [([], {}, False)]
    assert peer.files["a.bin"] == BIG * 2


def test_pyfilesystems_names(conn: LiveFiles, peer: Any, tmp_path: Path) -> None:
    conn.makedir("in")
    with pytest.raises(FileThere):
        conn.makedir("in")
    conn.makedirs("in/deep", recreate=True)
    conn.setbytes("/in/a.txt", b"1")
    conn.writebytes("/in/a.txt", b"22")
    conn.writetext("in/t.txt", "é")
    conn.upload("in/u.txt", io.BytesIO(b"333"))
    (tmp_path / "l.txt").write_bytes(b"4444")
    conn.upload("in/l.txt", tmp_path / "l.txt")
    assert conn.listdir("/in") == ["a.txt", "deep", "l.txt", "t.txt", "u.txt"]
    assert (conn.getbytes("in/a.txt"), conn.readbytes("in/u.txt"), conn.readtext("in/t.txt")) == (b"22", b"333", "é")
    conn.download("in/l.txt", tmp_path / "back.txt")
    assert (tmp_path / "back.txt").read_bytes() == b"4444"
    into = io.BytesIO()
    conn.download("in/l.txt", into)
    assert into.getvalue() == b"4444"
    assert (conn.isfile("in/a.txt"), conn.isdir("in/a.txt"), conn.isfile("in"), conn.isdir("in")) == (
        True,
        False,
        False,
        True,
    )
    assert conn.getsize("in/l.txt") == 4
    conn.copy("in/a.txt", "in/c.txt")
    conn.rename("in/c.txt", "in/d.txt")
    with conn.openbin("in/d.txt", "w") as stream:
        stream.write(b"d")
    with conn.openbin("in/d.txt") as stream:
        assert stream.read() == b"d"
    for name in ("a.txt", "d.txt", "l.txt", "t.txt", "u.txt"):
        conn.remove(f"in/{name}")
    conn.removedir("in/deep")
    assert [info.name for info in conn.scandir("in")] == []


def test_older_pyfilesystems_names(conn: LiveFiles, peer: Any) -> None:
    conn.makedirs("in/deep")
    assert (conn.isempty("in/deep"), conn.isdirempty("in")) == (True, False)
    conn.setcontents("in/a.csv", b"1")
    conn.setcontents("in/b.txt", "é")
    conn.setcontents("in/b.txt", "ż")
    conn.touch("in/deep/c.csv")
    assert conn.create("in/a.csv") is False
    assert (conn.create("in/new"), conn.read("in/new")) == (True, b"")
    conn.setcontents("in/new", b"1")
    assert (conn.create("in/new", wipe=True), conn.read("in/new")) == (True, b"")
    conn.remove("in/new")
    assert (conn.getcontents("in/a.csv"), conn.getcontents("in/b.txt", "r")) == (b"1", "ż")
    assert conn.getcontents("in/deep/c.csv") == b""
    assert conn.listdir("in", files_only=True) == ["a.csv", "b.txt"]
    assert conn.listdir("in", "*.csv") == list(conn.ilistdir("in", "*.csv")) == ["a.csv"]
    assert conn.listdir("in", full=True) == ["in/a.csv", "in/b.txt", "in/deep"]
    assert conn.listdir("in", dirs_only=True, absolute=True) == ["/in/deep"]
    assert sorted(conn.walkfiles("in")) == ["/in/a.csv", "/in/b.txt", "/in/deep/c.csv"]
    assert sorted(conn.walkfiles("/", "*.csv")) == ["/in/a.csv", "/in/deep/c.csv"]
    assert conn.getinfo("in/a.csv").size == 1
    conn.removetree("in")
    assert conn.exists("in/a.csv") is False
    assert list(conn.walkfiles()) == []


@pytest.mark.parametrize("kind", ["folder", "sftp", "ftp"])
def test_a_folder_is_walked_and_removed_without_what_links_in_it_lead_to(conn: LiveFiles, peer: Any) -> None:
    if peer.kind == "ftp":
        # One that tells links, which not all do.
        peer.fail(dialect="vsftpd")
    peer.put("kept/a.txt", b"1").put("old/deep/b.txt", b"2")
    for link, to in (("old/deep/elsewhere", peer.root / "kept"), ("old/round", peer.root / "old")):
        (peer.root / link).symlink_to(to)
    assert list(conn.walkfiles("old")) == ["/old/deep/b.txt"]
    conn.removetree("old")
    assert dict(peer.files) == {"kept/a.txt": b"1"}
    assert not conn.exists("old")


def test_fsspecs_names(conn: LiveFiles, peer: Any, tmp_path: Path) -> None:
    conn.mkdir("in")
    conn.pipe_file("in/a.txt", b"1")
    (tmp_path / "l.txt").write_bytes(b"4444")
    conn.put_file(str(tmp_path / "l.txt"), "in/l.txt")
    conn.get_file("in/l.txt", str(tmp_path / "back.txt"))
    assert (tmp_path / "back.txt").read_bytes() == b"4444"
    assert conn.ls("in", detail=False) == ["in/a.txt", "in/l.txt"]
    assert {key: conn.ls("in")[0][key] for key in ("name", "size", "type")} == {
        "name": "in/a.txt",
        "size": 1,
        "type": "file",
    }
    conn.mv("in/a.txt", "in/l.txt")
    assert (conn.cat_file("in/l.txt"), conn.info("in")["type"]) == (b"1", "directory")
    conn.rm("in/l.txt")
    conn.rmdir("in")
    assert conn.ls("") == []


def test_every_call_is_one_step(conn: LiveFiles, kind: str, call: Call) -> None:
    conn.write("a.txt", b"x" * 12)
    conn.read("a.txt")
    conn.list()
    conn.move("a.txt", "b.txt")
    conn.exists("b.txt")
    with conn.open("b.txt") as stream:
        stream.read(5)
    with conn.open("c.txt", "wb") as stream:
        stream.write(b"1")
    conn.delete("c.txt")
    with suppress(ConnectionFailed):
        conn.read("no.txt")
    who = f"{EXAMPLES[kind].kind} {EXAMPLES[kind].name}"
    assert [step.describe() for step in call.step.steps] == [
        f"{who} put a.txt 12 bytes",
        f"{who} get a.txt 12 bytes",
        f"{who} list / 1 name",
        f"{who} move a.txt to b.txt ok",
        f"{who} exists b.txt yes",
        f"{who} get b.txt 5 bytes",
        f"{who} put c.txt 1 byte",
        f"{who} delete c.txt ok",
        f"{who} get no.txt failed: NoSuchFile",
    ]
    assert {step.kind for step in call.step.steps} == {kind}


def test_many_threads_at_once(conn: LiveFiles, peer: Any) -> None:
    def there_and_back(number: int) -> bool:
        contents = f"{number}".encode() * (number * 1000)
        conn.write(f"{number}.txt", contents)
        return conn.read(f"{number}.txt") == contents

    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(there_and_back, range(48)))
    assert len(conn.list()) == len(peer.files) == 48


def test_a_service_moves_from_one_storage_to_another_by_name_alone(kind: str) -> None:
    with played(EXAMPLES[kind]) as (live, _):
        conn = live.item("files", EXAMPLES[kind].name).conn
        conn.write("a.txt", b"1")
        assert live.names("files") == [EXAMPLES[kind].name]
        assert live.item(kind, EXAMPLES[kind].name).conn is conn
        assert EXAMPLES[kind].attributes["out.files"] == "conn"


def test_an_info_says_what_it_is() -> None:
    assert repr(FileInfo("a", "in/a", 1)) == "in/a (1 byte)"
    assert repr(FileInfo("in", "in", is_dir=True)) == "in/"


def test_a_file_is_read_whole_though_somebody_keeps_the_error_of_a_cut() -> None:
    kept: list[Interrupted] = []

    class Cut:
        size, stamp = 6, None

        def __init__(self, offset: int) -> None:
            self.offset = offset

        def readinto(self, buffer: memoryview) -> int:
            if self.offset == 3 and not kept:
                kept.append(Interrupted("cut"))
                raise kept[0]
            count = min(3, len(buffer), 6 - self.offset)
            buffer[:count] = b"abcdef"[self.offset : self.offset + count]
            self.offset += count
            return count

        def close(self) -> None:
            """Nothing."""

    assert Download("it", "a", Cut, Due(), retries=1).readall() == b"abcdef"
    assert kept
