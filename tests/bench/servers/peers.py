"""Peers in a process of their own: `python -m tests.bench.servers.peers ftp dropbox [bytes of a file to offer]`.

It prints one line of JSON: how to reach them, where the first one's files are, and the SHA-256 of the one that is
offered; it ends with its input.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.connections.smtp.definition import SMTPConnection
from workbench.core.secret import given, secret
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.peer import secret_fields

KINDS: dict[str, Any] = {
    "ftp": lambda name: FTPConnection(name, host="ftp.example.com"),
    "rest": lambda name: RESTConnection(name, host="https://data.example.com"),
    "sftp": lambda name: SFTPConnection(name, host="sftp.example.com", username="me"),
    "smtp": lambda name: SMTPConnection(name, host="mail.example.com", port=25, mode="plain"),
    "dropbox": lambda name: DropboxConnection(name, user_agent="bench/1.0", token=secret("T")),
}

RATES = {"rates": [{"from": "EUR", "to": f"X{number:02}", "rate": 1.05 + number / 8} for number in range(20)]}


def main() -> None:
    """Serve until the input ends."""
    first, second, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    definitions = {name: KINDS[kind](name) for name, kind in (("From", first), ("To", second))}
    sandbox = Sandbox(lambda: definitions)
    sandbox.switch(True)
    here = [sandbox.stand_in(each) for each in definitions.values()]
    source: Any = sandbox["From"]
    temporary = TemporaryDirectory()
    root, digest = Path(getattr(source, "root", temporary.name)), hashlib.sha256()
    with (root / "big.bin").open("wb") as file:
        for _ in range(size >> 20):
            block = os.urandom(1 << 20)
            digest.update(block)
            file.write(block)
    if first == "rest":
        for name in ("big.bin", "small.bin"):
            source.reply(f"/{name}", file=root / name)
        source.reply("/rates", json=RATES)
    told = {
        "definitions": [each.to_code() for each in here],
        "secrets": {
            name: given(name) for each in here for name in (getattr(each, f).name for f in secret_fields(each))
        },
        "address": [source.host, source.port],
        "root": str(root),
        "sha256": digest.hexdigest(),
    }
    print(json.dumps(told), flush=True)
    sys.stdin.read()
    sandbox.close()
    temporary.cleanup()


if __name__ == "__main__":
    main()
