"""Peers in a process of their own: `python -m tests.bench.servers.peers ftp dropbox [bytes of a file to offer]`.

It prints one line of JSON: how to reach them, and where the first one's files are; it ends with its input.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from workbench.connections.dropbox import DropboxConnection
from workbench.connections.ftp import FTPConnection
from workbench.connections.sftp import SFTPConnection
from workbench.core.secret import given, secret
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.peer import secret_fields

KINDS: dict[str, Any] = {
    "ftp": lambda name: FTPConnection(name, host="ftp.example.com"),
    "sftp": lambda name: SFTPConnection(name, host="sftp.example.com", username="me"),
    "dropbox": lambda name: DropboxConnection(name, user_agent="bench/1.0", token=secret("T")),
}


def main() -> None:
    """Serve until the input ends."""
    first, second, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    definitions = {name: KINDS[kind](name) for name, kind in (("From", first), ("To", second))}
    sandbox = Sandbox(lambda: definitions)
    sandbox.switch(True)
    here = [sandbox.stand_in(each) for each in definitions.values()]
    source: Any = sandbox["From"]
    with (source.root / "big.bin").open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    told = {
        "definitions": [each.to_code() for each in here],
        "secrets": {
            name: given(name) for each in here for name in (getattr(each, f).name for f in secret_fields(each))
        },
        "address": [source.host, source.port],
        "root": str(source.root),
    }
    print(json.dumps(told), flush=True)
    sys.stdin.read()
    sandbox.close()


if __name__ == "__main__":
    main()
