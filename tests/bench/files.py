"""FTP beside bare ftplib and rclone on the same file, and memory while a GiB is moved."""

from __future__ import annotations

import ftplib
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile
from typing import Any

from tests.bench.figures import Row
from tests.bench.moving import peers
from workbench import FTPConnection, Workbench

ROUNDS, SIZE_BYTES = 9, 64 << 20
MOVED_BYTES = int(os.environ.get("WORKBENCH_BENCH_BYTES") or 1 << 30)
ROOT = Path(__file__).parents[2]
SHARED_MEMORY = Path("/dev/shm")


def rows() -> Iterator[Row]:
    """Get and put of 64 MiB, and the memory of a transfer and of a streaming service."""
    yield from _beside_ftplib()
    yield from _memory()


Samples = list[tuple[float, float]]


def _beside_ftplib() -> Iterator[Row]:
    contents = os.urandom(1 << 20) * (SIZE_BYTES >> 20)
    gets: tuple[Samples, Samples] = ([], [])
    puts: tuple[Samples, Samples] = ([], [])
    # In a process of its own, or client and server would share one interpreter's lock.
    # Without a disk, whose file system may write all of a file when it is renamed onto another, as ext4 does.
    folder = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with peers("ftp", "ftp", 0, folder) as told, Workbench(port=0) as wb, ftplib.FTP() as bare:
        (host, port), root = told["address"], Path(told["root"])
        wb.define(FTPConnection("Files", host=host, port=port))
        conn: Any = wb.connections["Files"].conn
        bare.connect(host, port)
        bare.login()
        (root / "big.bin").write_bytes(contents)
        assert conn.read("big.bin") == _bare_get(bare, "big.bin") == contents
        for _ in range(ROUNDS):
            gets[0].append(_measured(lambda: conn.read("big.bin")))
            gets[1].append(_measured(lambda: _bare_get(bare, "big.bin")))
            puts[0].append(_measured(lambda: conn.write("ours.bin", contents, overwrite=True)))
            puts[1].append(_measured(lambda: bare.storbinary("STOR bare.bin", io.BytesIO(contents), 1 << 18)))
        assert (root / "ours.bin").read_bytes() == contents
        beside = [*_beside_rclone(gets[0], puts[0], host, port)]
    for what, (ours, theirs) in (("get", gets), ("put", puts)):
        paces = [[each[0] for each in samples] for samples in (ours, theirs)]
        costs = [[each[1] for each in samples] for samples in (ours, theirs)]
        yield Row(f"FTP {what} of 64 MiB", "MiB/s", *paces, "ftplib", 0.9, more_is_better=True, only_if_steady=True)
        yield Row(f"FTP {what} of 64 MiB: CPU", "ms", *costs, "ftplib", 0.9, only_if_steady=True)
    yield from beside


def _bare_get(bare: ftplib.FTP, path: str) -> bytes:
    blocks: list[bytes] = []
    bare.retrbinary(f"RETR {path}", blocks.append, 1 << 18)
    return b"".join(blocks)


def _measured(work: Callable[[], object]) -> tuple[float, float]:
    """How fast [MiB/s], and at what cost in this process [ms]."""
    began, spent = time.perf_counter(), time.process_time()
    work()
    return SIZE_BYTES / (1 << 20) / (time.perf_counter() - began), (time.process_time() - spent) * 1e3


def _beside_rclone(gets: Samples, puts: Samples, host: str, port: int) -> Iterator[Row]:
    """The same file by another program, whose samples hold the start of its process."""
    rclone = shutil.which("rclone")
    if rclone is None:
        yield Row("FTP beside rclone", skipped="rclone is not installed: apt install rclone")
        return

    def run(*words: str) -> None:
        subprocess.run([rclone, *words], stdout=subprocess.DEVNULL, check=True, timeout=120, env=environment)

    obscured = subprocess.run([rclone, "obscure", "any"], capture_output=True, text=True, check=True, timeout=60)
    environment = {
        "PATH": os.environ["PATH"],
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_FTP_HOST": host,
        "RCLONE_FTP_PORT": str(port),
        "RCLONE_FTP_USER": "anonymous",
        "RCLONE_FTP_PASS": obscured.stdout.strip(),
    }
    theirs: tuple[list[float], list[float]] = ([], [])
    starts = []
    with NamedTemporaryFile() as local:
        local.write(os.urandom(1 << 20) * (SIZE_BYTES >> 20))
        local.flush()
        for _ in range(ROUNDS):
            began = time.perf_counter()
            run("version")
            starts.append(time.perf_counter() - began)
            theirs[0].append(_measured(lambda: run("cat", ":ftp:big.bin"))[0])
            theirs[1].append(_measured(lambda: run("copyto", "--ignore-times", local.name, ":ftp:rclone.bin"))[0])
    note = f"the start of its process included, {median(starts) * 1e3:.0f} ms"
    for what, ours, other in (("get", gets, theirs[0]), ("put", puts, theirs[1])):
        paces = [each[0] for each in ours]
        yield Row(f"FTP {what} of 64 MiB", "MiB/s", paces, other, "rclone", more_is_better=True, note=note)


def _memory() -> Iterator[Row]:
    ways = [("transfer", "ftp"), ("service", "ftp"), ("transfer", "rest"), ("service", "rest")]
    found = [(how, kind, *moved(how, kind, "dropbox", MOVED_BYTES)) for how, kind in ways]
    for how, kind, growth, _ in found:
        name = f"{kind.upper()} to Dropbox by {how}, {MOVED_BYTES >> 20} MiB: memory"
        yield Row(name, "MiB", [growth], wanted=64, note="hashes equal")
    for how, kind, _, seconds in found:
        pace = MOVED_BYTES / (1 << 20) / seconds
        yield Row(f"{kind.upper()} to Dropbox by {how}: pace", "MiB/s", [pace], more_is_better=True)


def moved(how: str, first: str, second: str, size: int) -> tuple[float, float]:
    """How much a process grows [MiB] that moves a file of so many bytes between such peers, and how long [s]."""
    command = [sys.executable, "-m", "tests.bench.moving", how, first, second, str(size)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stderr
    growth, seconds = map(float, run.stdout.split())
    return growth, seconds
