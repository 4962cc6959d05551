"""Bodies that are never in memory as a whole: from a channel, an invocation or a job through services to storage."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.ftp.definition import FTPConnection
from workbench.core.errors import ConnectionFailed
from workbench.core.service import Service
from workbench.scheduler.definitions import IntervalJob

BIG = os.urandom(1 << 20) * 9 + b"end"


class Connector(Service):
    """Keeps what it is given, whatever storage is behind the name."""

    name = "api.connector"

    class SimpleIO:
        input_required = "file_name", "data"

    def handle(self) -> None:
        self.out.files["Archive"].write(self.request.input.file_name, self.request.input.data, overwrite=True)


class Upload(Service):
    """Passes on what comes by HTTP, by an invocation or by a job, as a stream."""

    name = "api.upload"

    def handle(self) -> None:
        name = self.request.http.params.get("file_name", "a.bin")
        self.invoke("api.connector", {"file_name": name, "data": self.request.stream})


class Collect(Service):
    """Moves files from FTP as streams: each is claimed by a rename, copied, confirmed, and only then removed."""

    name = "api.collect"

    def handle(self) -> None:
        ftp, archive = self.out.ftp.get("My FTP"), self.out.files["Archive"]
        ftp.make_folder("mine")
        for info in ftp.list("in"):
            mine = f"mine/{info.name}"
            ftp.move(info.path, mine)
            with ftp.open(mine) as stream:
                archive.write(info.name, stream, overwrite=True)
            assert archive.stat(info.name).size == info.size
            ftp.remove(mine)


@pytest.fixture(params=["ftp", "dropbox"])
def wb(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    archive = {
        "ftp": FTPConnection("Archive", host="ftp.example.com"),
        "dropbox": DropboxConnection("Archive", user_agent="Test/1.0"),
    }
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.deploy(Connector, Upload, Collect)
        wb.define(FTPConnection("My FTP", host="ftp.example.com"), archive[request.param])
        wb.define(RESTChannel("api.upload", data_format="raw", max_body_bytes=1 << 31))
        wb.sandbox()
        yield wb


def arrived(wb: Workbench) -> dict[str, bytes]:
    peer: Any = wb.peers["Archive"]
    return dict(peer.files)


@pytest.mark.parametrize("contents", [b"", b"a,b", BIG])
def test_an_upload_streams_through_a_connector(wb: Workbench, contents: bytes) -> None:
    answer = wb.call("POST /api/upload?file_name=b.bin", data=contents)
    assert (answer.status, arrived(wb)) == (200, {"b.bin": contents})


def test_a_stream_is_sent_again_after_a_cut(wb: Workbench) -> None:
    with wb.peers["Archive"].fail(hang_up_after_bytes=1, times=1):
        assert wb.call("POST /api/upload", data=BIG).status == 200
    assert arrived(wb) == {"a.bin": BIG}


def test_an_invocation_and_a_job_are_streams_too(wb: Workbench) -> None:
    for given, contents in ((b"1", b"1"), ("ł", "ł".encode()), (io.BytesIO(b"2"), b"2")):
        wb.invoke("api.upload", given)
        assert arrived(wb) == {"a.bin": contents}
    wb.define(IntervalJob("upload", service="api.upload", minutes=1, extra="of a job", timezone="UTC"))
    assert wb.jobs["upload"].execute().outcome == "ok"
    assert arrived(wb) == {"a.bin": b"of a job"}


def test_a_service_streams_files_from_ftp(wb: Workbench) -> None:
    ftp: Any = wb.peers["My FTP"]
    ftp.put("in/a.bin", BIG).put("in/empty", b"")
    with ftp.fail(cut_file_after_bytes=5_000_000, times=1):
        wb.invoke("api.collect")
    assert arrived(wb) == {"a.bin": BIG, "empty": b""}
    assert dict(ftp.files) == {}


def test_a_service_that_streams_keeps_what_did_not_arrive(wb: Workbench) -> None:
    ftp: Any = wb.peers["My FTP"]
    ftp.put("in/a.bin", BIG)
    with wb.peers["Archive"].fail(refuse=True), pytest.raises(ConnectionFailed):
        wb.invoke("api.collect")
    assert (arrived(wb), dict(ftp.files)) == ({}, {"mine/a.bin": BIG})
