"""Two hundred hostile names, by every verb, to every storage and from it: nothing outside is touched or read."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import paramiko
import pytest
import requests

from tests.connections.suites.examples import FILES, opened
from tests.connections.suites.hostile import ALLOWED, NAMES, OURS, RAW, REFUSED
from workbench.connections.files.errors import FileThere, UnsafeName
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import problem_of
from workbench.core.errors import WorkbenchError
from workbench.sandbox.faults import raw
from workbench.sandbox.file_tree import FilePeer
from workbench.sandbox.ftp.server import FTPServer
from workbench.sandbox.s3.server import S3Server
from workbench.sandbox.sftp.server import SFTPServer

CANARY = b"nobody may read or change this"
NOT_DROPBOX = {"x ", " x", "  ", "\u00c5"}
SERVERS = [kind for kind in FILES if kind != "folder"]


@pytest.fixture(params=FILES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def both(kind: str) -> Iterator[tuple[LiveFiles, Any]]:
    with opened(kind) as (conn, peer):
        if not isinstance(peer, FilePeer):
            yield conn, peer
            return
        with guarded(peer.root):
            yield conn, peer


class guarded:
    """Has a canary beside a folder and sees that all there is beside it stays as it was."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._canaries = [root.parent / "x", root.parent / f"{root.name}-canary"]

    def _beside(self) -> dict[str, bytes]:
        ours = self._root.name
        return {
            each.name: each.read_bytes() for each in self._root.parent.iterdir() if ours in each.name and each.is_file()
        }

    def __enter__(self) -> None:
        self._canaries[1].write_bytes(CANARY)
        self._was_there = self._canaries[0].exists()
        self._before = self._beside()

    def __exit__(self, *exc: object) -> None:
        after = self._beside()
        self._canaries[1].unlink(missing_ok=True)
        assert after == self._before
        assert self._canaries[0].exists() == self._was_there, "something was written above the root"


def verbs(conn: LiveFiles) -> dict[str, Callable[[str], object]]:
    return {
        "list": conn.list,
        "read": conn.read,
        "open": conn.open,
        "delete": conn.delete,
        "exists": conn.exists,
        "stat": conn.stat,
        "digest": conn.digest,
        "make_folder": conn.make_folder,
        "remove_folder": conn.remove_folder,
        "write": lambda name: conn.write(name, b"x", overwrite=True),
        "open for writing": lambda name: conn.open(name, "wb"),
        "move from": lambda name: conn.move(name, "y"),
        "move to": lambda name: conn.move("kept.txt", name, overwrite=True),
    }


def test_there_are_two_hundred_of_them() -> None:
    assert len(NAMES) == len(set(NAMES)) >= 200


def test_what_leads_elsewhere_or_breaks_a_command_reaches_nobody(both: tuple[LiveFiles, Any]) -> None:
    conn, peer = both
    peer.put("kept.txt", b"kept")
    before = len(getattr(peer, "asked", ()))
    for act in verbs(conn).values():
        for name in REFUSED:
            with pytest.raises(UnsafeName, match="may not use the file name"):
                act(name)
    for name in REFUSED:
        with pytest.raises(UnsafeName):
            peer.put(name, b"x")
    assert dict(peer.files) == {"kept.txt": b"kept"}
    assert len(getattr(peer, "asked", ())) == before


def test_what_is_only_odd_is_the_name_of_one_file_inside(both: tuple[LiveFiles, Any], kind: str) -> None:
    conn, peer = both
    written = []
    for name in ALLOWED:
        contents = name.encode()
        try:
            conn.write(name, contents)
        except (UnsafeName, FileThere):
            # Dropbox allows less, and takes some for the same.
            continue
        assert conn.read(name) == contents
        written.append(name)
    assert set(ALLOWED) - set(written) == (NOT_DROPBOX if kind == "dropbox" else set())
    hidden = {".claimed", ".x.00000000.part"}
    assert sorted(conn.listdir()) == sorted(set(written) - hidden)
    assert {path: peer.files[path] for path in written} == {name: name.encode() for name in written}
    for name in written:
        conn.delete(name)
    assert dict(peer.files) == {}


