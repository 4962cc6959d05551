"""A transfer that was killed (SIGKILL): the next one takes its file over, and loses nothing; from where depends."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.soak.transfers import ANSWER_SECONDS, Worker
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.definition import Definition
from workbench.core.secret import secret
from workbench.sandbox.catalog import Sandbox

CONTENTS = os.urandom(4 << 20)
CHECKED_BYTES = 1 << 16


def target(kind: str, folder: Path) -> Definition:
    kinds: dict[str, Definition] = {
        "ftp": FTPConnection("To", host="ftp.example.com"),
        "sftp": SFTPConnection("To", host="sftp.example.com", username="me", password=secret("B")),
        "dropbox": DropboxConnection("To", user_agent="test/1.0", token=secret("C")),
        "folder": LocalFolder("To", path=str(folder)),
    }
    return kinds[kind]


def killed(worker: Worker, source: Any) -> None:
    """Have it transfer, and kill it when a good part of the file has gone out."""
    worker.start()
    with source.fail(bytes_per_second=2_000_000):
        worker.tell({"source": "From:in", "target": "To", "overwrite": False})
        until = time.monotonic() + ANSWER_SECONDS
        while not (claimed := [path for path in source.files if ".claimed" in path]):
            assert time.monotonic() < until
            assert worker.answer(0.01) is None
        # A quarter of the file, by the pace of the source.
        assert worker.answer(0.6) is None, claimed
        worker.kill()


GOES_ON = {"sftp": True, "dropbox": False, "ftp": True, "folder": False}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", [*GOES_ON] if os.environ.get("WORKBENCH_SOAK") else ["sftp"])
def test_the_next_transfer_takes_over_what_a_killed_one_had(kind: str, tmp_path: Path) -> None:
    goes_on = GOES_ON[kind]
    definitions = {"From": FTPConnection("From", host="ftp.example.com"), "To": target(kind, tmp_path)}
    sandbox = Sandbox(lambda: definitions)
    sandbox.switch(True)
    worker = Worker([sandbox.stand_in(each) for each in definitions.values()])
    try:
        source: Any = sandbox["From"]
        to: Any = sandbox["To"]
        source.put("in/a.bin", CONTENTS)
        killed(worker, source)
        parts = getattr(to.files, "unfinished", [])
        kept = to.files.size(parts[0]) if parts else 0
        assert (kept > CHECKED_BYTES) == (kind != "dropbox")
        source.asked.clear()
        worker.start()
        worker.tell({"source": "From:in", "target": "To", "overwrite": False})
        assert worker.answer(ANSWER_SECONDS) == {"copied": ["a.bin"]}
        assert (dict(source.files), to.files["a.bin"]) == ({}, CONTENTS)
        assert getattr(to.files, "unfinished", []) == []
        # The last blocks of what is there are compared, and then the file is read: from there, or from its beginning.
        read = [asked.size for asked in source.asked if asked.verb == "get"]
        assert (len(CONTENTS) - kept if goes_on else len(CONTENTS)) in read
        assert (len(CONTENTS) in read) != goes_on
    finally:
        worker.kill()
        sandbox.close()
