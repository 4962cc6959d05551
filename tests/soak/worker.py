"""A process that transfers files when it is told to, and may be killed at any moment.

It reads one JSON object a line: first the definitions, then transfers.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from workbench import Workbench
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.errors import WorkbenchError
from workbench.core.secret import give, secret

NAMES = {each.__name__: each for each in (DropboxConnection, FTPConnection, LocalFolder, SFTPConnection)} | {
    "secret": secret
}


def say(answer: dict[str, Any]) -> None:
    """Answer in one line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Transfer until told to end."""
    first = json.loads(sys.stdin.readline())
    for name, value in first["secrets"].items():
        give(name, value)
    with Workbench(port=0) as wb:
        wb.define(*(eval(code, dict(NAMES)) for code in first["definitions"]))
        say({"ready": True})
        for line in sys.stdin:
            asked = json.loads(line)
            try:
                say({"copied": wb.transfer(asked["source"], asked["target"], overwrite=asked["overwrite"]).copied})
            except WorkbenchError as exc:
                say({"error": str(exc)})


if __name__ == "__main__":
    main()
