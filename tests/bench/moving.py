"""`python -m tests.bench.moving transfer ftp dropbox 1073741824`: how much a process grows that moves a file.

`transfer` is `wb.transfer`; `service` is a service that reads FTP as a stream, or (of `rest`) one whose channel curl
uploads the file to. The peers are in another process. It prints the growth of the peak memory [MiB] and the time [s],
and fails if what arrived is another file.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench import RESTChannel, Service, Workbench
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.secret import give, secret

ROOT = Path(__file__).parents[2]
KINDS = (DropboxConnection, FTPConnection, RESTConnection, SFTPConnection)
NAMES: dict[str, Any] = {each.__name__: each for each in KINDS}


@contextmanager
def peers(first: str, second: str, size: int, folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """Two peers in a process of their own, the first with a file `big.bin` of so many bytes.

    Their files are below `folder`, or where temporary files are.
    """
    env = os.environ if folder is None else os.environ | {"TMPDIR": str(folder)}
    command = [sys.executable, "-m", "tests.bench.servers.peers", first, second, str(size)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True, env=env)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def forget_peak() -> None:
    """Give free memory back, and have the peak begin anew from what is used now, where the system can do so (Linux).

    Imports leave both, in which much could hide.
    """
    gc.collect()
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
        forget.write_text("5")


def peak_mib() -> float:
    """The most memory this process ever had [MiB]."""
    status = Path("/proc/self/status")
    if status.is_file():
        # What getrusage tells begins, on Linux, with the memory of the parent.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / (1 << 20)


class Streams(Service):
    """Moves a file from FTP to the other side, by hand: claim, copy, confirm, and only then remove."""

    name = "bench.streams"

    def handle(self) -> None:
        name, ftp, target = self.request.raw_request, self.out.ftp.get("From"), self.out.files["To"]
        ftp.move(name, f"{name}.mine")
        with ftp.open(f"{name}.mine") as stream:
            target.write(name, stream)
        assert target.stat(name).size == ftp.stat(f"{name}.mine").size
        ftp.remove(f"{name}.mine")


class Upload(Service):
    """Passes on what is uploaded to its channel."""

    name = "bench.upload"

    def handle(self) -> None:
        self.out.files["To"].write(self.request.http.params["name"], self.request.stream)


def move(wb: Workbench, how: str, first: str, root: Path, name: str) -> None:
    """Have a file at the other side: by `wb.transfer`, or by a service that streams it."""
    if how == "transfer":
        assert wb.transfer(f"From:{name}", "To").copied == [name]
    elif first == "ftp":
        wb.invoke(Streams, name)
    else:
        url = f"{wb.start()}/bench/upload?name={name}"
        curl = ["curl", "-sS", "-w", "%{http_code}", "-X", "POST", "-T", str(root / name), url]
        run = subprocess.run(curl, capture_output=True, text=True, timeout=900)
        assert (run.stdout, run.stderr) == ("200", "")


def main() -> None:
    """Move a small file for the libraries to be there, then the big one."""
    how, first, second, size = *sys.argv[1:4], int(sys.argv[4])
    with peers(first, second, size) as told, Workbench(port=0) as wb:
        for name, value in told["secrets"].items():
            give(name, value)
        wb.deploy(Streams, Upload)
        wb.define(*(eval(code, NAMES | {"secret": secret}) for code in told["definitions"]))
        wb.define(RESTChannel("bench.upload", data_format="raw", max_body_bytes=2 * size, timeout_seconds=900))
        root = Path(told["root"])
        (root / "small.bin").write_bytes(b"x" * 100_000)
        move(wb, how, first, root, "small.bin")
        forget_peak()
        before, began = peak_mib(), time.perf_counter()
        move(wb, how, first, root, "big.bin")
        seconds, growth = time.perf_counter() - began, peak_mib() - before
        conn: Any = wb.connections["To"].conn
        with conn.open("big.bin") as stream:
            assert hashlib.file_digest(stream, "sha256").hexdigest() == told["sha256"]
        print(f"{max(0.0, growth):.1f} {seconds:.3f}")


if __name__ == "__main__":
    main()