@pytest.mark.parametrize("kind", SERVERS)
def test_a_listing_of_a_hostile_server_gives_only_names_of_its_own_folder(
    both: tuple[LiveFiles, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    conn, peer = both
    one_line = [name for name in NAMES if "/" not in name or name in REFUSED]
    with opened("folder") as (local, here), guarded(here.root):
        for place in ("", "in"):
            peer.make_folder("in")
            with peer.fail(strange_names=tuple(one_line)):
                infos = conn.list(place)
            names = {info.name for info in infos} - {"in"}
            # What boto3 cannot decode comes as a question mark.
            names = {name for name in names if "\ufffd" not in name}
            assert names <= {each for name in one_line for each in (name, *name.split("\n"))}
            assert {name for name in ALLOWED if name not in OURS} - names == set()
            for info in infos:
                assert problem_of(info.name) == ""
                assert info.path == f"{place}/{info.name}".lstrip("/")
                local.make_folder(place)
                if info.name != "in":
                    local.write(info.path, b"x", overwrite=True)
        for path in here.files:
            assert here.root.joinpath(path).resolve().is_relative_to(here.root)
    assert "left out a name in /" in caplog.text


def test_links_out_of_a_folder_lead_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_bytes(CANARY)
    with opened("folder") as (conn, peer):
        root = peer.root
        links = {
            "folder": outside,
            "file": outside / "secret.txt",
            "dangling": outside / "new.txt",
            "relative": Path("../../../../../../../../") / str(outside / "secret.txt").lstrip("/"),
            "chain": Path("file"),
            "above": Path(".."),
        }
        for name, target in links.items():
            root.joinpath(name).symlink_to(target)
        (root / "inside.txt").write_bytes(b"inside")
        (root / "good").symlink_to("inside.txt")
        conn.write("kept.txt", b"kept")
        paths = [*links, "folder/secret.txt", "folder/new.txt", "above/x", f"above/{root.name}-escape"]
        for name, act in verbs(conn).items():
            for path in paths:
                with pytest.raises(WorkbenchError):
                    raise_if_seen(act(path), name)
        assert [info.name for info in conn.list()] == ["good", "inside.txt", "kept.txt"]
        assert conn.read("good") == b"inside"
    assert {each.name: each.read_bytes() for each in outside.iterdir()} == {"secret.txt": CANARY}
    assert not (tmp_path / "x").exists()


def raise_if_seen(result: object, verb: str) -> None:
    """`exists` may say no where other verbs refuse."""
    if verb == "exists" and result is False:
        raise UnsafeName("", "", "is not there")


class Talk:
    """A conversation with an FTP server in bytes that no client would send."""

    def __init__(self, peer: FTPServer) -> None:
        self._socket = socket.create_connection((peer.host, peer.port), timeout=30)
        self._lines = self._socket.makefile("rb")
        for line in (b"", b"USER me", b"PASS x"):
            self.say(line)

    def say(self, line: bytes) -> bytes:
        """Send a line, and more if line ends are in it; the last answer's last line."""
        self._socket.sendall(line + b"\r\nNOOP\r\n" if line else b"NOOP\r\n")
        said = b""
        for answer in self._lines:
            if b"NOOP" in answer or b"I successfully did nothing" in answer:
                return said
            said = answer
        return said

    def store(self, verb: bytes, name: bytes) -> None:
        """Have a file written, if the server lets it be."""
        port = re.search(rb"(\d+),(\d+)\)", self.say(b"PASV"))
        assert port is not None
        with socket.create_connection(("127.0.0.1", int(port[1]) * 256 + int(port[2])), timeout=30):
            self.say(verb + b" " + name)

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


def test_raw_lines_to_the_ftp_server_stay_inside() -> None:
    peer = FTPServer("raw").start()
    talk = Talk(peer)
    try:
        with guarded(peer.root):
            canary = f"{peer.root.name}-canary".encode()
            names = [*map(raw, RAW), b"../" + canary, b"/../" + canary, b"..\\" + canary]
            names += [bytes(peer.root.parent) + b"/" + canary]
            for name in (each.replace(b"QUIT", b"REIN") for each in names):
                talk.store(b"STOR", name)
                for verb in (b"SIZE", b"MDTM", b"MLST", b"CWD", b"MKD", b"RMD", b"DELE", b"RNFR"):
                    talk.say(verb + b" " + name)
                peer.put("own.txt", b"own")
                for line in (b"CWD /", b"RNFR own.txt", b"RNTO " + name, b"USER me", b"PASS x"):
                    talk.say(line)
        assert CANARY not in dict(peer.files).values()
        assert len(peer.asked) > 100
    finally:
        talk.close()
        peer.stop()


def test_raw_requests_to_the_sftp_server_stay_inside(tmp_path: Path) -> None:
    peer = SFTPServer("raw").start()
    (tmp_path / "secret.txt").write_bytes(CANARY)
    transport = paramiko.Transport(socket.create_connection((peer.host, peer.port), timeout=30))
    try:
        transport.start_client(timeout=20)
        transport.auth_none("me")
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        peer.put("own.txt", b"own").root.joinpath("link").symlink_to(tmp_path)
        canary = f"{peer.root.name}-canary"
        outside = [
            f"../{canary}",
            f"/../{canary}",
            str(peer.root.parent / canary),
            "link/secret.txt",
            "link/new",
            "link",
        ]
        with guarded(peer.root):
            for name in [*map(raw, RAW), *map(raw, outside)]:
                for act in (
                    lambda name: client.open(name, "w").close(),
                    lambda name: client.open(name, "a").close(),
                    client.mkdir,
                    client.stat,
                    client.rmdir,
                    client.remove,
                    lambda name: client.rename("own.txt", name),
                    lambda name: client.symlink("/etc", name),
                ):
                    with suppress(OSError, ValueError, UnicodeError, TypeError):
                        act(name)
                peer.put("own.txt", b"own")
            for name in outside:
                with suppress(OSError):
                    assert client.open(name).read() != CANARY
            for ask in (client.open, client.listdir, client.stat):
                with pytest.raises(PermissionError):
                    ask("link/secret.txt")
        client.close()
        assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"secret.txt": CANARY}
        assert CANARY not in dict(peer.files).values()
    finally:
        transport.close()
        peer.stop()


def test_raw_requests_to_the_s3_server_stay_in_its_own_buckets() -> None:
    mine, other = S3Server("mine").start(), S3Server("other").start()
    try:
        other.put("kept.txt", CANARY)
        auth = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request"}
        marks = [
            f"../{other._mark}bucket/kept.txt",
            f"/../{other._mark}bucket/kept.txt",
            f"{other._mark}bucket/kept.txt",
        ]
        with requests.Session() as session:
            for name in [*RAW, *marks]:
                target = raw(name).replace(b"\r", b"%0d").replace(b"\n", b"%0a")
                for method, more in (("PUT", {}), ("DELETE", {}), ("PUT", {"x-amz-copy-source": f"/{marks[0]}"})):
                    with (
                        suppress(requests.RequestException, UnicodeError, ValueError),
                        socket.create_connection((mine.host, mine.port), timeout=30) as client,
                    ):
                        fields = "".join(f"{key}: {value}\r\n" for key, value in {**auth, **more}.items()).encode()
                        head = method.encode() + b" /bucket/" + target + b" HTTP/1.1\r\nContent-Length: 0\r\n" + fields
                        client.sendall(head + b"Connection: close\r\n\r\n")
                        client.recv(1)
            answers = [session.get(f"{mine.url}/{name}", headers=auth, timeout=20).content for name in marks]
        assert dict(other.files) == {"kept.txt": CANARY}
        assert CANARY not in answers
        assert CANARY not in dict(mine.files).values()
    finally:
        mine.stop()
        other.stop()
