"""Folders that have links beside files: a transfer moves what is a file, and does not fail for a link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.transfer.test_transfer import KINDS
from workbench import Workbench

SOURCES = ["ftp", "ftp of vsftpd", "ftp of proftpd", "sftp"]


@pytest.mark.parametrize("of", SOURCES)
def test_a_folder_with_links_is_transferred(of: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kind, _, dialect = of.partition(" of ")
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.define(KINDS[kind]("From"), KINDS["folder"]("To"))
        wb.sandbox()
        source: Any = wb.peers["From"]
        target: Any = wb.peers["To"]
        source.put("in/2026.csv", b"x" * 1_000).put("in/sub/deep.txt", b"1").put("there/b.txt", b"elsewhere")
        for link, to in (("latest.csv", "2026.csv"), ("old", "sub"), ("b.txt", source.root / "there/b.txt")):
            (source.root / "in" / link).symlink_to(to)
        with source.fail(**({"dialect": dialect} if dialect else {})):
            copied = wb.transfer("From:in", "To").copied
            again = wb.transfer("From:in", "To").copied
    assert (copied, again) == (["2026.csv", "b.txt"], [])
    assert dict(target.files) == {"2026.csv": b"x" * 1_000, "b.txt": b"elsewhere"}
    # What a link led to is another's; a link that leads to what was transferred stays.
    assert dict(source.files) == {"in/sub/deep.txt": b"1", "there/b.txt": b"elsewhere"}
    assert ((source.root / "in/old").is_symlink(), (source.root / "in/.claimed").exists()) == (True, True)
    assert [*(source.root / "in/.claimed").iterdir()] == []
    assert (source.root / "in/latest.csv").is_symlink()
    assert "From:in: the link 'latest.csv' stays" in caplog.text
