"""Files by REST and FTP into Dropbox: the services as they are known, only their lost words put back."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.s3.definition import S3Connection
from workbench.core.errors import UnknownName
from workbench.core.secret import secret
from workbench.core.service import Service
from workbench.scheduler.definitions import IntervalJob

CONNECTOR = '''
# -*- coding: utf-8 -*-

# Zato
from zato.server.service import Service

# Code completion imports
if 0:
    from dropbox import Dropbox
    from zato.server.generic.api.cloud_dropbox import CloudDropbox

class DropboxConnector(Service):
    """ Receives data to be uploaded to Dropbox.
    """
    name = 'api.connector.dropbox'

    class SimpleIO:
        input_required = 'file_name', 'data'

    def handle(self):

        # Connection to use
        conn_name = 'My Connection'

        # Get the connection object
        conn = self.cloud.dropbox[conn_name].conn # type: CloudDropbox

        # Get the underlying Dropbox client
        client = conn.client # type: Dropbox

        # Upload the file received
        client.files_upload(self.request.input.data, '/' + self.request.input.file_name)
'''

BY_REST = '''
# -*- coding: utf-8 -*-

# Zato
from zato.server.service import Service

class APIChannelRESTUpload(Service):
    """ Receives data to be uploaded to Dropbox.
    """
    name = 'api.channel.rest.upload'

    def handle(self):

        # File name as a query parameter
        file_name = self.request.http.params.file_name

        # The whole data uploaded
        data = self.request.raw_request

        # Invoke the Dropbox connector with our input
        self.invoke('api.connector.dropbox', {
            'file_name': file_name,
            'data': data
        })
'''

BY_SCHEDULER = '''
# -*- coding: utf-8 -*-

# stdlib
import os

# Zato
from zato.server.service import Service

class APIChannelSchedulerUpload(Service):
    """ Receives data to be uploaded to Dropbox.
    """
    name = 'api.channel.scheduler.upload'

    def handle(self):

        # Get a handle to an FTP connection
        conn = self.outgoing.ftp.get('My FTP Connection')

        # Directory to find the files in
        file_dir = '/'

        # List all files ..
        for file_name in conn.listdir(file_dir):

            # .. construct the full path ..
            full_path = os.path.join(file_dir, file_name)

            # .. download each file ..
            data = conn.getbytes(full_path)

            # .. send it to the Dropbox connector ..
            self.invoke('api.connector.dropbox', {
                'file_name': file_name,
                'data': data
            })

            # .. and delete the file from the FTP server.
            conn.remove(full_path)
'''

ODD = b'Invoice 1\r\n\x00\xff{"not": "json"\n'


@pytest.fixture(params=["one file", "separate files"])
def wb(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    sources = [CONNECTOR, BY_REST, BY_SCHEDULER]
    texts = ["".join(sources)] if request.param == "one file" else sources
    with Workbench(port=0, folder=tmp_path) as made:
        made.define(
            DropboxConnection("My Connection", user_agent="Test/1.0", token=secret("DROPBOX_TOKEN")),
            FTPConnection("My FTP Connection", host="ftp.example.com", username="me", password=secret("FTP_PASSWORD")),
        )
        made.sandbox()
        for number, text in enumerate(texts):
            path = tmp_path / f"services_{number}.py"
            path.write_text(text)
            made.load(path)
        made.define(RESTChannel("api.upload", path="/api/upload", service="api.channel.rest.upload"))
        yield made


def arrived(wb: Workbench) -> dict[str, bytes]:
    peer: Any = wb.peers["My Connection"]
    return dict(peer.files)


def test_a_file_posted_to_the_channel_arrives(wb: Workbench) -> None:
    answer = wb.call("POST /api/upload?file_name=my-file.txt", data=ODD)
    assert (answer.status, answer.body) == (200, b"")
    assert arrived(wb) == {"my-file.txt": ODD}
    assert "Dropbox My Connection files/upload /my-file.txt 28 bytes" in repr(answer.trace)


def test_curl_uploads_a_file(wb: Workbench, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed: apt install curl")
    path = tmp_path / "my-file.txt"
    path.write_bytes(ODD)
    done = subprocess.run(
        [curl, "-sS", "-XPOST", "--data-binary", f"@{path}", f"{wb.start()}/api/upload?file_name=my-file.txt"],
        capture_output=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    assert arrived(wb) == {"my-file.txt": ODD}


def test_a_caller_who_forgets_the_name_is_told(wb: Workbench) -> None:
    answer = wb.call("POST /api/upload", data=ODD)
    assert answer.status == 400
    assert "'file_name' is missing" in answer.text
    assert arrived(wb) == {}


def test_files_of_the_ftp_server_move_to_dropbox_by_invoker_and_by_job(wb: Workbench) -> None:
    ftp: Any = wb.peers["My FTP Connection"]
    ftp.put("invoice-1.pdf", b"one").put("invoice-2.pdf", ODD)
    wb.invoke("api.channel.scheduler.upload")
    assert (arrived(wb), dict(ftp.files)) == ({"invoice-1.pdf": b"one", "invoice-2.pdf": ODD}, {})
    ftp.put("invoice-3.pdf", b"three")
    wb.define(IntervalJob("upload", service="api.channel.scheduler.upload", minutes=1, timezone="UTC"))
    assert wb.jobs["upload"].execute().outcome == "ok"
    assert sorted(arrived(wb)) == ["invoice-1.pdf", "invoice-2.pdf", "invoice-3.pdf"]
    assert dict(ftp.files) == {}


def test_a_file_stays_where_it_was_if_dropbox_does_not_take_it(wb: Workbench) -> None:
    ftp: Any = wb.peers["My FTP Connection"]
    dropbox: Any = wb.peers["My Connection"]
    ftp.put("a.txt", b"1")
    with dropbox.fail(quota_bytes=0), pytest.raises(Exception, match="insufficient_space"):
        wb.invoke("api.channel.scheduler.upload")
    assert dict(ftp.files) == {"a.txt": b"1"}


def test_an_unknown_connection_says_which_there_are(wb: Workbench) -> None:
    class Lost(Service):
        name = "api.lost"

        def handle(self) -> None:
            self.cloud.dropbox["My Conection"].conn.list()

    wb.deploy(Lost)
    with pytest.raises(UnknownName, match=r"No Dropbox connection is named 'My Conection'; there are: My Connection"):
        wb.invoke("api.lost")


class Collect(Service):
    """Moves files from one storage to another, whatever they are."""

    name = "api.collect"

    def handle(self) -> None:
        source, target = self.out.files["Source"], self.out.files["Target"]
        target.make_folder("kept")
        for info in source.list("in"):
            with source.open(info.path) as stream:
                target.write(f"kept/{info.name}", stream)
            source.delete(info.path)


def test_a_way_out_of_three_words_leads_to_its_connection(tmp_path: Path) -> None:
    class Keep(Service):
        name = "api.keep"

        def handle(self) -> str:
            self.cloud.aws.s3["Target"].conn.write("a.txt", b"1")
            return ", ".join(dir(self.cloud))

    with Workbench(port=0, folder=tmp_path) as wb:
        wb.deploy(Keep)
        wb.define(SINKS["s3"])
        wb.sandbox()
        assert wb.invoke("api.keep") == "aws, dropbox, s3"
        peer: Any = wb.peers["Target"]
        assert dict(peer.files) == {"a.txt": b"1"}


SINKS = {
    "dropbox": DropboxConnection("Target", user_agent="Test/1.0"),
    "s3": S3Connection("Target", bucket="invoices"),
    "ftp": FTPConnection("Target", host="ftp.example.com"),
    "folder": LocalFolder("Target", path="/nowhere"),
}


@pytest.mark.parametrize("target", SINKS)
def test_one_definition_is_all_that_changes_from_one_storage_to_another(tmp_path: Path, target: str) -> None:
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.deploy(Collect)
        wb.define(FTPConnection("Source", host="ftp.example.com"), SINKS[target])
        wb.sandbox()
        source: Any = wb.peers["Source"]
        sink: Any = wb.peers["Target"]
        source.put("in/a.txt", ODD).put("in/b.txt", b"2")
        wb.invoke("api.collect")
        assert dict(sink.files) == {"kept/a.txt": ODD, "kept/b.txt": b"2"}
        assert dict(source.files) == {}
