"""`python -m tests.bench.moving ftp dropbox 1073741824`: how much a process grows that transfers a file.

The peers are in another process. It prints the growth of its peak memory [MiB] and the time [s].
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench import Workbench
from workbench.connections.dropbox import DropboxConnection
from workbench.connections.ftp import FTPConnection
from workbench.connections.sftp import SFTPConnection
from workbench.core.secret import give, secret

ROOT = Path(__file__).parents[2]
NAMES: dict[str, Any] = {each.__name__: each for each in (DropboxConnection, FTPConnection, SFTPConnection)}


@contextmanager
def peers(first: str, second: str, size: int) -> Iterator[dict[str, Any]]:
    """Two peers in a process of their own, the first with a file `big.bin` of so many bytes."""
    command = [sys.executable, "-m", "tests.bench.servers.peers", first, second, str(size)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def peak_mib() -> float:
    """The most memory this process ever had [MiB]."""
    status = Path("/proc/self/status")
    if status.is_file():
        # What getrusage tells begins, on Linux, with the memory of the parent.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / (1 << 20)


def main() -> None:
    """Transfer a small file for the libraries to be there, then the big one."""
    with peers(sys.argv[1], sys.argv[2], int(sys.argv[3])) as told, Workbench(port=0) as wb:
        for name, value in told["secrets"].items():
            give(name, value)
        wb.define(*(eval(code, NAMES | {"secret": secret}) for code in told["definitions"]))
        Path(told["root"], "small.bin").write_bytes(b"x" * 100_000)
        wb.transfer("From:small.bin", "To")
        before, began = peak_mib(), time.perf_counter()
        report = wb.transfer("From:big.bin", "To")
        seconds = time.perf_counter() - began
        assert report.copied == ["big.bin"]
        print(f"{max(0.0, peak_mib() - before):.1f} {seconds:.3f}")


if __name__ == "__main__":
    main()
